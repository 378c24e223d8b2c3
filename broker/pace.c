//  pace: how often both sides beat: slower when there are very many of them
//  SPDX-License-Identifier: MPL-2.0

#include "pace.h"

#define TIMES_MAX 60       //  No interval is longer than so many of the shortest,
#define LONGEST_MS 600000  //  or than clients believe

//  Returns the interval for so many peers: as many times the shortest one as it takes.

static uint32_t
s_interval (const pace_t *self, uint64_t peers)
{
    uint64_t beats = (uint64_t) self->beats_max * self->base_ms;
    uint64_t times = beats ? (peers * 1000 + beats - 1) / beats : 1;
    if (times > TIMES_MAX)
        times = TIMES_MAX;
    if (times > LONGEST_MS / self->base_ms)
        times = LONGEST_MS / self->base_ms;
    return self->base_ms * (uint32_t) (times ? times : 1);
}

void
pace_init (pace_t *self, uint32_t base_ms, uint32_t liveness, uint32_t beats_max)
{
    *self = (pace_t){.base_ms = base_ms, .liveness = liveness, .beats_max = beats_max};
    pace_start (self, 0);
}

void
pace_start (pace_t *self, uint32_t peers)
{
    self->told_ms = self->beat_ms = self->heard_ms = s_interval (self, peers);
    self->changing = false;
    self->calm_at = PACE_NEVER;
}

bool
pace_follow (pace_t *self, uint32_t peers, int64_t now)
{
    if (now >= self->calm_at) {
        self->heard_ms = self->told_ms;
        self->calm_at = PACE_NEVER;
    }
    if (self->changing || self->calm_at != PACE_NEVER)
        return false;
    //  A quarter of slack, so that a few that come and go change nothing
    uint32_t longer = s_interval (self, peers);
    uint32_t shorter = s_interval (self, (uint64_t) peers + peers / 4);
    uint32_t interval = longer > self->told_ms ? longer : shorter;
    if (longer <= self->told_ms && shorter >= self->told_ms)
        return false;
    if (interval > self->told_ms)
        self->heard_ms = interval;
    else
        self->beat_ms = interval;
    self->told_ms = interval;
    self->changing = true;
    return true;
}

void
pace_told (pace_t *self, int64_t now)
{
    self->changing = false;
    self->beat_ms = self->told_ms;
    if (self->heard_ms > self->told_ms)
        self->calm_at = now + pace_patience (self);
}

int64_t
pace_patience (const pace_t *self)
{
    return (int64_t) self->heard_ms * self->liveness;
}

void
pace_forgive (pace_t *self, int64_t stall_ms)
{
    if (self->calm_at != PACE_NEVER)
        self->calm_at += stall_ms;
}
