//  sim_world: draws a world from its seed and lets it live
//  SPDX-License-Identifier: MPL-2.0

#include "sim_peer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define END_US 400000000  //  Most time from the healing to the end

_Noreturn void
sim_break (sim_t *self, const char *promise, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (self->fault, sizeof self->fault, format, arguments);
    va_end (arguments);
    self->promise = promise;
    self->counts.broken [sim_kind (promise)]++;
    longjmp (self->out, 1);
}

void
sim_seen (sim_t *self, sim_rare_t rare)
{
    self->counts.rare [rare]++;
}

//  A number about that mean: mostly near, sometimes far.

uint64_t
sim_around (uint64_t *chance, uint64_t mean)
{
    uint64_t number = sim_random (chance, 0);
    uint64_t span = number % 64 == 0 ? mean * 16 : mean * 2;
    return (number >> 32) * (span + 1) >> 32;
}

//  ---------------------------------------------------------------------------------
//  Timers

void
sim_set (sim_t *self, uint32_t timer, int64_t at)
{
    if (self->at [timer] == at)
        return;
    self->at [timer] = at;
    for (uint32_t node = (timer + SIM_TIMERS) / 2; node > 0; node /= 2) {
        uint8_t left = self->tree [node * 2];
        uint8_t right = self->tree [node * 2 + 1];
        self->tree [node] = self->at [left] <= self->at [right] ? left : right;
    }
}

static void
s_clear_timers (sim_t *self)
{
    for (uint32_t timer = 0; timer < SIM_TIMERS; timer++) {
        self->at [timer] = CORE_NEVER;
        self->tree [timer + SIM_TIMERS] = (uint8_t) timer;
    }
    for (uint32_t node = SIM_TIMERS - 1; node > 0; node--)
        self->tree [node] = self->tree [node * 2];
}

//  ---------------------------------------------------------------------------------
//  The plan

static uint64_t
s_pick (uint64_t *chance, const uint64_t *list, size_t count)
{
    return list [sim_random (chance, count)];
}

#define PICK(chance, ...)                                                                  \
    s_pick (chance, (const uint64_t []){__VA_ARGS__},                                      \
            sizeof ((const uint64_t []){__VA_ARGS__}) / sizeof (uint64_t))

static void
s_draw_limits (sim_plan_t *plan, uint64_t *chance)
{
    plan->limits = (core_limits_t){
        .tasks = (uint32_t) PICK (chance, 24, 64, 128, 256),
        .groups = (uint32_t) PICK (chance, 3, 4, 5, 5),
        .batches = (uint32_t) PICK (chance, 2, 4, 8),
        .producers = (uint32_t) PICK (chance, 3, 12, 24, 24),
        .schedules = 3,
        .sessions = (uint32_t) PICK (chance, 14, 30, 40, 60),
        .heartbeat_ms = (uint32_t) PICK (chance, 500, 1000, 1000),
        .liveness = (uint32_t) PICK (chance, 2, 3, 3),
        .heartbeats_max = (uint32_t) PICK (chance, 0, 0, 3, 6),
        .waiting_max = PICK (chance, 2000, 20000, 1 << 26, 1 << 26),
        .store_max = PICK (chance, 0, 0, 0, 60000),
        .memory_max = PICK (chance, 0, 3000, 1 << 26, 1 << 26),
    };
    plan->limits.defaults = (record_settings_t){
        .max_tasks = PICK (chance, 20, 100, 100000, 100000),
        .max_bytes = PICK (chance, 2000, 1 << 30, 1 << 30),
        .max_attempts = PICK (chance, 1, 2, 3, 5),
        .backoff = PICK (chance, 1, 100, 1000),
        .backoff_max = PICK (chance, 1000, 3000),
        .keep_results = PICK (chance, 50, 500, 5000, 3600000),
        .max_running = PICK (chance, 0, 0, 0, 2, 6),
        .weight = PICK (chance, 1, 1, 3),
        .key_running = PICK (chance, 0, 0, 1, 2),
        .time_limit = PICK (chance, 0, 0, 5000),
        .rate = PICK (chance, 0, 0, 0, 0, 50000, 1000000),
        .burst = PICK (chance, 0, 0, 1, 5),
        .key_rate = PICK (chance, 0, 0, 0, 0, 40000, 500000),
        .key_burst = PICK (chance, 0, 0, 1, 3),
    };
    plan->slack = PICK (chance, 0, 0, 300, 20000);
}

