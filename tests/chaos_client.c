//  chaos_client: pushes tasks and collects results, and writes down all that it is told
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: chaos_client ENDPOINT GROUP BATCH BASE TASKS SEED HISTORIES [WINDOW [PAUSE]]
//
//  Pushes TASKS tasks, numbered from BASE on, in the batch of that name, with payloads that
//  follow from SEED and the number. At most WINDOW (2048) of them have no result. Results
//  of tasks that an earlier process pushed in the batch are collected too. The history goes
//  to the directory HISTORIES. With a file .stop in it nothing more is pushed. Ends with 0
//  when every task of the batch has ended, and with 3 when nothing has come for a minute.
//  With a PAUSE, one result in 16 is held for that many milliseconds before the broker may
//  forget it.

#include "crash.h"
#include "history.h"
#include "stint_client.h"

#include <poll.h>

#define CHUNK 32         //  Tasks pushed between two looks at the results
#define TIMEOUT_MS 2000  //  Of each call
#define PATIENCE_NS (INT64_C (60) * 1000000000)  //  Longest time without news

typedef struct {
    stint_client_t *client;  //  The connection
    stint_batch_t *batch;    //  Ours and our predecessors'
    history_t *history;      //  What is written down
    uint64_t base;           //  Number of our first task
    uint64_t tasks;          //  How many there are to be
    uint64_t seed;           //  Of all payloads
    uint64_t window;         //  Most of ours without a result
    uint64_t before;         //  Tasks of the batch that were there when it was opened
    uint64_t pushed;         //  Given to the library
    uint64_t accepted;       //  Of these, written down as accepted
    uint64_t taken;          //  Results that came, in the whole batch
    int64_t heard_at;        //  When there was news
    int pause_ms;            //  How long some results are held
    char *stop;              //  The file that tells to push no more
    bool begun;              //  The line about the next chunk is written
} s_client_t;

//  Writes down how many tasks were accepted since the last time. Pushes are answered in
//  their order.

static void
s_note_accepted (s_client_t *self)
{
    stint_progress_t progress;
    stint_batch_progress (self->batch, &progress);
    uint64_t accepted = progress.pushed - self->before;
    if (accepted == self->accepted)
        return;
    history_add (self->history, HISTORY_ACCEPTED, self->base + self->accepted,
                 (uint32_t) (accepted - self->accepted), 0, 0);
    self->accepted = accepted;
    self->heard_at = history_now ();
}

//  Pushes some tasks; a chunk that could not be taken whole goes on with the next call.

static void
s_push (s_client_t *self)
{
    uint8_t bytes [CRASH_PAYLOAD_MAX];
    uint64_t from = self->pushed - self->pushed % CHUNK;
    uint64_t to = from + CHUNK < self->tasks ? from + CHUNK : self->tasks;
    if (!self->begun)
        history_add (self->history, HISTORY_PUSH, self->base + from, (uint32_t) (to - from),
                     0, 0);
    self->begun = true;
    while (self->pushed < to) {
        size_t size = crash_payload (self->seed, self->base + self->pushed, bytes);
        stint_status_t status =
            stint_batch_push (self->batch, (stint_bytes_t){bytes, size});
        if (status == STINT_ERR_TIMEOUT || status == STINT_ERR_UNREACHABLE
            || status == STINT_ERR_FULL)
            return;
        if (status != STINT_OK)
            crash_fail ("push: %s: %s", stint_strerror (status),
                        stint_client_error (self->client));
        self->pushed++;
    }
    self->begun = false;
}

//  Writes one result down.

