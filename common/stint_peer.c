//  stint_peer: Paranoid Pirate book-keeping: who was heard when, whose beat is due
//  SPDX-License-Identifier: MPL-2.0

#include "stint_peer.h"

#define FOREVER (INT64_MAX / 4)  //  Longer than any clock will count

void
stint_peer_start (stint_peer_t *self, int64_t now, uint32_t heartbeat_ms, uint32_t liveness)
{
    *self = (stint_peer_t){now, now, heartbeat_ms, liveness};
}

void
stint_peer_heard (stint_peer_t *self, int64_t now)
{
    self->heard_at = now;
}

void
stint_peer_sent (stint_peer_t *self, int64_t now)
{
    self->sent_at = now;
}

int64_t
stint_peer_beat_at (const stint_peer_t *self)
{
    return self->sent_at + self->heartbeat_ms;
}

int64_t
stint_peer_gone_at (const stint_peer_t *self)
{
    uint64_t patience = (uint64_t) self->heartbeat_ms * self->liveness;
    return self->heard_at + (patience < FOREVER ? (int64_t) patience : FOREVER);
}

void
stint_peer_forgive (stint_peer_t *self, int64_t stall_ms)
{
    self->heard_at += stall_ms;
}

int64_t
stint_peer_backoff (uint32_t failed, uint64_t chance)
{
    int64_t wait = STINT_RECONNECT_MAX;
    if (failed < 6 && (STINT_RECONNECT_MS << failed) < STINT_RECONNECT_MAX)
        wait = STINT_RECONNECT_MS << failed;
    return wait - wait / 5 + (int64_t) (chance % (uint64_t) (wait * 2 / 5 + 1));
}
