//  exec: runs one program for each task, in slots, from one poll loop
//  SPDX-License-Identifier: MPL-2.0
//
//  A slot ends when its program has ended and both its outputs are closed. A program may
//  leave children behind that hold them open: those get the grace, then the slot ends
//  without them. Until the very end the program's process is not waited for, so that its
//  number, which is also the group's, cannot belong to anybody else when we kill it.

#include "exec.h"

#include "buffer.h"
#include "steps.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENTS_A_TURN 64      //  Taken from the kernel at once
#define ORPHANS_MS 20         //  First look for what was killed; then twice as long ...
#define ORPHANS_LAST_MS 1000  //  ... up to this

//  What a descriptor of a slot is for.

enum {
    INPUT,
    OUTPUT,
    ERROR,
    PROGRESS,
    ENDED,
    CHANNELS
};

typedef struct slot slot_t;

struct slot {
    slot_t *next;             //  In free or finished
    void *tag;                //  The caller's
    stint_bytes_t payload;    //  What is left to write to the program
    pid_t pid;                //  The program and its group; 0 when none runs
    int channel [CHANNELS];   //  Descriptors; -1 when closed
    buffer_t output;          //  What it wrote so far
    buffer_t error;           //  The last of what it wrote there
    int64_t started;          //  When it was started
    int64_t limit_ms;         //  How long it may run; 0 for ever
    int64_t until;            //  When we do something to it
    int64_t ran_ms;           //  How long it ran, when finished
    verdict_ending_t ending;  //  Why it gets signals from us
    bool killed;              //  It got SIGKILL
    bool ended;               //  The program has ended; its outputs may be open
    steps_t steps;            //  What it says of itself
    bool complained;          //  The fault of that was returned
    bool has_news;            //  It is among those that say something new
    slot_t *next_news;        //  The next of them
    int status;               //  As waitpid says, when finished
    int failure;              //  Why it could not be started; 0 when it was
};

struct exec {
    exec_settings_t settings;      //  As given
    program_t *program;            //  Starts programs
    slot_t *slots;                 //  All of them
    slot_t *free;                  //  Those that run nothing
    slot_t *finished;              //  Those whose outcome was not returned, oldest first
    slot_t **finished_end;         //  Where the next goes
    slot_t *news;                  //  Those that say something new
    slot_t *returned;              //  The one whose outcome was returned last
    uint32_t running;              //  Slots that are neither free nor returned
    int epoll;                     //  Watches every channel
    int64_t orphans_at;            //  When to look for children of dead programs
    int64_t orphans_ms;            //  How long after that to look again
    char text [VERDICT_TEXT_MAX];  //  Of the outcome returned last
};

//  ---------------------------------------------------------------------------------
//  The life of a slot

static void
s_close (int *descriptor)
{
    if (*descriptor >= 0)
        close (*descriptor);
    *descriptor = -1;
}

//  Takes in children that have ended and are not programs of ours: what they left behind.
//  Stops at a program that has ended; its slot comes to it, and then to those after it.

static void
s_take_in_orphans (exec_t *self)
{
    for (;;) {
        siginfo_t child = {0};
        if (waitid (P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) != 0 || !child.si_pid)
            return;
        for (uint32_t index = 0; index < self->settings.slots; index++) {
            if (self->slots [index].pid == child.si_pid)
                return;
        }
        waitpid (child.si_pid, NULL, WNOHANG);
    }
}

static void
s_put_finished (exec_t *self, slot_t *slot)
{
    slot->next = NULL;
    *self->finished_end = slot;
    self->finished_end = &slot->next;
}

//  Kills what is left of the group and makes the slot's outcome ready.

static void
s_finish (exec_t *self, slot_t *slot, int64_t now)
{
    kill (-slot->pid, SIGKILL);
    while (waitpid (slot->pid, &slot->status, 0) < 0 && errno == EINTR)
        continue;
    if (kill (-slot->pid, 0) == 0) {
        self->orphans_at = now + ORPHANS_MS;
        self->orphans_ms = 2 * ORPHANS_MS;
    }
    slot->pid = 0;
    for (size_t channel = 0; channel < CHANNELS; channel++)
        s_close (&slot->channel [channel]);
    slot->ran_ms = now - slot->started;
    s_put_finished (self, slot);
}

