//  fake_broker: a broker whose every answer is written by hand, for tests of the client
//  SPDX-License-Identifier: MPL-2.0

#include "fake_broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000

void
fake_check (bool condition, const char *text, int line)
{
    if (condition)
        return;
    fprintf (stderr, "fake broker, line %d: not true: %s\n", line, text);
    abort ();
}

bool
fake_is (stint_bytes_t bytes, const char *text)
{
    return bytes.size == strlen (text) && memcmp (bytes.data, text, bytes.size) == 0;
}

void
fake_bind (fake_t *self)
{
    self->socket = zmq_socket (self->context, ZMQ_ROUTER);
    fake_assert (self->socket != NULL);
    int patience = PATIENCE_MS;
    zmq_setsockopt (self->socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
    fake_assert (zmq_bind (self->socket, self->endpoint) == 0);
}

static void
s_forget (fake_t *self)
{
    for (size_t index = 0; index < self->count; index++)
        zmq_msg_close (&self->frames [index]);
    self->count = 0;
}

void
fake_die (fake_t *self)
{
    int linger = 0;
    zmq_setsockopt (self->socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_close (self->socket);
    self->socket = NULL;
}

static void *
s_thread (void *argument)
{
    fake_t *self = argument;
    self->script (self);
    return NULL;
}

void
fake_run (fake_t *self, fake_fn *script)
{
    self->script = script;
    fake_assert (pthread_create (&self->thread, NULL, s_thread, self) == 0);
}

void
fake_start (fake_t *self, fake_fn *script)
{
    memset (self, 0, sizeof *self);
    snprintf (self->folder, sizeof self->folder, "/tmp/stint-client-XXXXXX");
    fake_assert (mkdtemp (self->folder) != NULL);
    snprintf (self->endpoint, sizeof self->endpoint, "ipc://%s/broker", self->folder);
    self->context = zmq_ctx_new ();
    sem_init (&self->go, 0, 0);
    if (!script)
        return;
    fake_bind (self);
    fake_run (self, script);
}

void
fake_join (fake_t *self)
{
    if (self->script)
        pthread_join (self->thread, NULL);
    self->script = NULL;
}

void
fake_stop (fake_t *self)
{
    fake_join (self);
    s_forget (self);
    if (self->socket)
        fake_die (self);
    zmq_ctx_term (self->context);
    sem_destroy (&self->go);
    stint_writer_clear (&self->out);
    unlink (self->endpoint + strlen ("ipc://"));
    rmdir (self->folder);
}

void
fake_wait (fake_t *self)
{
    struct timespec until;
    clock_gettime (CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    fake_assert (sem_timedwait (&self->go, &until) == 0);
}

void
fake_go (fake_t *self)
{
    sem_post (&self->go);
}

//  ---------------------------------------------------------------------------------
//  Hearing

static void
s_receive (fake_t *self)
{
    s_forget (self);
    int size = zmq_recv (self->socket, self->peer, sizeof self->peer, 0);
    fake_assert (size > 0);
    self->peer_size = (size_t) size;
    bool more = true;
    while (more) {
        fake_assert (self->count < FAKE_FRAMES);
        zmq_msg_t *frame = &self->frames [self->count];
        zmq_msg_init (frame);
        fake_assert (zmq_msg_recv (frame, self->socket, 0) >= 0);
        more = zmq_msg_more (frame);
        self->bytes [self->count].data = zmq_msg_data (frame);
        self->bytes [self->count].size = zmq_msg_size (frame);
        self->count++;
    }
    fake_assert (stint_wire_decode (&self->last, self->bytes, self->count)
                 == STINT_WIRE_OK);
}

void
fake_expect (fake_t *self, stp_command_t command)
{
    self->heartbeats = 0;
    s_receive (self);
    while (self->last.command == STP_HEARTBEAT) {
        self->heartbeats++;
        s_receive (self);
    }
    if (self->last.command != command)
        fprintf (stderr, "fake broker: %s came instead of %s\n",
                 stint_wire_name (self->last.command), stint_wire_name (command));
    fake_assert (self->last.command == command);
}

void
fake_expect_heartbeats (fake_t *self, uint32_t count)
{
    for (; count > 0; count--) {
        s_receive (self);
        if (self->last.command != STP_HEARTBEAT)
            fprintf (stderr, "fake broker: %s came instead of HEARTBEAT\n",
                     stint_wire_name (self->last.command));
        fake_assert (self->last.command == STP_HEARTBEAT);
    }
}

//  ---------------------------------------------------------------------------------
//  Answering

void
fake_send (fake_t *self, const stint_bytes_t *frames, size_t count)
{
    zmq_send (self->socket, self->peer, self->peer_size, ZMQ_SNDMORE);
    for (size_t index = 0; index < count; index++)
        zmq_send (self->socket, frames [index].data, frames [index].size,
                  index + 1 < count ? ZMQ_SNDMORE : 0);
}

void
fake_send_out (fake_t *self)
{
    stint_bytes_t header = stint_writer_bytes (&self->out);
    fake_send (self, &header, 1);
}

void
fake_greet (fake_t *self, uint64_t heartbeat_ms, uint64_t liveness)
{
    stint_wire_begin (&self->out, STP_HEARTBEAT, 2);
    stint_wire_number (&self->out, 'u', heartbeat_ms);
    stint_wire_number (&self->out, 'y', liveness);
    fake_send_out (self);
}

void
fake_bye (fake_t *self)
{
    stint_wire_begin (&self->out, STP_BYE, 0);
    fake_send_out (self);
}

void
fake_accept (fake_t *self, uint64_t request, uint64_t id, uint64_t count)
{
    stint_wire_begin (&self->out, STP_ACCEPTED, 3);
    stint_wire_number (&self->out, 'r', request);
    stint_wire_number (&self->out, 'i', id);
    stint_wire_number (&self->out, 'c', count);
    fake_send_out (self);
}

void
fake_open (fake_t *self, uint64_t batch, uint64_t count, uint64_t cursor)
{
    stint_wire_begin (&self->out, STP_ACCEPTED, 4);
    stint_wire_number (&self->out, 'r', self->last.request);
    stint_wire_number (&self->out, 'b', batch);
    stint_wire_number (&self->out, 'c', count);
    stint_wire_number (&self->out, 'k', cursor);
    fake_send_out (self);
}

void
fake_full (fake_t *self, uint64_t request, uint64_t delay_ms, const char *text)
{
    stint_wire_begin (&self->out, STP_FULL, 3);
    stint_wire_number (&self->out, 'r', request);
    stint_wire_number (&self->out, 'd', delay_ms);
    stint_wire_text (&self->out, 'm', text);
    fake_send_out (self);
}

void
fake_error (fake_t *self, uint64_t request, const char *code, const char *text)
{
    stint_wire_begin (&self->out, STP_ERROR, request ? 3 : 2);
    if (request)
        stint_wire_number (&self->out, 'r', request);
    stint_wire_text (&self->out, 'e', code);
    stint_wire_text (&self->out, 'm', text);
    fake_send_out (self);
}

void
fake_sequence (fake_t *self, uint64_t request, uint64_t sequence)
{
    stint_wire_begin (&self->out, STP_ERROR, 4);
    stint_wire_number (&self->out, 'r', request);
    stint_wire_text (&self->out, 'e', "sequence");
    stint_wire_text (&self->out, 'm', "not the next one");
    stint_wire_number (&self->out, 's', sequence);
    fake_send_out (self);
}

void
fake_pong (fake_t *self)
{
    stint_wire_begin (&self->out, STP_STATE, 2);
    stint_wire_number (&self->out, 'r', self->last.request);
    stint_wire_field (&self->out, 'f');
    stint_write_map (&self->out, 1);
    stint_write_text (&self->out, "epoch");
    stint_write_number (&self->out, 7);
    fake_send_out (self);
}

void
fake_outcomes (fake_t *self, uint64_t batch, uint64_t from, uint64_t to)
{
    stint_wire_begin (&self->out, STP_OUTCOME, 3);
    stint_wire_number (&self->out, 'b', batch);
    stint_wire_number (&self->out, 'k', to);
    size_t list = stint_wire_list (&self->out);
    for (uint64_t number = from; number <= to; number++) {
        char text [32];
        snprintf (text, sizeof text, "result %llu", (unsigned long long) number);
        stint_item_t item = {.id = 100 + number,
                             .number = (uint32_t) number,
                             .verdict = STINT_DONE,
                             .attempts = 1,
                             .body = stint_bytes_of (text)};
        stint_wire_put (&self->out, STP_OUTCOME, &item);
    }
    stint_write_array_close (&self->out, list, (uint32_t) (to - from + 1));
    fake_send_out (self);
}
