//  bench_amqp: as much of a client of AMQP 0-9-1 as carries tasks through RabbitMQ
//  SPDX-License-Identifier: MPL-2.0
//
//  A frame is its type, channel and size, then that many bytes, then one byte 0xCE. A
//  message is a frame with a method, one with properties, and one with the body. All
//  numbers are big-endian. The protocol is at www.rabbitmq.com/amqp-0-9-1-reference.html.

#include "bench_amqp.h"

#include <endian.h>
#include <poll.h>
#include <string.h>

#define FRAME_HEAD 7
#define FRAME_END 0xCE

//  The kinds of frames.

typedef enum {
    FRAME_METHOD = 1,
    FRAME_PROPERTIES = 2,
    FRAME_BODY = 3,
    FRAME_HEARTBEAT = 8
} frame_type_t;

//  Methods, by their class and their number in it.

typedef enum {
    CONNECTION_START = 10 << 16 | 10,
    CONNECTION_START_OK = 10 << 16 | 11,
    CONNECTION_TUNE = 10 << 16 | 30,
    CONNECTION_TUNE_OK = 10 << 16 | 31,
    CONNECTION_OPEN = 10 << 16 | 40,
    CONNECTION_OPEN_OK = 10 << 16 | 41,
    CONNECTION_CLOSE = 10 << 16 | 50,
    CHANNEL_OPEN = 20 << 16 | 10,
    CHANNEL_OPEN_OK = 20 << 16 | 11,
    CHANNEL_CLOSE = 20 << 16 | 40,
    QUEUE_DECLARE = 50 << 16 | 10,
    QUEUE_DECLARE_OK = 50 << 16 | 11,
    BASIC_QOS = 60 << 16 | 10,
    BASIC_QOS_OK = 60 << 16 | 11,
    BASIC_CONSUME = 60 << 16 | 20,
    BASIC_CONSUME_OK = 60 << 16 | 21,
    BASIC_PUBLISH = 60 << 16 | 40,
    BASIC_DELIVER = 60 << 16 | 60,
    BASIC_ACK = 60 << 16 | 80,
    CONFIRM_SELECT = 85 << 16 | 10,
    CONFIRM_SELECT_OK = 85 << 16 | 11
} method_t;

#define BASIC_CLASS 60
#define QUEUE_PASSIVE 1
#define QUEUE_DURABLE 2
#define HAS_DELIVERY_MODE 0x1000

//  ---------------------------------------------------------------------------------
//  Numbers and texts, behind what is already in the head

static void
s_put (amqp_head_t *head, const void *data, size_t size)
{
    if (head->size + size > sizeof head->data)
        bench_fail ("amqp: a frame is too long");
    memcpy (head->data + head->size, data, size);
    head->size += size;
}

static void
s_put8 (amqp_head_t *head, uint32_t number)
{
    uint8_t bytes = (uint8_t) number;
    s_put (head, &bytes, sizeof bytes);
}

static void
s_put16 (amqp_head_t *head, uint32_t number)
{
    uint16_t bytes = htobe16 ((uint16_t) number);
    s_put (head, &bytes, sizeof bytes);
}

static void
s_put32 (amqp_head_t *head, uint32_t number)
{
    uint32_t bytes = htobe32 (number);
    s_put (head, &bytes, sizeof bytes);
}

static void
s_put64 (amqp_head_t *head, uint64_t number)
{
    uint64_t bytes = htobe64 (number);
    s_put (head, &bytes, sizeof bytes);
}

//  A short text has its length in one byte before it.

static void
s_put_short (amqp_head_t *head, const char *text, size_t size)
{
    s_put8 (head, (uint32_t) size);
    s_put (head, text, size);
}

//  A long text has it in four.

static void
s_put_long (amqp_head_t *head, const char *text, size_t size)
{
    s_put32 (head, (uint32_t) size);
    s_put (head, text, size);
}

