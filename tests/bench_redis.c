//  bench_redis: tasks that go through two lists of Redis, safely or fast
//  SPDX-License-Identifier: MPL-2.0
//
//  redis      A worker moves tasks to a list of its own (BLMOVE for the first, LMOVE for
//             those that are there as well), does them, and in one pipeline pushes the
//             results, trims its list and asks for more. What a worker held when it died
//             is in its list.
//  redis-pop  A worker pops tasks (BLMPOP COUNT), which are lost if it dies.
//
//  The client pushes by one connection and pops results by another, where the next BLMPOP
//  is sent before the results of the last are looked at. Durable is appendfsync always:
//  what came in a turn is on disk before any of it is answered.

#include "bench_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 256  //  Tasks that a worker takes at a time, results that the client does

typedef struct {
    bench_tally_t *tally;    //  Takes the results
    uint8_t *payload;        //  A task; its number is filled in
    size_t size;             //  Bytes of it
    bench_stream_t tasks;    //  Where tasks are pushed
    bench_stream_t results;  //  Where results are popped
} side_t;

typedef struct {
    bench_stream_t stream;            //  To the server
    size_t size;                      //  Bytes of a task
    uint64_t index;                   //  The worker's number
    uint64_t answers [BATCH_MAX][2];  //  Of the tasks taken
    size_t count;                     //  How many
} worker_t;

//  Returns the number of the next line, which has to begin with that type.

static long
s_number (bench_stream_t *stream, char type)
{
    stint_bytes_t line = bench_stream_line (stream);
    const char *text = (const char *) line.data;
    if (*text != type)
        bench_fail ("redis says %.100s", text);
    return strtol (text + 1, NULL, 10);
}

//  Returns the bytes of a bulk string of this size, whose first line was read.

static const uint8_t *
s_bulk (bench_stream_t *stream, long size, size_t wanted)
{
    if (size < 0 || (size_t) size != wanted)
        bench_fail ("redis gives %ld bytes for %zu", size, wanted);
    return bench_stream_take (stream, wanted + 2);
}

//  Reads how many values a BLMPOP gives, which come next.

static long
s_popped (bench_stream_t *stream)
{
    if (s_number (stream, '*') != 2)
        bench_fail ("redis gives no list");
    s_number (stream, '$');
    bench_stream_line (stream);
    return s_number (stream, '*');
}

static void
s_add_pop (bench_stream_t *stream, const char *list, uint32_t count)
{
    char number [16];
    int digits = snprintf (number, sizeof number, "%u", count);
    bench_stream_print (stream,
                        "*7\r\n$6\r\nBLMPOP\r\n$1\r\n0\r\n$1\r\n1\r\n$%zu\r\n%s\r\n"
                        "$5\r\nRIGHT\r\n$5\r\nCOUNT\r\n$%d\r\n%s\r\n",
                        strlen (list), list, digits, number);
}

static void
s_add_push (bench_stream_t *stream, const char *list, size_t count)
{
    bench_stream_print (stream, "*%zu\r\n$5\r\nLPUSH\r\n$%zu\r\n%s\r\n", count + 2,
                        strlen (list), list);
}

//  The answers to pushes are not waited for, but an error must not go by.

static void
s_look_at_answers (bench_stream_t *stream)
{
    if (!bench_stream_read (stream))
        bench_fail ("redis has closed the connection");
    stint_bytes_t answers = bench_stream_peek (stream);
    const uint8_t *error = memchr (answers.data, '-', answers.size);
    if (error != NULL)
        bench_fail ("redis says %.*s", (int) (answers.data + answers.size - error), error);
    bench_stream_take (stream, answers.size);
}

static void
s_push (void *argument, uint64_t first, uint32_t count)
{
    side_t *self = argument;
    char head [32];
    size_t head_size = (size_t) snprintf (head, sizeof head, "$%zu\r\n", self->size);
    s_add_push (&self->tasks, "tasks", count);
    for (uint64_t task = first; task < first + count; task++) {
        uint8_t *at = bench_stream_room (&self->tasks, head_size + self->size + 2);
        memcpy (self->payload, &task, sizeof task);
        memcpy (at, head, head_size);
        memcpy (at + head_size, self->payload, self->size);
        memcpy (at + head_size + self->size, "\r\n", 2);
    }
    self->tally->pushed += count;
    bench_stream_flush (&self->tasks);
    s_look_at_answers (&self->tasks);
}

static uint32_t
s_pull (void *argument)
{
    side_t *self = argument;
    long count = s_popped (&self->results);
    s_add_pop (&self->results, "results", BATCH_MAX);
    bench_stream_flush (&self->results);
    for (long result = 0; result < count; result++) {
        long size = s_number (&self->results, '$');
        bench_take (self->tally, s_bulk (&self->results, size, 16), 16);
    }
    return (uint32_t) count;
}

static void
s_open (const bench_t *bench, bench_tally_t *tally, bench_way_t *way)
{
    static side_t self;
    self.tally = tally;
    self.size = bench->payload;
    self.payload = bench_payload (bench->payload);
    bench_stream_open (&self.tasks, bench);
    bench_stream_open (&self.results, bench);
    self.tasks.tally = self.results.tally = tally;
    s_add_pop (&self.results, "results", BATCH_MAX);
    bench_stream_flush (&self.results);
    *way = (bench_way_t){s_push, s_pull, &self, bench_stream_chunk (bench), 0};
}