static void
s_note_result (s_client_t *self, const stint_result_t *result)
{
    uint8_t payload [CRASH_PAYLOAD_MAX], right [CRASH_RESULT_MAX];
    uint64_t index = 0, fence = 0;
    if (result->state != STINT_DONE) {
        fprintf (stderr, "crash: task %llu is %s: %.*s\n", (unsigned long long) result->id,
                 stint_state_name (result->state), (int) result->result.size,
                 (const char *) result->result.data);
        history_add (self->history, HISTORY_DEAD, 0, 1, result->id, 0);
        self->taken++;
        return;
    }
    size_t size = result->result.size;
    if (size >= 24) {
        memcpy (&index, result->result.data, sizeof index);
        memcpy (&fence, result->result.data + size - 8, sizeof fence);
    }
    size_t wanted = crash_payload (self->seed, index, payload);
    wanted = crash_result ((stint_bytes_t){payload, wanted}, right);
    bool good = size == wanted + 8 && memcmp (right, result->result.data, wanted) == 0;
    history_add (self->history, good ? HISTORY_RESULT : HISTORY_WRONG, index, 1, result->id,
                 fence);
    self->taken++;
    if (self->pause_ms && crash_mix (result->id) % 16 == 0)
        poll (NULL, 0, self->pause_ms);
    history_add (self->history, HISTORY_TAKEN, index, 1, result->id, fence);
}

//  Takes the results that are there, or waits for one when there is nothing else to do.
//  Returns false when all have ended.

static bool
s_pull (s_client_t *self, bool wait)
{
    stint_result_t result;
    stint_status_t status = stint_batch_next (self->batch, wait ? 100 : 0, &result);
    while (status == STINT_OK) {
        self->heard_at = history_now ();
        s_note_result (self, &result);
        s_note_accepted (self);
        status = stint_batch_next (self->batch, 0, &result);
    }
    s_note_accepted (self);
    if (status != STINT_OK && status != STINT_ERR_PENDING && status != STINT_ERR_NOT_FOUND
        && status != STINT_ERR_TIMEOUT && status != STINT_ERR_UNREACHABLE
        && status != STINT_ERR_FULL)
        crash_fail ("next: %s: %s", stint_strerror (status),
                    stint_client_error (self->client));
    return status != STINT_ERR_NOT_FOUND;
}

static void
s_open (s_client_t *self, char **argv)
{
    self->base = crash_number (argv [4]);
    self->tasks = crash_number (argv [5]);
    self->seed = crash_number (argv [6]);
    self->history = history_new (argv [7], "client");
    if (asprintf (&self->stop, "%s/.stop", argv [7]) < 0)
        abort ();
    self->client = stint_client_new (argv [1]);
    stint_client_set_timeout (self->client, TIMEOUT_MS);
    self->heard_at = history_now ();
    while (!self->batch) {
        self->batch = stint_batch_open (self->client, argv [2], argv [3]);
        if (!self->batch && history_now () - self->heard_at > PATIENCE_NS)
            crash_fail ("batch: %s", stint_client_error (self->client));
    }
    stint_progress_t progress;
    stint_batch_progress (self->batch, &progress);
    self->before = progress.pushed;
    self->taken = progress.collected;
}

//  Returns false when nothing has come for too long.

static bool
s_run (s_client_t *self)
{
    bool more = true;
    while (more) {
        if (access (self->stop, F_OK) == 0)
            self->tasks = self->pushed;
        bool room = self->pushed < self->tasks
                    && self->pushed + self->before < self->taken + self->window;
        if (room)
            s_push (self);
        more = s_pull (self, !room) || self->pushed < self->tasks;
        if (history_now () - self->heard_at > PATIENCE_NS)
            return false;
    }
    return true;
}

int
main (int argc, char **argv)
{
    s_client_t self = {.window = 2048};
    if (argc < 8)
        crash_fail ("usage: chaos_client ENDPOINT GROUP BATCH BASE TASKS SEED HISTORIES "
                    "[WINDOW [PAUSE]]");
    if (argc > 8)
        self.window = crash_number (argv [8]);
    if (argc > 9)
        self.pause_ms = (int) crash_number (argv [9]);
    s_open (&self, argv);
    bool good = s_run (&self);
    printf ("pushed %llu accepted %llu taken %llu%s\n", (unsigned long long) self.pushed,
            (unsigned long long) self.accepted, (unsigned long long) self.taken,
            good ? "" : ": nothing has come for a minute");
    if (!good)
        fprintf (stderr, "crash: %s\n", stint_client_error (self.client));
    stint_batch_close (&self.batch);
    stint_client_destroy (&self.client);
    history_destroy (&self.history);
    free (self.stop);
    return good ? 0 : 3;
}
