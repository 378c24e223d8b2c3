//  store_writer: a thread of its own that commits blocks, all that wait at a time
//  SPDX-License-Identifier: MPL-2.0

#include "store_writer.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define S_LAG_MAX 256    //  With more blocks to delete, idle time is used for it
#define S_ROOM_FIRST 16  //  Of a queue

typedef struct {
    stint_bytes_t *blocks;  //  With consecutive numbers
    size_t count;           //  How many there are
    size_t room;            //  How many fit
} s_queue_t;

struct writer {
    writer_options_t options;  //  As they were given
    pthread_t thread;          //  Runs s_run
    int wake_fd;               //  Eventfd for the thread
    int notify_fd;             //  Eventfd for the broker
    int timer_fd;              //  Expires when a sync is due; -1 without an interval
    uint64_t appended;         //  Last block handed over, of the broker's thread

    atomic_uint_least64_t durable;  //  Last block committed
    atomic_bool failed;             //  Never false again

    pthread_mutex_t mutex;  //  Guards the three that follow
    s_queue_t handed;       //  Blocks that wait for the next commit
    uint64_t trim_to;       //  Mark for the next commit
    bool stop;              //  Commit what is there, then end

    //  Of the thread
    s_queue_t taken;   //  Blocks of the commit on its way
    uint64_t trimmed;  //  Mark of the last commit
    uint64_t deleted;  //  Blocks up to here are deleted
    bool unsynced;     //  Something was committed since the last sync; the timer runs
};

//  Adds one to the counter of an eventfd.

static void
s_ring (int fd)
{
    uint64_t one = 1;
    ssize_t count = write (fd, &one, sizeof one);
    assert (count == sizeof one);
}

//  Takes the counter of an eventfd or a timer. Returns false when it was zero.

static bool
s_hear (int fd)
{
    uint64_t count;
    return read (fd, &count, sizeof count) == sizeof count;
}

//  ---------------------------------------------------------------------------
//  The thread

static void
s_wait (writer_t *self)
{
    bool lags = self->trimmed - self->deleted > S_LAG_MAX;
    struct pollfd fds [] = {{self->wake_fd, POLLIN, 0}, {self->timer_fd, POLLIN, 0}};
    int ready = poll (fds, 2, lags ? 0 : -1);
    assert (ready >= 0);  //  Every signal is blocked in this thread
    if (fds [0].revents)
        s_hear (self->wake_fd);
}

//  Takes all that was handed over. Returns false when this is the end.

static bool
s_take (writer_t *self, uint64_t *trim_to)
{
    pthread_mutex_lock (&self->mutex);
    s_queue_t empty = self->taken;
    empty.count = 0;
    self->taken = self->handed;
    self->handed = empty;
    *trim_to = self->trim_to;
    bool stop = self->stop;
    pthread_mutex_unlock (&self->mutex);
    return !stop;
}

static void
s_commit (writer_t *self, uint64_t trim_to)
{
    uint64_t last = atomic_load (&self->durable);
    writer_commit_t commit = {.number = last + 1,
                              .blocks = self->taken.blocks,
                              .count = self->taken.count,
                              .trim_to = trim_to,
                              .deleted = self->deleted};
    if (self->options.commit (self->options.engine, &commit)) {
        self->trimmed = trim_to;
        self->deleted = commit.deleted;
        atomic_store (&self->durable, last + self->taken.count);
    }
    else
        atomic_store (&self->failed, true);
}

//  The first commit after a sync starts the timer for the next one.

static void
s_sync_when_due (writer_t *self, bool committed)
{
    if (self->unsynced && s_hear (self->timer_fd)) {
        self->unsynced = false;
        if (!self->options.sync (self->options.engine))
            atomic_store (&self->failed, true);
    }
    else if (!self->unsynced && committed) {
        int64_t ms = self->options.interval_ms;
        struct itimerspec when = {
            .it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}};
        int rc = timerfd_settime (self->timer_fd, 0, &when, NULL);
        assert (rc == 0);
        self->unsynced = true;
    }
}

