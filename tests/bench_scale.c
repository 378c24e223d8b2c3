//  bench_scale: throughput of a broker that runs already, behind tasks that wait
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: bench_scale --socket PATH --server PID [--backlog TASKS] [--workers N]
//                     [--window TASKS] [--seconds S]
//         bench_scale --socket PATH --answer
//
//  Pushes the backlog while there are no workers. Then each result makes room for a task,
//  so that as many go on waiting; what is measured is this flow. In the end all tasks are
//  collected, and each result is checked. Prints one line of JSON. With --answer it waits
//  until the broker answers, a minute at most, and ends.

#include "../client/answer.h"
#include "bench.h"
#include "stint_client.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MS 60000  //  Longest wait for a broker that recovers
#define WARM_UP 0.2      //  Seconds without a backlog
#define SETTLE 1.0       //  Seconds with one, for what its push left for the disk to do

typedef struct {
    bench_t bench;     //  As for any measurement
    uint32_t backlog;  //  Tasks that wait in the group meanwhile
    bool answer;       //  Only wait for the broker
} s_options_t;

//  A client would wait longer and longer between its attempts, so it comes when the broker
//  listens.

static void
s_await_answer (const bench_t *bench)
{
    int64_t took_us;
    double start = bench_seconds (CLOCK_MONOTONIC);
    while (!bench_listens (bench)) {
        if (bench_seconds (CLOCK_MONOTONIC) - start > ANSWER_MS / 1000.0)
            bench_fail ("the broker does not listen");
        poll (NULL, 0, 1);
    }
    stint_client_t *client = stint_client_new (bench->endpoint);
    stint_client_set_timeout (client, ANSWER_MS);
    if (stint_client_ping (client, &took_us) != STINT_OK)
        bench_fail ("ping: %s", stint_client_error (client));
    stint_client_destroy (&client);
}

//  Returns how many tasks of the batch that was opened last are done, as the broker has it.
//  With a backlog the workers need not wait for the client, which may come behind them.

static uint64_t
s_done (stint_client_t *client)
{
    stint_query_t query = {.what = "batches"};
    stint_bytes_t state;
    uint64_t last = 0, done = 0;
    if (stint_client_query (client, &query, &state) != STINT_OK)
        bench_fail ("batches: %s", stint_client_error (client));
    stint_bytes_t elements = answer_elements (state, "batches");
    for (uint32_t left = answer_count (state, "batches"); left > 0; left--) {
        stint_bytes_t batch = answer_take (&elements);
        if (answer_number (batch, "batch") <= last)
            continue;
        last = answer_number (batch, "batch");
        done = answer_number (batch, "done");
    }
    return done;
}

//  Keeps so many tasks in flight until the time is over and each worker has answered.

static void
s_flow (bench_tally_t *tally, const bench_way_t *way, const s_options_t *options,
        double seconds)
{
    uint32_t window = options->backlog + options->bench.window;
    double start = bench_seconds (CLOCK_MONOTONIC);
    while (bench_seconds (CLOCK_MONOTONIC) - start < seconds
           || !bench_all_have_answered (tally, options->bench.workers))
        bench_carry (tally, way, window);
}

//  Starts the workers, which wait until the pipe is closed: a process that has used ZeroMQ
//  has no children that may.

static void
s_start_workers (const bench_t *bench, pid_t *workers, int start [2])
{
    char none;
    if (pipe (start) != 0)
        bench_fail ("no pipe: %s", strerror (errno));
    for (uint32_t index = 0; index < bench->workers; index++) {
        if ((workers [index] = bench_fork ()) != 0)
            continue;
        close (start [1]);
        while (read (start [0], &none, 1) == -1 && errno == EINTR)
            ;
        bench->peer->work (bench, index);
    }
}

