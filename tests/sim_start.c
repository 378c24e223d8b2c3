//  sim_start: how a simulated broker recovers, and how it ends
//  SPDX-License-Identifier: MPL-2.0

#include "sim_truth.h"

#include <string.h>

#define WALL_AT 1000000000  //  The wall clock's time when a world begins, milliseconds

static void
s_start_later (sim_t *self)
{
    uint64_t wait = 100 + sim_around (&self->chance, self->plan.down_us);
    sim_set (self, SIM_AT_START, self->now + (int64_t) wait);
}

//  ---------------------------------------------------------------------------------
//  Recovery

//  Somebody mends the store: puts a copy in the place of what is damaged.

static void
s_mend (sim_t *self)
{
    sim_disk_t *disk = &self->disk;
    if (disk->flipped)
        sim_disk_block (disk, disk->flipped)->flip = 0;
    disk->flipped = 0;
    disk->damaged = disk->hole = false;
    disk->appended = disk->durable;
    core_destroy (&self->broker.core);
    s_start_later (self);
}

//  Replays one block. Returns false when the recovery does not go on.

static bool
s_replay (sim_t *self, uint64_t number)
{
    sim_broker_t *broker = &self->broker;
    sim_disk_t *disk = &self->disk;
    if (broker->crash_replay && --broker->crash_replay == 0) {
        sim_seen (self,
                  broker->replay_crashes++ ? RARE_CRASH_REPLAY_TWICE : RARE_CRASH_REPLAY);
        self->counts.crashes++;
        sim_story (self, "broker", 0, "is killed in its recovery, at block %lu", number);
        core_destroy (&broker->core);
        if (sim_random (&self->chance, 2))
            broker->crash_replay = 1 + (uint32_t) sim_random (&self->chance, 20);
        s_start_later (self);
        return false;
    }
    self->counts.replayed++;
    stint_bytes_t bytes = sim_disk_read (disk, number);
    self->counts.damaged += disk->flipped == number;
    const char *fault = core_replay (broker->core, number, bytes);
    if (disk->flipped == number) {
        sim_check (self, fault, "S15", "block %lu is rotten, and was replayed", number);
        bool last = number == disk->durable;
        sim_seen (self, last ? RARE_FLIP_LAST : RARE_FLIP_REPLAY);
        sim_story (self, "broker", 0, "block %lu: %s; the store is mended", number, fault);
        s_mend (self);
        return false;
    }
    sim_check (self, !fault, "S14", "block %lu is well and was refused: %s", number, fault);
    return true;
}

//  The block behind the last whole one is there, but damaged. Returns false when the
//  recovery does not go on.

static bool
s_replay_damaged (sim_t *self)
{
    sim_disk_t *disk = &self->disk;
    stint_bytes_t bytes = sim_disk_damaged (disk);
    self->counts.damaged++;
    const char *fault = core_replay (self->broker.core, disk->durable + 1, bytes);
    journal_header_t header;
    sim_check (self, fault, "S15", "a torn block was replayed");
    sim_check (self, journal_check (bytes, &header), "S15", "a torn block looks whole");
    bool hole = disk->hole;
    sim_seen (self, hole ? RARE_HOLE : RARE_TORN);
    sim_story (self, "broker", 0, "block %lu: %s; %s", disk->durable + 1, fault,
               hole ? "the store is mended" : "it is cut");
    disk->damaged = disk->hole = false;
    disk->appended = disk->durable;
    if (hole)
        s_mend (self);
    return !hole;
}

static bool
s_replay_all (sim_t *self)
{
    sim_disk_t *disk = &self->disk;
    for (uint64_t number = disk->trimmed + 1; number <= disk->durable; number++) {
        if (!s_replay (self, number))
            return false;
    }
    if (disk->damaged && !s_replay_damaged (self))
        return false;
    if (disk->durable > disk->trimmed) {
        uint64_t digest = sim_disk_block (disk, disk->durable)->digest;
        sim_check (self, !digest || digest == core_digest (self->broker.core), "S14",
                   "replaying up to block %lu does not give the live state", disk->durable);
    }
    return true;
}

//  Sets the broker's clock as clock.c does: never behind the journal.

static void
s_set_clock (sim_t *self)
{
    sim_broker_t *broker = &self->broker;
    int64_t earliest = core_replayed_until (broker->core) + 1;
    int64_t wall = WALL_AT + self->now / 1000 + self->wall_step;
    if (earliest > wall)
        sim_seen (self, RARE_CLOCK_BACK);
    if (wall > earliest + 600000 && earliest > 1)
        sim_seen (self, RARE_CLOCK_AHEAD);
    int64_t now = wall < earliest ? earliest : wall;
    broker->offset = now - self->now / 1000;
    broker->now = broker->waits_at = now;
}

