//  sim_shrink: makes the story of a broken promise short, and tells it
//  SPDX-License-Identifier: MPL-2.0
//
//  Delta debugging (Zeller and Hildebrandt, 2002) over the acts of all players and
//  nemeses: leaves out halves, quarters and so on of those acts, as long as the same
//  promise is broken in the end. Acts have random numbers of their own, so that what is
//  left stays what it was; acts that had not come when the promise was broken never come.

#include "sim_shrink.h"

#include <stdio.h>
#include <string.h>

#define TRIES_MAX 3000  //  Worlds that a story is worth

typedef struct {
    sim_t *world;
    const sim_plan_t *plan;
    const char *promise;  //  That was broken
    uint32_t acts;        //  In all
    uint32_t tries;       //  So far
} s_shrink_t;

//  Acts in one row: those of the first actor, those of the second, ...

static void
s_mute (s_shrink_t *self, uint32_t from, uint32_t until, const uint32_t *counts, bool mute)
{
    uint32_t first = 0;
    for (uint32_t actor = 0; actor < SIM_ACTORS; actor++) {
        uint32_t behind = first + counts [actor];
        for (uint32_t act = from > first ? from : first; act < until && act < behind;
             act++) {
            uint8_t *byte = &self->world->muted [actor][(act - first) / 8];
            uint8_t bit = (uint8_t) (1u << (act - first) % 8);
            *byte = (uint8_t) (mute ? *byte | bit : *byte & ~bit);
        }
        first = behind;
    }
}

//  Leaves out what comes behind those acts.

static void
s_mute_rest (sim_t *world, const uint32_t *counts)
{
    for (uint32_t actor = 0; actor < SIM_ACTORS; actor++) {
        for (uint32_t act = counts [actor]; act < SIM_ACTS; act++)
            world->muted [actor][act / 8] |= (uint8_t) (1u << act % 8);
    }
}

static bool
s_still_breaks (s_shrink_t *self)
{
    self->tries++;
    bool well = sim_guarded (self->world, self->plan);
    return !well && strcmp (self->world->promise, self->promise) == 0;
}

static void
s_shrink (s_shrink_t *self, const uint32_t *counts)
{
    static uint8_t kept [SIM_ACTORS][SIM_ACTS / 8];
    for (uint32_t part = self->acts / 2; part > 0 && self->tries < TRIES_MAX;) {
        bool shorter = false;
        for (uint32_t from = 0; from < self->acts && self->tries < TRIES_MAX;
             from += part) {
            memcpy (kept, self->world->muted, sizeof kept);
            s_mute (self, from, from + part, counts, true);
            if (memcmp (kept, self->world->muted, sizeof kept) == 0)
                continue;
            if (s_still_breaks (self))
                shorter = true;
            else
                memcpy (self->world->muted, kept, sizeof kept);
        }
        if (part > 1 || !shorter)
            part /= 2;
    }
}

void
sim_shrink (sim_t *world, const sim_plan_t *plan)
{
    s_shrink_t self = {world, plan, world->promise, 0, 0};
    uint32_t counts [SIM_ACTORS];
    for (uint32_t actor = 0; actor < SIM_ACTORS; actor++) {
        counts [actor] = world->acts [actor] < SIM_ACTS ? world->acts [actor] : SIM_ACTS;
        self.acts += counts [actor];
    }
    uint64_t events = world->world_events;
    s_mute_rest (world, counts);
    s_shrink (&self, counts);
    uint32_t left = 0;
    for (uint32_t actor = 0; actor < SIM_ACTORS; actor++) {
        for (uint32_t act = 0; act < counts [actor]; act++)
            left += !(world->muted [actor][act / 8] & 1u << act % 8);
    }
    printf ("sim: seed %lu: %u acts and %lu events made shorter to %u acts, in %u tries\n",
            plan->seed, self.acts, events, left, self.tries);
    world->tracing = true;
    sim_guarded (world, plan);
    world->tracing = false;
    printf ("sim: seed %lu breaks %s: %s (event %lu)\n", plan->seed,
            world->promise ? world->promise : "nothing", world->promise ? world->fault : "",
            world->world_events);
    memset (world->muted, 0, sizeof world->muted);
}
