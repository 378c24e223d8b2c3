//  outbox: packs the core's replies into messages, and holds those that have to be durable
//  SPDX-License-Identifier: MPL-2.0
//
//  Replies to one session share messages: tasks of one group, outcomes of one batch, stale
//  attempts. A message is closed when something of another kind follows, when it is large
//  enough, or at the end of a turn; one that must wait is closed when its block is sealed.
//  So messages grow by themselves under load, and nothing waits when there is none. What
//  waits leaves in the order in which it began to.

#ifndef BROKER_OUTBOX_H
#define BROKER_OUTBOX_H

#include "core.h"
#include "peers.h"
#include "store.h"

#define OUTBOX_MESSAGE ((size_t) 512 << 10)  //  Bytes after which a message is closed

typedef struct outbox outbox_t;

//  What an outbox works with. Borrowed for its life.

typedef struct {
    core_t *core;                  //  Names of groups, bytes in memory
    peers_t *peers;                //  Sessions to peers
    void *router;                  //  The socket
    const store_engine_t *engine;  //  Bytes that left memory
    store_t *store;                //
    uint32_t sessions;             //  Most sessions
    uint32_t liveness;             //  Heartbeats that may be missed
} outbox_options_t;

outbox_t *outbox_new (const outbox_options_t *options);
void outbox_destroy (outbox_t **self_p);

//  Packs the replies; those that have to be durable wait for the journal's gate of now.
//  Empties the effects.
void outbox_take (outbox_t *self, effects_t *effects);

//  Sends what need not wait, and what waits for blocks up to this one.
void outbox_release (outbox_t *self, uint64_t durable);

//  Returns the last block that somebody waits for, other than with patience: its becoming
//  durable is urgent.
uint64_t outbox_awaited (const outbox_t *self);

//  Returns how many bytes wait.
uint64_t outbox_waiting (const outbox_t *self);

//  Returns how many messages could not be sent because their peer was gone.
uint64_t outbox_undelivered (const outbox_t *self);

#endif
