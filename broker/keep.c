//  keep: copies what is live in the oldest block forward, so that the block may go
//  SPDX-License-Identifier: MPL-2.0

#include "keep.h"

#include "apply.h"

#include <string.h>

static void
s_keep_groups (core_t *core, uint64_t number)
{
    const group_t *pool = core->groups.groups.pool;
    uint32_t slot;
    while ((slot = core->groups.kept.head) != 0 && pool [slot].kept.block <= number) {
        record_t record = {.kind = RECORD_GROUP};
        groups_describe (&core->groups, slot, &record);
        apply_now (core, &record, NULL);
    }
}

static void
s_keep_batches (core_t *core, uint64_t number)
{
    const batch_t *pool = core->batches.batches.pool;
    uint32_t slot;
    while ((slot = core->batches.kept.head) != 0 && pool [slot].kept.block <= number) {
        const batch_t *batch = &pool [slot];
        record_t record = {.kind = RECORD_KEPT_BATCH, .batch = batch->id, .at = batch->at};
        record.group = batch->group;
        record.name = stint_bytes_of (batch->name);
        record.position = batch->collected;
        record.pushed = batch->pushed;
        record.done = batch->done;
        record.dead = batch->dead;
        record.cancelled = batch->cancelled;
        record.again = batch->again;
        apply_now (core, &record, NULL);
    }
}

static void
s_keep_producers (core_t *core, uint64_t number)
{
    const producer_t *pool = core->producers.producers.pool;
    uint32_t slot;
    while ((slot = core->producers.kept.head) != 0 && pool [slot].kept.block <= number) {
        const producer_t *producer = &pool [slot];
        record_t record = {.kind = RECORD_KEPT_PRODUCER, .producer = producer->id};
        record.sequence = producer->next;
        record.at = producer->at;
        record.recent_count = producer->recent_count;
        memcpy (record.recent, producer->recent, sizeof record.recent);
        apply_now (core, &record, NULL);
    }
}

static void
s_keep_workers (core_t *core, uint64_t number)
{
    const roster_entry_t *pool = core->roster.workers.pool;
    uint32_t slot;
    while ((slot = core->roster.kept.head) != 0 && pool [slot].kept.block <= number) {
        record_t record = {.kind = RECORD_WORKER, .id = pool [slot].id};
        apply_now (core, &record, NULL);
    }
}

static void
s_keep_buckets (core_t *core, uint64_t number)
{
    const lane_key_t *pool = core->groups.lanes.keys.pool;
    uint32_t slot;
    while ((slot = core->groups.lanes.kept.head) != 0 && pool [slot].kept.block <= number) {
        record_t record = {.kind = RECORD_RATE, .group = pool [slot].group};
        record.at = pool [slot].bucket.at;
        record.by = stint_bytes_of (pool [slot].text);
        record.key_level = pool [slot].bucket.level;
        apply_now (core, &record, NULL);
    }
}

static void
s_keep_schedules (core_t *core, uint64_t number)
{
    const timetable_row_t *pool = core->timetable.rows.pool;
    uint32_t slot;
    while ((slot = core->timetable.kept.head) != 0 && pool [slot].kept.block <= number) {
        record_t record = {.kind = RECORD_TIMETABLE};
        timetable_describe (&core->timetable, slot, &record);
        apply_now (core, &record, NULL);
    }
}

void
keep_records (core_t *core, uint64_t number)
{
    s_keep_groups (core, number);
    s_keep_batches (core, number);
    s_keep_producers (core, number);
    s_keep_workers (core, number);
    s_keep_buckets (core, number);
    s_keep_schedules (core, number);
}

//  ---------------------------------------------------------------------------------
//  Tasks

typedef struct {
    core_t *core;          //  The core
    uint64_t number;       //  The block that is to go
    stint_bytes_t block;   //  Its bytes
    core_fetch_fn *fetch;  //  Brings bytes that are not in memory
    void *argument;        //  Of fetch
    stint_writer_t spare;  //  A task's payload and result
} s_keeper_t;

