//  command_map: a task for each line of input, the results in the order of the lines
//  SPDX-License-Identifier: MPL-2.0
//
//  One loop, three steps: push what the input has as long as the window has room, fetch
//  what has ended, let out what is in its turn. No step waits for long, so that progress
//  is drawn and Ctrl-C heard.

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "command_call.h"
#include "command_table.h"
#include "input.h"
#include "map_output.h"
#include "map_report.h"
#include "reorder.h"
#include "stint_pack.h"
#include "text.h"

#define WINDOW 4096                    //  Tasks on their way, without --window
#define HELD_MAX ((size_t) 256 << 20)  //  Bytes of results that wait for an earlier one
#define PUSHES_MAX 1024                //  Tasks pushed before results are looked at
#define LABEL_MOST 40                  //  Characters of a line that name its task
#define CALL_MS 1000                   //  Longest call of the client, once it is known
#define FETCH_MS 100                   //  Longest wait for results
#define TRICKLE_MS 10                  //  The same while input may come at any time
#define LOOK_MS 1000                   //  Between two looks at the group
#define STALL_MS 3000                  //  When nothing has moved for so long: why?
#define ANSWER_ITEMS (1 << 20)         //  Values in an answer of the broker
#define FULL_MS 60000                  //  How long a group may be full of others' tasks

typedef enum {
    FEED_MORE,   //  There is more, and there is room
    FEED_FULL,   //  No room for now
    FEED_LATER,  //  No input for now
    FEED_END,    //  The input is over
    FEED_STOP    //  Something is wrong; the code is set
} feed_t;

typedef struct {
    command_call_t *call;  //  What was asked for
    const char *group;     //  Where tasks go
    input_t *input;        //  Where they come from
    stint_batch_t *batch;  //  What they belong to
    reorder_t *reorder;    //  What is on its way
    map_report_t *report;  //  What people are told
    map_output_t output;   //  Where results go
    stint_bytes_t task;    //  Taken from the input and not pushed yet
    bool holds_task;       //  There is one
    uint64_t pushed;       //  Tasks that were pushed
    uint64_t ended;        //  Of these, how many have ended
    uint64_t failed;       //  Of these, how many are not done
    uint64_t accepted;     //  Tasks that the broker has, when last looked at
    uint64_t running;      //  Tasks that workers hold, when last looked at
    uint64_t workers;      //  Workers of the group, when last looked at
    int64_t looked_at;     //  When that was
    int64_t moved_at;      //  When a task was accepted or ended the last time
    int64_t away;          //  See command_patient
    bool full_said;        //  That the group is full
    bool deserted_said;    //  That it has no worker
    bool lost;             //  The broker does not know the batch any more
    int code;              //  What the program exits with
} map_t;

//  Calls need not be long once the broker has been there: the loop comes back to them.

static int
s_call_ms (const command_call_t *call)
{
    return command_timeout (call) < CALL_MS ? command_timeout (call) : CALL_MS;
}

static feed_t
s_stop (map_t *self, int code)
{
    self->code = code;
    return FEED_STOP;
}

//  The group has no room. Our own tasks end, and those of others may, so this is said and
//  waited for; s_look_at_stall knows when to stop.

static void
s_say_full (map_t *self)
{
    if (self->full_said)
        return;
    map_report_hide (self->report);
    command_notice (self->call, "waiting for room in group \"%s\": %s", self->group,
                    stint_client_error (self->call->client));
    self->full_said = true;
}

static feed_t
s_push_task (map_t *self)
{
    stint_status_t status = stint_batch_push (self->batch, self->task);
    if (status == STINT_ERR_FULL) {
        s_say_full (self);
        return FEED_FULL;
    }
    if (status != STINT_OK) {
        map_report_hide (self->report);
        if (command_patient (self->call, status, &self->away))
            return FEED_FULL;
        self->lost = status == STINT_ERR_NOT_FOUND;
        return s_stop (self, command_fail_status (self->call, status));
    }
    char label [REORDER_LABEL_SIZE];
    text_first_line (self->task, LABEL_MOST, label, sizeof label);
    reorder_push (self->reorder, label);
    self->holds_task = false;
    self->pushed++;
    return FEED_MORE;
}

//  Pushes as much as there is and as there is room for, within bounds.

static feed_t
s_feed (map_t *self)
{
    for (size_t count = 0; count < PUSHES_MAX; count++) {
        if (reorder_full (self->reorder))
            return FEED_FULL;

        if (!self->holds_task) {
            switch (input_next (self->input, &self->task)) {
                case INPUT_LATER:
                    return FEED_LATER;
                case INPUT_END:
                    return FEED_END;
                case INPUT_FAULT:
                    map_report_hide (self->report);
                    return s_stop (self,
                                   command_fail (COMMAND_INPUT, input_advice (self->input),
                                                 "%s", input_error (self->input)));
                case INPUT_TASK:
                    self->holds_task = true;
            }
        }
        feed_t feed = s_push_task (self);
        if (feed != FEED_MORE)
            return feed;
    }
    return FEED_MORE;
}

//  Returns how many results the batch has brought.

