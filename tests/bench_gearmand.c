//  bench_gearmand: tasks that go through gearmand, by its binary protocol over TCP
//  SPDX-License-Identifier: MPL-2.0
//
//  Volatile, the client submits jobs and waits for their results as Gearman means it. What
//  gearmand keeps in SQLite are background jobs only, and these have no result. So when
//  durable, a worker submits its result as a background job as well, for which the client
//  is the worker.
//
//  Who works asks for several jobs at a time, for twice as many as came until there are no
//  more, and goes to sleep when none is left.

#include "bench_stream.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define DURABLE_WINDOW 128  //  More would be written first, for seconds, and answered later

//  Types of packets that are used here, with the numbers of the protocol.

enum {
    CAN_DO = 1,
    PRE_SLEEP = 4,
    NOOP = 6,
    SUBMIT_JOB = 7,
    JOB_CREATED = 8,
    GRAB_JOB = 9,
    NO_JOB = 10,
    JOB_ASSIGN = 11,
    WORK_COMPLETE = 13,
    SUBMIT_JOB_BG = 18,
    WRONG = 19
};

typedef struct {
    uint32_t type;     //  One of those above
    uint32_t size;     //  Bytes of the body
    const char *body;  //  Texts that end with a zero, and data behind them
} packet_t;

//  Somebody who does jobs.

typedef struct {
    bench_stream_t stream;  //  To the server
    uint32_t asked;         //  Jobs asked for and not answered
    uint32_t most;          //  How many to ask for at a time
} taker_t;

//  Adds the head of a packet, of which that many bytes are to follow.

static void
s_add_head (bench_stream_t *stream, uint32_t type, size_t size)
{
    uint32_t numbers [2] = {htonl (type), htonl ((uint32_t) size)};
    bench_stream_add (stream, "\0REQ", 4);
    bench_stream_add (stream, numbers, sizeof numbers);
}

//  Adds a packet that submits a job. Its number is what tells kept jobs apart; the others
//  need none, which spares the server a look-up.

static void
s_add_job (bench_stream_t *stream, uint32_t type, const char *function, uint64_t number,
           const void *data, size_t size)
{
    char unique [24] = "";
    size_t length = 0;
    if (type == SUBMIT_JOB_BG)
        length =
            (size_t) snprintf (unique, sizeof unique, "%llu", (unsigned long long) number);
    s_add_head (stream, type, strlen (function) + 1 + length + 1 + size);
    bench_stream_add (stream, function, strlen (function) + 1);
    bench_stream_add (stream, unique, length + 1);
    bench_stream_add (stream, data, size);
}

//  Waits for a packet and takes it; its body lasts as long as what the stream returns.

static packet_t
s_packet (bench_stream_t *stream)
{
    uint32_t head [3];
    packet_t packet;
    bench_stream_need (stream, sizeof head);
    memcpy (head, bench_stream_peek (stream).data, sizeof head);
    packet.type = ntohl (head [1]);
    packet.size = ntohl (head [2]);
    bench_stream_need (stream, sizeof head + packet.size);
    packet.body = (const char *) bench_stream_take (stream, sizeof head + packet.size);
    packet.body += sizeof head;
    if (packet.type == WRONG)
        bench_fail ("gearmand says %.*s", (int) packet.size, packet.body);
    return packet;
}

//  Returns what stands behind the first texts of a packet.

static stint_bytes_t
s_behind (packet_t packet, int texts)
{
    const char *at = packet.body, *end = packet.body + packet.size;
    for (; texts > 0 && at != NULL; texts--) {
        at = memchr (at, 0, (size_t) (end - at));
        at += at != NULL;
    }
    if (at == NULL)
        bench_fail ("gearmand sends a packet that is too short");
    return (stint_bytes_t){(const uint8_t *) at, (size_t) (end - at)};
}

//  ---------------------------------------------------------------------------------
//  Who does jobs

static void
s_ask (taker_t *self, uint32_t count)
{
    for (; count > 0 && self->asked < self->most; count--) {
        s_add_head (&self->stream, GRAB_JOB, 0);
        self->asked++;
    }
}

//  Connects; to do jobs of that function, if not null.

static void
s_begin (taker_t *self, const bench_t *bench, const char *function)
{
    *self = (taker_t){.most = bench_stream_chunk (bench)};
    bench_stream_open (&self->stream, bench);
    if (function == NULL)
        return;
    s_add_head (&self->stream, CAN_DO, strlen (function));
    bench_stream_add (&self->stream, function, strlen (function));
    s_ask (self, 1);
}

//  Adds that a job is done, with its result.

