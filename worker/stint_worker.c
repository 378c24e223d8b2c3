//  stint_worker: takes tasks from a broker, runs them, and hands back their results
//  SPDX-License-Identifier: MPL-2.0
//
//  This is the caller's side. The line (stint_worker_link.h) hands us whole TASK messages;
//  an attempt points into the one it came in. Results are the matter of
//  stint_worker_attempt.c, and what happens while the caller works of
//  stint_worker_keeper.c.

#include "stint_worker_caller.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

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

static int
s_event (void)
{
    int descriptor = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert (descriptor >= 0);
    return descriptor;
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
    if (!self->error)
        abort ();
}

stint_worker_t *
stint_worker_new (const char *endpoint)
{
    assert (endpoint);
    stint_worker_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->endpoint = strdup (endpoint);
    if (!self->endpoint)
        abort ();
    self->capacity = 1;
    atomic_init (&self->stopped, false);
    atomic_init (&self->slot, NULL);
    s_set_error (self, "not connected so far");

    char host [256] = "";
    gethostname (host, sizeof host - 1);
    snprintf (self->name, sizeof self->name, "%.50s/%d", host, (int) getpid ());

    pthread_mutex_init (&self->lock, NULL);
    self->stop_fd = s_event ();
    self->wake_fd = s_event ();
    self->news_fd = s_event ();
    self->poll_fd = epoll_create1 (EPOLL_CLOEXEC);
    assert (self->poll_fd >= 0);
    s_watch (self, self->stop_fd);
    s_watch (self, self->news_fd);
    return self;
}

