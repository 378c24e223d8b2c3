//  puppet: a broker that does what a test of the worker tells it, message by message
//  SPDX-License-Identifier: MPL-2.0

#include "puppet.h"

#include <criterion/criterion.h>
#include <czmq.h>

struct puppet {
    void *router;                         //  For everybody
    char endpoint [64];                   //  Where it is bound
    zmq_msg_t peer;                       //  Routing id of who was heard last
    size_t frame_count;                   //  Of the last message
    zmq_msg_t frames [PUPPET_FRAMES];     //  Its frames
    stint_bytes_t bytes [PUPPET_FRAMES];  //  The same
    stint_message_t message;              //  Decoded
    stint_writer_t writer;                //  For answers
};

puppet_t *
puppet_new (void)
{
    zsys_handler_set (NULL);
    puppet_t *self = zmalloc (sizeof *self);
    snprintf (self->endpoint, sizeof self->endpoint, "ipc://@stint-puppet-%d-%p",
              (int) getpid (), (void *) self);
    zmq_msg_init (&self->peer);
    puppet_open (self);
    return self;
}

static void
s_forget (puppet_t *self)
{
    while (self->frame_count > 0)
        zmq_msg_close (&self->frames [--self->frame_count]);
}

void
puppet_destroy (puppet_t **self_p)
{
    puppet_t *self = *self_p;
    s_forget (self);
    puppet_close (self);
    zmq_msg_close (&self->peer);
    stint_writer_clear (&self->writer);
    free (self);
    *self_p = NULL;
}

const char *
puppet_endpoint (const puppet_t *self)
{
    return self->endpoint;
}

void
puppet_close (puppet_t *self)
{
    if (self->router)
        zmq_close (self->router);
    self->router = NULL;
}

//  The address of a socket that was closed a moment ago may still be taken.

void
puppet_open (puppet_t *self)
{
    self->router = zmq_socket (zsys_init (), ZMQ_ROUTER);
    int one = 1;
    int none = 0;
    zmq_setsockopt (self->router, ZMQ_ROUTER_MANDATORY, &one, sizeof one);
    zmq_setsockopt (self->router, ZMQ_LINGER, &none, sizeof none);
    int64_t until = zclock_mono () + PUPPET_WAIT_MS;
    while (zmq_bind (self->router, self->endpoint) != 0)
        cr_assert (zclock_mono () < until, "cannot bind %s", self->endpoint);
}

//  Reads one message; false when none came until then.

static bool
s_read (puppet_t *self, int64_t until)
{
    zmq_pollitem_t item = {self->router, 0, ZMQ_POLLIN, 0};
    int64_t left = until - zclock_mono ();
    if (zmq_poll (&item, 1, left > 0 ? left : 0) <= 0)
        return false;
    s_forget (self);
    zmq_msg_recv (&self->peer, self->router, 0);
    bool more = zmq_msg_more (&self->peer);
    while (more) {
        cr_assert (self->frame_count < PUPPET_FRAMES);
        zmq_msg_t *frame = &self->frames [self->frame_count];
        zmq_msg_init (frame);
        zmq_msg_recv (frame, self->router, 0);
        self->bytes [self->frame_count++] =
            (stint_bytes_t){zmq_msg_data (frame), zmq_msg_size (frame)};
        more = zmq_msg_more (frame);
    }
    stint_wire_status_t status =
        stint_wire_decode (&self->message, self->bytes, self->frame_count);
    cr_assert_eq (status, STINT_WIRE_OK, "a worker sent what is not STP: %d", status);
    return true;
}

static stint_message_t *
s_expect (puppet_t *self, stp_command_t command, bool strict)
{
    int64_t until = zclock_mono () + PUPPET_WAIT_MS;
    while (s_read (self, until)) {
        stp_command_t heard = self->message.command;
        if (heard == command)
            return &self->message;
        cr_assert (!strict || heard == STP_HEARTBEAT, "%s instead of %s",
                   stint_wire_name (heard), stint_wire_name (command));
    }
    cr_assert_fail ("no %s came", stint_wire_name (command));
    return NULL;
}

