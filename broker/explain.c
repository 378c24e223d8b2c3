//  explain: why a task does not run now, and what stands in the way of a group
//  SPDX-License-Identifier: MPL-2.0

#include "explain.h"

#include "core_events.h"
#include "explain_words.h"
#include "query_write.h"

#define LOOKS_MAX 4096  //  Most workers, and most tasks in line, that are counted

typedef struct {
    core_t *core;        //  What is looked at
    int64_t now;         //  When
    const task_t *task;  //  Null: the group as a whole
    uint32_t slot;       //  Of the group
    group_t *group;      //  The group
    words_t words;       //  Of the gate in hand
    uint32_t gates;      //  How many were written
    uint64_t start;      //  Milliseconds from now before which nothing can start
} explain_t;

static void
s_number (explain_t *self, const char *name, uint64_t value)
{
    query_number (&self->core->state, name, value);
}

static void
s_text (explain_t *self, const char *name, const char *value)
{
    query_text (&self->core->state, name, value);
}

//  Begins a gate, whose sentence stands in words. The caller writes its numbers, as many as
//  it says.

static void
s_gate (explain_t *self, const char *gate, uint32_t numbers)
{
    self->gates++;
    stint_write_map (&self->core->state, 2 + numbers);
    s_text (self, "gate", gate);
    s_text (self, "text", self->words.text);
    self->words.size = 0;
}

//  Writes when a gate opens by itself.

static void
s_until (explain_t *self, int64_t until)
{
    uint64_t span = query_span (self->now, until);
    self->start = self->start > span ? self->start : span;
    s_number (self, "until", span);
}

static void
s_add (explain_t *self, const char *text)
{
    words_add (&self->words, text);
}

//  ---------------------------------------------------------------------------------
//  Gates of a task

//  When it ended follows from when it may go, by the group's keep_results of now.

static void
s_ended (explain_t *self)
{
    const task_t *task = self->task;
    if (!task_ended (task->state))
        return;
    uint64_t keep = groups_settings (&self->core->groups, self->slot).keep_results;
    int64_t at = task->until - (int64_t) keep;
    at = at < task->at ? task->at : at > self->now ? self->now : at;
    uint64_t left = query_span (self->now, task->until);
    const char *state = stint_state_name ((stint_state_t) task->state);
    s_add (self, "it ended ");
    words_span (&self->words, query_span (at, self->now));
    s_add (self, " ago, ");
    s_add (self, state);
    s_add (self, " after ");
    words_count (&self->words, task->attempts, "attempt");
    s_add (self, "; what it came to is kept for ");
    words_span (&self->words, left);
    s_gate (self, "ended", 4);
    s_text (self, "state", state);
    s_number (self, "attempts", task->attempts);
    s_number (self, "since", query_span (at, self->now));
    s_number (self, "kept", left);
}

//  The time of a start that an older version has copied forward is not known: 0.

static void
s_running (explain_t *self)
{
    const task_t *task = self->task;
    if (task->state != STINT_RUNNING)
        return;
    const char *worker = self->core->sessions.sessions.pool [task->holder].name;
    uint64_t since = task->until > 0 ? query_span (task->until, self->now) : 0;
    s_add (self, "attempt ");
    words_number (&self->words, task->attempts);
    if (task->holder) {
        s_add (self, " is at worker ");
        s_add (self, *worker ? worker : "?");
    }
    else
        s_add (self, " is at a worker that is awaited since the broker's restart");
    if (task->until > 0) {
        s_add (self, ", for ");
        words_span (&self->words, since);
    }
    s_gate (self, "running", 3);
    s_text (self, "worker", task->holder ? worker : "");
    s_number (self, "attempt", task->attempts);
    s_number (self, "since", since);
}

static void
s_delayed (explain_t *self)
{
    const task_t *task = self->task;
    if (task->state != STINT_DELAYED || task->until <= self->now)
        return;
    s_add (self, task->attempts > 0 ? "it backs off after attempt " : "it is delayed");
    if (task->attempts > 0)
        words_number (&self->words, task->attempts);
    s_add (self, ", for ");
    words_span (&self->words, query_span (self->now, task->until));
    s_add (self, " more");
    s_gate (self, task->attempts > 0 ? "backoff" : "delayed", 1);
    s_until (self, task->until);
}

static void
s_order (explain_t *self)
{
    const task_t *task = self->task;
    const order_t *order = groups_order (&self->core->groups, task);
    if (task->state != STINT_BLOCKED)
        return;
    const task_t *before = &self->core->tasks.tasks.pool [order->current];
    s_add (self, "task ");
    words_number (&self->words, before->id);
    s_add (self, " of its order \"");
    s_add (self, order->text);
    s_add (self, "\" has not ended: it is ");
    s_add (self, stint_state_name ((stint_state_t) before->state));
    s_gate (self, "order", 2);
    s_text (self, "order", order->text);
    s_number (self, "task", before->id);
}

