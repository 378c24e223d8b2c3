//  bench_beanstalkd: tasks that go through beanstalkd, results through a second tube
//  SPDX-License-Identifier: MPL-2.0
//
//  Who takes jobs waits for the first and asks in the same pipeline for others that are
//  there as well; for twice as many when all came that were asked for. The answers of a
//  batch, its deletes and the next batch go together. Durable is a log that is forced to
//  the disk at each write (-f0).

#include "bench_stream.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOB_MAX "1073741824"  //  Bytes that a job may have, the most that is allowed
#define BATCH_MAX 256         //  Jobs that are taken at a time
#define DURABLE_WINDOW 512  //  More would be written first, for seconds, and answered later

//  Somebody who takes jobs from one tube.

typedef struct {
    bench_stream_t stream;         //  To the server
    uint64_t numbers [BATCH_MAX];  //  Of the jobs taken, as beanstalkd counts
    uint32_t count;                //  How many
    uint32_t asked;                //  Replies that are to come for this batch
    uint32_t besides;              //  Jobs asked for besides the first
    uint32_t most;                 //  As many as make a batch
} taker_t;

typedef struct {
    bench_tally_t *tally;  //  Takes the results
    uint8_t *payload;      //  A task; its number is filled in
    size_t size;           //  Bytes of it
    bench_stream_t tasks;  //  Where tasks are put
    taker_t taker;         //  Of results
} side_t;

static void
s_add_put (bench_stream_t *stream, const void *data, size_t size)
{
    bench_stream_print (stream, "put 0 0 3600 %zu\r\n", size);
    bench_stream_add (stream, data, size);
    bench_stream_add (stream, "\r\n", 2);
}

//  ---------------------------------------------------------------------------------
//  Who takes jobs

static void
s_ask (taker_t *self)
{
    bench_stream_print (&self->stream, "reserve\r\n");
    for (uint32_t job = 0; job < self->besides; job++)
        bench_stream_print (&self->stream, "reserve-with-timeout 0\r\n");
    bench_stream_flush (&self->stream);
    self->asked = self->besides + 1;
    self->count = 0;
}

static void
s_begin (taker_t *self, const bench_t *bench, const char *tube)
{
    *self = (taker_t){.most = bench_stream_chunk (bench)};
    bench_stream_open (&self->stream, bench);
    bench_stream_print (&self->stream, "use results\r\nwatch %s\r\nignore default\r\n",
                        tube);
    s_ask (self);
}

//  Returns the next job of a batch; or null data when it has no more, or what was asked for
//  besides was not there.

static stint_bytes_t
s_next (taker_t *self)
{
    while (self->asked > 0) {
        const char *text = (const char *) bench_stream_line (&self->stream).data;
        if (strncmp (text, "RESERVED ", 9) == 0) {
            char *rest;
            self->numbers [self->count++] = strtoull (text + 9, &rest, 10);
            size_t size = strtoul (rest, NULL, 10);
            self->asked--;
            return (stint_bytes_t){bench_stream_take (&self->stream, size + 2), size};
        }
        if (strcmp (text, "TIMED_OUT") == 0)
            self->asked--;
        else if (strncmp (text, "INSERTED ", 9) != 0 && strcmp (text, "DELETED") != 0
                 && strncmp (text, "WATCHING ", 9) != 0 && strncmp (text, "USING ", 6) != 0)
            bench_fail ("beanstalkd says %.100s", text);
    }
    return (stint_bytes_t){NULL, 0};
}

//  Deletes the jobs of a batch and asks for the next.

static void
s_finish (taker_t *self)
{
    for (uint32_t job = 0; job < self->count; job++)
        bench_stream_print (&self->stream, "delete %llu\r\n",
                            (unsigned long long) self->numbers [job]);
    self->besides = self->count > self->besides ? self->besides * 2 + 1 : self->count;
    if (self->besides > self->most - 1)
        self->besides = self->most - 1;
    s_ask (self);
}

