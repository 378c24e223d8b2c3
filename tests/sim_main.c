//  sim: runs simulated worlds, and says what was seen in them
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: sim [--seed N] [--seeds N] [--seconds S] [--events N] [--recoveries N]
//             [--within S] [--processes N] [--go-on] [--mutant]
//
//  Runs the worlds of N seeds from the first one on (by chance, when not given), and more
//  until that many seconds, events and recoveries are reached, or until --within seconds
//  are over. Exits with 1 and the shortest story when a promise was broken, or when there
//  were events enough and a rare one that has to come never came. With --seed alone it
//  tells the story of that seed. With --go-on it counts all worlds in which a promise is
//  broken, not the first one. With --mutant it prints one line and nothing more.

#include "sim_shrink.h"

#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES_MAX 64
#define WORLD_SECONDS 5        //  Most that one world may take
#define RARE_EVENTS 100000000  //  With that many events, each rare one has to come

typedef struct {
    uint64_t seed;        //  First one
    uint64_t seeds;       //  How many at least
    uint64_t events;      //  and how many of these
    uint64_t recoveries;  //  and of these
    uint64_t seconds;     //  and how long
    uint64_t within;      //  and how long at most; 0: as long as that takes
    uint64_t processes;   //  Side by side
    bool seeded;          //  The seed was given,
    bool amount;          //  and how much
    bool going_on;        //  behind a broken promise
    bool mutant;          //  Says one line
} s_options_t;

//  What a process says at its end.

typedef struct {
    sim_counts_t counts;
    uint64_t failed;  //  Seed of a broken promise; 0 for none
    char promise [16];
    char fault [240];
} s_report_t;

//  ---------------------------------------------------------------------------------
//  Guards: what goes wrong in the code under test ends a world, not the program

static sim_t *s_world;
static sigjmp_buf s_guard;

static void
s_caught (const char *promise, const char *text, const char *file, unsigned line)
{
    s_world->promise = promise;
    s_world->counts.broken [sim_kind (promise)]++;
    snprintf (s_world->fault, sizeof s_world->fault, "%s (%s:%u)", text, file, line);
    siglongjmp (s_guard, 1);
}

//  Takes the place of the C library's: an assertion that does not hold.

void
__assert_fail (const char *assertion, const char *file, unsigned line, const char *function)
{
    (void) function;
    if (s_world)
        s_caught ("assert", assertion, file, line);
    fprintf (stderr, "%s:%u: %s\n", file, line, assertion);
    abort ();
}

static void
s_on_signal (int number)
{
    s_caught (number == SIGVTALRM ? "hang" : "signal", strsignal (number), "signal", 0);
}

static void
s_guard_signals (void)
{
    static uint8_t stack [65536];
    sigaltstack (&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    struct sigaction action = {.sa_handler = s_on_signal, .sa_flags = SA_ONSTACK};
    const int numbers [] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGVTALRM};
    for (size_t index = 0; index < sizeof numbers / sizeof numbers [0]; index++)
        sigaction (numbers [index], &action, NULL);
}

bool
sim_guarded (sim_t *world, const sim_plan_t *plan)
{
    s_world = world;
    setitimer (ITIMER_VIRTUAL, &(struct itimerval){.it_value = {WORLD_SECONDS, 0}}, NULL);
    bool well = sigsetjmp (s_guard, 1) == 0 && sim_live (world, plan);
    s_world = NULL;
    return well;
}

//  ---------------------------------------------------------------------------------
//  One process

static sim_t *
s_new_world (void)
{
    sim_t *world = calloc (1, sizeof *world);
    if (!world)
        abort ();
    world->broker.waits = calloc (32768, sizeof (sim_said_t));
    world->broker.ready = calloc (32768, sizeof (sim_said_t));
    if (!world->broker.waits || !world->broker.ready)
        abort ();
    return world;
}

static double
s_clock (void)
{
    struct timespec at;
    clock_gettime (CLOCK_MONOTONIC, &at);
    return (double) at.tv_sec + (double) at.tv_nsec / 1e9;
}

//  A world that lives twice has to live the same life.

static bool
s_repeats (sim_t *world, const sim_plan_t *plan)
{
    uint64_t hash = world->hash;
    sim_counts_t *counts = malloc (sizeof *counts);
    if (!counts)
        abort ();
    *counts = world->counts;
    bool well = sim_guarded (world, plan);
    world->counts = *counts;
    free (counts);
    if (well && hash != world->hash) {
        world->promise = "repeat";
        snprintf (world->fault, sizeof world->fault, "the seed tells another story");
        well = false;
    }
    if (!well)
        world->counts.broken [sim_kind (world->promise)]++;
    return well;
}