static void
s_key (explain_t *self)
{
    const groups_t *groups = &self->core->groups;
    uint32_t slot = groups->kinds.kinds.pool [self->task->kind].key;
    const lane_key_t *key = &groups->lanes.keys.pool [slot];
    uint64_t most = groups_settings (groups, self->slot).key_running;
    if (self->task->state != STINT_READY || !slot || most == 0 || key->running < most)
        return;
    s_add (self, "key_running is reached: ");
    words_count (&self->words, key->running, "task");
    s_add (self, " of key \"");
    s_add (self, key->text);
    s_add (self, key->running == 1 ? "\" runs" : "\" run");
    s_gate (self, "key_running", 2);
    s_text (self, "key", key->text);
    s_number (self, "running", key->running);
}

//  Ends a sentence with when the next token of a bucket comes, and writes the gate.

static void
s_next_token (explain_t *self, const char *gate, int64_t wake)
{
    s_add (self, ": the next token comes in ");
    words_span (&self->words, query_span (self->now, wake));
    s_gate (self, gate, 1);
    s_until (self, wake);
}

static void
s_key_rate (explain_t *self)
{
    const groups_t *groups = &self->core->groups;
    uint32_t slot = groups->kinds.kinds.pool [self->task->kind].key;
    const lane_key_t *key = &groups->lanes.keys.pool [slot];
    if (self->task->state != STINT_READY || !key->bucket.dry
        || key->bucket.wake <= self->now)
        return;
    s_add (self, "key_rate of key \"");
    s_add (self, key->text);
    s_add (self, "\"");
    s_next_token (self, "key_rate", key->bucket.wake);
}

//  ---------------------------------------------------------------------------------
//  Gates of all tasks of a group that wait

//  Ends a sentence with who did it, how long ago and why, and writes the gate.

static void
s_stopped (explain_t *self, const char *gate)
{
    const group_note_t *note = &self->group->note;
    uint64_t since = query_span (note->at, self->now);
    if (*note->by) {
        s_add (self, " by ");
        s_add (self, note->by);
    }
    s_add (self, ", for ");
    words_span (&self->words, since);
    if (*note->reason) {
        s_add (self, ": \"");
        s_add (self, note->reason);
        s_add (self, "\"");
    }
    s_gate (self, gate, 3);
    s_text (self, "by", note->by);
    s_text (self, "reason", note->reason);
    s_number (self, "since", since);
}

static void
s_paused (explain_t *self)
{
    if (!self->group->settings.paused)
        return;
    s_add (self, "the group is paused");
    s_stopped (self, "paused");
}

//  It is in the way of tasks that are not there yet.

static void
s_draining (explain_t *self)
{
    if (self->task || !self->group->settings.draining)
        return;
    s_add (self, "the group drains and takes no tasks, told so");
    s_stopped (self, "draining");
}

static void
s_no_worker (explain_t *self)
{
    const group_t *group = self->group;
    if (group->workers > 0)
        return;
    uint64_t since = group->served_at > 0 ? query_span (group->served_at, self->now) : 0;
    if (group->subscribers == 0)
        s_add (self, "no worker serves the group");
    else {
        words_count (&self->words, group->subscribers, "worker");
        s_add (self, group->subscribers == 1
                         ? " serves the group and takes no tasks: it drains or pauses"
                         : " serve the group and take no tasks: they drain or pause");
    }
    if (group->subscribers == 0 && group->served_at > 0) {
        s_add (self, "; the last one, ");
        s_add (self, *group->served_by ? group->served_by : "?");
        s_add (self, ", was heard ");
        words_span (&self->words, since);
        s_add (self, " ago");
    }
    s_gate (self, "no_worker", 3);
    s_number (self, "connected", group->subscribers);
    s_text (self, "last", group->served_by);
    s_number (self, "since", since);
}

//  What the workers of a group hold, of all their groups.

typedef struct {
    uint64_t slots;  //  Tasks that they will hold
    uint64_t used;   //  Tasks that they hold
    bool all;        //  All workers were looked at
} s_slots_t;

static bool
s_serves (const explain_t *self, uint32_t session)
{
    const sessions_t *sessions = &self->core->sessions;
    const subscription_t *own = sessions_subscriptions (sessions, session);
    for (uint32_t index = 0; index < sessions->sessions.pool [session].groups; index++) {
        if (own [index].group == self->slot)
            return true;
    }
    return false;
}

static s_slots_t
s_slots (const explain_t *self)
{
    s_slots_t slots = {.all = true};
    const session_t *pool = self->core->sessions.sessions.pool;
    uint32_t slot = self->core->sessions.heard.head;
    for (int looks = 0; slot; slot = pool [slot].heard_node.next, looks++) {
        if (looks == LOOKS_MAX) {
            slots.all = false;
            break;
        }
        if (!pool [slot].counted || !s_serves (self, slot))
            continue;
        slots.slots += pool [slot].capacity;
        slots.used += pool [slot].held.count;
    }
    return slots;
}