//  Signals the whole group, once each. A program may have left its own group.

static void
s_signal (const slot_t *slot, int number)
{
    if (kill (-slot->pid, number) != 0 || number == SIGKILL)
        kill (slot->pid, number);
}

//  Begins to end the program. A stopped one would not hear SIGTERM without SIGCONT.

static void
s_end (exec_t *self, slot_t *slot, verdict_ending_t why, int64_t now)
{
    if (slot->ending != ENDING_NONE)
        return;
    slot->ending = why;
    slot->until = now + self->settings.grace_ms;
    s_signal (slot, SIGTERM);
    s_signal (slot, SIGCONT);
}

static void
s_on_deadline (exec_t *self, slot_t *slot, int64_t now)
{
    if (slot->ended)
        s_finish (self, slot, now);
    else if (slot->ending == ENDING_NONE)
        s_end (self, slot, ENDING_LATE, now);
    else {
        s_signal (slot, SIGKILL);
        slot->killed = true;
        slot->until = EXEC_NEVER;  //  Nothing is stronger
    }
}

//  ---------------------------------------------------------------------------------
//  What happens on the channels of a slot

//  Writes what the program takes. One that does not want its input is no failure.

static void
s_on_input (slot_t *slot)
{
    while (slot->payload.size) {
        ssize_t size =
            write (slot->channel [INPUT], slot->payload.data, slot->payload.size);
        if (size < 0 && errno == EAGAIN)
            return;
        if (size < 0)
            break;
        slot->payload.data += size;
        slot->payload.size -= (size_t) size;
    }
    s_close (&slot->channel [INPUT]);
}

static void
s_on_output (exec_t *self, slot_t *slot, int64_t now)
{
    size_t most = self->settings.result_max;
    bool open = buffer_read (&slot->output, slot->channel [OUTPUT], most, SIZE_MAX);
    if (slot->output.size > most)
        s_end (self, slot, ENDING_LONG, now);
    if (!open || slot->output.size > most)
        s_close (&slot->channel [OUTPUT]);
}

static void
s_on_error (slot_t *slot)
{
    if (!buffer_read (&slot->error, slot->channel [ERROR], SIZE_MAX, VERDICT_TEXT_MAX))
        s_close (&slot->channel [ERROR]);
}

static void
s_on_progress (exec_t *self, slot_t *slot)
{
    if (!steps_read (&slot->steps, slot->channel [PROGRESS]))
        s_close (&slot->channel [PROGRESS]);
    if (slot->has_news)
        return;
    slot->has_news = true;
    slot->next_news = self->news;
    self->news = slot;
}

//  The program has ended, and what it wrote is in the pipes.

static void
s_on_ended (exec_t *self, slot_t *slot, int64_t now)
{
    slot->ended = true;
    s_close (&slot->channel [ENDED]);
    s_close (&slot->channel [INPUT]);
    if (slot->channel [OUTPUT] >= 0)
        s_on_output (self, slot, now);
    if (slot->channel [ERROR] >= 0)
        s_on_error (slot);
    if (slot->killed)
        slot->until = now;
    else if (slot->ending == ENDING_NONE)
        slot->until = now + self->settings.grace_ms;
}

static void
s_on_event (exec_t *self, slot_t *slot, unsigned channel, int64_t now)
{
    if (slot->channel [channel] < 0)
        return;  //  Closed by an event before this one
    switch (channel) {
        case INPUT:
            s_on_input (slot);
            break;
        case OUTPUT:
            s_on_output (self, slot, now);
            break;
        case ERROR:
            s_on_error (slot);
            break;
        case PROGRESS:
            s_on_progress (self, slot);
            break;
        default:
            s_on_ended (self, slot, now);
            break;
    }
    if (slot->ended && slot->channel [OUTPUT] < 0 && slot->channel [ERROR] < 0)
        s_finish (self, slot, now);
}

//  ---------------------------------------------------------------------------------
//  Outcomes

//  Takes the oldest finished slot into the outcome. The slot is free from now on, but its
//  buffers are not touched before the next call.

