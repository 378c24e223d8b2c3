//  stint_worker_keeper: the thread that keeps a worker's line while the caller works
//  SPDX-License-Identifier: MPL-2.0
//
//  The line belongs to one thread at a time, by a lock. The caller has it whenever it is
//  here, and while it waits for tasks it does all that is due: a task then comes and its
//  result goes without a second thread. The keeper wakes when something is due on the line
//  or a tick has passed. When the caller waits, it goes to sleep again; when the caller
//  works, it takes a turn of the line; and when the caller was not here for a whole tick,
//  it listens to the line until the caller is back. So heartbeats never stop, and who is
//  cancelled, forgotten or cut off hears of it while a handler runs for hours.

#include "stint_worker_caller.h"

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#define TICK_MS 100    //  Away for longer is away
#define SLEEP_MS 1000  //  Longest sleep
#define LOOK_MS 2      //  How long results wait in the slot

void
stint_keeper_ring (int descriptor)
{
    const uint64_t one = 1;
    ssize_t written = write (descriptor, &one, sizeof one);
    (void) written;  //  It fails only when the descriptor is readable already
}

void
stint_keeper_hush (int descriptor)
{
    uint64_t count;
    ssize_t taken = read (descriptor, &count, sizeof count);
    (void) taken;  //  It fails only when the descriptor is silent already
}

static int64_t
s_sooner (int64_t one, int64_t other)
{
    return one < other ? one : other;
}

//  What the keeper knows of the caller.

typedef struct {
    uint64_t visits;  //  How often the caller was here, when we last looked
    int64_t tick;     //  When the caller is taken for away if it was not here since
    bool alone;       //  The caller is away: the line is ours to listen to
} s_watch_t;

static void
s_look_for_caller (const stint_worker_t *self, s_watch_t *watch, int64_t now)
{
    if (self->waiting || self->visits != watch->visits)
        *watch = (s_watch_t){self->visits, now + TICK_MS, false};
    else if (now >= watch->tick)
        watch->alone = true;
}

//  Returns how many milliseconds the keeper may sleep. A caller that waits wakes by itself
//  when something is due.

static int
s_span (const stint_worker_t *self, const s_watch_t *watch)
{
    int64_t now = stint_line_now ();
    int64_t until = stint_line_due (self->line);
    if (self->waiting)
        until = until < now ? now + TICK_MS : until + 1;
    else if (!watch->alone)
        until = s_sooner (until, watch->tick);
    if (self->look_at && !self->waiting)
        until = s_sooner (until, self->look_at);
    until = s_sooner (until, now + SLEEP_MS);
    return until > now ? (int) (until - now) : 0;
}

//  Gives the line away, sleeps, and has it again.

static void
s_sleep (stint_worker_t *self, const s_watch_t *watch)
{
    struct pollfd items [] = {
        {.fd = self->wake_fd, .events = POLLIN},
        {.fd = watch->alone ? stint_line_dealer_fd (self->line) : -1, .events = POLLIN},
        {.fd = watch->alone ? stint_line_monitor_fd (self->line) : -1, .events = POLLIN},
    };
    int span = s_span (self, watch);
    pthread_mutex_unlock (&self->lock);
    poll (items, 3, span);
    if (items [0].revents)
        stint_keeper_hush (self->wake_fd);
    pthread_mutex_lock (&self->lock);
}

//  Results that have not waited long enough go back into the slot; should the caller have
//  begun others meanwhile, those are sent.

static void
s_look_into_slot (stint_worker_t *self, int64_t now)
{
    if (!self->look_at || now < self->look_at)
        return;
    self->look_at = 0;
    stint_outbox_t *outbox = atomic_exchange (&self->slot, NULL);
    if (outbox && stint_worker_clock () - outbox->since < LOOK_MS) {
        self->look_at = now + LOOK_MS;
        outbox = atomic_exchange (&self->slot, outbox);
    }
    if (outbox)
        stint_line_results (self->line, outbox);
}

static void
s_turn (stint_worker_t *self)
{
    stint_line_turn (self->line, true);
    if (!self->told && stint_line_news (self->line)->fresh) {
        self->told = true;
        stint_keeper_ring (self->news_fd);
    }
}

static void *
s_keep (void *argument)
{
    stint_worker_t *self = argument;
    pthread_mutex_lock (&self->lock);
    s_watch_t watch = {self->visits, 0, true};
    while (!self->leaving) {
        s_sleep (self, &watch);
        int64_t now = stint_line_now ();
        s_look_for_caller (self, &watch, now);
        if (self->waiting)
            continue;
        s_look_into_slot (self, now);
        if (watch.alone || now >= stint_line_due (self->line))
            s_turn (self);
    }
    pthread_mutex_unlock (&self->lock);
    return NULL;
}

//  Signals belong to the caller's threads: the keeper inherits a mask that blocks all.

void
stint_keeper_start (stint_worker_t *self)
{
    self->line = stint_line_new (&self->settings, self->name, self->capacity);
    sigset_t all;
    sigset_t before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    int rc = pthread_create (&self->keeper, NULL, s_keep, self);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    assert (rc == 0);
}

void
stint_keeper_stop (stint_worker_t *self)
{
    pthread_mutex_lock (&self->lock);
    self->leaving = true;
    pthread_mutex_unlock (&self->lock);
    stint_keeper_ring (self->wake_fd);
    pthread_join (self->keeper, NULL);
}

void
stint_keeper_ask (stint_worker_t *self)
{
    pthread_mutex_lock (&self->lock);
    bool asked = self->look_at != 0;
    if (!asked)
        self->look_at = stint_line_now () + LOOK_MS;
    pthread_mutex_unlock (&self->lock);
    if (!asked)
        stint_keeper_ring (self->wake_fd);
}