static void
s_add_done (bench_stream_t *stream, packet_t assigned, const void *data, size_t size)
{
    size_t length = strlen (assigned.body) + 1;
    s_add_head (stream, WORK_COMPLETE, length + size);
    bench_stream_add (stream, assigned.body, length);
    bench_stream_add (stream, data, size);
}

//  Takes one packet: returns true when it is a job. Before anything is waited for, what was
//  added is sent.

static bool
s_next (taker_t *self, packet_t *packet)
{
    if (bench_stream_peek (&self->stream).size == 0)
        bench_stream_flush (&self->stream);
    *packet = s_packet (&self->stream);
    if (packet->type == JOB_ASSIGN) {
        self->asked--;
        s_ask (self, 2);
        return true;
    }
    if (packet->type == NOOP)
        s_ask (self, 1);
    else if (packet->type == NO_JOB && --self->asked == 0)
        s_add_head (&self->stream, PRE_SLEEP, 0);
    return false;
}

//  ---------------------------------------------------------------------------------
//  The client's side, and the worker

typedef struct {
    bench_tally_t *tally;  //  Takes the results
    uint8_t *payload;      //  A task; its number is filled in
    size_t size;           //  Bytes of it
    bool durable;          //  Results are jobs
    taker_t taker;         //  The connection
} side_t;

static uint32_t
s_pull (void *argument)
{
    side_t *self = argument;
    uint32_t wanted = self->durable ? JOB_ASSIGN : WORK_COMPLETE;
    packet_t packet;
    do
        s_next (&self->taker, &packet);
    while (packet.type != wanted);
    stint_bytes_t result = s_behind (packet, self->durable ? 2 : 1);
    bench_take (self->tally, result.data, result.size);
    if (self->durable)
        s_add_done (&self->taker.stream, packet, "", 0);
    return 1;
}

static void
s_push (void *argument, uint64_t first, uint32_t count)
{
    side_t *self = argument;
    uint32_t type = self->durable ? SUBMIT_JOB_BG : SUBMIT_JOB;
    for (uint64_t task = first; task < first + count; task++) {
        memcpy (self->payload, &task, sizeof task);
        s_add_job (&self->taker.stream, type, "tasks", task, self->payload, self->size);
    }
    self->tally->pushed += count;
    bench_stream_flush (&self->taker.stream);
}

static void
s_open (const bench_t *bench, bench_tally_t *tally, bench_way_t *way)
{
    static side_t self;
    self.tally = tally;
    self.size = bench->payload;
    self.payload = bench_payload (bench->payload);
    self.durable = bench->store != NULL;
    s_begin (&self.taker, bench, self.durable ? "results" : NULL);
    self.taker.stream.tally = tally;
    *way = (bench_way_t){s_push, s_pull, &self, bench_stream_chunk (bench),
                         self.durable ? DURABLE_WINDOW : 0};
}

static _Noreturn void
s_work (const bench_t *bench, uint32_t index)
{
    taker_t self;
    s_begin (&self, bench, "tasks");
    for (;;) {
        packet_t packet;
        uint64_t answer [2];
        if (!s_next (&self, &packet))
            continue;
        stint_bytes_t payload = s_behind (packet, 2);
        bench_do (payload.data, payload.size, index, answer);
        if (bench->store)
            s_add_job (&self.stream, SUBMIT_JOB_BG, "results", answer [0], answer,
                       sizeof answer);
        s_add_done (&self.stream, packet, answer, bench->store ? 0 : sizeof answer);
    }
}

static void
s_serve (const bench_t *bench)
{
    char port [8], record [160], database [512];
    //  With one thread for all it takes less than half the CPU, and answers faster.
    const char *words [20] = {"gearmand",  "--threads",  "1",    "--worker-wakeup",
                              "1",         "--log-file", "none", "--listen",
                              "127.0.0.1", "--port",     port,   "--pid-file",
                              record};
    size_t count = 13;
    if (bench->port == 0)
        bench_fail ("gearmand goes by TCP only: --port is needed");
    snprintf (port, sizeof port, "%u", bench->port);
    snprintf (record, sizeof record, "%s.pid", bench->socket);
    if (bench->store) {
        snprintf (database, sizeof database, "%s/queue", bench->store);
        words [count++] = "--queue-type";
        words [count++] = "libsqlite3";
        words [count++] = "--libsqlite3-db";
        words [count++] = database;
    }
    bench_become (bench, words);
}

const bench_peer_t bench_gearmand = {
    .name = "gearmand", .serve = s_serve, .work = s_work, .open = s_open};