static bool
s_disk_opens (sim_t *self)
{
    sim_disk_t *disk = &self->disk;
    if (disk->trouble != SIM_DISK_WELL && self->now < disk->trouble_until) {
        sim_seen (self, RARE_DISK_BAD_START);
        sim_story (self, "broker", 0, "cannot open its store");
        s_start_later (self);
        return false;
    }
    disk->trouble = SIM_DISK_WELL;
    disk->epoch++;
    return true;
}

void
sim_broker_start (sim_t *self)
{
    sim_broker_t *broker = &self->broker;
    sim_set (self, SIM_AT_START, CORE_NEVER);
    if (!s_disk_opens (self))
        return;
    broker->core = core_new (&self->plan.limits, stint_index_mix (self->plan.seed));
    broker->journal = core_journal (broker->core);
    journal_set_slack (broker->journal, self->plan.slack);
    if (!s_replay_all (self))
        return;
    s_set_clock (self);
    const char *fault = core_recovered (broker->core, broker->now, self->disk.epoch);
    sim_check (self, !fault, "S14", "the recovery was refused: %s", fault);
    if (self->plan.seed % 2 == 0)
        core_set_group (broker->core, sim_groups [0],
                        &(record_settings_t){.max_attempts = 2});
    self->counts.recoveries += self->disk.epoch > 1;
    sim_story (self, "broker", 0, "starts, epoch %lu, with %lu tasks", self->disk.epoch,
               core_totals (broker->core).tasks);
    broker->replay_crashes = 0;
    broker->crash_replay = 0;
    broker->wrote = false;
    broker->stop_at = CORE_NEVER;
    broker->closing = 0;
    broker->wake_at = CORE_NEVER;
    memset (broker->first_given, 0, sizeof broker->first_given);
    memset (broker->sessions, 0, sizeof broker->sessions);
    sim_truth_recovered (self);
    sim_set (self, SIM_AT_TURN, self->now);
}

//  ---------------------------------------------------------------------------------
//  The end

static void
s_note_crash (sim_t *self)
{
    sim_broker_t *broker = &self->broker;
    sim_disk_t *disk = &self->disk;
    self->counts.crashes++;
    if (disk->appended > disk->durable)
        sim_seen (self, RARE_CRASH_APPEND);
    if (disk->wanted > disk->trimmed)
        sim_seen (self, RARE_CRASH_TRIM);
    if (!broker->wrote)
        sim_seen (self, RARE_CRASH_IDLE);
}

//  What a failed disk has left is known already; otherwise chance decides.

static void
s_crash_disk (sim_t *self)
{
    sim_disk_t *disk = &self->disk;
    uint64_t before = disk->durable;
    uint64_t appended = disk->appended;
    bool torn =
        self->plan.faults [SIM_DISK] && !self->calm && sim_random (&self->chance, 3) == 0;
    bool flipped = disk->flipped > 0;
    sim_disk_crash (disk, &self->chance, torn);
    if (flipped && !disk->flipped)
        sim_seen (self, RARE_FLIP_TRIMMED);
    if (appended > disk->durable)
        sim_seen (self, RARE_LOST_TAIL);
    if (disk->durable > before)
        sim_seen (self, RARE_KEPT_TAIL);
}

void
sim_broker_die (sim_t *self, bool in_order)
{
    sim_broker_t *broker = &self->broker;
    sim_disk_t *disk = &self->disk;
    if (in_order)
        self->counts.stops++;
    else
        s_note_crash (self);
    uint64_t appended = disk->appended;
    s_crash_disk (self);
    self->counts.events++;
    self->world_events++;
    sim_story (self, "broker", 0, "%s, with %lu of %lu blocks",
               in_order ? "has stopped" : "is dead", disk->durable, appended);
    core_destroy (&broker->core);
    broker->journal = NULL;
    broker->effects.count = 0;
    broker->ready_count = 0;
    broker->waits_first = broker->waits_next = 0;
    broker->crash_in = 0;
    broker->crash_moving = false;
    broker->closing = 0;
    sim_link_crash (self);
    if (!in_order && self->plan.faults [SIM_CRASH] && !self->calm
        && sim_random (&self->chance, 4) == 0)
        broker->crash_replay = 1 + (uint32_t) sim_random (&self->chance, 20);
    sim_set (self, SIM_AT_TURN, CORE_NEVER);
    sim_set (self, SIM_AT_DISK, CORE_NEVER);
    s_start_later (self);
}
