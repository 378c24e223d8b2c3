//  apply: the only code that changes durable state: what becomes of tasks
//  SPDX-License-Identifier: MPL-2.0

#include "apply_place.h"
#include "apply_table.h"
#include "hold.h"

static task_t *
s_task (core_t *core, uint32_t slot)
{
    return &core->tasks.tasks.pool [slot];
}

static group_t *
s_group (core_t *core, uint32_t slot)
{
    return &core->groups.groups.pool [slot];
}

static batch_t *
s_batch (core_t *core, uint32_t slot)
{
    return &core->batches.batches.pool [slot];
}

//  ---------------------------------------------------------------------------------
//  Bytes of a task in the journal

static journal_place_t
s_place (const core_t *core, stint_bytes_t bytes)
{
    return (journal_place_t){core->at_block, (uint32_t) (bytes.data - core->at_data),
                             (uint32_t) bytes.size};
}

static void
s_let_go (core_t *core, uint32_t group, journal_place_t *place)
{
    if (!place->block)
        return;
    journal_drop (core->journal, *place);
    s_group (core, group)->bytes -= place->size;
    *place = (journal_place_t){0};
}

static void
s_keep (core_t *core, uint32_t group, journal_place_t *place, stint_bytes_t bytes)
{
    s_let_go (core, group, place);
    journal_place_t kept = s_place (core, bytes);
    journal_hold (core->journal, kept);
    *place = kept;
    s_group (core, group)->bytes += bytes.size;
}

//  ---------------------------------------------------------------------------------
//  Ends

//  Ends a task: it stays until it is collected or its retention is over.

static bool
s_end (core_t *core, uint32_t slot, const record_t *record, uint64_t state)
{
    task_t *task = s_task (core, slot);
    if (!place_move (core, slot, state))
        return false;
    place_unblock (core, slot);
    task->until = record->until;
    task->holder = (uint32_t) record->position;
    if (task->batch) {
        batch_t *batch = s_batch (core, task->batch);
        batch->done += state == STINT_DONE;
        batch->dead += state == STINT_DEAD;
        batch->cancelled += state == STINT_CANCELLED;
        batches_end (&core->batches, core->tasks.tasks.pool, slot);
    }
    if (task->watched)
        hold_tell (core, slot);
    return true;
}

static void
s_forget (core_t *core, uint32_t slot)
{
    task_t *task = s_task (core, slot);
    tasks_expect_end (&core->tasks, slot);
    place_unlink (core, slot);
    if (task->batch)
        batches_forget (&core->batches, core->tasks.tasks.pool, slot);
    s_let_go (core, task->group, &task->payload);
    s_let_go (core, task->group, &task->result);
    groups_close_kind (&core->groups, task);
    tasks_remove (&core->tasks, slot);
}

//  ---------------------------------------------------------------------------------
//  One function a kind of record

//  Makes the next task of a push, of the kind of all of them when it asks for nothing of
//  its own. Returns false when there is none.

static bool
s_add (core_t *core, record_t *record, uint64_t index, uint32_t batch, uint32_t kind)
{
    record_item_t item;
    if (!record_next (record, &item))
        return false;
    uint32_t slot = tasks_add (&core->tasks, record->id + index);
    task_t *task = s_task (core, slot);
    task->group = (uint32_t) record->group;
    task->batch = batch;
    task->number = batch ? (uint32_t) (record->number + index) : 0;
    task->at = record->at;
    task->until = item.delay > 0 ? record->at + item.delay : 0;
    if (item.own && terms_any (&item.terms))
        task->kind = groups_open_kind (&core->groups, task->group, &item.terms);
    else if (!item.own && kind) {
        task->kind = kind;
        core->groups.kinds.kinds.pool [kind].tasks++;
    }
    s_keep (core, task->group, &task->payload, item.payload);
    return place_wait (core, slot, item.delay > 0 ? STINT_DELAYED : STINT_READY);
}