static uint64_t
s_brought (const stint_progress_t *progress)
{
    return progress->done + progress->dead + progress->cancelled;
}

//  The batch says that it knows of no more: either all has ended, or the broker has no
//  such batch any more. Returns false, as nothing is on its way.

static bool
s_fetch_none (map_t *self)
{
    stint_progress_t progress = {.pushed = 0};
    stint_batch_progress (self->batch, &progress);
    if (s_brought (&progress) < self->pushed) {
        map_report_hide (self->report);
        self->lost = true;
        s_stop (self, command_fail_status (self->call, STINT_ERR_NOT_FOUND));
    }
    return false;
}

//  Fetches all that has ended, and waits for the first of it. Returns false when nothing
//  is on its way.

static bool
s_fetch (map_t *self, int wait_ms)
{
    for (;;) {
        stint_result_t result;
        stint_status_t status = stint_batch_next (self->batch, wait_ms, &result);
        if (status == STINT_ERR_PENDING || status == STINT_ERR_NOT_FOUND) {
            if (wait_ms > 0)
                self->away = 0;  //  With no time to look it would say so without a broker
            return status == STINT_ERR_PENDING || s_fetch_none (self);
        }
        if (status != STINT_OK) {
            map_report_hide (self->report);
            if (!command_patient (self->call, status, &self->away))
                s_stop (self, command_fail_status (self->call, status));
            return true;
        }
        self->away = 0;
        wait_ms = 0;
        if (reorder_end (self->reorder, result.number, &result)) {
            self->ended++;
            self->moved_at = command_now ();
            self->failed += result.state != STINT_DONE;
        }
    }
}

static void
s_let_out (map_t *self)
{
    const reorder_task_t *task = reorder_take (self->reorder);
    if (!task)
        return;
    if (self->call->terminal)
        map_report_hide (self->report);

    for (; task && self->code == COMMAND_OK; task = reorder_take (self->reorder)) {
        if (task->state != STINT_DONE)
            map_report_failure (self->report, task);
        self->code = map_output_put (&self->output, task);
    }
    //  Whoever reads our output sees each result as soon as it is there.
    if (self->code == COMMAND_OK)
        self->code = command_finish (COMMAND_OK);
}

//  Asks how the group is. Sets its limit of tasks, 0 when it has none or is not there yet.

static stint_status_t
s_ask_group (map_t *self, uint64_t *max_tasks)
{
    stint_query_t query = {.what = "groups", .group = self->group};
    stint_bytes_t map;
    *max_tasks = 0;
    stint_status_t status = stint_client_query (self->call->client, &query, &map);
    if (status != STINT_OK || !stint_pack_valid (map, ANSWER_ITEMS))
        return status;

    uint32_t count = answer_count (map, "groups");
    stint_bytes_t groups = answer_elements (map, "groups");
    for (uint32_t at = 0; at < count; at++) {
        char name [80];
        stint_bytes_t group = answer_take (&groups);
        if (strcmp (answer_text (group, "group", name, sizeof name), self->group) != 0)
            continue;
        self->running = answer_number (group, "running");
        self->workers = answer_number (group, "workers");
        *max_tasks = answer_number (group, "max_tasks");
    }
    return STINT_OK;
}

//  Nothing has moved for a while. The two usual reasons: nobody is there to do it, or the
//  group is full.

static void
s_look_at_stall (map_t *self, int64_t now)
{
    stint_client_t *client = self->call->client;
    if (self->accepted > self->ended && self->workers == 0 && !self->deserted_said) {
        map_report_hide (self->report);
        command_notice (self->call,
                        "no worker serves group \"%s\" now\n"
                        "       start one: stint-worker %s --exec ...",
                        self->group, self->group);
        self->deserted_said = true;
    }
    if (self->accepted == self->pushed)
        return;

    stint_client_set_timeout (client, 0);
    stint_status_t status = stint_batch_flush (self->batch);
    stint_client_set_timeout (client, s_call_ms (self->call));
    if (status != STINT_ERR_FULL)
        return;
    s_say_full (self);
    if (self->accepted == self->ended && now - self->moved_at > FULL_MS) {
        map_report_hide (self->report);
        self->code = command_fail_full (self->call, self->group);
    }
}

//  Once a second, while there is a broker.

static void
s_look (map_t *self, int64_t now)
{
    stint_progress_t progress = {.pushed = 0};
    stint_batch_progress (self->batch, &progress);
    if (progress.pushed != self->accepted)
        self->moved_at = now;
    self->accepted = progress.pushed;
    if (self->away != 0 || now - self->looked_at < LOOK_MS)
        return;

    self->looked_at = now;
    uint64_t max_tasks;
    bool stalled = now - self->moved_at >= STALL_MS && self->pushed > self->ended;
    if (stalled || map_report_progress (self->report))
        s_ask_group (self, &max_tasks);
    if (stalled)
        s_look_at_stall (self, now);
}

static void
s_count (const map_t *self, progress_counts_t *counts)
{
    uint64_t open = self->pushed - self->ended;
    *counts = (progress_counts_t){.pushed = self->pushed,
                                  .ended = self->ended,
                                  .failed = self->failed,
                                  .running = self->running < open ? self->running : open};
    counts->total =
        input_total (self->input, self->pushed + self->holds_task, &counts->exact);
}

