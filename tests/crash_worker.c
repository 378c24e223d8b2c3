//  crash_worker: a worker that says of each execution that it began it, made to be killed
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: crash_worker ENDPOINT GROUP CAPACITY STARTS [PAUSE]
//
//  Appends a crash_start_t to the file STARTS before it does a task. One task in 16 takes
//  up to 5 ms, waiting or computing, so that whenever somebody is killed some are running.
//  PAUSE names a file: while it is there, no task ends. SIGTERM ends it in good order.

#include "crash.h"
#include "stint_worker.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

//  A signal handler has no argument to find it by.
static stint_worker_t *s_worker;

static void
s_on_signal (int number)
{
    (void) number;
    stint_worker_stop (s_worker);
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
s_do (stint_attempt_t *attempt, int starts, const char *pause)
{
    uint8_t result [CRASH_RESULT_MAX];
    stint_bytes_t payload = stint_attempt_payload (attempt);
    if (payload.size < 16 || payload.size > CRASH_PAYLOAD_MAX)
        crash_fail ("a payload of %zu bytes", payload.size);
    crash_start_t start = {stint_attempt_id (attempt), stint_attempt_fence (attempt), 0};
    memcpy (&start.index, payload.data, sizeof start.index);
    if (write (starts, &start, sizeof start) != sizeof start)
        crash_fail ("cannot write down that a task begins");
    s_take_time (start.id, pause);
    size_t size = crash_result (payload, result);
    stint_attempt_done (&attempt, (stint_bytes_t){result, size});
}

int
main (int argc, char **argv)
{
    if (argc < 5)
        crash_fail ("usage: crash_worker ENDPOINT GROUP CAPACITY STARTS [PAUSE]");
    int starts = open (argv [4], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (starts < 0)
        crash_fail ("cannot open %s", argv [4]);
    s_worker = stint_worker_new (argv [1]);
    if (stint_worker_serve (s_worker, argv [2]) != STINT_OK)
        crash_fail ("cannot serve %s", argv [2]);
    stint_worker_set_capacity (s_worker, (uint32_t) crash_number (argv [3]));
    signal (SIGTERM, s_on_signal);

    stint_attempt_t *attempt;
    while ((attempt = stint_worker_next (s_worker, -1)) != NULL)
        s_do (attempt, starts, argc > 5 ? argv [5] : NULL);
    uint64_t stale = stint_worker_stale (s_worker);
    stint_worker_destroy (&s_worker);
    close (starts);
    printf ("stale %llu\n", (unsigned long long) stale);
    return 0;
}