stint_message_t *
puppet_expect (puppet_t *self, stp_command_t command)
{
    return s_expect (self, command, true);
}

stint_message_t *
puppet_await (puppet_t *self, stp_command_t command)
{
    return s_expect (self, command, false);
}

bool
puppet_heard (puppet_t *self, stp_command_t command, int64_t timeout_ms)
{
    int64_t until = zclock_mono () + timeout_ms;
    while (s_read (self, until)) {
        if (self->message.command == command)
            return true;
    }
    return false;
}

uint64_t
puppet_peer (puppet_t *self)
{
    uint64_t number = 0;
    size_t size = zmq_msg_size (&self->peer);
    memcpy (&number, zmq_msg_data (&self->peer),
            size < sizeof number ? size : sizeof number);
    return number;
}

void
puppet_send (puppet_t *self, const stint_bytes_t *frames, size_t count)
{
    zmq_msg_t peer;
    zmq_msg_init (&peer);
    zmq_msg_copy (&peer, &self->peer);
    int rc = zmq_msg_send (&peer, self->router, ZMQ_SNDMORE);
    cr_assert (rc >= 0, "the worker is not there: %s", zmq_strerror (zmq_errno ()));
    for (size_t index = 0; index < count; index++) {
        rc = zmq_send (self->router, frames [index].data, frames [index].size,
                       index + 1 < count ? ZMQ_SNDMORE : 0);
        cr_assert (rc >= 0);
    }
}

static void
s_send (puppet_t *self)
{
    stint_bytes_t header = stint_writer_bytes (&self->writer);
    puppet_send (self, &header, 1);
}

void
puppet_accept (puppet_t *self, uint64_t request, uint32_t heartbeat_ms, uint32_t liveness)
{
    stint_wire_begin (&self->writer, STP_ACCEPTED, liveness ? 3 : 1);
    stint_wire_number (&self->writer, 'r', request);
    if (liveness) {
        stint_wire_number (&self->writer, 'u', heartbeat_ms);
        stint_wire_number (&self->writer, 'y', liveness);
    }
    s_send (self);
}

void
puppet_welcome (puppet_t *self, uint32_t heartbeat_ms, uint32_t liveness)
{
    stint_message_t *ready = puppet_await (self, STP_READY);
    puppet_accept (self, ready->request, heartbeat_ms, liveness);
}

void
puppet_tasks (puppet_t *self, uint64_t from, uint64_t to)
{
    stint_wire_begin (&self->writer, STP_TASK, 2);
    stint_wire_text (&self->writer, 'g', "work");
    size_t list = stint_wire_list (&self->writer);
    for (uint64_t id = from; id <= to; id++) {
        char text [24];
        snprintf (text, sizeof text, "%llu", (unsigned long long) id);
        stint_item_t item = {
            .id = id, .fence = 100 + id, .number = 1, .body = stint_bytes_of (text)};
        stint_wire_put (&self->writer, STP_TASK, &item);
    }
    stint_write_array_close (&self->writer, list, (uint32_t) (to - from + 1));
    s_send (self);
}

void
puppet_refs (puppet_t *self, stp_command_t command, uint64_t from, uint64_t to)
{
    stint_wire_begin (&self->writer, command, 1);
    size_t list = stint_wire_list (&self->writer);
    for (uint64_t id = from; id <= to; id++) {
        stint_item_t item = {.id = id, .fence = 100 + id};
        stint_wire_put (&self->writer, command, &item);
    }
    stint_write_array_close (&self->writer, list, (uint32_t) (to - from + 1));
    s_send (self);
}

void
puppet_bare (puppet_t *self, stp_command_t command)
{
    stint_wire_begin (&self->writer, command, 0);
    s_send (self);
}