static void
s_tell (map_t *self)
{
    int64_t now = command_now ();
    progress_counts_t counts;
    s_look (self, now);
    s_count (self, &counts);
    map_report_draw (self->report, &counts, now);
}

//  Waits a while for more input, when nothing else can happen.

static void
s_wait_for_input (const map_t *self)
{
    struct pollfd item = {.fd = input_descriptor (self->input), .events = POLLIN};
    poll (&item, item.fd >= 0, FETCH_MS);
}

static void
s_run (map_t *self)
{
    while (self->code == COMMAND_OK && !command_interrupted ()) {
        feed_t feed = s_feed (self);
        if (feed == FEED_STOP)
            return;

        int wait_ms = feed == FEED_MORE ? 0 : feed == FEED_LATER ? TRICKLE_MS : FETCH_MS;
        bool expects = s_fetch (self, wait_ms);
        s_let_out (self);
        s_tell (self);
        if (expects || self->code != COMMAND_OK)
            continue;
        if (feed == FEED_END && reorder_count (self->reorder) > 0) {
            map_report_hide (self->report);
            self->code =
                command_fail (COMMAND_FAILED, NULL,
                              "the broker knows nothing of the results of %zu tasks",
                              reorder_count (self->reorder));
        }
        if (feed == FEED_END)
            return;
        if (feed == FEED_LATER)
            s_wait_for_input (self);
    }
}

//  Says how much goes on without us, what has not been sent yet included.

static void
s_say_left (map_t *self)
{
    stint_progress_t progress = {.pushed = 0};
    stint_batch_flush (self->batch);
    stint_batch_progress (self->batch, &progress);
    uint64_t brought = s_brought (&progress);
    uint64_t left = progress.pushed > brought ? progress.pushed - brought : 0;
    map_report_hide (self->report);
    command_notice (self->call, "stopped; %" PRIu64 " task%s at the broker", left,
                    left == 1 ? " goes on" : "s go on");
}

//  Ends it: what has failed, or how much goes on without us.

static int
s_finish (map_t *self)
{
    progress_counts_t counts;
    s_count (self, &counts);
    if (self->code == COMMAND_OK && command_interrupted ())
        self->code = COMMAND_INTERRUPTED;
    bool stopped = self->code == COMMAND_INTERRUPTED || self->code == COMMAND_DISK
                   || self->code == COMMAND_INPUT;
    if (stopped && !self->lost)
        s_say_left (self);
    if (self->code != COMMAND_OK)
        return self->code;

    map_report_end (self->report, &counts, command_now ());
    return command_finish (self->failed > 0 ? COMMAND_FAILED : COMMAND_OK);
}

//  Connects and opens the batch. A window of more than the group may hold would leave in
//  messages that it can never take.

static int
s_begin (map_t *self, size_t *window)
{
    command_call_t *call = self->call;
    if (!input_check (self->input))
        return command_fail (COMMAND_INPUT, NULL, "%s", input_error (self->input));
    int code = map_output_open (&self->output);
    if (code == COMMAND_OK)
        code = command_connect (call);
    if (code != COMMAND_OK)
        return code;

    uint64_t max_tasks;
    stint_status_t status = s_ask_group (self, &max_tasks);
    if (status != STINT_OK && status != STINT_ERR_NOT_FOUND)
        return command_fail_status (call, status);
    if (call->window > 0)
        *window = (size_t) call->window;
    if (max_tasks > 0 && max_tasks / 2 < *window)
        *window = max_tasks > 1 ? (size_t) (max_tasks / 2) : 1;

    self->batch = stint_batch_open (call->client, self->group, NULL);
    if (!self->batch)
        return command_fail_status (call, STINT_ERR_INVALID);
    stint_client_set_timeout (call->client, s_call_ms (call));
    return COMMAND_OK;
}

int
command_map (command_call_t *call)
{
    command_hold_interrupt ();
    signal (SIGPIPE, SIG_IGN);  //  A reader that has enough ends us with a last word
    map_t self = {.call = call,
                  .group = call->words [0],
                  .output = {.json = call->json, .out = call->out},
                  .moved_at = command_now ()};
    char **names = call->words + 1;
    size_t count = (size_t) call->count - 1;
    if (call->files && count > 0)
        self.input = input_new_words (names, count);
    else
        self.input = input_new_lines (names, count, call->null ? 0 : '\n');
    if (count == 0 && isatty (STDIN_FILENO))
        command_notice (call, "a task a line, from here; end with Ctrl-D");

    size_t window = WINDOW;
    int code = s_begin (&self, &window);
    if (code == COMMAND_OK) {
        self.reorder = reorder_new (window, HELD_MAX, !call->unordered);
        self.report = map_report_new (self.group, !call->quiet, self.moved_at);
        s_run (&self);
        code = s_finish (&self);
    }
    stint_batch_close (&self.batch);
    map_report_destroy (&self.report);
    reorder_destroy (&self.reorder);
    input_destroy (&self.input);
    return code;
}