//  Begins a frame; returns where it does.

static size_t
s_begin (amqp_head_t *head, frame_type_t type, uint32_t channel)
{
    size_t start = head->size;
    s_put8 (head, type);
    s_put16 (head, channel);
    s_put32 (head, 0);
    return start;
}

static void
s_begin_method (amqp_head_t *head, uint32_t channel, method_t method)
{
    head->size = 0;
    s_begin (head, FRAME_METHOD, channel);
    s_put32 (head, method);
}

//  Ends the frame that began there, whose size is known by now.

static void
s_end (amqp_head_t *head, size_t start)
{
    uint32_t size = htobe32 ((uint32_t) (head->size - start - FRAME_HEAD));
    memcpy (head->data + start + 3, &size, sizeof size);
    s_put8 (head, FRAME_END);
}

static uint32_t
s_get32 (const uint8_t *data)
{
    uint32_t number;
    memcpy (&number, data, sizeof number);
    return be32toh (number);
}

static uint64_t
s_get64 (const uint8_t *data)
{
    uint64_t number;
    memcpy (&number, data, sizeof number);
    return be64toh (number);
}

//  ---------------------------------------------------------------------------------
//  Methods that are called one after another, before there are messages

//  Ends the process, because of a method that nobody waits for: mostly a CLOSE with a text.

static _Noreturn void
s_refuse (method_t method, const uint8_t *content, size_t size)
{
    if ((method == CONNECTION_CLOSE || method == CHANNEL_CLOSE) && size >= 3
        && size >= 3u + content [2])
        bench_fail ("amqp: the server says %.*s", content [2], (const char *) content + 3);
    bench_fail ("amqp: the server says %u.%u", method >> 16, method & 0xffff);
}

//  Sends the method that was begun in the head, if any, and waits for its answer; returns
//  what the answer contains, or null when the server refuses while we are patient.

static const uint8_t *
s_call (bench_amqp_t *self, amqp_head_t *head, method_t expected)
{
    if (head->size > 0) {
        s_end (head, 0);
        bench_stream_add (&self->stream, head->data, head->size);
    }
    bench_stream_flush (&self->stream);
    bench_stream_need (&self->stream, FRAME_HEAD);
    size_t size = s_get32 (bench_stream_peek (&self->stream).data + 3);
    const uint8_t *frame = bench_stream_take (&self->stream, FRAME_HEAD + size + 1);
    if (*frame != FRAME_METHOD || size < 4)
        bench_fail ("amqp: the server sends what nobody has asked for");
    method_t method = s_get32 (frame + FRAME_HEAD);
    if (method != expected && bench_seconds (CLOCK_MONOTONIC) < self->patient)
        return NULL;
    if (method != expected)
        s_refuse (method, frame + FRAME_HEAD + 4, size - 4);
    return frame + FRAME_HEAD + 4;
}

static bool
s_log_in (bench_amqp_t *self, const bench_t *bench)
{
    amqp_head_t head = {.size = 0};
    bench_stream_add (&self->stream, "AMQP\0\0\x9\x1", 8);
    if (s_call (self, &head, CONNECTION_START) == NULL)
        return false;
    s_begin_method (&head, 0, CONNECTION_START_OK);
    s_put_long (&head, "", 0);
    s_put_short (&head, "PLAIN", 5);
    s_put_long (&head, "\0guest\0guest", 12);
    s_put_short (&head, "en_US", 5);
    const uint8_t *tune = s_call (self, &head, CONNECTION_TUNE);
    if (tune == NULL)
        return false;
    uint32_t largest = s_get32 (tune + 2);
    if (largest != 0 && largest < bench->payload + FRAME_HEAD + 1)
        bench_fail ("amqp: the server's frame_max is only %u", largest);
    s_begin_method (&head, 0, CONNECTION_TUNE_OK);
    s_put16 (&head, AMQP_IN);
    s_put32 (&head, largest);
    s_put16 (&head, 0);
    s_end (&head, 0);
    bench_stream_add (&self->stream, head.data, head.size);
    s_begin_method (&head, 0, CONNECTION_OPEN);
    s_put_short (&head, "/", 1);
    s_put_short (&head, "", 0);
    s_put8 (&head, 0);
    return s_call (self, &head, CONNECTION_OPEN_OK) != NULL;
}