static const char *
s_on_pushed (core_t *core, record_t *record)
{
    uint32_t count = record->item_count;
    if (record->group == 0 || record->group > core->limits.groups)
        return "it has more groups than limits/groups allows";
    if (core->tasks.tasks.capacity - core->tasks.tasks.count < count)
        return "it holds more tasks than limits/tasks allows";
    if (record->producer && !producers_find (&core->producers, record->producer)
        && core->producers.producers.count == core->producers.producers.capacity)
        return "it has more producers than limits/producers allows";
    if (record->batch && !batches_find (&core->batches, record->batch)
        && core->batches.batches.count == core->batches.batches.capacity)
        return "it has more batches than limits/batches allows";

    groups_ensure (&core->groups, (uint32_t) record->group);
    uint32_t batch = record->batch ? batches_ensure (&core->batches, record->batch) : 0;
    uint64_t index = 0;
    task_t any = {.group = (uint32_t) record->group};
    if (terms_any (&record->terms))
        any.kind = groups_open_kind (&core->groups, any.group, &record->terms);
    while (s_add (core, record, index, batch, any.kind))
        index++;
    groups_close_kind (&core->groups, &any);
    if (batch) {
        s_batch (core, batch)->pushed += count;
        s_batch (core, batch)->held += count;
    }
    s_group (core, (uint32_t) record->group)->pushed += core->replaying ? 0 : count;
    if (record->id + count > core->next_id)
        core->next_id = record->id + count;
    if (record->producer)
        apply_producer_pushed (core, record, count);
    return index == count ? NULL : "a push in it is malformed";
}

static bool
s_start (core_t *core, uint64_t id, uint64_t fence, int64_t at)
{
    uint32_t slot = tasks_find (&core->tasks, id);
    if (!slot)
        return true;
    task_t *task = s_task (core, slot);
    core->tasks.guess = task->node.next;  //  In line behind it, if it was in line
    if (!place_run (core, slot))
        return false;
    task->fence = fence;
    task->until = at;
    if (task->attempts < UINT16_MAX)
        task->attempts++;
    return true;
}

static const char *
s_on_started (core_t *core, const record_t *record)
{
    if (record->further >= RECORD_STARTS)
        return "it starts more tasks at once than a record may";
    for (uint64_t index = 0; index <= record->further; index++) {
        if (!s_start (core, record->id + index, record->fence + index, record->at))
            return "it starts a task that has ended";
    }
    return NULL;
}

//  Returns the slot of the task that a record of the end of an attempt speaks of, or 0.

static uint32_t
s_attempt (core_t *core, const record_t *record)
{
    uint32_t slot = tasks_find (&core->tasks, record->id);
    return slot && s_task (core, slot)->fence == record->fence ? slot : 0;
}

static const char *
s_on_failed (core_t *core, const record_t *record)
{
    uint32_t slot = s_attempt (core, record);
    uint32_t batch = batches_find (&core->batches, record->batch);
    if (!slot) {
        if (batch && record->state == STINT_DEAD)
            s_batch (core, batch)->dead++;
        return NULL;
    }
    task_t *task = s_task (core, slot);
    if (task_ended (task->state))
        return "it fails a task that was not running";
    task->attempts = (uint16_t) record->attempts;
    task->failures = (uint16_t) record->failures;
    task->lost = (uint16_t) record->lost;
    task->until = record->until;
    s_keep (core, task->group, &task->result, record->result);
    bool legal = record->state == STINT_DEAD ? s_end (core, slot, record, STINT_DEAD)
                                             : place_wait (core, slot, record->state);
    return legal ? NULL : "it fails a task that was not running";
}

static const char *
s_on_returned (core_t *core, const record_t *record)
{
    uint32_t slot = s_attempt (core, record);
    if (!slot)
        return NULL;
    task_t *task = s_task (core, slot);
    if (task_ended (task->state))
        return "it returns a task that has ended";
    if (task->attempts > 0)
        task->attempts--;
    task->until = 0;
    return place_wait (core, slot, STINT_READY) ? NULL : "it returns a task that has ended";
}

