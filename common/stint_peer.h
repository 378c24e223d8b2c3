//  stint_peer: Paranoid Pirate book-keeping: who was heard when, whose beat is due
//  SPDX-License-Identifier: MPL-2.0
//
//  Pure: the time is an argument, in milliseconds of a clock that never goes back. Follows
//  the Paranoid Pirate pattern (ZeroMQ guide, chapter 4; RFC 6) with what practice has
//  added: any message counts as a beat, both sides beat, and a side that was itself
//  stalled does not blame the other for it.

#ifndef STINT_PEER_H
#define STINT_PEER_H

#include "stint.h"

#define STINT_HEARTBEAT_MS 1000   //  Default between two heartbeats
#define STINT_LIVENESS 3          //  Default of heartbeats that may be missed
#define STINT_RECONNECT_MS 200    //  First wait before a new connection
#define STINT_RECONNECT_MAX 8000  //  Longest wait before a new connection

typedef struct {
    int64_t heard_at;       //  When anything came from the peer
    int64_t sent_at;        //  When anything was sent to the peer
    uint32_t heartbeat_ms;  //  Between two heartbeats
    uint32_t liveness;      //  Heartbeats that may be missed
} stint_peer_t;

//  Begins with a peer that was heard just now and owes nothing.
void stint_peer_start (stint_peer_t *self, int64_t now, uint32_t heartbeat_ms,
                       uint32_t liveness);

//  Notes that something came from the peer, or went to it.
void stint_peer_heard (stint_peer_t *self, int64_t now);
void stint_peer_sent (stint_peer_t *self, int64_t now);

//  Returns when our next heartbeat is due, if nothing else is sent before.
int64_t stint_peer_beat_at (const stint_peer_t *self);

//  Returns when the peer is gone, if nothing comes before.
int64_t stint_peer_gone_at (const stint_peer_t *self);

//  Forgives the peer a stall of our own: moves all its deadlines.
void stint_peer_forgive (stint_peer_t *self, int64_t stall_ms);

//  Returns how long to wait before the next attempt to connect: doubles from
//  STINT_RECONNECT_MS to STINT_RECONNECT_MAX with the number of attempts that failed, a
//  fifth more or less by chance (any random number), so that a thousand peers do not
//  come back in the same moment.
int64_t stint_peer_backoff (uint32_t failed, uint64_t chance);

#endif
