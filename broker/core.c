//  core: the broker without sockets, disk and clock: messages in, records and replies out
//  SPDX-License-Identifier: MPL-2.0

#include "core.h"

#include "apply.h"
#include "charge.h"
#include "core_events.h"
#include "group_rates.h"
#include "keep.h"
#include "lease.h"
#include "schedule.h"

//  ---------------------------------------------------------------------------------
//  Life of a core

core_t *
core_new (const core_limits_t *limits, uint64_t seed)
{
    core_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    uint64_t salt = stint_index_mix (seed);
    self->limits = *limits;
    self->next_id = 1;
    self->chance = seed;
    self->unread_since = CORE_NEVER;
    self->journal = journal_new (limits->memory_max);
    //  A small store must not be full of what nobody needs
    if (limits->store_max && limits->store_max / 4 < JOURNAL_SLACK)
        journal_set_slack (self->journal, limits->store_max / 4);
    tasks_init (&self->tasks, limits->tasks);
    groups_init (&self->groups, limits->groups, limits->tasks, &limits->defaults, salt);
    batches_init (&self->batches, limits->batches, salt);
    producers_init (&self->producers, limits->producers, salt);
    roster_init (&self->roster, limits->sessions, salt);
    timetable_init (&self->timetable, limits->schedules, salt);
    sessions_init (&self->sessions, limits->sessions);
    pace_init (&self->sessions.pace, limits->heartbeat_ms, limits->liveness,
               limits->heartbeats_max);
    task_notes_init (&self->notes, limits->notes);
    watch_pool_init (&self->watches, limits->sessions);
    return self;
}

void
core_destroy (core_t **self_p)
{
    core_t *self = *self_p;
    if (!self)
        return;
    tasks_clear (&self->tasks);
    groups_clear (&self->groups);
    batches_clear (&self->batches);
    producers_clear (&self->producers);
    roster_clear (&self->roster);
    timetable_clear (&self->timetable);
    sessions_clear (&self->sessions);
    task_notes_clear (&self->notes);
    watch_pool_clear (&self->watches);
    stint_writer_clear (&self->state);
    journal_destroy (&self->journal);
    free (self);
    *self_p = NULL;
}

void
core_set_defaults (core_t *self, const record_settings_t *defaults)
{
    self->groups.defaults = *defaults;
    for (uint32_t slot = 1; slot <= self->groups.groups.used; slot++) {
        if (self->groups.groups.pool [slot].used)
            groups_update_lanes (&self->groups, slot);
    }
}

void
core_set_group (core_t *self, const char *name, const record_settings_t *settings)
{
    record_t record = {.kind = RECORD_GROUP, .name = stint_bytes_of (name)};
    uint32_t found = groups_find (&self->groups, record.name);
    if (found)
        groups_describe (&self->groups, found, &record);
    else
        record.group = groups_next (&self->groups);
    record_settings_merge (&record.settings, settings);
    const record_settings_t *known = &self->groups.groups.pool [found].settings;
    bool same = found && record_settings_equal (&record.settings, known);
    if (record.group && !same)
        apply_now (self, &record, NULL);
}

journal_t *
core_journal (const core_t *self)
{
    return self->journal;
}

const char *
core_group_name (const core_t *self, uint32_t group)
{
    return self->groups.groups.pool [group].name;
}

//  ---------------------------------------------------------------------------------
//  Recovery

const char *
core_replay (core_t *self, uint64_t number, stint_bytes_t block)
{
    journal_header_t header;
    const char *fault = journal_check (block, &header);
    if (fault)
        return fault;
    if (header.number != number)
        return "its number is not the one it is kept under";
    if (header.epoch < self->epoch)
        return "it is of an earlier epoch than the block before it";

    journal_adopt (self->journal, number, block.size);
    self->epoch = header.epoch;
    self->at_block = number;
    self->at_data = block.data;
    self->replaying = true;
    stint_reader_t reader = stint_reader_of (
        (stint_bytes_t){block.data + JOURNAL_HEADER, block.size - JOURNAL_HEADER});
    record_t record;
    int more;
    while ((more = record_read (&record, &reader)) == 1) {
        fault = apply_check (self, &record);
        if (!fault)
            fault = apply_record (self, &record);
        if (fault)
            return fault;
    }
    if (header.next_id > self->next_id)
        self->next_id = header.next_id;
    self->replayed_until = header.time;
    return more < 0 ? "a record in it is malformed" : NULL;
}