static void
s_measure (const s_options_t *options)
{
    static bench_tally_t tally;
    static bench_way_t way;
    const bench_t *bench = &options->bench;
    pid_t workers [BENCH_WORKERS_MAX] = {0};
    int ends [2];
    clockid_t clock;
    s_start_workers (bench, workers, ends);
    bench_tally_init (&tally, bench->payload);
    bench->peer->open (bench, &tally, &way);
    double start = bench_seconds (CLOCK_MONOTONIC);
    while (tally.pushed < options->backlog)
        way.push (way.self, tally.pushed, way.chunk);
    double fill = bench_seconds (CLOCK_MONOTONIC) - start;
    close (ends [1]);
    s_flow (&tally, &way, options, options->backlog ? SETTLE : WARM_UP);

    if (clock_getcpuclockid (bench->server, &clock) != 0)
        bench_fail ("the server's CPU time cannot be read");
    stint_client_t *looker = stint_client_new (bench->endpoint);
    stint_client_set_timeout (looker, BENCH_PATIENCE_MS);
    uint64_t before = s_done (looker), taken = tally.taken;
    double used = bench_seconds (clock);
    start = bench_seconds (CLOCK_MONOTONIC);
    s_flow (&tally, &way, options, bench->seconds);
    double tasks = (double) (s_done (looker) - before);
    double passed = bench_seconds (CLOCK_MONOTONIC) - start;
    printf ("{\"backlog\":%u,\"workers\":%u,\"rate\":%.0f,\"taken\":%.0f,"
            "\"cpu\":%.3f,\"fill\":%.3f}\n",
            options->backlog, bench->workers, tasks / passed,
            (double) (tally.taken - taken) / passed,
            (bench_seconds (clock) - used) * 1e6 / tasks, fill);
    stint_client_destroy (&looker);
    bench_collect (&tally, &way);
    for (uint32_t index = 0; index < bench->workers; index++) {
        kill (workers [index], SIGKILL);
        while (waitpid (workers [index], NULL, 0) == -1 && errno == EINTR)
            ;
    }
}

static void
s_read_option (s_options_t *options, int option, const char *text)
{
    uint32_t number = (uint32_t) strtoul (text, NULL, 10);
    switch (option) {
        case 'l':
            options->bench.socket = text;
            break;
        case 'i':
            options->bench.server = (pid_t) number;
            break;
        case 'k':
            options->backlog = number;
            break;
        case 'n':
            options->bench.workers = number;
            break;
        case 'w':
            options->bench.window = number;
            break;
        case 't':
            options->bench.seconds = strtod (text, NULL);
            break;
        case 'a':
            options->answer = true;
            break;
        default:
            exit (64);
    }
}

int
main (int argc, char **argv)
{
    static const struct option names [] = {{"socket", required_argument, NULL, 'l'},
                                           {"server", required_argument, NULL, 'i'},
                                           {"backlog", required_argument, NULL, 'k'},
                                           {"workers", required_argument, NULL, 'n'},
                                           {"window", required_argument, NULL, 'w'},
                                           {"seconds", required_argument, NULL, 't'},
                                           {"answer", no_argument, NULL, 'a'},
                                           {NULL, 0, NULL, 0}};
    s_options_t options = {.bench = {.peer = &bench_stint,
                                     .payload = 64,
                                     .window = 4096,
                                     .workers = 2,
                                     .seconds = 1}};
    bench_t *bench = &options.bench;
    int option;
    while ((option = getopt_long (argc, argv, "", names, NULL)) != -1)
        s_read_option (&options, option, optarg ? optarg : "");
    if (!bench->socket || (!options.answer && bench->server <= 0) || bench->workers == 0
        || bench->workers > BENCH_WORKERS_MAX || bench->window < 256
        || options.backlog > BENCH_TASKS_MAX / 2 || bench->seconds <= 0) {
        fputs (
            "bench_scale: --socket and --server are needed, and numbers that make sense\n",
            stderr);
        return 64;
    }
    snprintf (bench->endpoint, sizeof bench->endpoint, "ipc://%s", bench->socket);
    if (options.answer)
        s_await_answer (bench);
    else
        s_measure (&options);
    fflush (stdout);
    _exit (0);
}
