//  crash_worker: a worker that says of each execution that it began it, made to be killed
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: crash_worker ENDPOINT GROUP CAPACITY STARTS [PAUSE]
//
//  Appends a crash_start_t to the file STARTS before it does a task; if that is a directory
//  it writes a history there (history.h), and ends each result with the fence, so that two
//  results of one task are never the same. One task in 16 takes
//  up to 5 ms, waiting or computing, so that whenever somebody is killed some are running.
//  PAUSE names a file: while it is there, no task ends. SIGTERM ends it in good order.

#include "crash.h"
#include "history.h"
#include "stint_worker.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    int starts;          //  Open for appending, or -1
    history_t *history;  //  Instead of it, or null
    const char *pause;   //  While this file is there no task ends; may be null
} s_worker_t;

//  Waits for SIGTERM, which no other thread takes, and stops the worker.

static void *
s_wait_for_signal (void *worker)
{
    sigset_t set;
    int number;
    sigemptyset (&set);
    sigaddset (&set, SIGTERM);
    sigwait (&set, &number);
    stint_worker_stop (worker);
    return NULL;
}

//  Computes for so long.

static void
s_spin (int64_t ms)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    int64_t until = now.tv_sec * 1000 + now.tv_nsec / 1000000 + ms;
    while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < until)
        clock_gettime (CLOCK_MONOTONIC, &now);
}

static void
s_take_time (uint64_t id, const char *pause)
{
    uint64_t chance = crash_mix (id);
    int ms = (int) ((chance >> 8) % 6);
    if (chance % 32 == 0)
        s_spin (ms);
    if (chance % 32 == 1)
        poll (NULL, 0, ms);
    while (pause && access (pause, F_OK) == 0)
        poll (NULL, 0, 5);
}

static void
s_tell (s_worker_t *self, history_kind_t kind, const crash_start_t *start)
{
    if (self->history)
        history_add (self->history, kind, start->index, 1, start->id, start->fence);
    else if (kind == HISTORY_BEGAN
             && write (self->starts, start, sizeof *start) != sizeof *start)
        crash_fail ("cannot write down that a task begins");
}

static void
s_do (s_worker_t *self, stint_attempt_t *attempt)
{
    uint8_t result [CRASH_RESULT_MAX + 8];
    stint_bytes_t payload = stint_attempt_payload (attempt);
    if (payload.size < 16 || payload.size > CRASH_PAYLOAD_MAX)
        crash_fail ("a payload of %zu bytes", payload.size);
    crash_start_t start = {stint_attempt_id (attempt), stint_attempt_fence (attempt), 0};
    memcpy (&start.index, payload.data, sizeof start.index);
    s_tell (self, HISTORY_BEGAN, &start);
    s_take_time (start.id, self->pause);
    size_t size = crash_result (payload, result);
    if (self->history) {
        memcpy (result + size, &start.fence, sizeof start.fence);
        size += sizeof start.fence;
    }
    stint_attempt_done (&attempt, (stint_bytes_t){result, size});
    s_tell (self, HISTORY_ENDED, &start);
}

//  Opens the file or the directory that workers write to.

static void
s_open (s_worker_t *self, const char *path)
{
    struct stat known;
    if (stat (path, &known) == 0 && S_ISDIR (known.st_mode))
        self->history = history_new (path, "worker");
    else
        self->starts = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (!self->history && self->starts < 0)
        crash_fail ("cannot open %s", path);
}

int
main (int argc, char **argv)
{
    if (argc < 5)
        crash_fail ("usage: crash_worker ENDPOINT GROUP CAPACITY STARTS [PAUSE]");
    s_worker_t self = {.starts = -1, .pause = argc > 5 ? argv [5] : NULL};
    s_open (&self, argv [4]);
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, SIGTERM);
    pthread_sigmask (SIG_BLOCK, &set, NULL);
    stint_worker_t *worker = stint_worker_new (argv [1]);
    if (stint_worker_serve (worker, argv [2]) != STINT_OK)
        crash_fail ("cannot serve %s", argv [2]);
    stint_worker_set_capacity (worker, (uint32_t) crash_number (argv [3]));
    pthread_t waiter;
    if (pthread_create (&waiter, NULL, s_wait_for_signal, worker) != 0)
        crash_fail ("no thread to wait for SIGTERM");

    stint_attempt_t *attempt;
    while ((attempt = stint_worker_next (worker, -1)) != NULL)
        s_do (&self, attempt);
    uint64_t stale = stint_worker_stale (worker);
    pthread_join (waiter, NULL);
    stint_worker_destroy (&worker);
    history_destroy (&self.history);
    if (self.starts >= 0)
        close (self.starts);
    printf ("stale %llu\n", (unsigned long long) stale);
    return 0;
}