int64_t
core_replayed_until (const core_t *self)
{
    return self->replayed_until;
}

//  Things that are known by their numbers only, because the record that names them is
//  missing: the journal has lost its beginning.

static const char *
s_unnamed (const core_t *self)
{
    for (uint32_t slot = 1; slot <= self->groups.groups.used; slot++) {
        if (self->groups.groups.pool [slot].used && !self->groups.groups.pool [slot].key)
            return "the journal speaks of a group that it never names";
    }
    for (uint32_t slot = 1; slot <= self->batches.batches.used; slot++) {
        if (self->batches.batches.pool [slot].id && !self->batches.batches.pool [slot].key)
            return "the journal speaks of a batch that it never names";
    }
    return NULL;
}

const char *
core_recovered (core_t *self, int64_t now, uint64_t epoch)
{
    const char *fault = s_unnamed (self);
    if (fault)
        return fault;
    //  Every life since that of the last block may have given out numbers that did not
    //  become durable; one that stopped in good order has not
    assert (epoch > self->epoch);
    uint64_t lives = epoch - self->epoch - (self->closed || self->epoch == 0 ? 1 : 0);
    self->next_id += lives * CORE_ID_AHEAD;
    self->replaying = false;
    self->epoch = epoch;
    self->attempts = 0;
    self->known_id = self->next_id;
    self->started_at = self->swept_at = now;
    pace_start (&self->sessions.pace, self->roster.workers.count);
    self->orphans_until = now + pace_patience (&self->sessions.pace);
    roster_await (&self->roster, true);
    self->awaiting = self->roster.awaited > 0;
    journal_start (self->journal, epoch);
    journal_mark (self->journal, now, self->next_id);
    return NULL;
}

//  ---------------------------------------------------------------------------------
//  Messages

//  A peer that goes on as if we knew it is told to begin again: one that we never met, a
//  worker that has not said READY, and one whose first READY of several was lost: with
//  what is behind that alone, all that the first one claims would count as given up.

static bool
s_is_stranger (const session_t *session, const stint_message_t *message)
{
    stp_command_t command = message->command;
    if (command == STP_READY && message->cursor > 0)
        return session->worker == 0;
    if (command == STP_CREDIT || command == STP_RESULT || command == STP_RETURN
        || command == STP_PROGRESS)
        return session->worker == 0;
    return command == STP_HEARTBEAT && !session->known;
}

//  A command is for the function of its name; the others are not for a broker.

static void
s_hear (core_t *self, int64_t now, uint32_t session, stint_message_t *message,
        effects_t *out)
{
    switch (message->command) {
        case STP_PUSH:
            core_on_push (self, now, session, message, out);
            break;
        case STP_BATCH:
            core_on_batch (self, now, session, message, out);
            break;
        case STP_COLLECT:
            core_on_collect (self, now, session, message, out);
            break;
        case STP_CANCEL:
        case STP_RETRY:
        case STP_DROP:
            core_on_many (self, now, session, message, out);
            break;
        case STP_GROUP:
            core_on_group (self, now, session, message, out);
            break;
        case STP_QUERY:
            core_on_query (self, now, session, message, out);
            break;
        case STP_WORKER:
            core_on_worker (self, session, message, out);
            break;
        case STP_SCHEDULE:
            core_on_schedule (self, now, session, message, out);
            break;
        case STP_READY:
            core_on_ready (self, now, session, message, out);
            break;
        case STP_CREDIT:
            core_on_credit (self, session, message);
            break;
        case STP_RESULT:
            core_on_result (self, now, session, message, out);
            break;
        case STP_RETURN:
            core_on_return (self, session, message);
            break;
        case STP_PROGRESS:
            core_on_progress (self, now, session, message, out);
            break;
        case STP_HEARTBEAT:
            break;
        case STP_BYE:
            core_on_bye (self, session, out);
            break;
        case STP_ACCEPTED:
        case STP_TASK:
        case STP_OUTCOME:
        case STP_STATE:
        case STP_REVOKE:
        case STP_STALE:
        case STP_FULL:
        case STP_ERROR:
        case STP_DRAIN:
        default:
            core_refuse (self, now, session, STINT_WIRE_UNKNOWN, message, out);
    }
}

void
core_receive (core_t *self, int64_t now, uint32_t session, stint_message_t *message,
              effects_t *out)
{
    assert (effects_room (out) >= EFFECTS_EVENT);
    session_t *sender = &self->sessions.sessions.pool [session];
    if (sender->gone)
        return;
    journal_mark (self->journal, now, self->next_id);
    sessions_heard (&self->sessions, session, now);
    if (s_is_stranger (sender, message)) {
        core_leave (self, session);
        effects_add (out, STP_BYE, session);
        return;
    }
    sender->known = true;
    s_hear (self, now, session, message, out);
}

