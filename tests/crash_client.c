//  crash_client: pushes tasks while brokers and workers die, and checks every result
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: crash_client ENDPOINT GROUP TASKS SEED PROGRESS ENDS [WINDOW [flush|on]]
//
//  All tasks are of one batch; at most WINDOW (8192) of them are pushed and have no result.
//  With "flush" no more than 64 are pushed and not accepted. With "on" there are as many
//  more as it takes until SIGTERM comes, so that whoever does harm has a load to harm.
//  The file PROGRESS holds one line, kept up to date: tasks pushed, tasks accepted by the
//  broker, results that came. A crash_end_t is appended to ENDS for each result. Ends with
//  0 when each task has come to exactly one result with the right bytes, and else with one
//  line that says what is wrong, and 1. Gives up when nothing has come for a minute.

#include "crash.h"
#include "stint_client.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 64           //  Tasks pushed between two looks at the results
#define PATIENCE_MS 60000  //  Longest time without a result
#define AHEAD 65536        //  Tasks that seen and numbers have room for beyond the pushed

typedef struct {
    stint_client_t *client;  //  The connection
    stint_batch_t *batch;    //  Of all tasks
    uint64_t tasks;          //  How many there are to be, at least
    bool on;                 //  There are more until s_enough
    uint64_t seed;           //  Of all payloads
    uint64_t window;         //  Most without a result
    bool flush;              //  Waits for each chunk to be accepted
    uint64_t pushed;         //  Given to the library
    uint64_t taken;          //  Results that came
    uint64_t room;           //  Of the next two
    uint8_t *seen;           //  By index: 1 when its result came
    uint8_t *numbers;        //  By place in the batch: 1 when its result came
    FILE *ends;              //  Where results are written down
    int progress;            //  Descriptor of the file
    int64_t told_at;         //  When it was written last
    int64_t heard_at;        //  When the last result came
} s_client_t;

static volatile sig_atomic_t s_enough;  //  SIGTERM has come

static void
s_on_term (int number)
{
    (void) number;
    s_enough = 1;
}

//  Says whether there is more to push.

static bool
s_has_more (const s_client_t *self)
{
    return self->pushed < self->tasks || (self->on && !s_enough);
}

static uint8_t *
s_grown (uint8_t *flags, uint64_t room, uint64_t added)
{
    uint8_t *grown = realloc (flags, room + added);
    if (grown)
        memset (grown + room, 0, added);
    else
        crash_fail ("no memory for the results of so many tasks");
    return grown;
}

static void
s_make_room (s_client_t *self)
{
    if (self->pushed + CHUNK <= self->room)
        return;
    uint64_t added = self->tasks > self->room ? self->tasks + CHUNK : AHEAD;
    self->seen = s_grown (self->seen, self->room, added);
    self->numbers = s_grown (self->numbers, self->room, added);
    self->room += added;
}

static int64_t
s_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
s_tell (s_client_t *self, int64_t now)
{
    char line [64];
    stint_progress_t progress;
    stint_batch_progress (self->batch, &progress);
    int size = snprintf (
        line, sizeof line, "%12llu %12llu %12llu\n", (unsigned long long) self->pushed,
        (unsigned long long) progress.pushed, (unsigned long long) self->taken);
    if (pwrite (self->progress, line, (size_t) size, 0) != size)
        crash_fail ("cannot write down the progress");
    self->told_at = now;
}

static void
s_push (s_client_t *self)
{
    uint8_t bytes [CRASH_PAYLOAD_MAX];
    s_make_room (self);
    for (int count = 0; count < CHUNK && s_has_more (self); count++) {
        size_t size = crash_payload (self->seed, self->pushed, bytes);
        stint_status_t status =
            stint_batch_push (self->batch, (stint_bytes_t){bytes, size});
        if (status != STINT_OK)
            crash_fail ("push of task %llu: %s: %s", (unsigned long long) self->pushed,
                        stint_strerror (status), stint_client_error (self->client));
        self->pushed++;
    }
    if (self->flush && stint_batch_flush (self->batch) != STINT_OK)
        crash_fail ("flush: %s", stint_client_error (self->client));
}

//  Checks one result: of a task that was pushed, for the first time, the right bytes.