static bool
s_open_channel (bench_amqp_t *self, uint32_t channel)
{
    amqp_head_t head;
    s_begin_method (&head, channel, CHANNEL_OPEN);
    s_put_short (&head, "", 0);
    return s_call (self, &head, CHANNEL_OPEN_OK) != NULL;
}

//  Declares a queue, with bits from the protocol and a type unless null; returns whether
//  it is there.

static bool
s_declare (bench_amqp_t *self, const char *queue, uint32_t bits, const char *type)
{
    amqp_head_t head;
    s_begin_method (&head, AMQP_IN, QUEUE_DECLARE);
    s_put16 (&head, 0);
    s_put_short (&head, queue, strlen (queue));
    s_put8 (&head, bits);
    s_put32 (&head, type ? (uint32_t) (18 + strlen (type)) : 0);
    if (type) {
        s_put_short (&head, "x-queue-type", 12);
        s_put8 (&head, 'S');
        s_put_long (&head, type, strlen (type));
    }
    return s_call (self, &head, QUEUE_DECLARE_OK) != NULL;
}

void
bench_amqp_open (bench_amqp_t *self, const bench_t *bench, const char *queue)
{
    self->patient = bench_seconds (CLOCK_MONOTONIC) + BENCH_PATIENCE_MS / 1000.0;
    for (;;) {
        bench_stream_open (&self->stream, bench);
        if (s_log_in (self, bench) && s_open_channel (self, AMQP_OUT)
            && s_open_channel (self, AMQP_IN)
            && (queue == NULL || s_declare (self, queue, QUEUE_PASSIVE, NULL)))
            break;
        bench_stream_close (&self->stream);
        poll (NULL, 0, 20);
    }
    self->patient = 0;
}

void
bench_amqp_confirm (bench_amqp_t *self)
{
    amqp_head_t head;
    s_begin_method (&head, AMQP_OUT, CONFIRM_SELECT);
    s_put8 (&head, 0);
    s_call (self, &head, CONFIRM_SELECT_OK);
}

void
bench_amqp_declare (bench_amqp_t *self, const char *queue, bool quorum)
{
    s_declare (self, queue, quorum ? QUEUE_DURABLE : 0, quorum ? "quorum" : NULL);
}

void
bench_amqp_consume (bench_amqp_t *self, const char *queue, uint32_t prefetch)
{
    amqp_head_t head;
    s_begin_method (&head, AMQP_IN, BASIC_QOS);
    s_put32 (&head, 0);
    s_put16 (&head, prefetch);
    s_put8 (&head, 0);
    s_call (self, &head, BASIC_QOS_OK);
    s_begin_method (&head, AMQP_IN, BASIC_CONSUME);
    s_put16 (&head, 0);
    s_put_short (&head, queue, strlen (queue));
    s_put_short (&head, "", 0);
    s_put8 (&head, 0);
    s_put_long (&head, "", 0);
    s_call (self, &head, BASIC_CONSUME_OK);
}

//  ---------------------------------------------------------------------------------
//  Messages

void
bench_amqp_head (amqp_head_t *head, const char *queue, size_t body, bool durable)
{
    s_begin_method (head, AMQP_OUT, BASIC_PUBLISH);
    s_put16 (head, 0);
    s_put_short (head, "", 0);
    s_put_short (head, queue, strlen (queue));
    s_put8 (head, 0);
    s_end (head, 0);
    size_t start = s_begin (head, FRAME_PROPERTIES, AMQP_OUT);
    s_put32 (head, BASIC_CLASS << 16);
    s_put64 (head, body);
    s_put16 (head, HAS_DELIVERY_MODE);
    s_put8 (head, durable ? 2 : 1);
    s_end (head, start);
    s_put8 (head, FRAME_BODY);
    s_put16 (head, AMQP_OUT);
    s_put32 (head, (uint32_t) body);
}

