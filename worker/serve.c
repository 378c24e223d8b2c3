//  serve: the tasks of a worker meet the slots of an exec
//  SPDX-License-Identifier: MPL-2.0

#include "serve.h"
#include "reach.h"
#include "stint_log.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUICK_MS 50          //  Programs under this are quick
#define MEAN_SHARE 0.125     //  Of the newest program in the mean
#define STALL_MS 1000        //  Without a free slot, waiting tasks go back
#define PAUSE_FIRST_MS 1000  //  When a program cannot be run; then doubling
#define PAUSE_LAST_MS 60000  //  Longest pause
#define LOOK_MS 50           //  Between looks at what was cancelled
#define IDLE_MS 200          //  For this long nothing runs before we call it idle

struct serve {
    stint_worker_t *worker;     //  Where attempts come from
    exec_t *exec;               //  Where programs run
    stint_attempt_t **running;  //  Those that have a program, in no order
    stint_attempt_t **waiting;  //  Those that have none, a ring
    uint32_t slots;             //  Of the exec; size of running
    uint32_t running_count;     //  How many there are
    uint32_t waiting_first;     //  Index of the oldest
    uint32_t waiting_count;     //  How many there are, at most waiting_room
    uint32_t waiting_room;      //  Size of the ring
    uint32_t capacity;          //  What the broker was told
    double mean_ms;             //  How long programs run; negative when none has ended
    bool draining;              //  No new tasks, for ever
    bool stalled;               //  No more than one task a slot until one is free
    bool probing;               //  One task at a time, to see whether it runs
    bool paused;                //  No new tasks until pause_until
    int64_t pause_until;        //  When to try again
    int64_t pause_ms;           //  How long the last pause was; 0 when all is well
    int64_t moved;              //  When a slot was free the last time
    int64_t looked;             //  When we looked for cancelled attempts
    bool look;                  //  Another look is due
    reach_t reach;              //  Says when the broker does not answer
    int report;                 //  Pipe for idle and busy; -1 for none
    bool idle;                  //  What the reader believes, at first too
    int64_t idle_at;            //  When to write idle; SERVE_NEVER while busy
};

static void *
s_alloc (size_t count, size_t size)
{
    void *memory = calloc (count, size);
    if (!memory)
        abort ();
    return memory;
}

serve_t *
serve_new (stint_worker_t *worker, exec_t *exec, uint32_t slots, const char *endpoint,
           int report)
{
    serve_t *self = s_alloc (1, sizeof (serve_t));
    self->worker = worker;
    self->exec = exec;
    self->reach = reach_new (endpoint);
    self->slots = slots;
    self->waiting_room = 2 * slots;
    self->running = s_alloc (slots, sizeof (stint_attempt_t *));
    self->waiting = s_alloc (self->waiting_room, sizeof (stint_attempt_t *));
    self->mean_ms = -1;
    self->report = report;
    self->idle = true;
    self->idle_at = SERVE_NEVER;
    self->moved = self->looked = INT64_MIN / 2;
    self->capacity = slots;
    stint_worker_set_capacity (worker, slots);
    return self;
}

//  ---------------------------------------------------------------------------------
//  Attempts that wait

static void
s_push_waiting (serve_t *self, stint_attempt_t *attempt)
{
    uint32_t index = (self->waiting_first + self->waiting_count++) % self->waiting_room;
    self->waiting [index] = attempt;
}

static stint_attempt_t *
s_pop_waiting (serve_t *self)
{
    stint_attempt_t *attempt = self->waiting [self->waiting_first];
    self->waiting_first = (self->waiting_first + 1) % self->waiting_room;
    self->waiting_count--;
    return attempt;
}

static void
s_return_waiting (serve_t *self)
{
    while (self->waiting_count) {
        stint_attempt_t *attempt = s_pop_waiting (self);
        stint_attempt_return (&attempt);
    }
}

void
serve_destroy (serve_t **self_p)
{
    serve_t *self = *self_p;
    if (!self)
        return;
    s_return_waiting (self);
    for (uint32_t index = 0; index < self->running_count; index++)
        stint_attempt_return (&self->running [index]);
    free (self->running);
    free (self->waiting);
    free (self);
    *self_p = NULL;
}

//  ---------------------------------------------------------------------------------
//  Capacity and pauses

uint32_t
serve_capacity (uint32_t slots, double mean_ms)
{
    return mean_ms >= 0 && mean_ms < QUICK_MS ? 2 * slots : slots;
}

static uint32_t
s_capacity (const serve_t *self)
{
    if (self->draining || self->paused)
        return 0;
    if (self->probing)
        return 1;
    return self->stalled ? self->slots : serve_capacity (self->slots, self->mean_ms);
}

