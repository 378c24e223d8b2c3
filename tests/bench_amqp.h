//  bench_amqp: as much of a client of AMQP 0-9-1 as carries tasks through RabbitMQ
//  SPDX-License-Identifier: MPL-2.0
//
//  One connection with two channels, so that the server can serve them in parallel: what
//  is published and confirmed goes through AMQP_OUT, what is consumed comes by AMQP_IN.
//  A body is always one frame: the server's frame_max has to be above it. A server that
//  refuses something, or says what is not expected, ends the process by bench_fail.

#ifndef TESTS_BENCH_AMQP_H
#define TESTS_BENCH_AMQP_H

#include "bench_stream.h"

#define AMQP_OUT 1
#define AMQP_IN 2
#define AMQP_HEAD_MAX 512

typedef struct {
    bench_stream_t stream;  //  To the server
    double patient;         //  Until when a refusal is not the end, on the steady clock
} bench_amqp_t;

//  What came: a message of the queue that is consumed from, or else a confirmation of what
//  was published. The bytes last until the next one is looked for.

typedef struct {
    bool confirms;        //  The server has it; tags count what was published, from 1
    bool multiple;        //  So it has all before that
    uint64_t tag;         //  Which one; of messages from a queue the tags count from 1 too
    const uint8_t *data;  //  The body of a message
    size_t size;          //  Bytes of that
} amqp_message_t;

//  Bytes that precede a body, made once for all messages of the same size.

typedef struct {
    uint8_t data [AMQP_HEAD_MAX];
    size_t size;
} amqp_head_t;

//  Connects as the guest that every server knows, and opens both channels. Goes on trying
//  while the server refuses, and until that queue is there, unless null.
void bench_amqp_open (bench_amqp_t *self, const bench_t *bench, const char *queue);

//  Lets what is published be confirmed.
void bench_amqp_confirm (bench_amqp_t *self);

//  Declares a queue: a durable quorum queue, or a classic queue in memory.
void bench_amqp_declare (bench_amqp_t *self, const char *queue, bool quorum);

//  Lets messages of a queue come, so many before one is acknowledged.
void bench_amqp_consume (bench_amqp_t *self, const char *queue, uint32_t prefetch);

//  Makes the head of messages for a queue with bodies of that size. Durable ones are to be
//  written, others are not.
void bench_amqp_head (amqp_head_t *head, const char *queue, size_t body, bool durable);

//  Adds a message to what is sent, but for its body, for which it returns the place.
uint8_t *bench_amqp_publish (bench_amqp_t *self, const amqp_head_t *head, size_t body);

//  Adds an acknowledgement of the message with that tag, and of all before if multiple.
void bench_amqp_acknowledge (bench_amqp_t *self, uint64_t tag, bool multiple);

//  Takes the next message, if a whole one has come.
bool bench_amqp_next (bench_amqp_t *self, amqp_message_t *message);

//  Waits for the next message; sends first what was added.
void bench_amqp_wait (bench_amqp_t *self, amqp_message_t *message);

#endif