static void
s_report (s_report_t *report, const sim_t *world, uint64_t seed)
{
    report->failed = seed;
    snprintf (report->promise, sizeof report->promise, "%s", world->promise);
    snprintf (report->fault, sizeof report->fault, "%s", world->fault);
}

//  Each process does its part of all. The clock is asked now and then only.

static bool
s_has_done (const s_options_t *options, const sim_counts_t *counts, uint64_t done,
            double lasted)
{
    if (options->within && lasted >= (double) options->within)
        return true;
    return done * options->processes >= options->seeds
           && counts->events * options->processes >= options->events
           && counts->recoveries * options->processes >= options->recoveries
           && lasted >= (double) options->seconds;
}

static void
s_run (const s_options_t *options, uint32_t part, s_report_t *report)
{
    sim_t *world = s_new_world ();
    sim_plan_t plan;
    double began = s_clock ();
    uint64_t done = 0;
    for (uint64_t seed = options->seed + part;; seed += options->processes) {
        if (done % 16 == 0
            && s_has_done (options, &world->counts, done, s_clock () - began))
            break;
        done++;
        sim_draw (&plan, seed);
        bool well = sim_guarded (world, &plan);
        if (well && seed % 512 == 0)
            well = s_repeats (world, &plan);
        if (!well && !report->failed)
            s_report (report, world, seed);
        if (!well && !options->going_on)
            break;
    }
    report->counts = world->counts;
}

//  ---------------------------------------------------------------------------------
//  All of them

static void
s_add (sim_counts_t *sum, const sim_counts_t *part)
{
    uint64_t *to = (uint64_t *) sum;
    const uint64_t *from = (const uint64_t *) part;
    for (size_t index = 0; index < sizeof *sum / sizeof *to; index++)
        to [index] += from [index];
}

static int
s_spawn (const s_options_t *options, uint32_t part, pid_t *pid)
{
    int ends [2];
    if (pipe (ends) != 0)
        abort ();
    *pid = fork ();
    if (*pid == 0) {
        s_report_t report = {0};
        close (ends [0]);
        s_guard_signals ();
        s_run (options, part, &report);
        ssize_t written = write (ends [1], &report, sizeof report);
        _exit (written == (ssize_t) sizeof report ? 0 : 1);
    }
    close (ends [1]);
    return ends [0];
}

//  Hears all processes. When one has found something, the others need not go on.

static bool
s_gather (const s_options_t *options, s_report_t *sum)
{
    struct pollfd ends [PROCESSES_MAX];
    pid_t pids [PROCESSES_MAX];
    bool whole = true;
    for (uint32_t part = 0; part < options->processes; part++)
        ends [part] = (struct pollfd){s_spawn (options, part, &pids [part]), POLLIN, 0};
    for (uint64_t left = options->processes; left > 0;) {
        poll (ends, (nfds_t) options->processes, -1);
        for (uint32_t part = 0; part < options->processes; part++) {
            s_report_t report = {0};
            if (ends [part].fd < 0 || !ends [part].revents)
                continue;
            ssize_t size = read (ends [part].fd, &report, sizeof report);
            close (ends [part].fd);
            ends [part].fd = -1;
            left--;
            waitpid (pids [part], NULL, 0);
            pids [part] = 0;
            whole &= size == (ssize_t) sizeof report || sum->failed;
            s_add (&sum->counts, &report.counts);
            if (report.failed && !sum->failed) {
                sum->failed = report.failed;
                memcpy (sum->promise, report.promise, sizeof sum->promise);
                memcpy (sum->fault, report.fault, sizeof sum->fault);
                for (uint32_t other = 0; other < options->processes; other++) {
                    if (pids [other] > 0 && !options->going_on)
                        kill (pids [other], SIGKILL);
                }
            }
        }
    }
    return whole;
}

//  Tells how the first promise that was broken comes to that.

static void
s_tell (const s_report_t *sum)
{
    printf ("sim: seed %lu breaks %s: %s\n", sum->failed, sum->promise, sum->fault);
    sim_plan_t plan;
    sim_t *world = s_new_world ();
    s_guard_signals ();
    sim_draw (&plan, sum->failed);
    if (!sim_guarded (world, &plan))
        sim_shrink (world, &plan);
    printf ("sim: this story again: sim --seed %lu\n", sum->failed);
}