void
core_refuse (core_t *self, int64_t now, uint32_t session, stint_wire_status_t status,
             const stint_message_t *message, effects_t *out)
{
    if (self->sessions.sessions.pool [session].gone)
        return;
    sessions_heard (&self->sessions, session, now);
    self->totals.malformed++;
    if (status == STINT_WIRE_VERSION_BAD)
        core_error (out, session, 0, "version", "this broker speaks STP/1 only");
    else if (status == STINT_WIRE_UNKNOWN)
        core_error (out, session, message->request, "command",
                    "no such command in STP/1, or not one for a broker");
    else
        core_error (out, session, message->request, "malformed",
                    "the message is not as PROTOCOL.md says, or over a limit");
}

//  ---------------------------------------------------------------------------------
//  What is left to do

//  Tasks whose back-off or delay is over get in line.

static bool
s_wake (core_t *self, int64_t now)
{
    task_t *pool = self->tasks.tasks.pool;
    for (int count = 0; count < 1024; count++) {
        if (self->tasks.delays.count == 0)
            return false;
        uint32_t slot = self->tasks.delays.slots [0];
        if (pool [slot].until > now)
            return false;
        task_delays_remove (&self->tasks.delays, pool, slot);
        group_t *group = &self->groups.groups.pool [pool [slot].group];
        group->counts [STINT_DELAYED]--;
        group->counts [STINT_READY]++;
        pool [slot].state = STINT_READY;
        groups_enqueue (&self->groups, pool, slot, false);
    }
    return true;
}

//  Tasks that did not begin, or end, within the time that they had are cancelled.

static bool
s_expire (core_t *self, int64_t now, effects_t *out)
{
    const task_t *pool = self->tasks.tasks.pool;
    const stint_heap_t *dues = &self->tasks.dues;
    for (int count = 0; dues->count > 0 && pool [dues->slots [0]].due <= now; count++) {
        if (count == 256 || effects_due (out))
            return true;
        lease_expire (self, now, dues->slots [0], out);
    }
    return false;
}

static void
s_strike_off_missing (core_t *self)
{
    for (uint32_t slot = 1; self->roster.awaited > 0; slot++) {
        const roster_entry_t *entry = &self->roster.workers.pool [slot];
        if (!entry->awaited)
            continue;
        roster_back (&self->roster, slot);
        if (entry->sessions == 0) {
            record_t record = {.kind = RECORD_WORKER_GONE, .id = entry->id};
            apply_now (self, &record, NULL);
        }
    }
}

//  After a restart: once all workers are back, what nobody has claimed never reached one,
//  and is free as if it had not been given. When their time is over, those that have not
//  come back are given up, and their attempts with them.

static bool
s_give_up (core_t *self, int64_t now)
{
    static const stint_bytes_t text = {
        (const uint8_t *) "the worker did not come back after the broker's restart", 55};
    bool over = now >= core_patience (self, self->orphans_until);
    if (self->roster.awaited > 0 && !over)
        return false;
    self->awaiting = false;
    for (int count = 0; self->orphans.head; count++) {
        if (count == 256)
            return true;
        if (over)
            lease_fail (self, now, self->orphans.head, LEASE_LOST, 0, text);
        else
            lease_return (self, self->orphans.head);
    }
    s_strike_off_missing (self);
    return false;
}

//  Says whether tasks may be given out. While the disk is far behind they are not: workers
//  would end them faster than that can be recorded, and whoever waits for the end of one
//  would wait for all that was written before it.

static bool
s_may_start (const core_t *self)
{
    return !self->awaiting && !self->draining
           && journal_behind (self->journal) <= self->limits.waiting_max / 4;
}

bool
core_run (core_t *self, int64_t now, effects_t *out)
{
    journal_mark (self->journal, now, self->next_id);
    bool more = core_take_back (self, now);
    more |= core_pace (self, now, out);
    more |= core_miss (self, now, out);
    more |= s_give_up (self, now);
    if (!self->awaiting)  //  A start that a crash has lost may have been in time
        more |= s_expire (self, now, out);
    more |= s_wake (self, now);
    more |= groups_wake (&self->groups, now);
    more |= core_run_schedules (self, now);
    if (now >= self->swept_at + CORE_SWEEP_MS) {
        charge_sweep (self, now);
        if (core_sweep (self, now))
            more = true;
        else
            self->swept_at = now;
    }
    if (s_may_start (self))
        more |= schedule_run (self, now, out);
    more |= core_tell (self, out);
    more |= core_deliver (self, out);
    more |= core_beat (self, now, out);
    return more;
}

