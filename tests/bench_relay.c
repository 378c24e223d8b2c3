//  bench_relay: tasks that go through a bare libzmq relay: a ROUTER, a DEALER, and no more
//  SPDX-License-Identifier: MPL-2.0
//
//  A loop moves the frames of up to 256 messages a turn from one to the other; as many
//  tasks as the pack says ride in one message. The window takes the place of high-water
//  marks, so nothing is ever dropped.

#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#define RELAY_TURN 256  //  Messages that the relay moves before it looks at the other side

typedef struct {
    bench_tally_t *tally;  //  Takes the results
    uint8_t *payload;      //  A task; its number is filled in
    size_t size;           //  Bytes of it
    void *socket;          //  To the relay's front
} side_t;

//  Makes a socket without high-water marks, bound to or connected with one of the two ends.

static void *
s_socket (const bench_t *bench, int type, bool back, bool server)
{
    static void *context;
    char endpoint [180];
    int none = 0;
    if (context == NULL)
        context = zmq_ctx_new ();
    void *socket = zmq_socket (context, type);
    if (bench->port)
        snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", bench->port + back);
    else
        snprintf (endpoint, sizeof endpoint, "%s%s", bench->endpoint, back ? ".back" : "");
    zmq_setsockopt (socket, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt (socket, ZMQ_RCVHWM, &none, sizeof none);
    zmq_setsockopt (socket, ZMQ_LINGER, &none, sizeof none);
    if ((server ? zmq_bind (socket, endpoint) : zmq_connect (socket, endpoint)) != 0)
        bench_fail ("%s: %s", endpoint, zmq_strerror (errno));
    return socket;
}

static void
s_send (void *socket, zmq_msg_t *frame, int flags)
{
    if (zmq_msg_send (frame, socket, flags) == -1)
        bench_fail ("the relay cannot send: %s", zmq_strerror (errno));
}

static void
s_push (void *argument, uint64_t first, uint32_t count)
{
    side_t *self = argument;
    zmq_msg_t frame;
    if (zmq_msg_init_size (&frame, self->size * count) != 0)
        bench_fail ("no memory");
    uint8_t *at = zmq_msg_data (&frame);
    for (uint64_t task = first; task < first + count; task++) {
        memcpy (at, self->payload, self->size);
        memcpy (at, &task, sizeof task);
        at += self->size;
    }
    s_send (self->socket, &frame, 0);
    self->tally->pushed += count;
}

static uint32_t
s_pull (void *argument)
{
    side_t *self = argument;
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    if (zmq_msg_recv (&frame, self->socket, 0) == -1)
        bench_fail ("%llu results are missing",
                    (unsigned long long) (self->tally->pushed - self->tally->taken));
    const uint8_t *at = zmq_msg_data (&frame);
    size_t count = zmq_msg_size (&frame) / 16;
    for (size_t result = 0; result < count; result++)
        bench_take (self->tally, at + result * 16, 16);
    zmq_msg_close (&frame);
    return (uint32_t) count;
}

static void
s_open (const bench_t *bench, bench_tally_t *tally, bench_way_t *way)
{
    static side_t self;
    int patience = BENCH_PATIENCE_MS;
    self.tally = tally;
    self.size = bench->payload;
    self.payload = bench_payload (bench->payload);
    self.socket = s_socket (bench, ZMQ_DEALER, false, false);
    zmq_setsockopt (self.socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
    *way = (bench_way_t){s_push, s_pull, &self, bench->pack, 0};
}

static void
s_work (const bench_t *bench, uint32_t index)
{
    void *socket = s_socket (bench, ZMQ_DEALER, true, false);
    for (;;) {
        zmq_msg_t peer, tasks, results;
        zmq_msg_init (&peer);
        zmq_msg_init (&tasks);
        if (zmq_msg_recv (&peer, socket, 0) == -1 || zmq_msg_recv (&tasks, socket, 0) == -1)
            bench_fail ("worker %u cannot receive: %s", index, zmq_strerror (errno));
        size_t count = zmq_msg_size (&tasks) / bench->payload;
        if (zmq_msg_init_size (&results, count * 16) != 0)
            bench_fail ("no memory");
        const uint8_t *payload = zmq_msg_data (&tasks);
        uint8_t *result = zmq_msg_data (&results);
        for (size_t task = 0; task < count; task++) {
            uint64_t answer [2];
            bench_do (payload + task * bench->payload, bench->payload, index, answer);
            memcpy (result + task * sizeof answer, answer, sizeof answer);
        }
        zmq_msg_close (&tasks);
        s_send (socket, &peer, ZMQ_SNDMORE);
        s_send (socket, &results, 0);
    }
}

//  Moves what one socket has to the other, a bounded number of messages.
static void
s_move (void *from, void *to)
{
    for (int count = 0; count < RELAY_TURN; count++) {
        bool more = true;
        for (int flags = ZMQ_DONTWAIT; more; flags = 0) {
            zmq_msg_t frame;
            zmq_msg_init (&frame);
            if (zmq_msg_recv (&frame, from, flags) == -1) {
                zmq_msg_close (&frame);
                return;
            }
            more = zmq_msg_more (&frame);
            s_send (to, &frame, more ? ZMQ_SNDMORE : 0);
        }
    }
}

static void
s_serve (const bench_t *bench)
{
    void *back = s_socket (bench, ZMQ_DEALER, true, true);
    void *front = s_socket (bench, ZMQ_ROUTER, false, true);
    zmq_pollitem_t items [] = {{front, 0, ZMQ_POLLIN, 0}, {back, 0, ZMQ_POLLIN, 0}};
    for (;;) {
        if (zmq_poll (items, 2, -1) == -1)
            bench_fail ("the relay cannot wait: %s", zmq_strerror (errno));
        if (items [0].revents)
            s_move (front, back);
        if (items [1].revents)
            s_move (back, front);
    }
}

const bench_peer_t bench_relay = {
    .name = "relay", .serve = s_serve, .work = s_work, .open = s_open};