static void *
s_run (void *argument)
{
    writer_t *self = argument;
    bool running = true;
    prctl (PR_SET_NAME, "stint-store");
    while (running && !writer_failed (self)) {
        uint64_t trim_to;
        s_wait (self);
        running = s_take (self, &trim_to);
        bool due = self->taken.count > 0 || trim_to - self->deleted > S_LAG_MAX
                   || (!running && trim_to != self->trimmed);
        if (due)
            s_commit (self, trim_to);
        if (self->timer_fd >= 0 && !writer_failed (self))
            s_sync_when_due (self, due);
        if (self->taken.count > 0 || writer_failed (self))
            s_ring (self->notify_fd);
    }
    return NULL;
}

//  ---------------------------------------------------------------------------
//  The broker's thread

//  No signal of the process is ever handled in the new thread.

static void
s_start (writer_t *self)
{
    sigset_t all, before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    int rc = pthread_create (&self->thread, NULL, s_run, self);
    assert (rc == 0);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
}

writer_t *
writer_new (const writer_options_t *options)
{
    writer_t *self = calloc (1, sizeof *self);
    assert (self);
    self->options = *options;
    self->appended = options->durable;
    self->trim_to = self->trimmed = options->trimmed;
    self->deleted = options->deleted;
    atomic_init (&self->durable, options->durable);
    atomic_init (&self->failed, false);
    pthread_mutex_init (&self->mutex, NULL);

    self->wake_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->notify_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->timer_fd = -1;
    assert (self->wake_fd >= 0 && self->notify_fd >= 0);
    if (options->interval_ms > 0) {
        self->timer_fd = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        assert (self->timer_fd >= 0);
    }
    s_start (self);
    return self;
}

void
writer_destroy (writer_t **self_p)
{
    writer_t *self = *self_p;
    if (!self)
        return;

    pthread_mutex_lock (&self->mutex);
    self->stop = true;
    pthread_mutex_unlock (&self->mutex);
    s_ring (self->wake_fd);
    pthread_join (self->thread, NULL);

    close (self->wake_fd);
    close (self->notify_fd);
    if (self->timer_fd >= 0)
        close (self->timer_fd);
    pthread_mutex_destroy (&self->mutex);
    free (self->handed.blocks);
    free (self->taken.blocks);
    free (self);
    *self_p = NULL;
}

void
writer_cut (writer_t *self, uint64_t number)
{
    assert (number <= self->appended && !writer_busy (self));
    self->appended = number;
    atomic_store (&self->durable, number);
}

void
writer_append (writer_t *self, uint64_t number, stint_bytes_t block)
{
    assert (number == self->appended + 1);
    self->appended = number;

    pthread_mutex_lock (&self->mutex);
    s_queue_t *queue = &self->handed;
    if (queue->count == queue->room) {
        queue->room = queue->room ? queue->room * 2 : S_ROOM_FIRST;
        queue->blocks = realloc (queue->blocks, queue->room * sizeof *queue->blocks);
        assert (queue->blocks);
    }
    queue->blocks [queue->count++] = block;
    pthread_mutex_unlock (&self->mutex);
    s_ring (self->wake_fd);
}

void
writer_trim (writer_t *self, uint64_t number)
{
    assert (number <= writer_durable (self));
    pthread_mutex_lock (&self->mutex);
    if (self->trim_to < number)
        self->trim_to = number;
    pthread_mutex_unlock (&self->mutex);
    s_ring (self->wake_fd);
}

uint64_t
writer_durable (const writer_t *self)
{
    return atomic_load (&self->durable);
}

bool
writer_busy (const writer_t *self)
{
    return writer_durable (self) < self->appended && !writer_failed (self);
}

bool
writer_failed (const writer_t *self)
{
    return atomic_load (&self->failed);
}

int
writer_notify_fd (const writer_t *self)
{
    return self->notify_fd;
}

void
writer_acknowledge (writer_t *self)
{
    s_hear (self->notify_fd);
}
