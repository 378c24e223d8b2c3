//  sim_broker: the turn of a simulated broker, as in broker.c and outbox.c, but small
//  SPDX-License-Identifier: MPL-2.0
//
//  What matters of the shell is here: answers that have to be durable leave when their
//  block is, blocks go to the disk one commit after the other, a disk that failed ends the
//  broker at once. Between any two steps the broker may be killed.

#include "sim_schedule.h"
#include "sim_truth.h"

#include "clock.h"
#include "core_events.h"

#include <string.h>

#define RUNS_MAX 32      //  Times that the core goes on in one turn
#define MOVES_MAX 4      //  Blocks copied forward in one turn
#define WAITS_MAX 32768  //  Most answers that wait for the disk, a power of two
#define READY_MAX 32768  //  Most that do not, in a turn

int64_t
sim_broker_now (const sim_t *self)
{
    return self->now / 1000 + self->broker.offset;
}

//  A place where the broker may be killed. Returns true when it was.

static bool
s_point (sim_t *self, sim_rare_t where)
{
    sim_broker_t *broker = &self->broker;
    if (broker->crash_in == 0 || --broker->crash_in > 0)
        return false;
    sim_seen (self, where);
    sim_broker_die (self, false);
    return true;
}

//  ---------------------------------------------------------------------------------
//  What the core says

//  Brings bytes of the journal, as fetch.c does.

stint_bytes_t
sim_broker_fetch (journal_place_t place, void *argument)
{
    sim_t *self = argument;
    sim_disk_t *disk = &self->disk;
    journal_t *journal = self->broker.journal;
    stint_bytes_t bytes = journal_bytes (journal, place);
    if (bytes.data)
        return bytes;
    sim_check (self, place.block > disk->trimmed && place.block <= disk->confirmed, "S5",
               "block %lu is needed and is not on the disk", place.block);
    stint_bytes_t block = sim_disk_read (disk, place.block);
    bool bad = disk->unreadable || disk->flipped == place.block;
    if (disk->unreadable)
        block = (stint_bytes_t){NULL, 0};
    self->counts.damaged += bad;
    const char *fault = journal_load (journal, place.block, block);
    sim_check (self, !fault || bad, "S15", "block %lu is well and was refused: %s",
               place.block, fault);
    sim_check (self, fault || !bad, "S15", "block %lu is rotten, and was read",
               place.block);
    if (fault) {
        sim_seen (self, disk->unreadable ? RARE_READ_ERROR : RARE_FLIP_READ);
        sim_story (self, "broker", 0, "block %lu: %s", place.block, fault);
        longjmp (self->fatal, 1);
    }
    sim_seen (self, RARE_READ_BACK);
    return journal_bytes (journal, place);
}

static void
s_forget_peer (sim_t *self, uint32_t session)
{
    sim_session_t *known = &self->broker.sessions [session];
    sim_link_t *link = &self->links [known->link];
    if (link->number == known->number)
        link->session = 0;
    known->number = 0;
}

static void
s_send (sim_t *self, const sim_said_t *said)
{
    uint32_t session = said->reply.session;
    if (self->broker.sessions [session].number != said->number)
        return;
    sim_truth_leaves (self, said);
    self->counts.events++;
    self->world_events++;
    if (sim_link_say (self, said))
        return;
    sim_seen (self, RARE_CUT_OFF);
    s_forget_peer (self, session);
    core_cut_off (self->broker.core, session);
}

//  Takes what the core wants to be said: with the bytes, to the peer of this moment.

static void
s_take (sim_t *self, bool running)
{
    sim_broker_t *broker = &self->broker;
    uint64_t gate = journal_gate (broker->journal);
    for (size_t index = 0; index < broker->effects.count; index++) {
        const reply_t *reply = &broker->effects.replies [index];
        sim_session_t *known = &broker->sessions [reply->session];
        bool waits = effects_waits (reply, broker->journal, known->gate);
        if (waits && reply->command == STP_OUTCOME)
            known->gate = gate;
        if (!waits && reply->durable)
            sim_seen (self, RARE_LONG_ENDED);
        sim_said_t *said = waits ? &broker->waits [broker->waits_next & (WAITS_MAX - 1)]
                                 : &broker->ready [broker->ready_count];
        said->reply = *reply;
        said->gate = waits ? gate : reply->place.block;
        said->link = known->link;
        said->number = known->number;
        sim_truth_said (self, said, running);
        if (!known->number)
            continue;
        if (reply->command == STP_BYE) {
            sim_link_say (self, said);
            s_forget_peer (self, reply->session);
            continue;
        }
        broker->waits_next += waits;
        broker->ready_count += !waits;
        assert (broker->waits_next - broker->waits_first < WAITS_MAX
                && broker->ready_count < READY_MAX);
    }
    broker->effects.count = 0;
}

