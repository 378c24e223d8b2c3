//  peers: socket peers and the sessions of the core that belong to them
//  SPDX-License-Identifier: MPL-2.0
//
//  A peer is known by the routing id that libzmq gave it: five octets, a zero and a number.
//  Ids that a peer has chosen itself are refused, because they could be another's.

#ifndef BROKER_PEERS_H
#define BROKER_PEERS_H

#include "stint_wire.h"

#include <zmq.h>

#define PEERS_ID 5  //  Bytes of a routing id

typedef struct peers peers_t;

//  One message as it came: the routing id, and the frames behind it.

typedef struct {
    uint64_t peer;                           //  Routing id as a number; 0 for none
    zmq_msg_t frames [STINT_FRAMES_MAX];     //  Header and payloads
    stint_bytes_t bytes [STINT_FRAMES_MAX];  //  The same, for stint_wire_decode
    size_t count;                            //  How many
    bool oversized;                          //  There were more; they are dropped
} peers_message_t;

//  Creates an empty table for that many sessions.
peers_t *peers_new (uint32_t sessions);
void peers_destroy (peers_t **self_p);

//  Takes one message from the ROUTER without waiting. Returns false when there is none.
//  The caller calls peers_done with each that it got.
bool peers_receive (void *router, peers_message_t *message);
void peers_done (peers_message_t *message);

//  Returns true when the peer may talk to us: over ipc it must be of our own user, or root,
//  as the kernel says.
bool peers_allowed (peers_message_t *message);

//  Returns the session of a peer, or 0.
uint32_t peers_session (const peers_t *self, uint64_t peer);

//  Ties a session to a peer, and unties it.
void peers_put (peers_t *self, uint64_t peer, uint32_t session);
void peers_drop (peers_t *self, uint32_t session);

//  Returns the peer that a session is tied to, or 0.
uint64_t peers_of (const peers_t *self, uint32_t session);

//  Sends the routing id of a session, to be followed by its frames. Returns 0, or -1 when
//  the peer is gone or does not read; nothing may be sent then.
int peers_address (const peers_t *self, void *router, uint32_t session);

#endif