static stint_bytes_t
s_bytes (const s_keeper_t *self, journal_place_t place)
{
    if (!place.block)
        return (stint_bytes_t){NULL, 0};
    if (place.block == self->number)
        return (stint_bytes_t){self->block.data + place.offset, place.size};
    stint_bytes_t bytes = journal_bytes (self->core->journal, place);
    return bytes.data ? bytes : self->fetch (place, self->argument);
}

void
keep_describe (const core_t *core, uint32_t slot, record_t *record)
{
    const task_t *task = &core->tasks.tasks.pool [slot];
    record->id = task->id;
    record->fence = task->fence;
    record->group = task->group;
    record->batch = task->batch ? core->batches.batches.pool [task->batch].id : 0;
    record->number = task->number;
    record->at = task->at;
    record->until = task->until;
    record->state = task->state;
    record->attempts = task->attempts;
    record->failures = task->failures;
    record->lost = task->lost;
    record->position = task_ended (task->state) ? task->holder : 0;
}

//  Borrows what the task asks for.

static void
s_describe_terms (const core_t *core, uint32_t slot, record_t *record)
{
    uint32_t kind = core->tasks.tasks.pool [slot].kind;
    record->terms = core->groups.kinds.kinds.pool [kind].terms;
}

//  Writes all of a task again, if a part of it lies in the block.

static void
s_keep_task (s_keeper_t *self, uint64_t id)
{
    core_t *core = self->core;
    uint32_t slot = tasks_find (&core->tasks, id);
    const task_t *task = &core->tasks.tasks.pool [slot];
    if (!slot
        || (task->payload.block != self->number && task->result.block != self->number))
        return;

    //  Both are copied, because the block that they lie in may be sealed, and its memory
    //  used again, to make room for the record
    record_t record = {.kind = RECORD_KEPT_TASK};
    keep_describe (core, slot, &record);
    s_describe_terms (core, slot, &record);
    size_t payload = task->payload.size;
    self->spare.size = 0;
    stint_writer_reserve (&self->spare, payload + task->result.size + 1);
    stint_write_raw (&self->spare, s_bytes (self, task->payload));
    stint_write_raw (&self->spare, s_bytes (self, task->result));
    record.payload = (stint_bytes_t){self->spare.data, payload};
    record.result = (stint_bytes_t){self->spare.data + payload, task->result.size};
    apply_now (core, &record, NULL);
}

//  Goes through the records of the block that brought bytes of tasks.

static void
s_keep_from (s_keeper_t *self, record_t *record)
{
    switch (record->kind) {
        case RECORD_PUSHED:
            for (uint64_t index = 0; index < record->item_count; index++)
                s_keep_task (self, record->id + index);
            break;
        case RECORD_DONE:
        case RECORD_FAILED:
        case RECORD_CANCELLED:
        case RECORD_KEPT_TASK:
        case RECORD_TIMETABLE_RUN:
            s_keep_task (self, record->id);
            break;
        case RECORD_GROUP:
        case RECORD_GROUP_GONE:
        case RECORD_STARTED:
        case RECORD_RETURNED:
        case RECORD_COLLECTED:
        case RECORD_DROPPED:
        case RECORD_BATCH:
        case RECORD_BATCH_GONE:
        case RECORD_PRODUCER_GONE:
        case RECORD_WORKER:
        case RECORD_WORKER_GONE:
        case RECORD_KEPT_BATCH:
        case RECORD_KEPT_PRODUCER:
        case RECORD_CLOSED:
        case RECORD_RETRIED:
        case RECORD_RATE:
        case RECORD_TIMETABLE:
        case RECORD_TIMETABLE_GONE:
        default:
            break;
    }
}

void
keep_tasks (core_t *core, uint64_t number, stint_bytes_t block, core_fetch_fn *fetch,
            void *argument)
{
    s_keeper_t self = {core, number, block, fetch, argument, {NULL, 0, 0}};
    stint_reader_t reader = stint_reader_of (
        (stint_bytes_t){block.data + JOURNAL_HEADER, block.size - JOURNAL_HEADER});
    record_t record;
    while (record_read (&record, &reader) == 1)
        s_keep_from (&self, &record);
    stint_writer_clear (&self.spare);
}