static bool
s_take_finished (exec_t *self, exec_outcome_t *outcome)
{
    slot_t *slot = self->finished;
    if (!slot)
        return false;
    self->finished = slot->next;
    if (!self->finished)
        self->finished_end = &self->finished;

    verdict_end_t end = {.name = program_name (self->program),
                         .failure = slot->failure,
                         .ending = slot->ending,
                         .status = slot->status,
                         .payload_size = slot->payload.size,
                         .time_limit_ms = slot->limit_ms,
                         .result_max = self->settings.result_max,
                         .error = {slot->error.data, slot->error.size}};
    *outcome = (exec_outcome_t){
        .tag = slot->tag, .verdict = verdict_of (&end), .ran_ms = slot->ran_ms};
    if (outcome->verdict == VERDICT_DONE)
        outcome->result = (stint_bytes_t){slot->output.data, slot->output.size};
    else {
        outcome->text.data = (uint8_t *) self->text;
        outcome->text.size = verdict_text (&end, self->text);
    }
    slot->tag = NULL;
    self->returned = slot;
    self->running--;
    return true;
}

static void
s_free_returned (exec_t *self)
{
    slot_t *slot = self->returned;
    if (!slot)
        return;
    self->returned = NULL;
    buffer_clear (&slot->output);
    buffer_clear (&slot->error);
    slot->next = self->free;
    self->free = slot;
}

//  ---------------------------------------------------------------------------------
//  The class

//  A pipe must never get the number of a standard descriptor.

static void
s_open_standard (void)
{
    int descriptor;
    do
        descriptor = open ("/dev/null", O_RDWR | O_CLOEXEC);
    while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    s_close (&descriptor);
}

exec_t *
exec_new (const exec_settings_t *settings)
{
    assert (settings->slots >= 1 && settings->slots <= EXEC_SLOTS_MAX);
    assert (settings->time_limit_ms >= 0 && settings->grace_ms >= 0);
    signal (SIGPIPE, SIG_IGN);
    prctl (PR_SET_CHILD_SUBREAPER, 1);
    s_open_standard ();

    exec_t *self = calloc (1, sizeof (exec_t));
    if (!self)
        abort ();
    self->settings = *settings;
    if (!self->settings.result_max)
        self->settings.result_max = EXEC_RESULT_MAX;
    self->program = program_new (settings->shell, settings->argv, settings->worker);
    self->slots = calloc (settings->slots, sizeof (slot_t));
    self->epoll = epoll_create1 (EPOLL_CLOEXEC);
    if (!self->slots || self->epoll < 0)
        abort ();
    for (uint32_t index = settings->slots; index-- > 0;) {
        slot_t *slot = &self->slots [index];
        for (size_t channel = 0; channel < CHANNELS; channel++)
            slot->channel [channel] = -1;
        slot->next = self->free;
        self->free = slot;
    }
    self->finished_end = &self->finished;
    self->orphans_at = EXEC_NEVER;
    return self;
}

void
exec_destroy (exec_t **self_p)
{
    exec_t *self = *self_p;
    if (!self)
        return;
    for (uint32_t index = 0; index < self->settings.slots; index++) {
        slot_t *slot = &self->slots [index];
        if (slot->pid)
            s_finish (self, slot, slot->started);
        free (slot->output.data);
        free (slot->error.data);
    }
    s_take_in_orphans (self);
    close (self->epoll);
    free (self->slots);
    program_destroy (&self->program);
    free (self);
    *self_p = NULL;
}

uint32_t
exec_free (const exec_t *self)
{
    return self->settings.slots - self->running;
}

//  Has the slot's channels watched. The number of the slot and of the channel come back
//  with each event.

static void
s_watch (exec_t *self, slot_t *slot)
{
    for (unsigned channel = 0; channel < CHANNELS; channel++) {
        if (slot->channel [channel] < 0)
            continue;
        struct epoll_event event = {.events = channel == INPUT ? EPOLLOUT : EPOLLIN};
        event.data.u64 = (uint64_t) (slot - self->slots) * CHANNELS + channel;
        if (epoll_ctl (self->epoll, EPOLL_CTL_ADD, slot->channel [channel], &event) != 0)
            abort ();
    }
}

//  Returns the shorter one of what the task and the worker allow; 0 for ever.

