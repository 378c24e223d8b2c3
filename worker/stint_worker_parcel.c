//  stint_worker_parcel: messages of a worker with many tasks, or many results, in each
//  SPDX-License-Identifier: MPL-2.0

#include "stint_worker_parcel.h"
#include "stint_socket.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void *
s_allocate (size_t size)
{
    void *memory = malloc (size);
    if (!memory)
        abort ();
    return memory;
}

//  ---------------------------------------------------------------------------------
//  Tasks

static uint32_t
s_limit (uint64_t limit_ms)
{
    return limit_ms < UINT32_MAX ? (uint32_t) limit_ms : UINT32_MAX;
}

//  Reads the tasks of the message, all of them or none.

static bool
s_read_tasks (stint_parcel_t *self, stint_message_t *message)
{
    self->tasks = s_allocate ((message->list_count + 1) * sizeof *self->tasks);
    memcpy (self->group, message->group.data, message->group.size);
    stint_item_t item;
    while (stint_wire_next (message, &item))
        self->tasks [self->count++] = (stint_parcel_task_t){
            item.id, item.fence, item.body, item.number, s_limit (item.delay)};
    return !message->list.bad;
}

stint_parcel_t *
stint_parcel_new (zmq_msg_t *frames, size_t frame_count)
{
    stint_parcel_t *self = s_allocate (sizeof *self + frame_count * sizeof (zmq_msg_t));
    memset (self, 0, sizeof *self);
    self->users = 1;
    self->frame_count = frame_count;
    stint_bytes_t *bytes = s_allocate (frame_count * sizeof *bytes);
    for (size_t index = 0; index < frame_count; index++) {
        zmq_msg_t *frame = &self->frames [index];
        zmq_msg_init (frame);
        zmq_msg_move (frame, &frames [index]);
        bytes [index] = (stint_bytes_t){zmq_msg_data (frame), zmq_msg_size (frame)};
    }
    stint_message_t message;
    bool good = stint_wire_decode (&message, bytes, frame_count) == STINT_WIRE_OK
                && message.command == STP_TASK && s_read_tasks (self, &message);
    free (bytes);
    if (!good)
        stint_parcel_destroy (&self);
    return self;
}

void
stint_parcel_destroy (stint_parcel_t **self_p)
{
    assert (self_p);
    stint_parcel_t *self = *self_p;
    if (!self)
        return;
    for (size_t index = 0; index < self->frame_count; index++)
        zmq_msg_close (&self->frames [index]);
    free (self->tasks);
    free (self);
    *self_p = NULL;
}

//  ---------------------------------------------------------------------------------
//  Results

stint_outbox_t *
stint_outbox_new (uint64_t request, size_t header_bytes)
{
    stint_outbox_t *self = s_allocate (sizeof *self);
    memset (self, 0, sizeof *self);
    self->request = request;
    zmq_msg_init (&self->header);
    stint_writer_reserve (&self->writer, header_bytes);
    stint_wire_begin (&self->writer, STP_RESULT, 2);
    stint_wire_number (&self->writer, 'r', request);
    self->list_at = stint_wire_list (&self->writer);
    return self;
}

void
stint_outbox_destroy (stint_outbox_t **self_p)
{
    assert (self_p);
    stint_outbox_t *self = *self_p;
    if (!self)
        return;
    for (uint32_t index = 0; index < self->frame_count; index++)
        zmq_msg_close (&self->frames [index]);
    free (self->frames);
    zmq_msg_close (&self->header);
    stint_writer_clear (&self->writer);
    stint_refs_clear (&self->refs);
    free (self);
    *self_p = NULL;
}

//  Returns the number of the payload frame that now holds a copy of the body.

static size_t
s_add_frame (stint_outbox_t *self, stint_bytes_t body)
{
    assert (self->frame_count < STINT_OUTBOX_FRAMES);
    if (!self->frames)
        self->frames = s_allocate (STINT_OUTBOX_FRAMES * sizeof *self->frames);
    zmq_msg_t *frame = &self->frames [self->frame_count++];
    if (zmq_msg_init_size (frame, body.size) != 0)
        abort ();
    memcpy (zmq_msg_data (frame), body.data, body.size);
    self->bytes += body.size;
    return self->frame_count;
}

void
stint_outbox_put (stint_outbox_t *self, const stint_item_t *item)
{
    assert (!self->sealed);
    size_t before = self->writer.size;
    if (item->body.size > STINT_INLINE_MAX) {
        stint_item_t large = *item;
        large.frame = s_add_frame (self, item->body);
        stint_wire_put (&self->writer, STP_RESULT, &large);
    }
    else
        stint_wire_put (&self->writer, STP_RESULT, item);
    stint_refs_add (&self->refs, item->id, item->fence);
    self->bytes += self->writer.size - before;
}

static void
s_free_header (void *data, void *hint)
{
    (void) hint;
    free (data);
}

void
stint_outbox_seal (stint_outbox_t *self)
{
    assert (!self->sealed);
    stint_write_array_close (&self->writer, self->list_at, self->refs.count);
    zmq_msg_close (&self->header);
    if (zmq_msg_init_data (&self->header, self->writer.data, self->writer.size,
                           s_free_header, NULL)
        != 0)
        abort ();
    self->writer = (stint_writer_t){NULL, 0, 0};
    self->sealed = true;
}

static bool
s_send_copy (zmq_msg_t *frame, void *socket, int flags)
{
    zmq_msg_t copy;
    zmq_msg_init (&copy);
    zmq_msg_copy (&copy, frame);
    int rc = stint_socket_send (socket, &copy, flags | ZMQ_DONTWAIT);
    if (rc < 0)
        zmq_msg_close (&copy);
    return rc >= 0;
}

bool
stint_outbox_send (stint_outbox_t *self, void *socket)
{
    assert (self->sealed);
    bool sent =
        s_send_copy (&self->header, socket, self->frame_count > 0 ? ZMQ_SNDMORE : 0);
    for (uint32_t index = 0; sent && index < self->frame_count; index++) {
        bool more = index + 1 < self->frame_count;
        sent = s_send_copy (&self->frames [index], socket, more ? ZMQ_SNDMORE : 0);
    }
    return sent;
}
