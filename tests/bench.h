//  bench: tasks whose results can be checked, and the loops that measure a way to do them
//  SPDX-License-Identifier: MPL-2.0
//
//  A task is a payload of 64-bit words: its number, then words that are the same in every
//  task. Whoever does it adds the words up and answers with 16 bytes: the number, and the
//  sum with its own index in the highest byte. The tally takes each answer once.
//
//  A way (the broker, or a bare relay) says how tasks are sent and results received; the
//  loops are the same for all of them. Whatever goes wrong ends the process with one line,
//  and at once: a context with messages on their way would keep exit () waiting.

#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include "stint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define BENCH_WORKERS 2
#define BENCH_PATIENCE_MS 20000  //  Longest wait for the next result
#define BENCH_TASKS_MAX (UINT64_C (1) << 28)
#define BENCH_SAMPLES_MAX (1u << 22)

//  What to measure, from the command line.

typedef struct {
    const char *broker;   //  Program to measure; null in the relay
    const char *store;    //  Its store, empty and on a real disk; null when volatile
    const char *socket;   //  Path for the ipc socket
    size_t payload;       //  Bytes of a task, a multiple of 8
    uint32_t pack;        //  Tasks in a message, for the relay
    uint32_t window;      //  Tasks in flight; 1 measures latency instead of throughput
    double seconds;       //  How long to go on sending
    pid_t server;         //  The broker or the relay, once started
    char endpoint [128];  //  ipc:// and the socket
} bench_t;

//  How tasks are carried. The index of the first task counts from zero.

typedef struct {
    void (*push) (void *self, uint64_t first, uint32_t count);  //  Sends that many tasks
    uint32_t (*pull) (void *self);  //  Waits for results; returns how many the tally took
    void *self;                     //  What both are called with
    uint32_t chunk;                 //  Tasks that push is given at a time
} bench_way_t;

//  Which results have come, and from whom.

typedef struct {
    uint64_t *seen;                 //  One bit a task
    uint64_t pushed;                //  Tasks sent
    uint64_t taken;                 //  Results that came
    uint64_t from [BENCH_WORKERS];  //  Results by worker
    uint64_t base;                  //  Sum of the words behind the number
} bench_tally_t;

//  What one measurement gave; written as one line of JSON.

typedef struct {
    uint64_t tasks;  //  Carried within the time
    double seconds;  //  From the first task sent to the last result
    double cpu;      //  Seconds of CPU that the server used meanwhile
    double p50;      //  Latency in microseconds, when the window is 1
    double p99;      //  The same
    double p999;     //  The same
} bench_report_t;

static inline _Noreturn __attribute__ ((format (printf, 1, 2))) void
bench_fail (const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    fputs ("bench: WRONG: ", stderr);
    vfprintf (stderr, format, arguments);
    fputc ('\n', stderr);
    va_end (arguments);
    _exit (1);
}

//  Returns the seconds of a clock.
static inline double
bench_seconds (clockid_t clock)
{
    struct timespec time;
    if (clock_gettime (clock, &time) != 0)
        bench_fail ("a clock cannot be read");
    return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

//  Adds up the words of a payload.
static inline uint64_t
bench_sum (const uint8_t *data, size_t size)
{
    uint64_t sum = 0, word;
    for (size_t at = 0; at < size; at += sizeof word) {
        memcpy (&word, data + at, sizeof word);
        sum += word;
    }
    return sum;
}

//  Fills a payload, all but its number.
static inline void
bench_fill (uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size; at += sizeof (uint64_t)) {
        uint64_t word = at * UINT64_C (0x9e3779b97f4a7c15);
        memcpy (data + at, &word, sizeof word);
    }
}

//  Does a task as worker number index.
static inline void
bench_do (const uint8_t *payload, size_t size, uint64_t index, uint64_t answer [2])
{
    memcpy (&answer [0], payload, sizeof answer [0]);
    answer [1] = (bench_sum (payload, size) & (UINT64_MAX >> 8)) | index << 56;
}

//  Takes one result, which must be of a task that was sent, come once, and be right.
static inline void
bench_take (bench_tally_t *tally, const uint8_t *data, size_t size)
{
    uint64_t answer [2];
    if (size != sizeof answer)
        bench_fail ("a result of %zu bytes", size);
    memcpy (answer, data, size);
    uint64_t task = answer [0], worker = answer [1] >> 56;
    if (task >= tally->pushed || worker >= BENCH_WORKERS)
        bench_fail ("a result of a task that nobody sent");
    if ((answer [1] ^ (tally->base + task)) & (UINT64_MAX >> 8))
        bench_fail ("task %llu has a wrong result", (unsigned long long) task);
    if (tally->seen [task / 64] >> task % 64 & 1)
        bench_fail ("task %llu has two results", (unsigned long long) task);
    tally->seen [task / 64] |= UINT64_C (1) << task % 64;
    tally->taken++;
    tally->from [worker]++;
}

#endif