static const char *
s_on_collected (core_t *core, const record_t *record)
{
    uint32_t slot = batches_find (&core->batches, record->batch);
    if (!slot)
        return NULL;
    batch_t *batch = s_batch (core, slot);
    while (batch->outcomes.head
           && s_task (core, batch->outcomes.head)->holder <= record->position)
        s_forget (core, batch->outcomes.head);
    batch->at = record->at;
    batches_advance (&core->batches, slot, record->position);
    return NULL;
}

static const char *
s_on_dropped (core_t *core, const record_t *record)
{
    uint32_t slot = tasks_find (&core->tasks, record->id);
    if (slot && !task_ended (s_task (core, slot)->state))
        return "it forgets a task that has not ended";
    if (slot)
        s_forget (core, slot);
    return NULL;
}

//  A task that was dead or cancelled waits again, and what it failed before counts no more;
//  the text of its last failure stays.

static const char *
s_on_retried (core_t *core, const record_t *record)
{
    uint32_t slot = tasks_find (&core->tasks, record->id);
    if (!slot) {
        uint32_t batch = batches_find (&core->batches, record->batch);
        if (batch)
            batches_uncount (&core->batches, batch, record->state);
        return NULL;
    }
    task_t *task = s_task (core, slot);
    if (task->state != record->state)
        return "it retries a task that has not ended so";
    if (task->batch)
        batches_reopen (&core->batches, core->tasks.tasks.pool, slot);
    if (task->result.size == 0)
        s_let_go (core, task->group, &task->result);
    task->failures = task->lost = 0;
    task->holder = 0;
    //  Its times begin anew. It was ready before: so it goes before all that were not
    task->at = task->until = record->at;
    place_wait (core, slot, STINT_READY);
    return NULL;
}

//  Makes a task as its record says, at a recovery whose log begins behind its push. What
//  has ended counts for its batch by the record of its end.

static const char *
s_restore (core_t *core, const record_t *record)
{
    if (record->state < STINT_DELAYED || record->state >= TASK_STATES)
        return "it has a task in a state that is none";
    if (core->tasks.tasks.count == core->tasks.tasks.capacity)
        return "it holds more tasks than limits/tasks allows";
    if (record->group == 0 || record->group > core->limits.groups)
        return "it has more groups than limits/groups allows";
    if (record->batch && !batches_find (&core->batches, record->batch)
        && core->batches.batches.count == core->batches.batches.capacity)
        return "it has more batches than limits/batches allows";
    groups_ensure (&core->groups, (uint32_t) record->group);
    uint32_t slot = tasks_add (&core->tasks, record->id);
    task_t *task = s_task (core, slot);
    task->fence = record->fence;
    task->group = (uint32_t) record->group;
    task->batch = record->batch ? batches_ensure (&core->batches, record->batch) : 0;
    task->number = (uint32_t) record->number;
    task->at = record->at;
    task->until = record->until;
    task->attempts = (uint16_t) record->attempts;
    task->failures = (uint16_t) record->failures;
    task->lost = (uint16_t) record->lost;
    if (terms_any (&record->terms))
        task->kind = groups_open_kind (&core->groups, task->group, &record->terms);
    place_bring (core, slot, record->state);
    if (task->batch)
        s_batch (core, task->batch)->held++;
    if (task_ended (task->state)) {
        task->holder = (uint32_t) record->position;
        if (task->batch)
            batches_end (&core->batches, core->tasks.tasks.pool, slot);
    }
    if (record->id >= core->next_id)
        core->next_id = record->id + 1;
    return NULL;
}

//  A task that ended well or was cancelled. The record brings it back, as one that runs, if
//  the block of its push is gone.

