//  query: what the core can say about itself: the answers to QUERY
//  SPDX-License-Identifier: MPL-2.0

#include "query.h"

#include "explain.h"
#include "query_schedules.h"
#include "query_write.h"
#include "word.h"

#define ROWS_MAX 1000          //  Most rows of an answer
#define ROWS_DEFAULT 100       //  When the query does not say
#define LANES_MAX 256          //  Lanes of a group that are looked at
#define LOOKUPS_MAX (1 << 17)  //  Numbers looked up for one answer

static const char *const s_states [] = {
    "none",
    [STINT_DELAYED] = "delayed",
    [STINT_READY] = "ready",
    [STINT_RUNNING] = "running",
    [STINT_DONE] = "done",
    [STINT_DEAD] = "dead",
    [STINT_CANCELLED] = "cancelled",
    [STINT_BLOCKED] = "blocked",
};

//  ---------------------------------------------------------------------------------
//  Groups

//  How long the oldest of the tasks has waited that are first in a lane of the group. There
//  may be very many lanes: then it is that of those that were there first.

static uint64_t
s_oldest (const core_t *core, uint32_t slot, int64_t now)
{
    const lane_t *lanes = core->groups.lanes.lanes.pool;
    uint32_t lane = core->groups.groups.pool [slot].lanes.head;
    int64_t at = now;
    for (int count = 0; lane && count < LANES_MAX; count++) {
        uint32_t task = lane_first (&lanes [lane]);
        if (task && core->tasks.tasks.pool [task].at < at)
            at = core->tasks.tasks.pool [task].at;
        lane = lanes [lane].group_node.next;
    }
    return query_span (at, now);
}

static void
s_group (core_t *core, uint32_t slot, int64_t now)
{
    stint_writer_t *out = &core->state;
    const group_t *group = &core->groups.groups.pool [slot];
    record_settings_t settings = groups_settings (&core->groups, slot);
    bool stopped = settings.paused || settings.draining;
    stint_write_map (out, 16 + RECORD_SETTINGS + (stopped ? 3 : 0));
    query_text (out, "group", group->name);
    for (size_t state = STINT_DELAYED; state < TASK_STATES; state++)
        query_number (out, s_states [state], group->counts [state]);
    query_number (out, "bytes", group->bytes);
    query_number (out, "oldest", s_oldest (core, slot, now));
    query_number (out, "workers", group->workers);
    query_number (out, "pushed", group->pushed);
    query_number (out, "finished", group->finished);
    query_number (out, "retried", group->retried);
    query_number (out, "lost", group->lost);
    query_number (out, "stale", group->stale);
    for (size_t index = 0; index < RECORD_SETTINGS; index++)
        query_number (out, record_setting_table [index].name, settings.list [index]);
    if (!stopped)
        return;
    query_text (out, "paused_by", group->note.by);
    query_text (out, "paused_reason", group->note.reason);
    query_number (out, "paused_at", query_span (group->note.at, now));
}

static void
s_groups (core_t *core, uint32_t only, int64_t now)
{
    uint32_t rows = 0;
    stint_write_text (&core->state, "groups");
    size_t where = stint_write_array_open (&core->state);
    for (uint32_t slot = 1; slot <= core->groups.groups.used && rows < ROWS_MAX; slot++) {
        if (core->groups.groups.pool [slot].used && (!only || only == slot)) {
            s_group (core, slot, now);
            rows++;
        }
    }
    stint_write_array_close (&core->state, where, rows);
}

//  ---------------------------------------------------------------------------------
//  Workers and batches

static uint32_t
s_worker (core_t *core, uint32_t slot, int64_t now)
{
    const session_t *session = &core->sessions.sessions.pool [slot];
    if (!session->worker)
        return 0;
    stint_writer_t *out = &core->state;
    stint_write_map (out, 8);
    query_text (out, "name", session->name);
    query_number (out, "worker", session->worker);
    stint_write_text (out, "groups");
    stint_write_array (out, session->groups);
    const subscription_t *own = sessions_subscriptions (&core->sessions, slot);
    for (uint32_t index = 0; index < session->groups; index++)
        stint_write_text (out, core->groups.groups.pool [own [index].group].name);
    query_number (out, "held", session->held.count);
    query_number (out, "capacity", session->capacity);
    query_number (out, "heard", query_span (session->heard_at, now));
    query_number (out, "done", session->done);
    query_number (out, "draining", session->draining);
    return 1;
}