//  Connects, and returns how many tasks to take at a time, at most.

static uint32_t
s_begin (worker_t *self, const bench_t *bench, uint32_t index)
{
    bench_stream_open (&self->stream, bench);
    self->size = bench->payload;
    self->index = index;
    return bench_stream_chunk (bench);
}

static void
s_do (worker_t *self, long size)
{
    const uint8_t *payload = s_bulk (&self->stream, size, self->size);
    bench_do (payload, self->size, self->index, self->answers [self->count++]);
}

//  Adds the results of all tasks that were taken.

static void
s_add_answers (worker_t *self)
{
    s_add_push (&self->stream, "results", self->count);
    for (size_t task = 0; task < self->count; task++) {
        uint8_t *at = bench_stream_room (&self->stream, 23);
        memcpy (at, "$16\r\n", 5);
        memcpy (at + 5, self->answers [task], 16);
        memcpy (at + 21, "\r\n", 2);
    }
}

static _Noreturn void
s_work_popping (const bench_t *bench, uint32_t index)
{
    static worker_t self;
    uint32_t most = s_begin (&self, bench, index);
    s_add_pop (&self.stream, "tasks", most);
    for (;;) {
        bench_stream_flush (&self.stream);
        long count = s_popped (&self.stream);
        for (self.count = 0; self.count < (size_t) count;)
            s_do (&self, s_number (&self.stream, '$'));
        s_add_answers (&self);
        s_add_pop (&self.stream, "tasks", most);
        bench_stream_flush (&self.stream);
        s_number (&self.stream, ':');
    }
}

//  Asks for one task, as soon as there is one, and for those that are there besides.

static void
s_add_moves (worker_t *self, uint32_t besides)
{
    char where [16];
    int size = snprintf (where, sizeof where, "doing%u", (uint32_t) self->index);
    bench_stream_print (&self->stream,
                        "*6\r\n$6\r\nBLMOVE\r\n$5\r\ntasks\r\n$%d\r\n%s\r\n"
                        "$5\r\nRIGHT\r\n$4\r\nLEFT\r\n$1\r\n0\r\n",
                        size, where);
    for (uint32_t task = 0; task < besides; task++)
        bench_stream_print (&self->stream,
                            "*5\r\n$5\r\nLMOVE\r\n$5\r\ntasks\r\n$%d\r\n%s\r\n"
                            "$5\r\nRIGHT\r\n$4\r\nLEFT\r\n",
                            size, where);
}

//  Takes the tasks that were answered from the worker's list: its oldest are on the right.

static void
s_add_trim (worker_t *self)
{
    char where [16], end [16];
    int size = snprintf (where, sizeof where, "doing%u", (uint32_t) self->index);
    int digits = snprintf (end, sizeof end, "-%zu", self->count + 1);
    bench_stream_print (&self->stream,
                        "*4\r\n$5\r\nLTRIM\r\n$%d\r\n%s\r\n$1\r\n0\r\n$%d\r\n%s\r\n", size,
                        where, digits, end);
}

//  Asks for twice as many when all came that it asked for, or else for what came.

static _Noreturn void
s_work_moving (const bench_t *bench, uint32_t index)
{
    static worker_t self;
    uint32_t most = s_begin (&self, bench, index), besides = 0;
    s_add_moves (&self, besides);
    for (;;) {
        bench_stream_flush (&self.stream);
        self.count = 0;
        for (uint32_t reply = 0; reply <= besides; reply++) {
            long size = s_number (&self.stream, '$');
            if (size != -1)
                s_do (&self, size);
        }
        besides = self.count > besides ? besides * 2 + 1 : (uint32_t) self.count;
        if (besides > most - 1)
            besides = most - 1;
        s_add_answers (&self);
        s_add_trim (&self);
        s_add_moves (&self, besides);
        bench_stream_flush (&self.stream);
        s_number (&self.stream, ':');
        s_number (&self.stream, '+');
    }
}

static void
s_serve (const bench_t *bench)
{
    const char *words [20] = {"redis-server", "--save", "", "--databases", "1"};
    size_t count = 5;
    char port [8];
    snprintf (port, sizeof port, "%u", bench->port);
    words [count++] = "--port";
    words [count++] = port;
    words [count++] = bench->port ? "--bind" : "--unixsocket";
    words [count++] = bench->port ? "127.0.0.1" : bench->socket;
    words [count++] = "--appendonly";
    words [count++] = bench->store ? "yes" : "no";
    if (bench->store) {
        //  The log is not rewritten while it is measured.
        static const char *const durable [] = {
            "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0", "--dir"};
        memcpy (words + count, durable, sizeof durable);
        words [count + 5] = bench->store;
    }
    bench_become (bench, words);
}

const bench_peer_t bench_redis = {
    .name = "redis", .serve = s_serve, .work = s_work_moving, .open = s_open};

const bench_peer_t bench_redis_pop = {
    .name = "redis-pop", .serve = s_serve, .work = s_work_popping, .open = s_open};