static int
s_judge (const s_options_t *options, const s_report_t *sum, double seconds)
{
    const sim_counts_t *counts = &sum->counts;
    sim_counts_print (counts, seconds);
    if (sum->failed)
        s_tell (sum);
    int missing = 0;
    if (counts->events >= RARE_EVENTS)
        missing = sim_counts_missing (counts);
    if (counts->events < options->events || counts->recoveries < options->recoveries)
        printf ("sim: it stopped before %lu events and %lu recoveries\n", options->events,
                options->recoveries);
    bool well = !sum->failed && missing == 0;
    sim_counts_close (counts, well ? "ok" : "FAILED", seconds, options->seed);
    return !well;
}

static int
s_tell_one (const s_options_t *options)
{
    sim_plan_t plan;
    sim_t *world = s_new_world ();
    s_guard_signals ();
    sim_draw (&plan, options->seed);
    if (sim_guarded (world, &plan)) {
        world->tracing = true;
        sim_guarded (world, &plan);
        printf ("sim: seed %lu breaks nothing, %lu events, hash %lx\n", options->seed,
                world->world_events, world->hash);
        return 0;
    }
    sim_shrink (world, &plan);
    return 1;
}

static s_options_t
s_read_options (int argc, char **argv)
{
    static const struct option names [] = {
        {"seed", required_argument, NULL, 's'},
        {"seeds", required_argument, NULL, 'n'},
        {"seconds", required_argument, NULL, 't'},
        {"events", required_argument, NULL, 'e'},
        {"within", required_argument, NULL, 'w'},
        {"go-on", no_argument, NULL, 'g'},
        {"mutant", no_argument, NULL, 'm'},
        {"processes", required_argument, NULL, 'p'},
        {"recoveries", required_argument, NULL, 'r'},
        {NULL, 0, NULL, 0},
    };
    s_options_t options = {0};
    long processors = sysconf (_SC_NPROCESSORS_ONLN);
    options.processes = processors > 0 ? (uint64_t) processors : 1;
    uint64_t *numbers [128] = {
        ['s'] = &options.seed,     ['n'] = &options.seeds,  ['t'] = &options.seconds,
        ['e'] = &options.events,   ['w'] = &options.within, ['r'] = &options.recoveries,
        ['p'] = &options.processes};
    int option;
    while ((option = getopt_long (argc, argv, "", names, NULL)) != -1) {
        if (option == '?')
            exit (64);
        if (numbers [option])
            *numbers [option] = strtoull (optarg, NULL, 10);
        options.seeded |= option == 's';
        options.amount |= option == 'n' || option == 't' || option == 'e' || option == 'r';
        options.going_on |= option == 'g';
        options.mutant |= option == 'm';
    }
    if (options.processes < 1 || options.processes > PROCESSES_MAX)
        options.processes = PROCESSES_MAX;
    if (!options.amount)
        options.seeds = 10000;
    return options;
}

static uint64_t
s_new_seed (void)
{
    struct timespec at;
    clock_gettime (CLOCK_REALTIME, &at);
    uint64_t chance = (uint64_t) at.tv_sec * 1000000000 + (uint64_t) at.tv_nsec;
    return 1 + sim_random (&chance, 1000000000);
}

int
main (int argc, char **argv)
{
    //  Blocks of a megabyte come and go with each recovery: keep their memory
    mallopt (M_MMAP_THRESHOLD, 1 << 30);
    mallopt (M_TRIM_THRESHOLD, 1 << 30);
    s_options_t options = s_read_options (argc, argv);
    if (options.seeded && !options.amount)
        return s_tell_one (&options);
    if (!options.seeded)
        options.seed = s_new_seed ();
    if (!options.mutant)
        printf ("sim: the first seed is %lu\n", options.seed);
    fflush (stdout);
    double began = s_clock ();
    s_report_t sum = {0};
    bool whole = s_gather (&options, &sum);
    if (!whole && !sum.failed) {
        printf ("sim: FAILED: a process has ended without a word\n");
        return 1;
    }
    if (!options.mutant)
        return s_judge (&options, &sum, s_clock () - began);
    if (sum.failed)
        printf ("%lu %s %s %s\n", sum.counts.worlds, sim_kind_name (sim_kind (sum.promise)),
                sum.promise, sum.fault);
    return sum.failed ? 1 : 0;
}