static void
s_workers (core_t *core, int64_t now)
{
    const session_t *pool = core->sessions.sessions.pool;
    uint32_t rows = 0;
    stint_write_map (&core->state, 1);
    stint_write_text (&core->state, "workers");
    size_t where = stint_write_array_open (&core->state);
    for (uint32_t slot = core->sessions.heard.head; slot && rows < ROWS_MAX;
         slot = pool [slot].heard_node.next)
        rows += s_worker (core, slot, now);
    stint_write_array_close (&core->state, where, rows);
}

static void
s_batches (core_t *core)
{
    stint_writer_t *out = &core->state;
    uint32_t rows = 0;
    stint_write_map (out, 1);
    stint_write_text (out, "batches");
    size_t where = stint_write_array_open (out);
    for (uint32_t slot = core->batches.batches.used; slot > 0 && rows < ROWS_MAX; slot--) {
        const batch_t *batch = &core->batches.batches.pool [slot];
        if (!batch->id)
            continue;
        stint_write_map (out, 9);
        query_number (out, "batch", batch->id);
        query_text (out, "name", batch->name);
        query_text (out, "group", core->groups.groups.pool [batch->group].name);
        query_number (out, "pushed", batch->pushed);
        query_number (out, "done", batch->done);
        query_number (out, "dead", batch->dead);
        query_number (out, "cancelled", batch->cancelled);
        query_number (out, "collected", batch->collected);
        query_number (out, "retried", batch->again);
        rows++;
    }
    stint_write_array_close (out, where, rows);
}

//  ---------------------------------------------------------------------------------
//  Tasks

//  Writes what a task asks for, or counts that when there is no writer.

static uint32_t
s_terms (const terms_t *terms, stint_writer_t *out)
{
    const stint_bytes_t texts [] = {terms->key, terms->order};
    uint32_t count = 0;
    for (size_t index = 0; index < TERMS_NUMBERS; index++) {
        count += terms->list [index] > 0;
        if (out && terms->list [index] > 0)
            query_number (out, terms_names [index], terms->list [index]);
    }
    for (size_t index = 0; index < 2; index++) {
        count += texts [index].size > 0;
        if (out && texts [index].size > 0) {
            stint_write_text (out, terms_names [TERMS_NUMBERS + index]);
            stint_write_string (out, texts [index]);
        }
    }
    return count;
}

//  What the running attempt said last; nothing when it did not.

static void
s_note (stint_writer_t *out, const task_note_t *note, int64_t now)
{
    if (!note)
        return;
    query_number (out, "progress", note->done);
    stint_write_text (out, "note");
    stint_write_string (out, (stint_bytes_t){(const uint8_t *) note->text, note->size});
    query_number (out, "noted", query_span (note->at, now));
}

static void
s_task (core_t *core, uint32_t slot, int64_t now)
{
    stint_writer_t *out = &core->state;
    const task_t *task = &core->tasks.tasks.pool [slot];
    const task_note_t *note = task_notes_find (&core->notes, task->id);
    bool running = task->state == STINT_RUNNING && task->holder;
    const terms_t *terms = &core->groups.kinds.kinds.pool [task->kind].terms;
    stint_write_map (out, 14 + s_terms (terms, NULL) + (note ? 3 : 0));
    query_number (out, "task", task->id);
    query_text (out, "group", core->groups.groups.pool [task->group].name);
    query_text (out, "state", s_states [task->state]);
    query_number (out, "attempts", task->attempts);
    query_number (out, "failures", task->failures);
    query_number (out, "lost", task->lost);
    query_number (out, "fence", task->fence);
    query_number (out, "batch",
                  task->batch ? core->batches.batches.pool [task->batch].id : 0);
    query_number (out, "number", task->number);
    query_number (out, "payload", task->payload.size);
    query_number (out, "result", task->result.size);
    query_number (out, "pushed", query_span (task->at, now));
    query_number (out, "until",
                  task->state == STINT_DELAYED ? query_span (now, task->until) : 0);
    query_text (out, "worker",
                running ? core->sessions.sessions.pool [task->holder].name : "");
    s_terms (terms, out);
    s_note (out, note, now);
}