stint_status_t
stint_worker_serve (stint_worker_t *self, const char *group)
{
    assert (self && group && !self->line);
    if (!stint_wire_name_valid (stint_bytes_of (group)))
        return STINT_ERR_INVALID;
    for (uint32_t index = 0; index < self->group_count; index++) {
        if (strcmp (self->groups [index], group) == 0)
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
    assert (self && name);
    snprintf (self->name, sizeof self->name, "%s", name);
    if (!self->line)
        return;
    pthread_mutex_lock (&self->lock);
    stint_line_set_name (self->line, self->name);
    pthread_mutex_unlock (&self->lock);
}

void
stint_worker_set_capacity (stint_worker_t *self, uint32_t tasks)
{
    assert (self);
    uint32_t capacity = tasks < CAPACITY_MAX ? tasks : CAPACITY_MAX;
    if (capacity == self->capacity)
        return;
    self->capacity = capacity;
    if (!self->line)
        return;
    pthread_mutex_lock (&self->lock);
    stint_line_set_capacity (self->line, capacity);
    pthread_mutex_unlock (&self->lock);
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

void
stint_worker_start (stint_worker_t *self)
{
    assert (self);
    if (self->line)
        return;
    assert (self->group_count > 0);
    self->settings = (stint_link_settings_t){
        .endpoint = self->endpoint,
        .groups = self->groups,
        .group_count = self->group_count,
        .worker = s_random_number (),
        .watch_fd = self->poll_fd,
    };
    stint_keeper_start (self);
}

//  ---------------------------------------------------------------------------------
//  News from the line

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
s_is_among (const stint_refs_t *refs, const stint_parcel_task_t *task)
{
    stint_ref_t ref = {task->id, task->fence};
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
        if (s_is_among (refs, attempt->task))
            attempt->cancelled = true;
    }
    if (self->first) {
        for (uint32_t index = 0; index < refs->count; index++)
            stint_refs_add (&self->lost, refs->items [index].id, refs->items [index].fence);
        s_sort (&self->lost);
        self->lost_until = self->serial;
    }
    refs->count = 0;
}

//  Takes over what has come. Has the line.

static void
s_take_news (stint_worker_t *self)
{
    stint_news_t *news = stint_line_news (self->line);
    if (self->told)
        stint_keeper_hush (self->news_fd);
    self->told = false;
    if (!news->fresh)
        return;
    news->fresh = false;
    while (news->first) {
        stint_parcel_t *parcel = news->first;
        news->first = parcel->next;
        parcel->next = NULL;
        parcel->serial = ++self->serial;
        *(self->first ? &self->last->next : &self->first) = parcel;
        self->last = parcel;
    }
    if (news->lost.count > 0)
        s_on_lost (self, &news->lost);
    self->stale = news->stale;
    self->backlog = news->backlog;
    self->connected = news->connected;
    self->draining = news->draining;
    if (strcmp (self->error, news->cause) != 0)
        s_set_error (self, news->cause);
}

void
stint_worker_look (stint_worker_t *self)
{
    if (!self->line)
        return;
    pthread_mutex_lock (&self->lock);
    self->visits++;
    stint_line_turn (self->line, true);
    s_take_news (self);
    pthread_mutex_unlock (&self->lock);
}

bool
stint_worker_draining (const stint_worker_t *self)
{
    assert (self);
    return self->draining;
}

bool
stint_worker_connected (stint_worker_t *self)
{
    assert (self);
    stint_worker_look (self);
    return self->connected;
}

const char *
stint_worker_error (stint_worker_t *self)
{
    assert (self);
    stint_worker_look (self);
    return self->error;
}

uint64_t
stint_worker_stale (stint_worker_t *self)
{
    assert (self);
    stint_worker_look (self);
    return self->stale;
}

uint64_t
stint_worker_backlog (stint_worker_t *self)
{
    assert (self);
    stint_worker_look (self);
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

static const stint_parcel_task_t *
s_take_task (stint_worker_t *self)
{
    while (self->first) {
        stint_parcel_t *parcel = self->first;
        if (parcel->serial > self->lost_until)
            self->lost.count = 0;
        while (parcel->begun < parcel->count) {
            const stint_parcel_task_t *task = &parcel->tasks [parcel->begun++];
            if (self->lost.count == 0 || !s_is_among (&self->lost, task))
                return task;
        }
        self->first = parcel->next;
        stint_worker_release (parcel);
    }
    return NULL;
}

//  With tasks in hand, a look at the line every few milliseconds is enough.

static stint_attempt_t *
s_take_attempt (stint_worker_t *self)
{
    if (!self->first)
        return NULL;
    int64_t now = stint_worker_clock ();
    if (now != self->looked_at) {
        self->looked_at = now;
        stint_worker_look (self);
    }
    const stint_parcel_task_t *task = s_take_task (self);
    if (!task)
        return NULL;
    stint_worker_leave (self, now);
    return stint_worker_begin (self, self->first, task);
}

static void
s_wait (stint_worker_t *self, int64_t until, struct pollfd items [3])
{
    items [0] = (struct pollfd){stint_line_dealer_fd (self->line), POLLIN, 0};
    items [1] = (struct pollfd){stint_line_monitor_fd (self->line), POLLIN, 0};
    items [2] = (struct pollfd){self->stop_fd, POLLIN, 0};
    int64_t span = until - stint_line_now ();
    span = span < 0 ? 0 : span < INT_MAX ? span : INT_MAX;
    self->waiting = true;
    pthread_mutex_unlock (&self->lock);
    poll (items, 3, (int) span);
    pthread_mutex_lock (&self->lock);
    self->waiting = false;
    self->visits++;
}

//  Sends what waits, and looks after the line until a task comes, the worker is stopped or
//  the deadline is there, which is never when it is negative, and now when it is zero.
//  Returns false in that case.

static bool
s_tend (stint_worker_t *self, int64_t deadline)
{
    pthread_mutex_lock (&self->lock);
    self->visits++;
    stint_worker_flush (self);
    bool late = deadline == 0;
    bool monitor = late;  //  Otherwise its descriptor will tell
    while (!atomic_load (&self->stopped)) {
        stint_line_turn (self->line, monitor);
        s_take_news (self);
        if (self->first || late || self->draining)
            break;
        int64_t until = stint_line_due (self->line);
        if (deadline >= 0 && deadline < until)
            until = deadline;
        struct pollfd items [3];
        s_wait (self, until, items);
        monitor = items [1].revents != 0;
        late = deadline >= 0 && stint_line_now () >= deadline;
    }
    pthread_mutex_unlock (&self->lock);
    return !late;
}

//  Hands back what was not begun. Has the line.

static void
s_return_unstarted (stint_worker_t *self)
{
    stint_refs_t refs = {NULL, 0, 0};
    const stint_parcel_task_t *task;
    while ((task = s_take_task (self)))
        stint_refs_add (&refs, task->id, task->fence);
    stint_line_return (self->line, &refs);
    stint_refs_clear (&refs);
}

//  The worker drains: what comes nevertheless goes back. Nothing is said behind the last
//  turn.

static void
s_decline (stint_worker_t *self)
{
    pthread_mutex_lock (&self->lock);
    self->visits++;
    do {
        s_return_unstarted (self);
        stint_worker_flush (self);
        stint_line_turn (self->line, true);
        s_take_news (self);
    } while (self->first);
    pthread_mutex_unlock (&self->lock);
}

stint_attempt_t *
stint_worker_next (stint_worker_t *self, int timeout_ms)
{
    assert (self);
    if (!self->line)
        stint_worker_start (self);
    int64_t deadline = timeout_ms > 0 ? stint_line_now () + timeout_ms : timeout_ms;
    bool again = true;
    while (again && !self->draining && !atomic_load (&self->stopped)) {
        stint_attempt_t *attempt = s_take_attempt (self);
        if (attempt)
            return attempt;
        again = s_tend (self, deadline) || self->first;
    }
    if (self->draining) {
        s_decline (self);
        return NULL;
    }
    pthread_mutex_lock (&self->lock);
    stint_worker_flush (self);
    pthread_mutex_unlock (&self->lock);
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
    stint_keeper_ring (self->stop_fd);
    errno = error;
}

//  ---------------------------------------------------------------------------------
//  Ending

//  Gives acknowledgements their time. The keeper has ended, and the line is ours.

static void
s_finish (stint_worker_t *self)
{
    stint_line_finish (self->line);
    stint_line_turn (self->line, true);
    while (!stint_line_finished (self->line)) {
        struct pollfd items [] = {
            {stint_line_dealer_fd (self->line), POLLIN, 0},
            {stint_line_monitor_fd (self->line), POLLIN, 0},
        };
        int64_t span = stint_line_due (self->line) - stint_line_now ();
        poll (items, 2, (int) (span > 0 ? span : 0));
        stint_line_turn (self->line, true);
    }
    stint_line_destroy (&self->line);
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
    stint_refs_clear (&self->lost);
    close (self->poll_fd);
    close (self->stop_fd);
    close (self->wake_fd);
    close (self->news_fd);
    pthread_mutex_destroy (&self->lock);
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
    if (self->line) {
        stint_keeper_stop (self);
        stint_worker_flush (self);
        stint_worker_look (self);
        s_return_unstarted (self);
        s_finish (self);
    }
    s_free_all (self);
    *self_p = NULL;
}