uint8_t *
bench_amqp_publish (bench_amqp_t *self, const amqp_head_t *head, size_t body)
{
    uint8_t *place = bench_stream_room (&self->stream, head->size + body + 1);
    memcpy (place, head->data, head->size);
    place [head->size + body] = FRAME_END;
    return place + head->size;
}

void
bench_amqp_acknowledge (bench_amqp_t *self, uint64_t tag, bool multiple)
{
    amqp_head_t head;
    s_begin_method (&head, AMQP_IN, BASIC_ACK);
    s_put64 (&head, tag);
    s_put8 (&head, multiple);
    s_end (&head, 0);
    bench_stream_add (&self->stream, head.data, head.size);
}

//  Looks at the frame that begins there. Returns its bytes without head and end, with null
//  when it is not whole.

static stint_bytes_t
s_frame (stint_bytes_t there, size_t at)
{
    stint_bytes_t none = {NULL, 0};
    if (there.size < at + FRAME_HEAD)
        return none;
    size_t size = s_get32 (there.data + at + 3);
    if (there.size < at + FRAME_HEAD + size + 1)
        return none;
    if (there.data [at + FRAME_HEAD + size] != FRAME_END)
        bench_fail ("amqp: a frame does not end where it should");
    return (stint_bytes_t){there.data + at + FRAME_HEAD, size};
}

//  Reads a message whose method was looked at: its properties and body are behind it.
//  Returns the bytes of all three frames, 0 when not all are there.

static size_t
s_read_delivery (stint_bytes_t there, stint_bytes_t method, amqp_message_t *message)
{
    size_t at = FRAME_HEAD + method.size + 1;
    stint_bytes_t properties = s_frame (there, at);
    if (properties.data == NULL)
        return 0;
    size_t behind = at + FRAME_HEAD + properties.size + 1;
    stint_bytes_t body = s_frame (there, behind);
    if (body.data == NULL)
        return 0;
    if (there.data [at] != FRAME_PROPERTIES || there.data [behind] != FRAME_BODY
        || s_get64 (properties.data + 4) != body.size)
        bench_fail ("amqp: a message is not in three frames");
    message->confirms = message->multiple = false;
    message->tag = s_get64 (method.data + 4 + 1 + method.data [4]);
    message->data = body.data;
    message->size = body.size;
    return behind + FRAME_HEAD + body.size + 1;
}

bool
bench_amqp_next (bench_amqp_t *self, amqp_message_t *message)
{
    for (;;) {
        stint_bytes_t there = bench_stream_peek (&self->stream);
        stint_bytes_t frame = s_frame (there, 0);
        size_t size = FRAME_HEAD + frame.size + 1;
        if (frame.data == NULL)
            return false;
        if (*there.data == FRAME_HEARTBEAT) {
            bench_stream_take (&self->stream, size);
            continue;
        }
        method_t method = s_get32 (frame.data);
        if (method == BASIC_ACK) {
            message->confirms = true;
            message->tag = s_get64 (frame.data + 4);
            message->multiple = frame.data [12] & 1;
        }
        else if (method == BASIC_DELIVER)
            size = s_read_delivery (there, frame, message);
        else
            s_refuse (method, frame.data + 4, frame.size - 4);
        if (size > 0)
            bench_stream_take (&self->stream, size);
        return size > 0;
    }
}

void
bench_amqp_wait (bench_amqp_t *self, amqp_message_t *message)
{
    while (!bench_amqp_next (self, message)) {
        bench_stream_flush (&self->stream);
        bench_stream_fill (&self->stream);
    }
}