void
core_forgive (core_t *self, int64_t stall_ms)
{
    sessions_forgive (&self->sessions, stall_ms);
    self->orphans_until += stall_ms;
    if (self->unread_since != CORE_NEVER)
        self->unread_since += stall_ms;
}

static int64_t
s_earlier (int64_t one, int64_t other)
{
    return one < other ? one : other;
}

int64_t
core_deadline (const core_t *self)
{
    const sessions_t *sessions = &self->sessions;
    int64_t deadline = CORE_NEVER;
    if (sessions->gone.head || sessions->pace.changing || self->told.head
        || self->batches.news.head || (self->orphans.head && self->roster.awaited == 0)
        || (s_may_start (self) && self->groups.runnable.head))
        return 0;
    if (sessions->heard.head)
        deadline = s_earlier (
            core_patience (self, sessions_gone_at (sessions, sessions->heard.head)),
            sessions_beat_at (sessions, sessions->sent.head));
    if (self->tasks.delays.count > 0)
        deadline = s_earlier (deadline,
                              self->tasks.tasks.pool [self->tasks.delays.slots [0]].until);
    if (self->tasks.dues.count > 0 && !self->awaiting)
        deadline =
            s_earlier (deadline, self->tasks.tasks.pool [self->tasks.dues.slots [0]].due);
    if (!self->draining)
        deadline = s_earlier (deadline, core_schedule_at (self));
    if (self->orphans.head || self->awaiting)
        deadline = s_earlier (deadline, core_patience (self, self->orphans_until));
    deadline = s_earlier (deadline, groups_wake_at (&self->groups));
    if (self->tasks.tasks.count > 0 || self->producers.producers.count > 0
        || self->groups.lanes.kept.count > 0)
        deadline = s_earlier (deadline, self->swept_at + CORE_SWEEP_MS);
    return deadline;
}

void
core_drain (core_t *self)
{
    self->draining = true;
}

void
core_stop (core_t *self, int64_t now, effects_t *out)
{
    record_t record = {.kind = RECORD_CLOSED, .id = self->next_id, .at = now};
    apply_now (self, &record, NULL);
    for (uint32_t slot = self->sessions.heard.head; slot && effects_room (out) > 0;
         slot = self->sessions.sessions.pool [slot].heard_node.next)
        effects_add (out, STP_BYE, slot);
}

void
core_seal (core_t *self, int64_t now)
{
    journal_seal (self->journal, now, self->next_id);
}

void
core_move (core_t *self, int64_t now, uint64_t number, stint_bytes_t block,
           core_fetch_fn *fetch, void *argument)
{
    journal_mark (self->journal, now, self->next_id);
    keep_records (self, number);
    keep_tasks (self, number, block, fetch, argument);
    assert (journal_empty (self->journal, number));
    journal_moved (self->journal, number);
}

//  ---------------------------------------------------------------------------------
//  Looking

uint64_t
core_digest (const core_t *self)
{
    uint64_t digest = stint_index_mix (self->next_id);
    for (uint32_t slot = 1; slot <= self->tasks.tasks.used; slot++) {
        const task_t *task = &self->tasks.tasks.pool [slot];
        if (task->id)
            digest += task_digest (task, self->batches.batches.pool [task->batch].id,
                                   self->groups.kinds.kinds.pool [task->kind].digest);
    }
    digest += groups_digest (&self->groups) + groups_rates_digest (&self->groups);
    digest += batches_digest (&self->batches);
    digest += producers_digest (&self->producers) + roster_digest (&self->roster);
    return digest + timetable_digest (&self->timetable);
}

core_totals_t
core_totals (const core_t *self)
{
    core_totals_t totals = self->totals;
    totals.tasks = self->tasks.tasks.count;
    totals.sessions = self->sessions.heard.count;
    totals.workers = self->sessions.workers;
    for (uint32_t slot = 1; slot <= self->groups.groups.used; slot++)
        totals.running += self->groups.groups.pool [slot].counts [STINT_RUNNING];
    totals.orphans = self->orphans.count;
    totals.awaited = self->roster.awaited;
    return totals;
}
