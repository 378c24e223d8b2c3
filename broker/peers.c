//  peers: socket peers and the sessions of the core that belong to them
//  SPDX-License-Identifier: MPL-2.0

#include "peers.h"

#include "stint_index.h"

#include <string.h>
#include <unistd.h>

typedef struct {
    uint64_t id;  //  Routing id as a number; 0 when the session is not tied
} s_peer_t;

STINT_INDEX_DEFINE (s_index, s_peer_t, id, stint_index_mix);

struct peers {
    s_peer_t *peers;  //  By session
    s_index_t index;  //  Sessions by routing id
};

peers_t *
peers_new (uint32_t sessions)
{
    peers_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->peers = calloc ((size_t) sessions + 1, sizeof (s_peer_t));
    if (!self->peers)
        abort ();
    stint_index_init (&self->index, sessions, 0);
    return self;
}

void
peers_destroy (peers_t **self_p)
{
    peers_t *self = *self_p;
    if (!self)
        return;
    free (self->peers);
    stint_index_clear (&self->index);
    free (self);
    *self_p = NULL;
}

//  Returns the number within a routing id that libzmq gave, and 0 for any other. The zero
//  octet in front becomes a bit, so that no number is 0.

static uint64_t
s_number (const uint8_t *id, size_t size)
{
    if (size != PEERS_ID || id [0] != 0)
        return 0;
    uint64_t number = 1;
    for (size_t index = 1; index < PEERS_ID; index++)
        number = number << 8 | id [index];
    return number;
}

static void
s_add_frame (peers_message_t *message, zmq_msg_t *frame)
{
    if (message->count == STINT_FRAMES_MAX) {
        message->oversized = true;
        zmq_msg_close (frame);
        return;
    }
    message->frames [message->count] = *frame;
    zmq_msg_t *kept = &message->frames [message->count];
    message->bytes [message->count].data = zmq_msg_data (kept);
    message->bytes [message->count].size = zmq_msg_size (kept);
    message->count++;
}

bool
peers_receive (void *router, peers_message_t *message)
{
    zmq_msg_t frame;
    message->count = 0;
    message->oversized = false;
    zmq_msg_init (&frame);
    if (zmq_msg_recv (&frame, router, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close (&frame);
        return false;
    }
    message->peer = s_number (zmq_msg_data (&frame), zmq_msg_size (&frame));
    int more = zmq_msg_more (&frame);
    zmq_msg_close (&frame);
    while (more) {
        zmq_msg_init (&frame);
        if (zmq_msg_recv (&frame, router, 0) < 0)
            break;
        more = zmq_msg_more (&frame);
        s_add_frame (message, &frame);
    }
    return true;
}

void
peers_done (peers_message_t *message)
{
    for (size_t index = 0; index < message->count; index++)
        zmq_msg_close (&message->frames [index]);
    message->count = 0;
}

//  libzmq tells the credentials of an ipc peer as "localhost:UID:GID:PID", and the address
//  of a tcp peer as a number. It does so on the frames behind the routing id only.

bool
peers_allowed (peers_message_t *message)
{
    if (message->peer == 0 || message->count == 0)
        return false;
    const char *address = zmq_msg_gets (&message->frames [0], "Peer-Address");
    if (!address || strncmp (address, "localhost:", 10) != 0)
        return true;
    char *end;
    unsigned long user = strtoul (address + 10, &end, 10);
    return *end == ':' && (user == 0 || user == geteuid ());
}

uint32_t
peers_session (const peers_t *self, uint64_t peer)
{
    return s_index_find (&self->index, self->peers, peer);
}

void
peers_put (peers_t *self, uint64_t peer, uint32_t session)
{
    assert (self->peers [session].id == 0);
    self->peers [session].id = peer;
    s_index_put (&self->index, self->peers, session);
}

void
peers_drop (peers_t *self, uint32_t session)
{
    if (self->peers [session].id == 0)
        return;
    s_index_drop (&self->index, self->peers, session);
    self->peers [session].id = 0;
}

uint64_t
peers_of (const peers_t *self, uint32_t session)
{
    return self->peers [session].id;
}

int
peers_address (const peers_t *self, void *router, uint32_t session)
{
    uint8_t id [PEERS_ID] = {0};
    for (size_t index = 1; index < PEERS_ID; index++)
        id [index] = (uint8_t) (self->peers [session].id >> (8 * (PEERS_ID - 1 - index)));
    return zmq_send (router, id, PEERS_ID, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ? -1 : 0;
}