static void
s_draw_faults (sim_plan_t *plan, uint64_t *chance)
{
    static const uint32_t mean [] = {150000, 700000, 1500000, 1500000, 1500000};
    for (uint32_t actor = SIM_CRASH; actor <= SIM_PAUSE; actor++) {
        uint64_t strength = sim_random (chance, 5);
        plan->faults [actor] = strength > (actor == SIM_CRASH ? 0 : 1);
        plan->act_us [actor] = mean [actor - SIM_CRASH] >> strength;
    }
    plan->fails = (uint32_t) PICK (chance, 0, 5, 20, 60);
    plan->lies = (uint32_t) PICK (chance, 0, 0, 30);
}

void
sim_draw (sim_plan_t *plan, uint64_t seed)
{
    uint64_t chance = stint_index_mix (seed);
    *plan = (sim_plan_t){.seed = seed};
    s_draw_limits (plan, &chance);
    s_draw_faults (plan, &chance);
    plan->clients = 1 + (uint32_t) sim_random (&chance, 5);
    plan->workers = 1 + (uint32_t) sim_random (&chance, SIM_PEERS - 6);
    uint64_t pace = PICK (&chance, 2000, 6000, 6000, 20000, 60000);
    for (uint32_t actor = 0; actor < SIM_PEERS; actor++)
        plan->act_us [actor] =
            (uint32_t) (actor < plan->clients ? pace : pace * 10 + 20000);
    plan->link_us = (uint32_t) PICK (&chance, 50, 300, 2000, 30000);
    plan->turn_us = (uint32_t) PICK (&chance, 0, 20, 200, 2000);
    plan->turn_max = (uint32_t) PICK (&chance, 2, 8, 64, 256);
    plan->commit_us = (uint32_t) PICK (&chance, 0, 500, 3000, 3000, 30000);
    plan->seals = (uint32_t) PICK (&chance, 0, 0, 10, 60);
    plan->work_us = (uint32_t) PICK (&chance, 100, 3000, 30000, 400000);
    plan->down_us = (uint32_t) PICK (&chance, 1000, 50000, 1000000, 4000000);
    plan->body_max = (uint32_t) PICK (&chance, 0, 0, 100, 400, 5000);
    plan->delays = (uint32_t) PICK (&chance, 0, 5, 40);
    plan->terms = (uint32_t) PICK (&chance, 0, 20, 80);
    plan->events = (uint32_t) PICK (&chance, 1000, 3000, 3000, 6000);
    plan->atomic = sim_random (&chance, 2);
    plan->sleeps = sim_random (&chance, 16) == 0;
    plan->digests = sim_random (&chance, 8) == 0;
    plan->limits.notes = (uint32_t) PICK (&chance, 2, 8, 256, 256);
}

//  ---------------------------------------------------------------------------------
//  Life

static void
s_begin (sim_t *self, const sim_plan_t *plan)
{
    self->plan = *plan;
    self->now = 0;
    s_clear_timers (self);
    self->peer_count = plan->clients + plan->workers;
    self->connections = self->names = self->nonces = 0;
    self->truth_count = self->id_count = 0;
    memset (self->ids, 0, sizeof self->ids);
    self->fence = self->life = 0;
    memset (self->acked, 0, sizeof self->acked);
    self->before = (sim_before_t){0};
    self->wall_step = self->stalled_until = 0;
    self->chance = stint_index_mix (plan->seed + 1);
    memset (self->acts, 0, sizeof self->acts);
    self->spins = 0;
    self->world_events = 0;
    self->hash = 0;
    self->calm = false;
    sim_disk_clear (&self->disk);
    self->disk.atomic = plan->atomic;
    sim_said_t *waits = self->broker.waits;
    sim_said_t *ready = self->broker.ready;
    self->broker.core = NULL;
    self->broker.effects.count = 0;
    memset ((uint8_t *) &self->broker + offsetof (sim_broker_t, offset), 0,
            sizeof self->broker - offsetof (sim_broker_t, offset));
    self->broker.waits = waits;
    self->broker.ready = ready;
    for (uint32_t link = 0; link < SIM_LINKS; link++) {
        size_t head = offsetof (sim_link_t, up);
        memset (&self->links [link], 0, head);
    }
    for (uint32_t peer = 0; peer < self->peer_count; peer++) {
        sim_peer_begin (self, peer);
        sim_set (self, SIM_AT_BEAT + peer, 1000 + (int64_t) peer * 37000);
        sim_set (self, SIM_AT_ACT + peer, 2000 + (int64_t) peer * 100);
    }
    for (uint32_t actor = SIM_CRASH; actor <= SIM_PAUSE; actor++) {
        if (plan->faults [actor])
            sim_set (self, SIM_AT_ACT + actor, (int64_t) plan->act_us [actor]);
    }
    sim_set (self, SIM_AT_START, 0);
}

