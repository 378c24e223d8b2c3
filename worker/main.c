//  stint-worker: runs a program for each task, in slots of its own or in a pool of workers
//  SPDX-License-Identifier: MPL-2.0

#include "exec.h"
#include "pool.h"
#include "reach.h"
#include "serve.h"
#include "stint_log.h"
#include "worker_options.h"
#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define EXIT_UNREACHABLE 69
#define EXIT_CONFIGURATION 78
#define EXIT_INTERRUPTED 130
#define DESCRIPTORS_SPARE 64  //  For sockets, threads and what we inherited

static int64_t
s_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

//  Returns the milliseconds from now to a deadline, for poll.

static int
s_until (int64_t deadline, int64_t now)
{
    if (deadline == INT64_MAX)
        return -1;
    if (deadline <= now)
        return 0;
    return deadline - now < INT32_MAX ? (int) (deadline - now) : INT32_MAX;
}

//  Has signals come as events. Blocked ones that our parent ignores stay ignored.

static int
s_open_signals (void)
{
    sigset_t ours;
    sigemptyset (&ours);
    sigaddset (&ours, SIGINT);
    sigaddset (&ours, SIGTERM);
    sigaddset (&ours, SIGHUP);
    sigprocmask (SIG_BLOCK, &ours, NULL);
    int descriptor = signalfd (-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    assert (descriptor >= 0);
    return descriptor;
}

//  Returns the next signal, 0 when there is none.

static int
s_next_signal (int descriptor)
{
    struct signalfd_siginfo signal;
    ssize_t size = read (descriptor, &signal, sizeof signal);
    return size == (ssize_t) sizeof signal ? (int) signal.ssi_signo : 0;
}

//  Prints the groups in quotes: group "one", or groups "one", "two".

static void
s_print_groups (const worker_options_t *options)
{
    fputs (options->group_count > 1 ? "groups " : "group ", stderr);
    for (size_t index = 0; index < options->group_count; index++)
        fprintf (stderr, "\"%s\", ", options->groups [index]);
}

static void
s_print_start (const worker_options_t *options)
{
    fputs ("stint-worker " STINT_VERSION ": ", stderr);
    if (options->pool)
        fprintf (stderr, "%u to %u workers with ", options->least, options->most);
    fprintf (stderr, "%u slot%s for ", options->slots, options->slots == 1 ? "" : "s");
    s_print_groups (options);
    fprintf (stderr, "broker %s\n", options->endpoint.address);
}

static stint_worker_t *
s_new_worker (const worker_options_t *options)
{
    stint_worker_t *worker = stint_worker_new (options->endpoint.address);
    for (size_t index = 0; index < options->group_count; index++) {
        stint_status_t status = stint_worker_serve (worker, options->groups [index]);
        assert (status == STINT_OK);
    }
    stint_worker_set_name (worker, options->name);
    return worker;
}

//  Says goodbye. Returns the exit code: when the broker is not there, results may not have
//  reached it.

static int
s_part (stint_worker_t *worker, const worker_options_t *options, int code)
{
    if (!stint_worker_connected (worker)) {
        fprintf (stderr,
                 "stint-worker: %s (endpoint from: %s)\n"
                 "       tasks whose results it did not hear of will run again\n",
                 stint_worker_error (worker), options->endpoint.source);
        code = EXIT_UNREACHABLE;
    }
    stint_worker_destroy (&worker);
    return code;
}

//  ---------------------------------------------------------------------------------
//  A worker

//  The first signal drains, the second ends what runs, the third does not wait for that.
//  Returns false after the third. Sets the exit code. A member leaves talking to its
//  supervisor.

static bool
s_on_worker_signal (serve_t *serve, int number, int count, bool member, int *code)
{
    if (count == 1) {
        serve_drain (serve);
        uint32_t running = serve_running (serve);
        if (running && !member)
            fprintf (
                stderr,
                "stint-worker: %u task%s still running; once more ends them and hands them "
                "back\n",
                running, running == 1 ? "" : "s");
        return true;
    }
    *code = number == SIGINT ? EXIT_INTERRUPTED : 0;
    serve_leave (serve, s_now ());
    return count == 2;
}

//  A member whose supervisor is gone belongs to nobody: it drains.

static int
s_serve (serve_t *serve, stint_worker_t *worker, exec_t *exec, int signals, int report)
{
    int code = 0;
    int count = 0;
    bool go_on = true;
    struct pollfd items [] = {{.fd = stint_worker_fd (worker), .events = POLLIN},
                              {.fd = exec_fd (exec), .events = POLLIN},
                              {.fd = signals, .events = POLLIN},
                              {.fd = report}};
    while (go_on && !serve_finished (serve)) {
        int64_t now = s_now ();
        serve_turn (serve, now);
        if (serve_finished (serve))
            break;
        poll (items, 4, s_until (serve_deadline (serve), s_now ()));
        int number = items [2].revents ? s_next_signal (signals) : 0;
        if (number)
            go_on = s_on_worker_signal (serve, number, ++count, report >= 0, &code);
        if (items [3].revents) {
            items [3].fd = -1;
            serve_drain (serve);
        }
    }
    return code;
}

//  Makes sure that every slot can have its descriptors. Returns false when it cannot.

static bool
s_allow_descriptors (uint32_t slots)
{
    rlim_t needed = (rlim_t) slots * EXEC_DESCRIPTORS_PER_SLOT + DESCRIPTORS_SPARE;
    struct rlimit limit;
    getrlimit (RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= needed)
        return true;
    rlim_t most = limit.rlim_max;
    limit.rlim_cur = needed < most ? needed : most;
    if (needed <= most && setrlimit (RLIMIT_NOFILE, &limit) == 0)
        return true;
    fprintf (stderr,
             "stint-worker: --slots %u needs %llu open files, and %llu are allowed\n"
             "       ulimit -n shows the limit\n",
             slots, (unsigned long long) needed, (unsigned long long) most);
    return false;
}

static int
s_run_worker (const worker_options_t *options)
{
    if (!s_allow_descriptors (options->slots))
        return EXIT_CONFIGURATION;
    int signals = s_open_signals ();
    int report = options->member ? POOL_REPORT_FD : -1;
    exec_settings_t settings = {.shell = options->shell,
                                .argv = options->argv,
                                .worker = options->name,
                                .slots = options->slots,
                                .time_limit_ms = options->time_limit_ms,
                                .grace_ms = options->grace_ms};
    exec_t *exec = exec_new (&settings);
    stint_worker_t *worker = s_new_worker (options);
    serve_t *serve =
        serve_new (worker, exec, options->slots, options->endpoint.address, report);
    if (!options->member)
        s_print_start (options);

    int code = s_serve (serve, worker, exec, signals, report);
    exec_destroy (&exec);
    serve_destroy (&serve);
    code = s_part (worker, options, code);
    close (signals);
    return code;
}

//  ---------------------------------------------------------------------------------
//  A pool

//  Returns how many tasks wait or run in the groups, as the broker said last. The worker
//  that asks holds no task itself.

static uint64_t
s_backlog (stint_worker_t *worker)
{
    stint_attempt_t *attempt;
    while ((attempt = stint_worker_next (worker, 0)))
        stint_attempt_return (&attempt);
    return stint_worker_connected (worker) ? stint_worker_backlog (worker) : 0;
}

static int
s_supervise (pool_t *pool, stint_worker_t *worker, const char *endpoint, int signals)
{
    int code = 0;
    int count = 0;
    bool drains = false;
    reach_t reach = reach_new (endpoint);
    struct pollfd items [] = {{.fd = stint_worker_fd (worker), .events = POLLIN},
                              {.fd = pool_fd (pool), .events = POLLIN},
                              {.fd = signals, .events = POLLIN}};
    while (count < 3) {
        int64_t now = s_now ();
        reach_turn (&reach, worker, now);
        uint64_t backlog = s_backlog (worker);
        if (!drains && stint_worker_draining (worker)) {
            drains = true;
            stint_log (STINT_LOG_INFO, "pool.draining",
                       stint_field_number ("workers", pool_members (pool)));
            pool_stop (pool);
        }
        pool_turn (pool, backlog, now);
        if (pool_finished (pool))
            break;
        int64_t deadline = pool_deadline (pool);
        deadline = deadline < reach.deadline ? deadline : reach.deadline;
        poll (items, 3, s_until (deadline, s_now ()));
        int number = items [2].revents ? s_next_signal (signals) : 0;
        if (!number)
            continue;
        if (++count > 1 && number == SIGINT)
            code = EXIT_INTERRUPTED;
        if (count == 1 && pool_members (pool))
            fprintf (stderr,
                     "stint-worker: workers still running: %u; once more ends their tasks "
                     "and hands them back\n",
                     pool_members (pool));
        pool_stop (pool);
    }
    return code;
}

static int
s_run_pool (const worker_options_t *options)
{
    int signals = s_open_signals ();
    stint_worker_t *worker = s_new_worker (options);
    stint_worker_set_capacity (worker, 0);
    pool_settings_t settings = {.limits = {.least = options->least,
                                           .most = options->most,
                                           .slots = options->slots,
                                           .idle_ms = options->idle_ms},
                                .path = "/proc/self/exe",
                                .report = stderr};
    char **argv = worker_options_for_member (options, &settings.name);
    settings.argv = argv;
    pool_t *pool = pool_new (&settings);
    s_print_start (options);

    int code = s_supervise (pool, worker, options->endpoint.address, signals);
    pool_destroy (&pool);
    worker_options_free_member (&argv);
    code = s_part (worker, options, code);
    close (signals);
    return code;
}

int
main (int argc, char **argv)
{
    worker_options_t options;
    int code = worker_options_load (&options, argc, argv);
    if (code != WORKER_OPTIONS_GO_ON)
        return code;
    stint_log_start (stint_log_level (options.log));
    code = options.pool ? s_run_pool (&options) : s_run_worker (&options);
    stint_log_repeats (true);
    worker_options_unload (&options);
    return code;
}
