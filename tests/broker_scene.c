//  broker_scene: a broker on a thread of its own, and peers that talk to it frame by frame
//  SPDX-License-Identifier: MPL-2.0

#include "broker_scene.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static broker_command_t
s_obey (broker_t *broker, void *argument)
{
    (void) broker;
    uint64_t number = 0;
    ssize_t size = read (((scene_t *) argument)->control, &number, sizeof number);
    return size == sizeof number ? (broker_command_t) (number - 1) : BROKER_GO_ON;
}

static void *
s_run (void *argument)
{
    scene_t *self = argument;
    self->code = broker_run (self->broker, self->control, s_obey, self);
    return NULL;
}

void
scene_prepare (scene_t *self)
{
    memset (self, 0, sizeof *self);
    snprintf (self->folder, sizeof self->folder, "/tmp/stint-broker-XXXXXX");
    cr_assert (mkdtemp (self->folder));
    snprintf (self->endpoint, sizeof self->endpoint, "ipc://%s/socket", self->folder);
    self->endpoints [0] = self->endpoint;
    self->options = (broker_options_t){
        .limits = {.tasks = 10000,
                   .groups = 100,
                   .batches = 100,
                   .producers = 100,
                   .sessions = 1000,
                   .heartbeat_ms = 1000,
                   .liveness = 3,
                   .waiting_max = 1 << 26,
                   .memory_max = UINT64_MAX,
                   .defaults = {.list = {1000, 1 << 26, 5, 1000, 300000, 3600000, 0, 1,
                                         0}}},
        .engine = &store_memory,
        .endpoints = self->endpoints,
        .endpoint_count = 1,
        .drain_ms = 1000,
        .seed = 1,
    };
}

//  Returns the exit code that a broker with these options is refused with, 0 when it is
//  not.

int
scene_try (scene_t *self, const char *endpoint, bool insecure, char *error,
           size_t error_size)
{
    int code = 0;
    self->endpoints [0] = endpoint;
    self->options.insecure = insecure;
    error [0] = 0;
    broker_t *broker = broker_new (&self->options, error, error_size, &code);
    cr_assert_eq (broker == NULL, code != 0, "%s", endpoint);
    broker_destroy (&broker);
    return code;
}

void *
scene_peer (scene_t *self)
{
    void *dealer = zmq_socket (self->context, ZMQ_DEALER);
    int none = 0;
    int patience = PATIENCE_MS;
    zmq_setsockopt (dealer, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt (dealer, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt (dealer, ZMQ_RCVTIMEO, &patience, sizeof patience);
    cr_assert_eq (zmq_connect (dealer, self->endpoint), 0);
    return dealer;
}

void
scene_start (scene_t *self)
{
    char error [512] = "";
    self->control = eventfd (0, EFD_CLOEXEC);
    self->broker = broker_new (&self->options, error, sizeof error, &self->code);
    cr_assert (self->broker, "%s", error);
    cr_assert_eq (pthread_create (&self->thread, NULL, s_run, self), 0);
    self->context = zmq_ctx_new ();
    self->friend = scene_peer (self);
}

void
scene_begin (scene_t *self)
{
    scene_prepare (self);
    scene_start (self);
}

void
scene_command (scene_t *self, broker_command_t command)
{
    uint64_t number = (uint64_t) command + 1;
    cr_assert_eq (write (self->control, &number, sizeof number), sizeof number);
}

void
scene_clear (scene_t *self)
{
    char path [128];
    snprintf (path, sizeof path, "%s/socket", self->folder);
    unlink (path);
    rmdir (self->folder);
}

void
scene_end (scene_t *self)
{
    scene_command (self, BROKER_STOP);
    pthread_join (self->thread, NULL);
    cr_assert_eq (self->code, 0);
    broker_destroy (&self->broker);
    zmq_close (self->friend);
    zmq_ctx_term (self->context);
    close (self->control);
    stint_writer_clear (&self->writer);
    scene_clear (self);
}

//  ---------------------------------------------------------------------------------
//  Talk

bool
scene_hear (void *peer, int timeout_ms, zmq_msg_t *header, stint_message_t *message)
{
    zmq_pollitem_t item = {peer, 0, ZMQ_POLLIN, 0};
    if (zmq_poll (&item, 1, timeout_ms) <= 0)
        return false;
    zmq_msg_init (header);
    cr_assert (zmq_msg_recv (header, peer, 0) >= 0);
    for (bool more = zmq_msg_more (header); more;) {
        zmq_msg_t frame;
        zmq_msg_init (&frame);
        cr_assert (zmq_msg_recv (&frame, peer, 0) >= 0);
        more = zmq_msg_more (&frame);
        zmq_msg_close (&frame);
    }
    stint_bytes_t bytes = {zmq_msg_data (header), zmq_msg_size (header)};
    stint_wire_status_t status = stint_wire_decode (message, &bytes, 1);
    cr_assert_eq (status, STINT_WIRE_OK, "%d: %zu bytes, command %02x", status, bytes.size,
                  bytes.size > 4 ? bytes.data [4] : 0);
    return true;
}

void
scene_answer (void *peer, int timeout_ms, char text [32])
{
    zmq_msg_t header;
    stint_message_t message;
    text [0] = 0;
    while (scene_hear (peer, timeout_ms, &header, &message)) {
        bool beat = message.command == STP_HEARTBEAT;
        if (message.command == STP_ERROR)
            snprintf (text, 32, "%.*s", (int) message.error.size,
                      (const char *) message.error.data);
        else if (!beat)
            snprintf (text, 32, "%s", stint_wire_name (message.command));
        zmq_msg_close (&header);
        if (!beat)
            return;
    }
}

void
scene_send (scene_t *self, void *peer)
{
    stint_bytes_t header = stint_writer_bytes (&self->writer);
    cr_assert (zmq_send (peer, header.data, header.size, 0) >= 0);
}

void
scene_ask (scene_t *self, void *peer, const char *what)
{
    stint_wire_begin (&self->writer, STP_QUERY, 2);
    stint_wire_number (&self->writer, 'r', ++self->request);
    stint_wire_text (&self->writer, 'o', what);
    scene_send (self, peer);
}

void
scene_expect_service (scene_t *self, const char *after)
{
    char text [32];
    scene_ask (self, self->friend, "ping");
    do
        scene_answer (self->friend, PATIENCE_MS, text);
    while (strcmp (text, "BYE") == 0);
    cr_assert_str_eq (text, "STATE", "after %s: '%s'", after, text);
}