static int64_t
s_limit (const exec_t *self, const program_task_t *task)
{
    int64_t own = self->settings.time_limit_ms;
    return own == 0 || (task->time_limit_ms && task->time_limit_ms < own)
               ? task->time_limit_ms
               : own;
}

void
exec_start (exec_t *self, void *tag, const program_task_t *task, int64_t now)
{
    s_free_returned (self);
    slot_t *slot = self->free;
    assert (slot);
    self->free = slot->next;
    self->running++;

    slot->tag = tag;
    slot->payload = task->payload;
    slot->started = now;
    slot->ran_ms = 0;
    slot->until = EXEC_NEVER;
    slot->limit_ms = s_limit (self, task);
    if (slot->limit_ms)
        slot->until = now + slot->limit_ms;
    slot->ending = ENDING_NONE;
    slot->killed = slot->ended = slot->complained = false;
    slot->steps = (steps_t){0};

    program_process_t process;
    slot->failure = program_start (self->program, task, &process);
    if (slot->failure) {
        s_put_finished (self, slot);
        return;
    }
    slot->pid = process.pid;
    slot->channel [INPUT] = process.input;
    slot->channel [OUTPUT] = process.output;
    slot->channel [ERROR] = process.error;
    slot->channel [PROGRESS] = process.progress;
    slot->channel [ENDED] = process.ended;
    if (process.input >= 0)
        s_on_input (slot);  //  Mostly the pipe has room for all of it
    s_watch (self, slot);
}

void
exec_cancel (exec_t *self, const void *tag, int64_t now)
{
    s_free_returned (self);
    for (uint32_t index = 0; index < self->settings.slots; index++) {
        slot_t *slot = &self->slots [index];
        if (slot->pid && slot->tag == tag)
            s_end (self, slot, ENDING_CANCELLED, now);
    }
}

static void
s_turn (exec_t *self, int64_t now)
{
    struct epoll_event events [EVENTS_A_TURN];
    int count = epoll_wait (self->epoll, events, EVENTS_A_TURN, 0);
    for (int index = 0; index < count; index++) {
        slot_t *slot = &self->slots [events [index].data.u64 / CHANNELS];
        s_on_event (self, slot, (unsigned) (events [index].data.u64 % CHANNELS), now);
    }
    if (exec_deadline (self) > now)
        return;
    for (uint32_t index = 0; index < self->settings.slots; index++) {
        slot_t *slot = &self->slots [index];
        if (slot->pid && slot->until <= now)
            s_on_deadline (self, slot, now);
    }
    if (self->orphans_at <= now) {
        s_take_in_orphans (self);
        bool last = self->orphans_ms > ORPHANS_LAST_MS;
        self->orphans_at = last ? EXEC_NEVER : now + self->orphans_ms;
        self->orphans_ms *= 2;
    }
}

bool
exec_next (exec_t *self, int64_t now, exec_outcome_t *outcome)
{
    s_free_returned (self);
    if (!self->finished)
        s_turn (self, now);
    return s_take_finished (self, outcome);
}

//  Of a program that has ended meanwhile, its outcome is all that counts.

bool
exec_next_progress (exec_t *self, exec_progress_t *progress)
{
    while (self->news) {
        slot_t *slot = self->news;
        steps_t *steps = &slot->steps;
        self->news = slot->next_news;
        slot->has_news = false;
        bool faulty = steps->faulty && !slot->complained;
        if (!slot->pid || (!steps->fresh && !faulty))
            continue;
        *progress = (exec_progress_t){.tag = slot->tag, .text = steps->text};
        progress->done = steps->fresh ? (double) steps->done / STINT_NOTE_DONE : -1;
        progress->fault = faulty ? steps->fault : NULL;
        steps->fresh = false;
        slot->complained = steps->faulty;
        return true;
    }
    return false;
}

int
exec_fd (const exec_t *self)
{
    return self->epoll;
}

int64_t
exec_deadline (const exec_t *self)
{
    if (self->finished)
        return INT64_MIN;
    int64_t deadline = self->orphans_at;
    for (uint32_t index = 0; index < self->settings.slots; index++) {
        const slot_t *slot = &self->slots [index];
        if (slot->pid && slot->until < deadline)
            deadline = slot->until;
    }
    return deadline;
}