static const char *
s_on_ended (core_t *core, record_t *record, uint64_t state)
{
    uint32_t slot = tasks_find (&core->tasks, record->id);
    if (!slot) {
        record->state = STINT_RUNNING;
        const char *fault = s_restore (core, record);
        if (fault)
            return fault;
        slot = tasks_find (&core->tasks, record->id);
    }
    task_t *task = s_task (core, slot);
    if (!s_end (core, slot, record, state))
        return "it ends a task that may not end so";
    if (state == STINT_DONE) {
        s_let_go (core, task->group, &task->payload);
        groups_close_kind (&core->groups, task);
    }
    s_keep (core, task->group, &task->result, record->result);
    s_group (core, task->group)->finished += state == STINT_DONE && !core->replaying;
    return NULL;
}

//  A task that was brought back by the record of its end asks for what its full record
//  says.

static void
s_make_kind (core_t *core, uint32_t slot, const terms_t *terms)
{
    task_t *task = s_task (core, slot);
    uint8_t state = task->state;
    if (task->kind || state == STINT_DONE || !terms_any (terms))
        return;
    if (!task_ended (state))
        place_unlink (core, slot);
    task->kind = groups_open_kind (&core->groups, task->group, terms);
    if (task_ended (state))
        return;
    task->state = 0;
    place_bring (core, slot, state);
}

static const char *
s_on_kept_task (core_t *core, const record_t *record)
{
    if (!tasks_find (&core->tasks, record->id)) {
        const char *fault = s_restore (core, record);
        if (fault)
            return fault;
    }
    uint32_t slot = tasks_find (&core->tasks, record->id);
    task_t *task = s_task (core, slot);
    s_make_kind (core, slot, &record->terms);
    if (task->state != STINT_DONE)
        s_keep (core, task->group, &task->payload, record->payload);
    if (record->result.size > 0 || task_ended (task->state))
        s_keep (core, task->group, &task->result, record->result);
    else
        s_let_go (core, task->group, &task->result);
    return NULL;
}

const char *
apply_record (core_t *core, record_t *record)
{
    core->closed = record->kind == RECORD_CLOSED;
    switch (record->kind) {
        case RECORD_PUSHED:
            return s_on_pushed (core, record);
        case RECORD_STARTED:
            return s_on_started (core, record);
        case RECORD_DONE:
            return s_on_ended (core, record, STINT_DONE);
        case RECORD_FAILED:
            return s_on_failed (core, record);
        case RECORD_RETURNED:
            return s_on_returned (core, record);
        case RECORD_CANCELLED:
            return s_on_ended (core, record, STINT_CANCELLED);
        case RECORD_COLLECTED:
            return s_on_collected (core, record);
        case RECORD_DROPPED:
            return s_on_dropped (core, record);
        case RECORD_KEPT_TASK:
            return s_on_kept_task (core, record);
        case RECORD_TIMETABLE_RUN: {
            const char *fault = s_on_pushed (core, record);
            return fault ? fault : apply_timetable_run (core, record);
        }
        case RECORD_CLOSED:
            if (record->id > core->next_id)
                core->next_id = record->id;
            return NULL;
        case RECORD_RETRIED:
            return s_on_retried (core, record);
        case RECORD_GROUP:
        case RECORD_GROUP_GONE:
        case RECORD_BATCH:
        case RECORD_KEPT_BATCH:
        case RECORD_BATCH_GONE:
        case RECORD_KEPT_PRODUCER:
        case RECORD_PRODUCER_GONE:
        case RECORD_WORKER:
        case RECORD_WORKER_GONE:
        case RECORD_RATE:
        case RECORD_TIMETABLE:
        case RECORD_TIMETABLE_GONE:
        default:
            return apply_to_table (core, record);
    }
}

bool
apply_now (core_t *core, record_t *record, stint_message_t *message)
{
    if (!record_write (record, core->journal, message))
        return false;
    core->at_block = journal_open (core->journal);
    core->at_data = journal_open_data (core->journal);
    const char *fault = apply_record (core, record);
    assert (!fault);
    return true;
}