static void
s_full (explain_t *self)
{
    const group_t *group = self->group;
    if (group->workers == 0 || group->waiting.count > 0)
        return;
    s_slots_t slots = s_slots (self);
    s_add (self, group->workers == 1 ? "its worker is full: " : "all of ");
    if (group->workers > 1) {
        words_count (&self->words, group->workers, "worker");
        s_add (self, " are full: ");
    }
    if (!slots.all)
        s_add (self, "at least ");
    words_number (&self->words, slots.used);
    s_add (self, " of ");
    words_count (&self->words, slots.slots, "slot");
    s_add (self, slots.used < slots.slots && slots.all
                     ? " in use, and as many bytes as they take"
                     : " in use");
    s_gate (self, "full", 3);
    s_number (self, "workers", group->workers);
    s_number (self, "used", slots.used);
    s_number (self, "slots", slots.slots);
}

static void
s_max_running (explain_t *self)
{
    uint32_t running = self->group->counts [STINT_RUNNING];
    uint64_t most = groups_settings (&self->core->groups, self->slot).max_running;
    if (most == 0 || running < most)
        return;
    s_add (self, "max_running is reached: ");
    words_number (&self->words, running);
    s_add (self, " of ");
    words_number (&self->words, most);
    s_add (self, " run");
    s_gate (self, "max_running", 2);
    s_number (self, "running", running);
    s_number (self, "most", most);
}

static void
s_rate (explain_t *self)
{
    const rate_t *bucket = &self->group->bucket;
    if (!bucket->dry || bucket->wake <= self->now)
        return;
    s_add (self, "rate");
    s_next_token (self, "rate", bucket->wake);
}

//  Returns when the first key of a group that has tasks ready has a token: 0 when a key has
//  that now, and key_running is in its way.

static int64_t
s_first_token (const explain_t *self)
{
    const lanes_t *lanes = &self->core->groups.lanes;
    int64_t first = INT64_MAX;
    uint32_t lane = self->group->lanes.head;
    for (int looks = 0; lane && looks < LOOKS_MAX; looks++) {
        const lane_t *row = &lanes->lanes.pool [lane];
        const rate_t *bucket = &lanes->keys.pool [row->key].bucket;
        int64_t next = bucket->dry ? bucket->wake : 0;
        if (lane_first (row) && next < first)
            first = next;
        lane = row->group_node.next;
    }
    return first;
}

//  Of a group as a whole: all that is ready is of keys that have no room.

static void
s_keys (explain_t *self)
{
    const group_t *group = self->group;
    if (self->task || group->counts [STINT_READY] == 0 || group->levels != 0)
        return;
    int64_t first = s_first_token (self);
    if (first == 0) {
        s_add (self, "key_running is reached by each key that has tasks ready");
        s_gate (self, "key_running", 0);
    }
    else if (first > self->now) {
        s_add (self, "key_rate of each key that has tasks ready");
        s_next_token (self, "key_rate", first);
    }
}

static void
s_awaiting (explain_t *self)
{
    const core_t *core = self->core;
    if (!core->awaiting)
        return;
    int64_t until = core_patience (core, core->orphans_until);
    s_add (self, "after its restart the broker awaits ");
    words_count (&self->words, core->roster.awaited, "worker");
    s_add (self, " that it knew, for ");
    words_span (&self->words, query_span (self->now, until));
    s_add (self, " more at most");
    s_gate (self, "awaiting", 2);
    s_number (self, "workers", core->roster.awaited);
    s_number (self, "until", query_span (self->now, until));
}

static void
s_disk (explain_t *self)
{
    uint64_t behind = journal_behind (self->core->journal);
    if (behind <= self->core->limits.waiting_max / 4)
        return;
    s_add (self, "the broker's disk is behind: ");
    words_count (&self->words, behind, "byte");
    s_add (self, " are on their way to it");
    s_gate (self, "disk", 1);
    s_number (self, "bytes", behind);
}

static void
s_stopping (explain_t *self)
{
    if (!self->core->draining)
        return;
    s_add (self, "the broker is going down");
    s_gate (self, "stopping", 0);
}

//  ---------------------------------------------------------------------------------
//  The tables. What is new comes in one line.

typedef void (s_gate_fn) (explain_t *self);

static s_gate_fn *const s_of_task [] = {s_ended, s_running, s_delayed,
                                        s_order, s_key,     s_key_rate};

static s_gate_fn *const s_of_group [] = {s_paused,      s_draining, s_no_worker, s_full,
                                         s_max_running, s_rate,     s_keys,      s_awaiting,
                                         s_disk,        s_stopping};

