//  sim_nemesis: what goes wrong in a simulated world, apart from its players
//  SPDX-License-Identifier: MPL-2.0

#include "sim_peer.h"

#define SECOND ((int64_t) 1000000)

static int64_t
s_span (uint64_t *chance)
{
    static const int64_t most [] = {SECOND / 10, SECOND, 4 * SECOND, 12 * SECOND};
    return 1 + (int64_t) sim_random (chance, (uint64_t) most [sim_random (chance, 4)]);
}

//  ---------------------------------------------------------------------------------
//  Crashes

static void
s_crash (sim_t *self, uint64_t *chance)
{
    sim_broker_t *broker = &self->broker;
    if (!broker->core || broker->closing)
        return;
    uint64_t how = sim_random (chance, 16);
    if (how == 0) {
        sim_story (self, "broker", 0, "is told to stop");
        core_drain (broker->core);
        int64_t patience = sim_random (chance, 2) ? 0 : (int64_t) sim_random (chance, 9000);
        if (broker->stop_at == CORE_NEVER)
            broker->stop_at = sim_broker_now (self) + patience;
        sim_set (self, SIM_AT_TURN, self->now);
    }
    else if (how < 4)
        sim_broker_die (self, false);
    else if (how == 4)
        broker->crash_moving = true;
    else {
        broker->crash_in = 1 + (uint32_t) sim_random (chance, 12);
        sim_set (self, SIM_AT_TURN, self->now);
    }
}

//  ---------------------------------------------------------------------------------
//  The network

static void
s_cut (sim_t *self, uint32_t link, uint32_t ways, int64_t from, int64_t until)
{
    for (uint32_t way = 0; way < 2; way++) {
        if (ways & 1u << way) {
            self->links [link].cut_from [way] = from;
            self->links [link].cut_until [way] = until;
        }
    }
}

//  A part of the links is stopped one after another, and cleared in another order.

static void
s_clog (sim_t *self, uint64_t *chance)
{
    sim_seen (self, RARE_CLOGGED);
    for (uint32_t peer = 0; peer < self->peer_count; peer++) {
        if (sim_random (chance, 2))
            continue;
        int64_t from = self->now + s_span (chance) / 4;
        s_cut (self, self->peers [peer].link, 3, from, from + s_span (chance));
    }
    sim_story (self, "network", 0, "clogs");
}

static void
s_trouble_net (sim_t *self, uint64_t *chance)
{
    uint32_t peer = (uint32_t) sim_random (chance, self->peer_count);
    uint32_t link = self->peers [peer].link;
    uint64_t how = sim_random (chance, 8);
    if (how == 0)
        s_clog (self, chance);
    else if (how < 5) {
        uint32_t ways = 1 + (uint32_t) sim_random (chance, 3);
        sim_seen (self, ways == 3 ? RARE_CUT_BOTH : RARE_CUT_ONE_WAY);
        int64_t span = s_span (chance);
        s_cut (self, link, ways, self->now, self->now + span);
        sim_story (self, "network", 0, "cuts player %u off for %ld ms, %s", peer,
                   span / 1000,
                   ways == 3   ? "both ways"
                   : ways == 1 ? "towards the broker"
                               : "from the broker");
    }
    else {
        const sim_link_t *broken = &self->links [link];
        if (broken->up_next > broken->up_first || broken->down_next > broken->down_first)
            sim_seen (self, RARE_BROKEN_LINK);
        sim_story (self, "network", 0, "breaks the connection of player %u", peer);
        sim_link_break (self, link);
    }
}

//  ---------------------------------------------------------------------------------
//  The disk

static void
s_flip (sim_t *self, uint64_t *chance)
{
    sim_disk_t *disk = &self->disk;
    uint64_t count = disk->durable - disk->trimmed;
    if (disk->flipped || count == 0)
        return;
    disk->flipped = disk->durable - sim_random (chance, count);
    sim_disk_block (disk, disk->flipped)->flip =
        1 + (uint32_t) (sim_random (chance, 0) >> 33);
    sim_story (self, "disk", 0, "flips a bit in block %lu", disk->flipped);
}

static void
s_trouble_disk (sim_t *self, uint64_t *chance)
{
    static const char *const names [] = {"", "write error", "sync error", "no space"};
    sim_disk_t *disk = &self->disk;
    uint64_t how = sim_random (chance, 10);
    if (how < 4)
        s_flip (self, chance);
    else if (how == 4) {
        disk->unreadable = true;
        sim_story (self, "disk", 0, "cannot be read");
    }
    else if (how < 8) {
        disk->trouble = (sim_trouble_t) (1 + sim_random (chance, 3));
        disk->trouble_until = sim_random (chance, 2) ? 0 : self->now + s_span (chance);
        sim_story (self, "disk", 0, "has trouble: %s", names [disk->trouble]);
    }
    else if (disk->committing) {
        int64_t at = self->now + s_span (chance);
        sim_set (self, SIM_AT_DISK, at);
        sim_story (self, "disk", 0, "is slow, until %ld ms", at / 1000);
    }
}