//  Lets go what may go. Returns true when the broker was killed meanwhile.

static bool
s_release (sim_t *self, uint64_t durable)
{
    sim_broker_t *broker = &self->broker;
    for (uint32_t index = 0; index < broker->ready_count; index++)
        s_send (self, &broker->ready [index]);
    broker->ready_count = 0;
    while (broker->waits_first < broker->waits_next) {
        const sim_said_t *said = &broker->waits [broker->waits_first & (WAITS_MAX - 1)];
        if (said->gate > durable)
            return false;
        broker->waits_first++;
        s_send (self, said);
        if (s_point (self, RARE_CRASH_SENT))
            return true;
    }
    return false;
}

//  ---------------------------------------------------------------------------------
//  Messages

static uint32_t
s_session (sim_t *self, uint32_t index)
{
    sim_broker_t *broker = &self->broker;
    sim_link_t *link = &self->links [index];
    if (link->session && core_has_left (broker->core, link->session))
        s_take (self, false);
    if (link->session)
        return link->session;
    uint32_t session = core_open (broker->core, broker->now);
    if (!session) {
        sim_seen (self, RARE_FULL_SESSIONS);
        return 0;
    }
    sim_check (self, session <= SIM_LEASES, "S12", "session %u", session);
    broker->sessions [session] =
        (sim_session_t){.link = index, .number = link->number, .heard_at = broker->now};
    link->session = session;
    if (link->left)
        sim_seen (self, RARE_OLD_LINK);
    return session;
}

static void
s_take_message (sim_t *self, uint32_t index)
{
    sim_broker_t *broker = &self->broker;
    sim_link_t *link = &self->links [index];
    const sim_message_t *message = &link->up [link->up_first % SIM_UP];
    uint32_t session = s_session (self, index);
    self->counts.events++;
    self->world_events++;
    if (session) {
        stint_message_t decoded;
        stint_wire_status_t status = sim_wire_decode (self, message, &decoded);
        if (effects_due (&broker->effects)
            || effects_room (&broker->effects) < EFFECTS_EVENT)
            s_take (self, false);
        broker->sessions [session].heard_at = broker->now;
        sim_truth_before (self, message, session);
        if (status == STINT_WIRE_OK)
            core_receive (broker->core, broker->now, session, &decoded, &broker->effects);
        else {
            sim_seen (self, RARE_MALFORMED);
            core_refuse (broker->core, broker->now, session, status, &decoded,
                         &broker->effects);
        }
        sim_truth_after (self, message, session);
    }
    if (broker->effects.count > 0)
        s_take (self, false);
    link->up_first++;
}

//  Takes messages from the links in turn. Returns true when the broker was killed.

static bool
s_receive (sim_t *self)
{
    sim_broker_t *broker = &self->broker;
    for (uint32_t taken = 0; taken < self->plan.turn_max && broker->inbox_count > 0;
         taken++) {
        uint32_t at = (uint32_t) sim_random (&self->chance, broker->inbox_count);
        uint32_t index = broker->inbox [at];
        sim_link_t *link = &self->links [index];
        s_take_message (self, index);
        if (link->queued && link->up_first == link->up_there) {
            link->queued = false;
            broker->inbox [at] = broker->inbox [--broker->inbox_count];
        }
        if (s_point (self, RARE_CRASH_RECEIVE))
            return true;
    }
    core_listened (broker->core, broker->now, broker->inbox_count == 0);
    return false;
}

//  ---------------------------------------------------------------------------------
//  The turn

