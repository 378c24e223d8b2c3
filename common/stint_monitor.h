//  stint_monitor: says why a DEALER does not reach its broker
//  SPDX-License-Identifier: MPL-2.0
//
//  libzmq connects behind our back: a dead broker, a refused key and a wrong address all
//  look like silence. Its socket monitor sees more; this class turns what it sees into one
//  state and one sentence. Belongs to the thread that owns the watched socket.

#ifndef STINT_MONITOR_H
#define STINT_MONITOR_H

#include "stint.h"

typedef struct stint_monitor stint_monitor_t;

typedef enum {
    STINT_LINK_TRYING,  //  Neither connected nor failed so far
    STINT_LINK_UP,      //  Connected, and the handshake (with keys, if any) has succeeded
    STINT_LINK_FAILED,  //  The last try failed
    STINT_LINK_LOST     //  Was up, and the connection ended
} stint_link_t;

//  Watches a socket of that libzmq context, which is about to connect to that endpoint.
//  Call it before zmq_connect. Borrows context and socket; copies the endpoint. Returns
//  null when the process has no descriptor left.
stint_monitor_t *stint_monitor_new (void *context, void *socket, const char *endpoint);

//  Stops watching and sets the caller's pointer to null. Call it before the socket closes.
void stint_monitor_destroy (stint_monitor_t **self_p);

//  Returns the libzmq socket that is readable when stint_monitor_poll has news; for
//  zmq_poll only.
void *stint_monitor_socket (stint_monitor_t *self);

//  Takes in what has happened, without waiting, and returns how the link is now. A link
//  that failed may be tried again by libzmq (ZMQ_RECONNECT_IVL) and come up later, but
//  after STINT_ERR_DENIED and STINT_ERR_PROTOCOL only a new socket ever connects.
stint_link_t stint_monitor_poll (stint_monitor_t *self);

//  Takes in what has happened and returns how many connections of the socket have ended so
//  far: a link that is up may be a later one than it was.
uint64_t stint_monitor_ended (stint_monitor_t *self);

//  Returns what kind of cause it is: STINT_OK when the link is up, STINT_ERR_UNREACHABLE,
//  STINT_ERR_DENIED (keys do not fit), STINT_ERR_PROTOCOL (not a broker that we can talk
//  to).
stint_status_t stint_monitor_status (const stint_monitor_t *self);

//  Returns one sentence for people, "" when the link is up. While the link is only being
//  tried it is what to say if this goes on for too long. Valid until the next call.
const char *stint_monitor_cause (stint_monitor_t *self);

#endif