//  Lets the next timer end.

static void
s_step (sim_t *self)
{
    uint32_t timer = self->tree [1];
    int64_t at = self->at [timer];
    sim_check (self, at != CORE_NEVER, "L1", "nothing will ever happen again");
    if (at > self->now)
        self->now = at;
    self->hash = stint_index_mix (self->hash ^ (uint64_t) self->now << 8 ^ timer);
    if (timer < SIM_AT_DOWN)
        sim_link_arrive (self, timer - SIM_AT_UP);
    else if (timer < SIM_AT_ACT)
        sim_link_deliver (self, timer - SIM_AT_DOWN);
    else if (timer == SIM_AT_TURN) {
        sim_set (self, SIM_AT_TURN, CORE_NEVER);
        if (self->stalled_until > self->now)
            sim_set (self, SIM_AT_TURN, self->stalled_until);
        else
            sim_broker_turn (self);
    }
    else {
        self->counts.events++;
        self->world_events++;
        if (timer < SIM_AT_BEAT)
            sim_act (self, timer - SIM_AT_ACT);
        else if (timer < SIM_AT_WORK)
            sim_peer_beat (self, timer - SIM_AT_BEAT);
        else if (timer < SIM_AT_TURN)
            sim_worker_done (self, timer - SIM_AT_WORK);
        else if (timer == SIM_AT_DISK) {
            sim_set (self, SIM_AT_DISK, CORE_NEVER);
            sim_broker_commit_ended (self);
        }
        else
            sim_broker_start (self);
    }
}

//  The journal tells what the live broker knows.

static void
s_compare (sim_t *self)
{
    sim_broker_t *broker = &self->broker;
    sim_disk_t *disk = &self->disk;
    if (journal_gate (broker->journal) > disk->durable)
        return;
    core_t *copy = core_new (&self->plan.limits, 1);
    for (uint64_t number = disk->trimmed + 1; number <= disk->durable; number++) {
        const char *fault = core_replay (copy, number, sim_disk_read (disk, number));
        sim_check (self, !fault, "S14", "block %lu is refused: %s", number, fault);
    }
    uint64_t digest = core_digest (copy);
    core_destroy (&copy);
    //  Before it writes, only the broker knows which numbers it passes over
    sim_check (self, !broker->wrote || digest == core_digest (broker->core), "S14",
               "the journal does not tell what the broker knows");
    sim_truth_audit (self);
}

static void
s_end (sim_t *self)
{
    sim_story (self, "world", 0, "all is healed");
    sim_nemesis_heal (self);
    int64_t until = self->now + END_US;
    const char *left = "";
    for (int64_t look = self->now; left; look = self->now + 200000) {
        while (self->now < look)
            s_step (self);
        left = sim_truth_left (self);
        sim_check (self, !left || self->now < until, "L1", "after %d s %s",
                   END_US / 1000000, left);
    }
    s_compare (self);
    if (self->plan.seed % 4 == 0) {
        sim_broker_die (self, false);
        while (!self->broker.core)
            s_step (self);
        s_compare (self);
    }
}

bool
sim_live (sim_t *self, const sim_plan_t *plan)
{
    s_begin (self, plan);
    self->promise = NULL;
    if (setjmp (self->out) == 0) {
        while (self->world_events < plan->events
               && (!self->events_max || self->world_events < self->events_max))
            s_step (self);
        if (!self->events_max)
            s_end (self);
        core_destroy (&self->broker.core);
    }
    self->counts.worlds++;
    self->counts.moved_ms += (uint64_t) (self->now / 1000);
    return !self->promise;
}