static void
s_run_core (sim_t *self)
{
    sim_broker_t *broker = &self->broker;
    bool more = true;
    sim_notice_run (self, false);
    sim_truth_gives_up (self);
    if (broker->core->groups.runnable.head
        && journal_behind (broker->journal) > broker->core->limits.waiting_max / 4)
        sim_seen (self, RARE_BEHIND);
    if (broker->now >= broker->core->swept_at + CORE_SWEEP_MS && sim_truth_drops (self))
        sim_truth_look (self);
    sim_explain_before (self);
    sim_schedule_before (self);
    for (int runs = 0; more && runs < RUNS_MAX; runs++) {
        more = core_run (broker->core, broker->now, &broker->effects);
        s_take (self, true);
    }
    sim_notice_run (self, true);
    sim_share_run (self);
    sim_schedule_after (self, !more);
    sim_explain_after (self, !more);
    if (!more && sim_random (&self->chance, 64) == 0)
        sim_truth_audit (self);
}

//  Returns true when the broker was killed.

static bool
s_make_room (sim_t *self)
{
    sim_broker_t *broker = &self->broker;
    for (int moves = 0; moves < MOVES_MAX; moves++) {
        uint64_t oldest = journal_oldest (broker->journal);
        if (!oldest)
            return false;
        if (journal_empty (broker->journal, oldest)) {
            journal_moved (broker->journal, oldest);
            moves--;
            continue;
        }
        size_t size = journal_size (broker->journal, oldest);
        journal_place_t all = {oldest, 0, (uint32_t) size};
        stint_bytes_t block = sim_broker_fetch (all, self);
        journal_memory_t *memory = journal_keep (broker->journal, all);
        uint64_t digest = self->plan.digests ? core_digest (broker->core) : 0;
        core_move (broker->core, broker->now, oldest, block, sim_broker_fetch, self);
        journal_release (memory);
        sim_seen (self, RARE_MOVED);
        sim_story (self, "broker", 0, "copies block %lu forward", oldest);
        sim_check (self, !digest || digest == core_digest (broker->core), "S14",
                   "copying block %lu forward changes things", oldest);
        if (broker->crash_moving)
            broker->crash_in = 1;
        if (s_point (self, RARE_CRASH_MOVE))
            return true;
    }
    return false;
}

static void
s_seal (sim_t *self)
{
    core_seal (self->broker.core, self->broker.now);
}

static void
s_append (sim_t *self)
{
    sim_broker_t *broker = &self->broker;
    sim_disk_t *disk = &self->disk;
    uint64_t number;
    stint_bytes_t block;
    uint64_t before = disk->appended;
    while (journal_take (broker->journal, &number, &block))
        sim_disk_append (disk, number, block);
    if (disk->appended == before)
        return;
    broker->wrote = true;
    bool whole = disk->appended == journal_gate (broker->journal);
    if (whole && (self->plan.digests || sim_random (&self->chance, 16) == 0))
        sim_disk_block (disk, disk->appended)->digest = core_digest (broker->core);
}

//  The commit is over. What came of it is seen in what the disk holds now.

static void
s_end_commit (sim_t *self)
{
    sim_disk_t *disk = &self->disk;
    sim_trouble_t trouble = disk->trouble;
    uint64_t before = disk->durable;
    uint64_t last = disk->committing;
    bool flipped = disk->flipped > 0;
    sim_disk_end (disk, self->now, &self->chance);
    if (flipped && !disk->flipped)
        sim_seen (self, RARE_FLIP_TRIMMED);
    if (trouble == SIM_DISK_EIO && disk->durable == before)
        sim_seen (self, RARE_EIO_LOST);
    else if (trouble == SIM_DISK_ENOSPC && disk->durable == before)
        sim_seen (self, RARE_ENOSPC);
    else if (trouble == SIM_DISK_FSYNC && disk->durable == last)
        sim_seen (self, RARE_FSYNC_KEPT);
    else if (trouble == SIM_DISK_FSYNC && disk->durable > before)
        sim_seen (self, RARE_FSYNC_PART);
}

//  A block is sealed when a commit can take it, or when it is full. What full is does not
//  matter to anybody, so some worlds have blocks that are full early.

static bool
s_seals (sim_t *self)
{
    return !self->disk.committing || sim_random (&self->chance, 100) < self->plan.seals;
}

//  Hands blocks to the disk and lets go what became durable. Returns true when the broker
//  was killed.