static void
s_tell_capacity (serve_t *self)
{
    uint32_t capacity = s_capacity (self);
    if (capacity == self->capacity)
        return;
    self->capacity = capacity;
    stint_worker_set_capacity (self->worker, capacity);
}

//  The program could not be run. Programs that were started before the pause and fail
//  during it teach us nothing new. The broker hears of the pause before tasks go back to
//  it, lest it send them here again.

static void
s_pause (serve_t *self, stint_bytes_t text, int64_t now)
{
    if (self->paused || self->draining)
        return;
    self->pause_ms = self->pause_ms ? 2 * self->pause_ms : PAUSE_FIRST_MS;
    if (self->pause_ms > PAUSE_LAST_MS)
        self->pause_ms = PAUSE_LAST_MS;
    self->paused = true;
    self->pause_until = now + self->pause_ms;
    s_tell_capacity (self);
    stint_log (STINT_LOG_WARNING, "worker.paused",
               stint_field_duration ("retry_in", self->pause_ms),
               stint_field_bytes ("reason", text));
}

//  A program ran: whatever was wrong is over.

static void
s_resume (serve_t *self)
{
    if (self->paused || !self->pause_ms)
        return;
    self->pause_ms = 0;
    self->probing = false;
    stint_log (STINT_LOG_INFO, "worker.resumed");
}

static void
s_end_pause (serve_t *self, int64_t now)
{
    if (!self->paused || now < self->pause_until)
        return;
    self->paused = false;
    self->probing = true;
}

//  ---------------------------------------------------------------------------------
//  Attempts that run

static void
s_start (serve_t *self, stint_attempt_t *attempt, int64_t now)
{
    program_task_t task = {.payload = stint_attempt_payload (attempt),
                           .group = stint_attempt_group (attempt),
                           .id = stint_attempt_id (attempt),
                           .fence = stint_attempt_fence (attempt),
                           .attempt = stint_attempt_number (attempt),
                           .time_limit_ms = stint_attempt_time_limit (attempt)};
    self->running [self->running_count++] = attempt;
    exec_start (self->exec, attempt, &task, now);
}

static void
s_forget_running (serve_t *self, const stint_attempt_t *attempt)
{
    uint32_t index = 0;
    while (self->running [index] != attempt)
        index++;
    assert (index < self->running_count);
    self->running [index] = self->running [--self->running_count];
}

static void
s_end_attempt (stint_attempt_t *attempt, const exec_outcome_t *outcome)
{
    switch (outcome->verdict) {
        case VERDICT_DONE:
            stint_attempt_done (&attempt, outcome->result);
            break;
        case VERDICT_LATER:
            stint_attempt_fail (&attempt, STINT_LATER, 0, outcome->text);
            break;
        case VERDICT_REFUSED:
            stint_attempt_fail (&attempt, STINT_REFUSE, 0, outcome->text);
            break;
        case VERDICT_RETRY:
            stint_attempt_fail (&attempt, STINT_RETRY, 0, outcome->text);
            break;
        case VERDICT_UNRUNNABLE:
        case VERDICT_CANCELLED:
        default:
            stint_attempt_return (&attempt);
            break;
    }
}

static void
s_on_outcome (serve_t *self, const exec_outcome_t *outcome, int64_t now)
{
    stint_attempt_t *attempt = outcome->tag;
    if (outcome->verdict != VERDICT_DONE)
        stint_log (STINT_LOG_DEBUG, "task.failed",
                   stint_field_text ("group", stint_attempt_group (attempt)),
                   stint_field_number ("id", stint_attempt_id (attempt)),
                   stint_field_number ("attempt", stint_attempt_number (attempt)),
                   stint_field_bytes ("reason", outcome->text));
    if (outcome->verdict == VERDICT_UNRUNNABLE)
        s_pause (self, outcome->text, now);
    else if (outcome->verdict != VERDICT_CANCELLED) {
        double ran_ms = (double) outcome->ran_ms;
        if (self->mean_ms < 0)
            self->mean_ms = ran_ms;
        self->mean_ms += MEAN_SHARE * (ran_ms - self->mean_ms);
        s_resume (self);
    }
    self->moved = now;
    self->stalled = false;
    s_forget_running (self, attempt);
    s_end_attempt (attempt, outcome);
}

static void
s_hear_progress (serve_t *self)
{
    exec_progress_t progress;
    while (exec_next_progress (self->exec, &progress)) {
        stint_attempt_t *attempt = progress.tag;
        if (progress.done >= 0)
            stint_attempt_progress (attempt, progress.done, progress.text);
        if (progress.fault)
            stint_log (STINT_LOG_WARNING, "task.progress_ignored",
                       stint_field_text ("group", stint_attempt_group (attempt)),
                       stint_field_number ("id", stint_attempt_id (attempt)),
                       stint_field_text ("line", progress.fault),
                       stint_field_text ("wanted", "progress PERCENT TEXT"));
    }
}

