//  pace: how often both sides beat: slower when there are very many of them
//  SPDX-License-Identifier: MPL-2.0
//
//  Ten thousand idle peers that beat once a second, and are answered, cost a fifth of a
//  core. So the interval grows until the beats of a second are below a bound, and with it
//  the time until a silent peer is missed; Nomad's servers do so with their clients.
//
//  A change takes a while: until every peer was told of it, we beat as often as the shorter
//  interval asks for. We always wait as long as the longer one allows: after a change to a
//  shorter one until its patience has passed once more. One change at a time.

#ifndef BROKER_PACE_H
#define BROKER_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_NEVER INT64_MAX

typedef struct {
    uint32_t base_ms;    //  Between two beats, when peers are few
    uint32_t liveness;   //  Beats that may be missed
    uint32_t beats_max;  //  Most beats a second, each way; 0 for no bound
    uint32_t told_ms;    //  Between two beats, as peers are told
    uint32_t beat_ms;    //  Between two of our own
    uint32_t heard_ms;   //  Between two of theirs, at the longest
    bool changing;       //  Not everybody was told
    int64_t calm_at;     //  When heard_ms follows; PACE_NEVER when it has
} pace_t;

//  Begins with the interval for so many peers.
void pace_init (pace_t *self, uint32_t base_ms, uint32_t liveness, uint32_t beats_max);
void pace_start (pace_t *self, uint32_t peers);

//  Looks at how many peers there are. Returns true when a change begins: each of them is to
//  be told, and pace_told to be called then.
bool pace_follow (pace_t *self, uint32_t peers, int64_t now);
void pace_told (pace_t *self, int64_t now);

//  Forgives a stall of our own.
void pace_forgive (pace_t *self, int64_t stall_ms);

//  Returns how long a peer may be silent, in milliseconds.
int64_t pace_patience (const pace_t *self);

#endif
