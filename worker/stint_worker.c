//  stint_worker: takes tasks from a broker, runs them, and hands back their results
//  SPDX-License-Identifier: MPL-2.0
//
//  This is the caller's side. The link (stint_worker_link.h) hands us whole TASK messages;
//  an attempt is decoded when the caller asks for it and borrows its payload from the
//  message. Results are the matter of stint_worker_attempt.c.

#include "stint_worker_caller.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>

#define CAPACITY_MAX 65536

int64_t
stint_worker_clock (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

//  ---------------------------------------------------------------------------------
//  Making and starting

//  CZMQ would catch SIGINT and SIGTERM for the whole process. Telling it not to may undo
//  handlers that the caller has set, so these are put back as they were.

static void
s_start_czmq (void)
{
    struct sigaction interrupt;
    struct sigaction terminate;
    sigaction (SIGINT, NULL, &interrupt);
    sigaction (SIGTERM, NULL, &terminate);
    zsys_handler_set (NULL);
    zsys_init ();
    sigaction (SIGINT, &interrupt, NULL);
    sigaction (SIGTERM, &terminate, NULL);
}

//  Makes the two ends of the notes, without a limit: see stint_note_send.

static void
s_make_pair (stint_worker_t *self)
{
    self->pair = zsock_new (ZMQ_PAIR);
    self->link_pair = zsock_new (ZMQ_PAIR);
    assert (self->pair && self->link_pair);
    zsock_t *ends [] = {self->pair, self->link_pair};
    for (size_t index = 0; index < 2; index++) {
        zsock_set_sndhwm (ends [index], 0);
        zsock_set_rcvhwm (ends [index], 0);
        zsock_set_linger (ends [index], 0);
    }
    int rc;
    unsigned number = 0;
    do
        rc =
            zsock_bind (self->pair, "inproc://stint-worker-%p-%u", (void *) self, number++);
    while (rc < 0);
    rc = zsock_connect (self->link_pair, "%s", zsock_endpoint (self->pair));
    assert (rc == 0);
}

static void
s_watch (stint_worker_t *self, int descriptor)
{
    struct epoll_event event = {.events = EPOLLIN};
    int rc = epoll_ctl (self->poll_fd, EPOLL_CTL_ADD, descriptor, &event);
    assert (rc == 0);
}

static void
s_set_error (stint_worker_t *self, const char *text)
{
    free (self->error);
    self->error = strdup (text);
    assert (self->error);
}

stint_worker_t *
stint_worker_new (const char *endpoint)
{
    assert (endpoint);
    s_start_czmq ();
    stint_worker_t *self = zmalloc (sizeof *self);
    self->endpoint = strdup (endpoint);
    assert (self->endpoint);
    self->capacity = 1;
    atomic_init (&self->stopped, false);
    atomic_init (&self->slot, NULL);
    s_set_error (self, "not connected so far");

    char host [256] = "";
    gethostname (host, sizeof host - 1);
    snprintf (self->name, sizeof self->name, "%.50s/%d", host, (int) getpid ());

    s_make_pair (self);
    self->stop_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->poll_fd = epoll_create1 (EPOLL_CLOEXEC);
    assert (self->stop_fd >= 0 && self->poll_fd >= 0);
    s_watch (self, self->stop_fd);
    s_watch (self, (int) zsock_fd (self->pair));
    return self;
}

stint_status_t
stint_worker_serve (stint_worker_t *self, const char *group)
{
    assert (self && group && !self->link);
    if (!stint_wire_name_valid (stint_bytes_of (group)))
        return STINT_ERR_INVALID;
    for (uint32_t index = 0; index < self->group_count; index++) {
        if (streq (self->groups [index], group))
            return STINT_OK;
    }
    if (self->group_count == STINT_GROUPS_MAX)
        return STINT_ERR_INVALID;
    snprintf (self->groups [self->group_count++], sizeof self->groups [0], "%s", group);
    return STINT_OK;
}

void
stint_worker_set_name (stint_worker_t *self, const char *name)
{
    assert (self && name && !self->link);
    snprintf (self->name, sizeof self->name, "%s", name);
}

void
stint_worker_set_capacity (stint_worker_t *self, uint32_t tasks)
{
    assert (self);
    uint32_t capacity = tasks < CAPACITY_MAX ? tasks : CAPACITY_MAX;
    if (capacity == self->capacity)
        return;
    self->capacity = capacity;
    if (self->link)
        stint_note_send (zsock_resolve (self->pair), STINT_NOTE_CAPACITY, capacity, NULL);
}

static uint64_t
s_random_number (void)
{
    uint64_t number = 0;
    while (number == 0) {
        if (getrandom (&number, sizeof number, 0) != (ssize_t) sizeof number)
            number = 0;
    }
    return number;
}

//  Signals belong to the caller's threads: the link's inherits a mask that blocks all.

void
stint_worker_start (stint_worker_t *self)
{
    assert (self);
    if (self->link)
        return;
    assert (self->group_count > 0);
    self->settings = (stint_link_settings_t){
        .endpoint = self->endpoint,
        .name = self->name,
        .groups = self->groups,
        .group_count = self->group_count,
        .capacity = self->capacity,
        .worker = s_random_number (),
        .pair = zsock_resolve (self->link_pair),
        .slot = &self->slot,
    };
    sigset_t all;
    sigset_t before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    self->link = zactor_new (stint_link_actor, &self->settings);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    assert (self->link);
}

//  ---------------------------------------------------------------------------------
//  Notes from the link

static int
s_compare_refs (const void *one, const void *other)
{
    const stint_ref_t *a = one;
    const stint_ref_t *b = other;
    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return a->fence == b->fence ? 0 : a->fence < b->fence ? -1 : 1;
}

static bool
s_is_among (const stint_refs_t *refs, const stint_item_t *item)
{
    stint_ref_t ref = {item->id, item->fence};
    return refs->count > 0
           && bsearch (&ref, refs->items, refs->count, sizeof ref, s_compare_refs);
}

static void
s_sort (stint_refs_t *refs)
{
    if (refs->count > 1)
        qsort (refs->items, refs->count, sizeof *refs->items, s_compare_refs);
}

//  Marks attempts that were begun; those still in a parcel are remembered until it is used.

static void
s_on_lost (stint_worker_t *self, stint_refs_t *refs)
{
    s_sort (refs);
    for (stint_attempt_t *attempt = self->live; attempt; attempt = attempt->next) {
        if (s_is_among (refs, &attempt->item))
            attempt->cancelled = true;
    }
    if (self->first) {
        for (uint32_t index = 0; index < refs->count; index++)
            stint_refs_add (&self->lost, refs->items [index].id, refs->items [index].fence);
        s_sort (&self->lost);
        self->lost_until = self->serial;
    }
    stint_refs_destroy (&refs);
}

static void
s_on_tasks (stint_worker_t *self, stint_parcel_t *parcel)
{
    parcel->next = NULL;
    parcel->serial = ++self->serial;
    *(self->first ? &self->last->next : &self->first) = parcel;
    self->last = parcel;
}

static void
s_on_note (stint_worker_t *self, stint_note_t *note)
{
    switch (note->kind) {
        case STINT_NOTE_TASKS:
            s_on_tasks (self, note->pointer);
            break;
        case STINT_NOTE_LOST:
            self->stale += note->number;
            s_on_lost (self, note->pointer);
            break;
        case STINT_NOTE_STATUS:
            self->connected = note->number == 1;
            free (self->error);
            self->error = note->pointer;
            break;
        case STINT_NOTE_BACKLOG:
            self->backlog = note->number;
            break;
        case STINT_NOTE_RESULTS:
        case STINT_NOTE_WAITING:
        case STINT_NOTE_RETURN:
        case STINT_NOTE_CAPACITY:
        default:
            assert (false);
    }
}

void
stint_worker_take_notes (stint_worker_t *self)
{
    stint_note_t note;
    while (stint_note_receive (zsock_resolve (self->pair), &note))
        s_on_note (self, &note);
}

bool
stint_worker_connected (stint_worker_t *self)
{
    assert (self);
    stint_worker_take_notes (self);
    return self->connected;
}

const char *
stint_worker_error (stint_worker_t *self)
{
    assert (self);
    stint_worker_take_notes (self);
    return self->error;
}

uint64_t
stint_worker_stale (stint_worker_t *self)
{
    assert (self);
    stint_worker_take_notes (self);
    return self->stale;
}

uint64_t
stint_worker_backlog (stint_worker_t *self)
{
    assert (self);
    stint_worker_take_notes (self);
    return self->backlog;
}

int
stint_worker_fd (stint_worker_t *self)
{
    assert (self);
    stint_worker_start (self);
    return self->poll_fd;
}

//  ---------------------------------------------------------------------------------
//  Working

//  Takes the next task out of the parcels; tasks that were lost meanwhile are passed over.

static bool
s_take_task (stint_worker_t *self, stint_item_t *item)
{
    while (self->first) {
        stint_parcel_t *parcel = self->first;
        if (parcel->serial > self->lost_until)
            self->lost.count = 0;
        while (stint_wire_next (&parcel->message, item)) {
            if (!s_is_among (&self->lost, item))
                return true;
        }
        self->first = parcel->next;
        stint_worker_release (parcel);
    }
    return false;
}

static stint_attempt_t *
s_take_attempt (stint_worker_t *self)
{
    int64_t now = stint_worker_clock ();
    if (!self->first || now != self->looked_at) {
        self->looked_at = now;
        stint_worker_take_notes (self);
    }
    stint_item_t item;
    return s_take_task (self, &item) ? stint_worker_begin (self, self->first, &item) : NULL;
}

//  Waits for a note or a stop; until the deadline, or for ever when it is negative. Returns
//  false when the time is over.

static bool
s_wait (stint_worker_t *self, int64_t deadline)
{
    int64_t left = deadline < 0 ? -1 : deadline - zclock_mono ();
    if (deadline >= 0 && left <= 0)
        return false;
    zmq_pollitem_t items [] = {
        {zsock_resolve (self->pair), 0, ZMQ_POLLIN, 0},
        {NULL, self->stop_fd, ZMQ_POLLIN, 0},
    };
    zmq_poll (items, 2, left);
    return true;
}

stint_attempt_t *
stint_worker_next (stint_worker_t *self, int timeout_ms)
{
    assert (self);
    stint_worker_start (self);
    int64_t deadline = timeout_ms > 0 ? zclock_mono () + timeout_ms : timeout_ms;
    while (!atomic_load (&self->stopped)) {
        stint_attempt_t *attempt = s_take_attempt (self);
        if (attempt) {
            stint_worker_leave (self);
            return attempt;
        }
        stint_worker_flush (self);
        stint_worker_take_notes (self);
        if (!self->first && !s_wait (self, deadline))
            return NULL;
    }
    stint_worker_flush (self);
    return NULL;
}

stint_status_t
stint_worker_run (stint_worker_t *self, stint_worker_fn *handler, void *argument)
{
    assert (self && handler);
    stint_attempt_t *attempt;
    while ((attempt = stint_worker_next (self, -1))) {
        self->running = attempt;
        handler (attempt, argument);
        if (self->running)
            stint_attempt_fail (&attempt, STINT_RETRY, 0,
                                stint_bytes_of ("the handler did not end the attempt"));
    }
    return STINT_OK;
}

void
stint_worker_stop (stint_worker_t *self)
{
    assert (self);
    int error = errno;
    atomic_store (&self->stopped, true);
    const uint64_t one = 1;
    ssize_t written = write (self->stop_fd, &one, sizeof one);
    (void) written;  //  It fails only when the descriptor is readable already
    errno = error;
}

//  ---------------------------------------------------------------------------------
//  Ending

static void
s_return_unstarted (stint_worker_t *self)
{
    stint_refs_t *refs = stint_refs_new ();
    stint_item_t item;
    while (s_take_task (self, &item))
        stint_refs_add (refs, item.id, item.fence);
    stint_note_send (zsock_resolve (self->pair), STINT_NOTE_RETURN, 0, refs);
}

static void
s_free_all (stint_worker_t *self)
{
    while (self->live) {
        stint_attempt_t *attempt = self->live;
        stint_worker_end (&attempt);
    }
    while (self->chunks) {
        stint_chunk_t *chunk = self->chunks;
        self->chunks = chunk->next;
        free (chunk);
    }
    stint_note_t note;
    while (stint_note_receive (zsock_resolve (self->pair), &note))
        stint_note_discard (&note);
    stint_refs_clear (&self->lost);
    close (self->poll_fd);
    close (self->stop_fd);
    zsock_destroy (&self->pair);
    zsock_destroy (&self->link_pair);
    free (self->error);
    free (self->endpoint);
    free (self);
}

void
stint_worker_destroy (stint_worker_t **self_p)
{
    assert (self_p);
    stint_worker_t *self = *self_p;
    if (!self)
        return;
    if (self->link) {
        stint_worker_flush (self);
        stint_worker_take_notes (self);
        s_return_unstarted (self);
        zactor_destroy (&self->link);
    }
    s_free_all (self);
    *self_p = NULL;
}