//  ---------------------------------------------------------------------------------
//  The client's side, and the worker

//  The answers to puts are not waited for, but an error must not go by.

static void
s_look_at_answers (bench_stream_t *stream)
{
    if (!bench_stream_read (stream))
        bench_fail ("beanstalkd has closed the connection");
    for (;;) {
        stint_bytes_t answers = bench_stream_peek (stream);
        if (memchr (answers.data, '\n', answers.size) == NULL)
            return;
        const char *text = (const char *) bench_stream_line (stream).data;
        if (strncmp (text, "INSERTED ", 9) != 0 && strncmp (text, "USING ", 6) != 0)
            bench_fail ("beanstalkd says %.100s", text);
    }
}

static void
s_push (void *argument, uint64_t first, uint32_t count)
{
    side_t *self = argument;
    for (uint64_t task = first; task < first + count; task++) {
        memcpy (self->payload, &task, sizeof task);
        s_add_put (&self->tasks, self->payload, self->size);
    }
    self->tally->pushed += count;
    bench_stream_flush (&self->tasks);
    s_look_at_answers (&self->tasks);
}

//  Waits for the first job of a batch. Puts are answered meanwhile, and when nobody reads
//  that, beanstalkd takes no more of them.

static void
s_wait (side_t *self)
{
    struct pollfd items [] = {{self->tasks.file, POLLIN, 0},
                              {self->taker.stream.file, POLLIN, 0}};
    while (bench_stream_peek (&self->taker.stream).size == 0) {
        if (poll (items, 2, BENCH_PATIENCE_MS) == 0)
            bench_fail ("%llu results are missing",
                        (unsigned long long) (self->tally->pushed - self->tally->taken));
        if (items [0].revents)
            s_look_at_answers (&self->tasks);
        if (items [1].revents)
            bench_stream_fill (&self->taker.stream);
    }
}

static uint32_t
s_pull (void *argument)
{
    side_t *self = argument;
    stint_bytes_t result;
    s_wait (self);
    while ((result = s_next (&self->taker)).data != NULL)
        bench_take (self->tally, result.data, result.size);
    uint32_t count = self->taker.count;
    s_finish (&self->taker);
    return count;
}

static void
s_open (const bench_t *bench, bench_tally_t *tally, bench_way_t *way)
{
    static side_t self;
    self.tally = tally;
    self.size = bench->payload;
    self.payload = bench_payload (bench->payload);
    bench_stream_open (&self.tasks, bench);
    bench_stream_print (&self.tasks, "use tasks\r\n");
    s_begin (&self.taker, bench, "results");
    self.tasks.tally = self.taker.stream.tally = tally;
    *way = (bench_way_t){s_push, s_pull, &self, bench_stream_chunk (bench),
                         bench->store ? DURABLE_WINDOW : 0};
}

static _Noreturn void
s_work (const bench_t *bench, uint32_t index)
{
    static taker_t self;
    s_begin (&self, bench, "tasks");
    for (;;) {
        stint_bytes_t payload;
        while ((payload = s_next (&self)).data != NULL) {
            uint64_t answer [2];
            bench_do (payload.data, payload.size, index, answer);
            s_add_put (&self.stream, answer, sizeof answer);
        }
        s_finish (&self);
    }
}

static void
s_serve (const bench_t *bench)
{
    char address [160], port [8];
    const char *words [20] = {"beanstalkd", "-z", JOB_MAX, "-l", address, "-p", port};
    size_t count = 7;
    snprintf (address, sizeof address, bench->port ? "127.0.0.1" : "unix:%s",
              bench->socket);
    snprintf (port, sizeof port, "%u", bench->port);
    if (bench->store) {
        words [count++] = "-b";
        words [count++] = bench->store;
        words [count++] = "-f0";
    }
    bench_become (bench, words);
}

const bench_peer_t bench_beanstalkd = {
    .name = "beanstalkd", .serve = s_serve, .work = s_work, .open = s_open};