static void
s_check (s_client_t *self, const stint_result_t *result)
{
    uint8_t payload [CRASH_PAYLOAD_MAX], right [CRASH_RESULT_MAX];
    uint64_t index;
    if (result->state != STINT_DONE)
        crash_fail ("task %llu is %s: %.*s", (unsigned long long) result->id,
                    stint_state_name (result->state), (int) result->result.size,
                    (const char *) result->result.data);
    if (result->result.size < 16 || result->number == 0 || result->number > self->pushed)
        crash_fail ("an unexpected result: task %llu, number %u, %zu bytes",
                    (unsigned long long) result->id, result->number, result->result.size);
    memcpy (&index, result->result.data, sizeof index);
    if (index >= self->pushed)
        crash_fail ("an unexpected result, of a task that nobody pushed");
    size_t size = crash_payload (self->seed, index, payload);
    size = crash_result ((stint_bytes_t){payload, size}, right);
    if (size != result->result.size || memcmp (right, result->result.data, size) != 0)
        crash_fail ("task %llu has a wrong result", (unsigned long long) index);
    if (self->seen [index] || self->numbers [result->number - 1])
        crash_fail ("task %llu has come twice", (unsigned long long) index);
    self->seen [index] = self->numbers [result->number - 1] = 1;
    crash_end_t end = {result->id, index, result->attempts};
    if (fwrite (&end, sizeof end, 1, self->ends) != 1)
        crash_fail ("cannot write down that a task has ended");
    self->taken++;
}

//  Takes the results that are there, or waits a little for one when there is no room.

static void
s_pull (s_client_t *self)
{
    stint_result_t result;
    bool room = s_has_more (self) && self->pushed - self->taken < self->window;
    stint_status_t status = stint_batch_next (self->batch, room ? 0 : 100, &result);
    int64_t now = s_now ();
    while (status == STINT_OK) {
        s_check (self, &result);
        self->heard_at = now;
        status = stint_batch_next (self->batch, 0, &result);
    }
    if (status == STINT_ERR_NOT_FOUND && self->taken < self->pushed)
        crash_fail ("%llu tasks are lost: the broker knows of no more",
                    (unsigned long long) (self->pushed - self->taken));
    if (status != STINT_ERR_PENDING && status != STINT_ERR_NOT_FOUND
        && status != STINT_ERR_TIMEOUT && status != STINT_ERR_UNREACHABLE)
        crash_fail ("next: %s: %s", stint_strerror (status),
                    stint_client_error (self->client));
    if (now - self->heard_at > PATIENCE_MS)
        crash_fail ("no result for a minute: %llu of %llu tasks have theirs, %s: %s",
                    (unsigned long long) self->taken, (unsigned long long) self->pushed,
                    stint_strerror (status), stint_client_error (self->client));
    if (now - self->told_at >= 5)
        s_tell (self, now);
}

static void
s_open (s_client_t *self, char **argv)
{
    self->tasks = crash_number (argv [3]);
    self->seed = crash_number (argv [4]);
    self->progress = open (argv [5], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    self->ends = fopen (argv [6], "we");
    if (self->progress < 0 || !self->ends)
        crash_fail ("cannot open %s and %s", argv [5], argv [6]);
    self->client = stint_client_new (argv [1]);
    stint_client_set_timeout (self->client, PATIENCE_MS);
    self->batch = stint_batch_open (self->client, argv [2], NULL);
    if (!self->batch)
        crash_fail ("batch: %s", stint_client_error (self->client));
    self->heard_at = s_now ();
}

int
main (int argc, char **argv)
{
    s_client_t self = {.window = 8192};
    if (argc < 7)
        crash_fail ("usage: crash_client ENDPOINT GROUP TASKS SEED PROGRESS ENDS [WINDOW "
                    "[flush|on]]");
    if (argc > 7)
        self.window = crash_number (argv [7]);
    self.flush = argc > 8 && strcmp (argv [8], "flush") == 0;
    self.on = argc > 8 && strcmp (argv [8], "on") == 0;
    signal (SIGTERM, s_on_term);
    s_open (&self, argv);
    while (s_has_more (&self) || self.taken < self.pushed) {
        if (s_has_more (&self) && self.pushed - self.taken < self.window)
            s_push (&self);
        s_pull (&self);
    }
    stint_result_t result;
    if (stint_batch_next (self.batch, 200, &result) == STINT_OK)
        crash_fail ("a result more than there are tasks");
    s_tell (&self, s_now ());
    stint_batch_close (&self.batch);
    stint_client_destroy (&self.client);
    free (self.seen);
    free (self.numbers);
    return fclose (self.ends) == 0 ? 0 : 1;
}
