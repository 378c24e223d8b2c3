//  bench_client: the client of a benchmark: warms up, measures, and misses no result
//  SPDX-License-Identifier: MPL-2.0

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SAMPLES_MAX (1u << 22)

static int
s_compare (const void *left, const void *right)
{
    float a = *(const float *) left, b = *(const float *) right;
    return (a > b) - (a < b);
}

void
bench_carry (bench_tally_t *tally, const bench_way_t *way, uint32_t window)
{
    while (tally->pushed - tally->taken + way->chunk <= window) {
        if (tally->pushed + way->chunk > BENCH_TASKS_MAX)
            bench_fail ("more tasks than can be counted");
        way->push (way->self, tally->pushed, way->chunk);
    }
    way->pull (way->self);
}

void
bench_collect (bench_tally_t *tally, const bench_way_t *way)
{
    while (tally->taken < tally->pushed)
        way->pull (way->self);
}

//  Keeps the window full until the time is over, then receives what is missing.

static void
s_flow (bench_tally_t *tally, const bench_way_t *way, double seconds)
{
    double start = bench_seconds (CLOCK_MONOTONIC);
    while (bench_seconds (CLOCK_MONOTONIC) - start < seconds)
        bench_carry (tally, way, way->window);
    bench_collect (tally, way);
}

//  For a tenth of a second, and until each worker has answered.

static void
s_warm_up (bench_tally_t *tally, const bench_way_t *way, const bench_t *bench)
{
    uint32_t window = way->window > way->chunk ? way->window : way->chunk * 4;
    double start = bench_seconds (CLOCK_MONOTONIC), passed = 0;
    while (passed < 0.1 || !bench_all_have_answered (tally, bench->workers)) {
        if (passed > 20)
            bench_fail ("a worker does not answer");
        bench_carry (tally, way, window);
        passed = bench_seconds (CLOCK_MONOTONIC) - start;
    }
    bench_collect (tally, way);
}

//  Measures how long one task takes, one after another until the time is over.
static void
s_latency (bench_tally_t *tally, const bench_way_t *way, double seconds,
           bench_report_t *report)
{
    float *samples = calloc (SAMPLES_MAX, sizeof *samples);
    size_t count = 0;
    if (samples == NULL)
        bench_fail ("no memory");
    double start = bench_seconds (CLOCK_MONOTONIC), now = start;
    while (now - start < seconds && count < SAMPLES_MAX) {
        double sent = now;
        way->push (way->self, tally->pushed, 1);
        bench_collect (tally, way);
        now = bench_seconds (CLOCK_MONOTONIC);
        samples [count++] = (float) ((now - sent) * 1e6);
    }
    qsort (samples, count, sizeof *samples, s_compare);
    report->p50 = (double) samples [count / 2];
    report->p99 = (double) samples [count * 99 / 100];
    report->p999 = (double) samples [count * 999 / 1000];
    free (samples);
}

void
bench_client (const bench_t *bench, int output)
{
    static bench_tally_t tally;
    static bench_way_t way;
    bench_report_t report = {0};
    clockid_t clock;
    bench_tally_init (&tally, bench->payload);
    bench->peer->open (bench, &tally, &way);
    if (way.window == 0 || way.window > bench->window)
        way.window = bench->window;
    else if (way.chunk > way.window / 4)
        way.chunk = (way.window + 3) / 4;
    s_warm_up (&tally, &way, bench);

    if (clock_getcpuclockid (bench->server, &clock) != 0)
        bench_fail ("the server's CPU time cannot be read");
    uint64_t before = tally.taken;
    double used = bench_seconds (clock), start = bench_seconds (CLOCK_MONOTONIC);
    if (bench->window == 1)
        s_latency (&tally, &way, bench->seconds, &report);
    else
        s_flow (&tally, &way, bench->seconds);
    report.seconds = bench_seconds (CLOCK_MONOTONIC) - start;
    report.cpu = bench_seconds (clock) - used;
    report.tasks = tally.taken - before;
    if (tally.taken != tally.pushed)
        bench_fail ("%llu results for %llu tasks", (unsigned long long) tally.taken,
                    (unsigned long long) tally.pushed);
    if (write (output, &report, sizeof report) != sizeof report)
        bench_fail ("the report cannot be written");
}