static void
s_gates (explain_t *self)
{
    stint_writer_t *out = &self->core->state;
    bool waits = !self->task
                 || (self->task->state != STINT_RUNNING && !task_ended (self->task->state));
    stint_write_text (out, "gates");
    size_t where = stint_write_array_open (out);
    for (size_t at = 0; self->task && at < sizeof s_of_task / sizeof *s_of_task; at++)
        s_of_task [at](self);
    for (size_t at = 0; waits && at < sizeof s_of_group / sizeof *s_of_group; at++)
        s_of_group [at](self);
    stint_write_array_close (out, where, self->gates);
    s_number (self, "start", self->start);
}

//  Returns how many tasks stand before a ready one in its own lane.

static uint32_t
s_ahead_in_lane (const explain_t *self, const lane_t *lane)
{
    const task_t *pool = self->core->tasks.tasks.pool;
    uint32_t slot = (uint32_t) (self->task - pool);
    bool first_time = task_list_linked (pool, slot);
    uint32_t ahead = first_time ? lane->again.count : 0;
    for (uint32_t at = 0; !first_time && at < lane->again.count && at < LOOKS_MAX; at++)
        ahead += pool [lane->again.slots [at]].id < self->task->id;
    if (!first_time && lane->again.count > LOOKS_MAX)
        return LOOKS_MAX;
    while (first_time && ahead < LOOKS_MAX && (slot = pool [slot].node.prev) != 0)
        ahead++;
    return ahead;
}

//  Returns how many tasks of the group go before a ready one: those of a higher priority,
//  and those before it in its lane; LOOKS_MAX when there are more than are counted.

static uint32_t
s_ahead (const explain_t *self)
{
    const lane_t *pool = self->core->groups.lanes.lanes.pool;
    const lane_t *own = &pool [groups_lane (&self->core->groups, self->task)];
    uint64_t ahead = s_ahead_in_lane (self, own);
    uint32_t lane = self->group->lanes.head;
    for (int looks = 0; lane && looks < LOOKS_MAX; looks++) {
        if (pool [lane].priority > own->priority)
            ahead += pool [lane].ready.count + pool [lane].again.count;
        lane = pool [lane].group_node.next;
    }
    return lane || ahead > LOOKS_MAX ? LOOKS_MAX : (uint32_t) ahead;
}

static explain_t
s_begin (core_t *core, int64_t now, uint32_t group)
{
    core->state.size = 0;
    return (explain_t){.core = core,
                       .now = now,
                       .slot = group,
                       .group = &core->groups.groups.pool [group]};
}

uint32_t
explain_task (core_t *core, int64_t now, uint32_t slot)
{
    const task_t *task = &core->tasks.tasks.pool [slot];
    explain_t self = s_begin (core, now, task->group);
    self.task = task;
    record_settings_t settings = groups_settings (&core->groups, task->group);
    stint_write_map (&core->state, 13);
    s_number (&self, "task", task->id);
    s_text (&self, "group", self.group->name);
    s_text (&self, "state", stint_state_name ((stint_state_t) task->state));
    s_number (&self, "attempts", task->attempts);
    s_number (&self, "failures", task->failures);
    uint64_t own = core->groups.kinds.kinds.pool [task->kind].terms.max_attempts;
    s_number (&self, "max_attempts", own ? own : settings.max_attempts);
    s_number (&self, "pushed", query_span (task->at, now));
    uint32_t ahead = task->state == STINT_READY ? s_ahead (&self) : 0;
    s_number (&self, "ahead", ahead);
    s_number (&self, "ahead_most", LOOKS_MAX);
    s_number (&self, "running", self.group->counts [STINT_RUNNING]);
    s_number (&self, "max_running", settings.max_running);
    s_gates (&self);
    return self.gates;
}

static void
s_explain_group (core_t *core, int64_t now, uint32_t slot)
{
    explain_t self = s_begin (core, now, slot);
    stint_write_map (&core->state, 8);
    s_text (&self, "group", self.group->name);
    s_number (&self, "delayed", self.group->counts [STINT_DELAYED]);
    s_number (&self, "blocked", self.group->counts [STINT_BLOCKED]);
    s_number (&self, "ready", self.group->counts [STINT_READY]);
    s_number (&self, "running", self.group->counts [STINT_RUNNING]);
    s_number (&self, "max_running", groups_settings (&core->groups, slot).max_running);
    s_gates (&self);
}

bool
explain_answer (core_t *core, int64_t now, uint64_t id, uint32_t group)
{
    uint32_t slot = tasks_find (&core->tasks, id);
    if (slot)
        explain_task (core, now, slot);
    else if (id == 0 && group)
        s_explain_group (core, now, group);
    return slot || (id == 0 && group);
}
