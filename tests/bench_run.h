//  bench_run: the client of a benchmark: warms up, measures, checks that nothing is missing
//  SPDX-License-Identifier: MPL-2.0

#ifndef TESTS_BENCH_RUN_H
#define TESTS_BENCH_RUN_H

#include "bench.h"

//  Opens the client's side of a way. The way uses the tally; both last as long as the
//  process.
typedef void (bench_open_fn) (const bench_t *bench, bench_tally_t *tally, bench_way_t *way);

static inline int
bench_compare (const void *left, const void *right)
{
    float a = *(const float *) left, b = *(const float *) right;
    return (a > b) - (a < b);
}

//  Sends and receives with the window full until the time is over, then receives what is
//  missing. To warm up, with a negative time: until that many workers have answered.
static inline void
bench_flow (bench_tally_t *tally, const bench_way_t *way, uint32_t window, double seconds)
{
    double start = bench_seconds (CLOCK_MONOTONIC);
    bool sending = true;
    while (sending || tally->taken < tally->pushed) {
        while (sending && tally->pushed - tally->taken + way->chunk <= window) {
            if (tally->pushed + way->chunk > BENCH_TASKS_MAX)
                bench_fail ("more tasks than can be counted");
            way->push (way->self, tally->pushed, way->chunk);
            double passed = bench_seconds (CLOCK_MONOTONIC) - start;
            int met = (tally->from [0] > 0) + (tally->from [1] > 0);
            if (met < -seconds && passed > 10)
                bench_fail ("a worker does not answer");
            sending = passed < (seconds < 0 ? 0.1 : seconds) || met < -seconds;
        }
        if (tally->taken < tally->pushed)
            way->pull (way->self);
    }
}

//  Measures how long one task takes, one after another until the time is over.
static inline void
bench_latency (bench_tally_t *tally, const bench_way_t *way, double seconds,
               bench_report_t *report)
{
    float *samples = calloc (BENCH_SAMPLES_MAX, sizeof *samples);
    size_t count = 0;
    if (samples == NULL)
        bench_fail ("no memory");
    double start = bench_seconds (CLOCK_MONOTONIC), now = start;
    while (now - start < seconds && count < BENCH_SAMPLES_MAX) {
        double sent = now;
        way->push (way->self, tally->pushed, 1);
        while (tally->taken < tally->pushed)
            way->pull (way->self);
        now = bench_seconds (CLOCK_MONOTONIC);
        samples [count++] = (float) ((now - sent) * 1e6);
    }
    qsort (samples, count, sizeof *samples, bench_compare);
    report->p50 = (double) samples [count / 2];
    report->p99 = (double) samples [count * 99 / 100];
    report->p999 = (double) samples [count * 999 / 1000];
    free (samples);
}

//  The client's process: warms up, measures, and writes its report.
static inline void
bench_client (const bench_t *bench, bench_open_fn *open, int output)
{
    static bench_tally_t tally;
    static bench_way_t way;
    bench_report_t report = {0};
    clockid_t clock;
    tally.seen = calloc (BENCH_TASKS_MAX / 64, sizeof *tally.seen);
    uint8_t *payload = malloc (bench->payload);
    if (tally.seen == NULL || payload == NULL)
        bench_fail ("no memory");
    bench_fill (payload, bench->payload);
    tally.base = bench_sum (payload, bench->payload);
    free (payload);
    open (bench, &tally, &way);
    bench_flow (&tally, &way, bench->window > way.chunk ? bench->window : way.chunk * 4,
                -1);

    if (clock_getcpuclockid (bench->server, &clock) != 0)
        bench_fail ("the server's CPU time cannot be read");
    uint64_t before = tally.taken;
    double used = bench_seconds (clock), start = bench_seconds (CLOCK_MONOTONIC);
    if (bench->window == 1)
        bench_latency (&tally, &way, bench->seconds, &report);
    else
        bench_flow (&tally, &way, bench->window, bench->seconds);
    report.seconds = bench_seconds (CLOCK_MONOTONIC) - start;
    report.cpu = bench_seconds (clock) - used;
    report.tasks = tally.taken - before;
    if (tally.taken != tally.pushed)
        bench_fail ("%llu results for %llu tasks", (unsigned long long) tally.taken,
                    (unsigned long long) tally.pushed);
    if (write (output, &report, sizeof report) != sizeof report)
        bench_fail ("the report cannot be written");
}

#endif