static bool
s_commit (sim_t *self)
{
    sim_broker_t *broker = &self->broker;
    sim_disk_t *disk = &self->disk;
    if (s_seals (self))
        s_seal (self);
    if (broker->crash_in && disk->appended < journal_gate (broker->journal)
        && s_point (self, RARE_CRASH_SEAL))
        return true;
    s_append (self);
    if (sim_disk_begin (disk)) {
        uint64_t wait = sim_around (&self->chance, self->plan.commit_us);
        sim_set (self, SIM_AT_DISK, self->now + (int64_t) wait);
        if (wait == 0)
            s_end_commit (self);
    }
    uint64_t durable = disk->confirmed;
    journal_durable (broker->journal, durable);
    if (broker->waits_first < broker->waits_next
        && broker->waits [broker->waits_first & (WAITS_MAX - 1)].gate <= durable
        && s_point (self, RARE_CRASH_DURABLE))
        return true;
    if (s_release (self, durable))
        return true;
    uint64_t trim = journal_trim (broker->journal);
    if (trim)
        disk->wanted = trim;
    return false;
}

static void
s_read_clock (sim_t *self)
{
    sim_broker_t *broker = &self->broker;
    int64_t now = sim_broker_now (self);
    int64_t stall =
        broker_clock_stalled (broker->now, broker->waits_at, broker->wake_at, now);
    broker->now = now;
    if (stall == 0)
        return;
    sim_seen (self, RARE_FORGIVEN);
    sim_story (self, "broker", 0, "stalled for %ld ms", stall);
    core_forgive (broker->core, stall);
    for (uint32_t session = 1; session <= SIM_LEASES; session++) {
        broker->sessions [session].heard_at += stall;
        broker->sessions [session].told_at += stall;
    }
}

static void
s_wait (sim_t *self)
{
    sim_broker_t *broker = &self->broker;
    int64_t deadline = core_deadline (broker->core);
    if (broker->stop_at < deadline)
        deadline = broker->stop_at;
    int64_t now = sim_broker_now (self);
    broker->waits_at = now;
    broker->wake_at = deadline < now ? now : deadline;
    int64_t at = CORE_NEVER;
    if (deadline != CORE_NEVER)
        at = (broker->wake_at - broker->offset) * 1000;
    if (at < self->now)
        at = self->now;
    if (broker->inbox_count > 0 && at > self->now + self->plan.turn_us)
        at = self->now + self->plan.turn_us;
    self->spins = at == self->now && broker->inbox_count == 0 ? self->spins + 1 : 0;
    sim_check (self, self->spins < 2000, "L5", "the core always has something to do");
    sim_set (self, SIM_AT_TURN, at);
}

//  The broker goes when its end is durable, or when it cannot be.

static void
s_go (sim_t *self)
{
    const sim_disk_t *disk = &self->disk;
    if (s_commit (self))
        return;
    if (disk->failed || disk->confirmed >= self->broker.closing)
        sim_broker_die (self, !disk->failed);
}

//  Records the end.

static void
s_close (sim_t *self)
{
    sim_broker_t *broker = &self->broker;
    broker->now = sim_broker_now (self);
    core_stop (broker->core, broker->now, &broker->effects);
    s_take (self, false);
    s_seal (self);
    broker->closing = journal_gate (broker->journal);
    s_go (self);
}

void
sim_broker_turn (sim_t *self)
{
    sim_broker_t *broker = &self->broker;
    if (!broker->core)
        return;
    if (setjmp (self->fatal)) {
        sim_broker_die (self, false);
        return;
    }
    if (broker->closing) {
        s_go (self);
        return;
    }
    s_read_clock (self);
    if (s_receive (self))
        return;
    s_run_core (self);
    if (s_point (self, RARE_CRASH_RUN) || s_make_room (self) || s_commit (self))
        return;
    bool idle = broker->stop_at != CORE_NEVER && core_totals (broker->core).running == 0;
    if (self->disk.failed)
        sim_broker_die (self, false);
    else if (idle || broker->now >= broker->stop_at) {
        sim_seen (self, idle ? RARE_DRAINED : RARE_STOPPED);
        s_close (self);
    }
    else
        s_wait (self);
}

void
sim_broker_commit_ended (sim_t *self)
{
    if (!self->disk.committing)
        return;
    s_end_commit (self);
    if (self->broker.core && self->at [SIM_AT_TURN] > self->now)
        sim_set (self, SIM_AT_TURN, self->now);
}