//  Lists tasks in order of number, which are looked up one after another where there are
//  any. Says how far it came: it gives up after LOOKUPS_MAX, and whoever wants more asks
//  again from there.

static void
s_tasks (core_t *core, uint32_t group, const stint_message_t *message, int64_t now)
{
    uint64_t limit = message->count > 0 ? message->count : ROWS_DEFAULT;
    uint64_t end = core->next_id;
    uint64_t after = message->after < end ? message->after : end - 1;
    if (limit > ROWS_MAX)
        limit = ROWS_MAX;

    uint32_t rows = 0;
    stint_write_map (&core->state, 3);
    stint_write_text (&core->state, "tasks");
    size_t where = stint_write_array_open (&core->state);
    uint64_t id = tasks_skip (&core->tasks, after + 1, end);
    for (int count = 0; id < end && rows < limit && count < LOOKUPS_MAX; count++) {
        uint32_t slot = tasks_find (&core->tasks, id);
        const task_t *task = &core->tasks.tasks.pool [slot];
        id = tasks_skip (&core->tasks, id + 1, end);
        if (!slot || (group && task->group != group)
            || (message->state && task->state != message->state))
            continue;
        s_task (core, slot, now);
        rows++;
    }
    stint_write_array_close (&core->state, where, rows);
    query_number (&core->state, "after", id - 1);
    query_number (&core->state, "last", core->next_id - 1);
}

//  ---------------------------------------------------------------------------------
//  The broker

static void
s_ping (core_t *core, int64_t now)
{
    stint_write_map (&core->state, 3);
    query_text (&core->state, "version", STINT_VERSION);
    query_number (&core->state, "epoch", core->epoch);
    query_number (&core->state, "uptime", query_span (core->started_at, now));
}

static void
s_status (core_t *core, int64_t now)
{
    stint_writer_t *out = &core->state;
    journal_totals_t journal = journal_totals (core->journal);
    stint_write_map (out, 9);
    query_text (out, "version", STINT_VERSION);
    query_number (out, "epoch", core->epoch);
    query_number (out, "uptime", query_span (core->started_at, now));
    query_number (out, "tasks", core->tasks.tasks.count);
    query_number (out, "sessions", core->sessions.heard.count);
    query_number (out, "workers", core->sessions.workers);
    query_number (out, "heartbeat", core->sessions.pace.told_ms);
    stint_write_text (out, "store");
    stint_write_map (out, 4);
    query_number (out, "blocks", journal.blocks);
    query_number (out, "bytes", journal.bytes);
    query_number (out, "live", journal.live);
    query_number (out, "memory", journal.memory);
    s_groups (core, 0, now);
}

const char *
query_answer (core_t *core, int64_t now, const stint_message_t *message)
{
    uint32_t group = 0;
    core->state.size = 0;
    if (message->group.size > 0 && !(group = groups_find (&core->groups, message->group)))
        return "unknown";
    if (word_is (message->operation, "ping"))
        s_ping (core, now);
    else if (word_is (message->operation, "status"))
        s_status (core, now);
    else if (word_is (message->operation, "groups")) {
        stint_write_map (&core->state, 1);
        s_groups (core, group, now);
    }
    else if (word_is (message->operation, "workers"))
        s_workers (core, now);
    else if (word_is (message->operation, "batches"))
        s_batches (core);
    else if (word_is (message->operation, "tasks"))
        s_tasks (core, group, message, now);
    else if (word_is (message->operation, "explain"))
        return explain_answer (core, now, message->id, group) ? NULL : "unknown";
    else if (word_is (message->operation, "schedules"))
        query_schedules (core, group, message, now);
    else if (!word_is (message->operation, "task"))
        return "invalid";
    else if (tasks_find (&core->tasks, message->id))
        s_task (core, tasks_find (&core->tasks, message->id), now);
    else
        return "unknown";
    return NULL;
}