//  Gives up what nobody wants any more.

static void
s_look (serve_t *self, int64_t now)
{
    self->look = now - self->looked < LOOK_MS;
    if (self->look)
        return;
    self->looked = now;
    for (uint32_t index = 0; index < self->running_count; index++) {
        if (stint_attempt_cancelled (self->running [index]))
            exec_cancel (self->exec, self->running [index], now);
    }
    for (uint32_t count = self->waiting_count; count > 0; count--) {
        stint_attempt_t *attempt = s_pop_waiting (self);
        if (stint_attempt_cancelled (attempt))
            stint_attempt_return (&attempt);
        else
            s_push_waiting (self, attempt);
    }
}

//  ---------------------------------------------------------------------------------
//  What others are told

//  The pipe's reader is our own supervisor. When it has gone we drain anyway, so what it
//  does not take is no loss.

static void
s_report (serve_t *self, bool idle)
{
    self->idle = idle;
    const char *line = idle ? "idle\n" : "busy\n";
    ssize_t written = write (self->report, line, strlen (line));
    (void) written;
}

static void
s_report_idleness (serve_t *self, int64_t now)
{
    if (self->report < 0)
        return;
    if (self->running_count) {
        self->idle_at = SERVE_NEVER;
        if (self->idle)
            s_report (self, false);
    }
    else if (!self->idle) {
        if (self->idle_at == SERVE_NEVER)
            self->idle_at = now + IDLE_MS;
        if (now >= self->idle_at) {
            self->idle_at = SERVE_NEVER;
            s_report (self, true);
        }
    }
}

//  ---------------------------------------------------------------------------------
//  The turn

static void
s_fill_slots (serve_t *self, int64_t now)
{
    if (exec_free (self->exec))
        self->moved = now;
    while (self->waiting_count && exec_free (self->exec))
        s_start (self, s_pop_waiting (self), now);
    if (self->waiting_count && now - self->moved >= STALL_MS) {
        self->stalled = true;
        s_tell_capacity (self);
        s_return_waiting (self);
    }
}

//  Takes all attempts that the worker has. Returns false when there were none.

static bool
s_take (serve_t *self)
{
    bool any = false;
    stint_attempt_t *attempt;
    while ((attempt = stint_worker_next (self->worker, 0))) {
        any = true;
        if (self->waiting_count < self->waiting_room)
            s_push_waiting (self, attempt);
        else
            stint_attempt_return (&attempt);
    }
    return any;
}

//  The broker may have told the worker to drain. Returns true when that is new.

static bool
s_is_told_to_drain (serve_t *self)
{
    if (self->draining || !stint_worker_draining (self->worker))
        return false;
    stint_log (STINT_LOG_INFO, "worker.draining",
               stint_field_number ("running", self->running_count));
    serve_drain (self);
    return true;
}

//  What is said to the worker may silence its descriptor, so nothing may be said between
//  the last s_take and the caller's poll.

void
serve_turn (serve_t *self, int64_t now)
{
    do {
        exec_outcome_t outcome;
        while (exec_next (self->exec, now, &outcome))
            s_on_outcome (self, &outcome, now);
        s_hear_progress (self);
        s_end_pause (self, now);
        s_look (self, now);
        s_tell_capacity (self);
        if (self->draining || self->paused)
            s_return_waiting (self);
        s_fill_slots (self, now);
        s_report_idleness (self, now);
        if (self->report < 0)
            reach_turn (&self->reach, self->worker, now);
    } while (s_take (self) || s_is_told_to_drain (self));
}

static int64_t
s_earlier (int64_t one, int64_t other)
{
    return one < other ? one : other;
}

int64_t
serve_deadline (const serve_t *self)
{
    int64_t deadline = exec_deadline (self->exec);
    deadline = s_earlier (deadline, self->idle_at);
    deadline = s_earlier (deadline, self->reach.deadline);
    if (self->paused)
        deadline = s_earlier (deadline, self->pause_until);
    if (self->look && self->running_count + self->waiting_count)
        deadline = s_earlier (deadline, self->looked + LOOK_MS);
    if (self->waiting_count)
        deadline = s_earlier (deadline, self->moved + STALL_MS);
    return deadline;
}

void
serve_drain (serve_t *self)
{
    self->draining = true;
    s_tell_capacity (self);
    s_return_waiting (self);
}

void
serve_leave (serve_t *self, int64_t now)
{
    serve_drain (self);
    for (uint32_t index = 0; index < self->running_count; index++)
        exec_cancel (self->exec, self->running [index], now);
}

uint32_t
serve_running (const serve_t *self)
{
    return self->running_count;
}

bool
serve_finished (const serve_t *self)
{
    return self->draining && self->running_count == 0;
}
