//  stint_client_packet: a message with its frames, kept whole
//  SPDX-License-Identifier: MPL-2.0

#include "stint_client_packet.h"
#include "stint_socket.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

stint_packet_t *
stint_packet_new (void)
{
    stint_packet_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    return self;
}

void
stint_packet_empty (stint_packet_t *self)
{
    for (size_t index = 0; index < self->count; index++)
        zmq_msg_close (&self->frames [index]);
    self->count = 0;
    self->next = NULL;
}

void
stint_packet_destroy (stint_packet_t **self_p)
{
    stint_packet_t *self = *self_p;
    stint_packet_empty (self);
    free (self->frames);
    free (self->bytes);
    free (self);
    *self_p = NULL;
}

//  A frame may hold its bytes within zmq_msg_t, so frames move only with libzmq's help.

static void
s_grow (stint_packet_t *self)
{
    size_t capacity = self->capacity ? self->capacity * 2 : 2;
    zmq_msg_t *frames = calloc (capacity, sizeof *frames);
    stint_bytes_t *bytes = realloc (self->bytes, capacity * sizeof *bytes);
    if (!frames || !bytes)
        abort ();
    for (size_t index = 0; index < self->count; index++) {
        zmq_msg_init (&frames [index]);
        zmq_msg_move (&frames [index], &self->frames [index]);
        zmq_msg_close (&self->frames [index]);
    }
    free (self->frames);
    self->frames = frames;
    self->bytes = bytes;
    self->capacity = capacity;
}

//  Returns a new frame at the end, initialized and empty.

static zmq_msg_t *
s_frame (stint_packet_t *self)
{
    if (self->count == self->capacity)
        s_grow (self);
    zmq_msg_t *frame = &self->frames [self->count++];
    zmq_msg_init (frame);
    return frame;
}

static void
s_fill (zmq_msg_t *frame, stint_bytes_t first, stint_bytes_t second)
{
    zmq_msg_close (frame);
    if (zmq_msg_init_size (frame, first.size + second.size) != 0)
        abort ();
    uint8_t *at = zmq_msg_data (frame);
    if (first.size > 0)
        memcpy (at, first.data, first.size);
    if (second.size > 0)
        memcpy (at + first.size, second.data, second.size);
}

void
stint_packet_add (stint_packet_t *self, stint_bytes_t first, stint_bytes_t second)
{
    s_fill (s_frame (self), first, second);
}

void
stint_packet_head (stint_packet_t *self, stint_bytes_t first, stint_bytes_t second)
{
    assert (self->count > 0);
    s_fill (&self->frames [0], first, second);
}

stint_wire_status_t
stint_packet_decode (stint_packet_t *self)
{
    for (size_t index = 0; index < self->count; index++) {
        zmq_msg_t *frame = &self->frames [index];
        self->bytes [index] = (stint_bytes_t){zmq_msg_data (frame), zmq_msg_size (frame)};
    }
    return stint_wire_decode (&self->message, self->bytes, self->count);
}

stint_packet_send_t
stint_packet_send (const stint_packet_t *self, void *socket)
{
    for (size_t index = 0; index < self->count; index++) {
        bool last = index + 1 == self->count;
        zmq_msg_t copy;
        zmq_msg_init (&copy);
        zmq_msg_copy (&copy, &self->frames [index]);
        int flags = ZMQ_DONTWAIT | (last ? 0 : ZMQ_SNDMORE);
        int rc = stint_socket_send (socket, &copy, flags);
        if (rc < 0) {
            zmq_msg_close (&copy);
            return index == 0 ? STINT_PACKET_UNSENT : STINT_PACKET_TORN;
        }
    }
    return STINT_PACKET_SENT;
}

bool
stint_packet_receive (stint_packet_t *self, void *socket)
{
    assert (self->count == 0);
    bool more = true;
    while (more) {
        zmq_msg_t frame;
        zmq_msg_init (&frame);
        int rc = stint_socket_receive (socket, &frame, ZMQ_DONTWAIT);
        more = rc >= 0 && zmq_msg_more (&frame);
        if (rc >= 0 && self->count <= STINT_FRAMES_MAX)
            zmq_msg_move (s_frame (self), &frame);
        zmq_msg_close (&frame);
    }
    return self->count > 0;
}