//  ---------------------------------------------------------------------------------
//  Time

//  Everybody sleeps for more than an hour, and nothing is on its way any more: a push that
//  came again now could not be told from a new one.

static void
s_sleep (sim_t *self)
{
    int64_t until = self->now + 4200 * SECOND;
    sim_story (self, "world", 0, "sleeps for 70 minutes");
    for (uint32_t peer = 0; peer < self->peer_count; peer++) {
        for (uint32_t link = peer * 2; link < peer * 2 + 2; link++) {
            sim_link_break (self, link);
            s_cut (self, link, 3, 0, 0);
        }
        self->peers [peer].paused_until = until;
        sim_set (self, SIM_AT_BEAT + peer, until + peer);
        sim_set (self, SIM_AT_WORK + peer, until + peer);
        if (peer < self->plan.clients)
            sim_client_forget (self, peer);
    }
    for (uint32_t actor = 0; actor < SIM_ACTORS; actor++) {
        if (self->at [SIM_AT_ACT + actor] < until)
            sim_set (self, SIM_AT_ACT + actor, until + actor);
    }
}

static void
s_trouble_clock (sim_t *self, uint64_t *chance)
{
    sim_broker_t *broker = &self->broker;
    uint64_t how = sim_random (chance, 4);
    if (self->plan.sleeps && sim_random (chance, 8) == 0)
        s_sleep (self);
    else if (how == 0) {
        int64_t hours = (int64_t) sim_random (chance, 4 * 3600000) - 2 * 3600000;
        self->wall_step += sim_random (chance, 2) ? hours : hours / 1000;
        sim_story (self, "clock", 0, "of the wall is %ld ms off", self->wall_step);
    }
    else if (self->stalled_until > self->now)
        return;
    else if (broker->core && how == 1) {
        //  A turn that takes long
        int64_t stall = s_span (chance) / 1000;
        broker->waits_at = broker->wake_at = sim_broker_now (self) + stall;
        self->stalled_until = self->now + stall * 1000;
        sim_set (self, SIM_AT_TURN, self->stalled_until);
        sim_story (self, "clock", 0, "a turn takes %ld ms", stall);
    }
    else if (broker->core) {
        int64_t span = s_span (chance) * (sim_random (chance, 4) ? 1 : 3);
        sim_set (self, SIM_AT_TURN, self->now + span);
        self->stalled_until = self->now + span;
        sim_story (self, "clock", 0, "the broker stands still for %ld ms", span / 1000);
    }
}

static void
s_pause (sim_t *self, uint64_t *chance)
{
    uint32_t peer = (uint32_t) sim_random (chance, self->peer_count);
    self->peers [peer].paused_until = self->now + s_span (chance);
    sim_story (self, "player", peer, "is stopped until %ld ms",
               self->peers [peer].paused_until / 1000);
}

void
sim_nemesis_act (sim_t *self, uint32_t actor, uint64_t *chance)
{
    if (self->calm)
        return;
    if (actor == SIM_CRASH)
        s_crash (self, chance);
    else if (actor == SIM_NET)
        s_trouble_net (self, chance);
    else if (actor == SIM_DISK)
        s_trouble_disk (self, chance);
    else if (actor == SIM_CLOCK)
        s_trouble_clock (self, chance);
    else
        s_pause (self, chance);
}

//  All is well from now on: everybody is there and awake, nothing is cut, the disk is
//  whole.

void
sim_nemesis_heal (sim_t *self)
{
    self->calm = true;
    self->stalled_until = 0;
    //  A turn that took long ends now: no more than that may be forgiven
    sim_broker_t *broker = &self->broker;
    int64_t now = sim_broker_now (self);
    if (broker->waits_at > now)
        broker->waits_at = broker->wake_at = now;
    for (uint32_t link = 0; link < SIM_LINKS; link++)
        s_cut (self, link, 3, 0, 0);
    sim_disk_t *disk = &self->disk;
    if (disk->flipped)
        sim_disk_block (disk, disk->flipped)->flip = 0;
    disk->flipped = 0;
    disk->unreadable = false;
    disk->trouble = SIM_DISK_WELL;
    disk->trouble_until = 0;
    broker->crash_in = broker->crash_replay = 0;
    broker->crash_moving = false;
    for (uint32_t peer = 0; peer < self->peer_count; peer++) {
        self->peers [peer].paused_until = 0;
        sim_peer_join (self, peer);
        sim_set (self, SIM_AT_BEAT + peer, self->now + 1000 + (int64_t) peer);
    }
    for (uint32_t actor = 0; actor < SIM_ACTORS; actor++) {
        bool client = actor < self->plan.clients;
        sim_set (self, SIM_AT_ACT + actor, client ? self->now + 1000 : CORE_NEVER);
        if (client)
            self->plan.act_us [actor] = 200000;
    }
}
