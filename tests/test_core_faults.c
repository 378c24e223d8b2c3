//  test_core_faults: a journal whose records contradict each other is refused
//  SPDX-License-Identifier: MPL-2.0

#include "core_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

static journal_t *s_journal;
static core_t *s_core;
static core_limits_t s_limits;

static void
s_begin (void)
{
    s_limits = rig_limits ();
    s_journal = journal_new (0);
    journal_start (s_journal, 1);
    s_core = core_new (&s_limits, 1);
}

static void
s_end (void)
{
    journal_destroy (&s_journal);
    core_destroy (&s_core);
}

TestSuite (core_faults, .init = s_begin, .fini = s_end);

//  Writes a record; a PUSHED adds one task.

static void
s_write (record_t record)
{
    stint_writer_t out = {NULL, 0, 0};
    stint_wire_begin (&out, STP_PUSH, 5);
    stint_wire_number (&out, 'r', 1);
    stint_wire_text (&out, 'g', "bread");
    stint_wire_number (&out, 'p', 1);
    stint_wire_number (&out, 's', 1);
    size_t where = stint_wire_list (&out);
    stint_wire_put (&out, STP_PUSH, &(stint_item_t){.body = stint_bytes_of ("flour")});
    stint_write_array_close (&out, where, 1);
    stint_bytes_t frame = stint_writer_bytes (&out);
    stint_message_t message;
    cr_assert_eq (stint_wire_decode (&message, &frame, 1), STINT_WIRE_OK);
    bool pushed = record.kind == RECORD_PUSHED;
    cr_assert (record_write (&record, s_journal, pushed ? &message : NULL));
    stint_writer_clear (&out);
}

static record_t
s_pushed (uint64_t id)
{
    return (record_t){
        .kind = RECORD_PUSHED, .id = id, .group = 1, .producer = 4, .sequence = id};
}

static record_t
s_task (record_kind_t kind, uint64_t id, uint64_t fence)
{
    return (record_t){.kind = kind, .id = id, .fence = fence, .group = 1, .attempts = 1};
}

static void
s_group (uint64_t number)
{
    s_write ((record_t){
        .kind = RECORD_GROUP, .group = number, .name = stint_bytes_of ("bread")});
}

static void
s_batch (uint64_t number, uint64_t group, const char *name)
{
    s_write ((record_t){.kind = RECORD_BATCH,
                        .batch = number,
                        .group = group,
                        .name = stint_bytes_of (name)});
}

//  Replays what was written.

static const char *
s_replay (void)
{
    uint64_t number;
    stint_bytes_t block;
    journal_seal (s_journal, 5, 1);
    cr_assert (journal_take (s_journal, &number, &block));
    const char *fault = core_replay (s_core, number, block);
    journal_durable (s_journal, number);
    return fault;
}

static void
s_refused (const char *part)
{
    const char *fault = s_replay ();
    cr_assert (fault, "no fault");
    cr_assert (strstr (fault, part), "%s", fault);
}

Test (core_faults, a_group_beyond_the_limits)
{
    s_group (0);
    s_refused ("limits/groups");
    s_group (s_limits.groups + 1);
    s_refused ("limits/groups");
    record_t record = s_pushed (1);
    record.group = 0;
    s_write (record);
    s_refused ("limits/groups");
    record = s_task (RECORD_KEPT_TASK, 1, 0);
    record.state = STINT_READY;
    record.group = s_limits.groups + 1;
    s_write (record);
    s_refused ("limits/groups");
}

Test (core_faults, a_group_that_goes_while_it_holds_tasks)
{
    s_group (1);
    s_write (s_pushed (1));
    s_write ((record_t){.kind = RECORD_GROUP_GONE, .group = 1});
    s_refused ("removes a group");
}

Test (core_faults, a_batch_that_goes_while_it_holds_tasks)
{
    record_t record = s_pushed (1);
    record.batch = 3;
    s_write (record);
    s_write ((record_t){.kind = RECORD_BATCH_GONE, .batch = 3});
    s_refused ("forgets a batch");
}

Test (core_faults, a_task_that_starts_or_ends_after_its_end)
{
    s_write (s_pushed (1));
    s_write (s_task (RECORD_STARTED, 1, 5));
    s_write (s_task (RECORD_DONE, 1, 5));
    cr_assert_null (s_replay ());
    s_write (s_task (RECORD_STARTED, 1, 6));
    s_refused ("starts a task");
    s_write (s_task (RECORD_DONE, 1, 5));
    s_refused ("ends a task");
    s_write (s_task (RECORD_CANCELLED, 1, 5));
    s_refused ("ends a task");
    s_write (s_task (RECORD_RETURNED, 1, 5));
    s_refused ("returns a task");
    record_t record = s_task (RECORD_FAILED, 1, 5);
    record.state = STINT_DELAYED;
    s_write (record);
    s_refused ("fails a task");
    record.state = STINT_DEAD;
    s_write (record);
    s_refused ("fails a task");
}

Test (core_faults, more_tasks_that_start_at_once_than_a_record_may_say)
{
    for (uint64_t id = 1; id <= 3; id++)
        s_write (s_pushed (id));
    record_t record = s_task (RECORD_STARTED, 1, 5);
    record.further = 2;
    s_write (record);
    cr_assert_null (s_replay ());
    cr_assert_eq (core_totals (s_core).running, 3);
    record.further = RECORD_STARTS;
    s_write (record);
    s_refused ("more tasks at once");
}

Test (core_faults, a_task_that_fails_into_no_state)
{
    s_write (s_pushed (1));
    s_write (s_task (RECORD_STARTED, 1, 5));
    record_t record = s_task (RECORD_FAILED, 1, 5);
    record.state = 77;
    s_write (record);
    s_refused ("fails a task");
}

Test (core_faults, a_task_that_is_forgotten_before_its_end)
{
    s_write (s_pushed (1));
    s_write (s_task (RECORD_DROPPED, 1, 0));
    s_refused ("forgets a task");
}

Test (core_faults, a_task_in_no_state)
{
    s_write (s_task (RECORD_KEPT_TASK, 1, 0));
    s_refused ("a state that is none");
    record_t record = s_task (RECORD_KEPT_TASK, 1, 0);
    record.state = TASK_STATES;
    s_write (record);
    s_refused ("a state that is none");
}

Test (core_faults, more_batches_tasks_producers_or_workers_than_there_is_room_for)
{
    core_destroy (&s_core);
    s_limits.batches = s_limits.tasks = s_limits.producers = s_limits.sessions = 1;
    s_core = core_new (&s_limits, 1);
    record_t task = s_task (RECORD_KEPT_TASK, 1, 0);
    task.state = STINT_READY;
    task.batch = 1;
    s_write (task);
    s_write ((record_t){.kind = RECORD_KEPT_PRODUCER, .producer = 1});
    s_write ((record_t){.kind = RECORD_WORKER, .id = 1});
    cr_assert_null (s_replay ());
    task.id = 2;
    s_write (task);
    s_refused ("limits/tasks");
    s_write (s_pushed (2));
    s_refused ("limits/tasks");
    s_batch (2, 1, "monday");
    s_refused ("limits/batches");
    s_write ((record_t){.kind = RECORD_KEPT_PRODUCER, .producer = 2});
    s_refused ("limits/producers");
    s_write ((record_t){.kind = RECORD_WORKER, .id = 2});
    s_refused ("limits/sessions");
    task.id = 1;
    task.kind = RECORD_CANCELLED;
    s_write (task);
    s_write (s_task (RECORD_DROPPED, 1, 0));
    cr_assert_null (s_replay ());
    task = s_task (RECORD_DONE, 5, 1);
    task.batch = 2;
    s_write (task);
    s_refused ("limits/batches");
    record_t push = s_pushed (6);
    push.producer = 1;
    push.batch = 2;
    s_write (push);
    s_refused ("limits/batches");
}

Test (core_faults, things_that_are_not_there_are_passed_over)
{
    static const record_kind_t kinds [] = {
        RECORD_GROUP_GONE, RECORD_STARTED,       RECORD_FAILED,
        RECORD_RETURNED,   RECORD_COLLECTED,     RECORD_DROPPED,
        RECORD_BATCH_GONE, RECORD_PRODUCER_GONE, RECORD_WORKER_GONE,
    };
    for (size_t index = 0; index < sizeof kinds / sizeof kinds [0]; index++) {
        record_t record = s_task (kinds [index], 9, 9);
        record.producer = record.batch = 9;
        record.group = 9;
        s_write (record);
    }
    cr_assert_null (s_replay ());
    cr_assert_null (core_recovered (s_core, 5, 2));
    core_audit (s_core);
}

Test (core_faults, an_attempt_that_is_not_the_running_one_changes_nothing)
{
    s_group (1);
    s_write (s_pushed (1));
    s_write (s_task (RECORD_STARTED, 1, 5));
    s_write (s_task (RECORD_RETURNED, 1, 4));
    record_t record = s_task (RECORD_FAILED, 1, 4);
    record.state = STINT_DEAD;
    s_write (record);
    cr_assert_null (s_replay ());
    cr_assert_eq (core_totals (s_core).running, 1);
}

Test (core_faults, a_batch_that_is_never_named)
{
    s_group (1);
    record_t record = s_pushed (1);
    record.batch = 3;
    s_write (record);
    cr_assert_null (s_replay ());
    const char *fault = core_recovered (s_core, 5, 2);
    cr_assert (fault);
    cr_assert (strstr (fault, "batch that it never names"));
}

Test (core_faults, a_record_that_is_malformed)
{
    stint_writer_t *out = journal_begin (s_journal, 100);
    stint_write_array (out, 2);
    stint_write_number (out, 99);
    journal_end (s_journal);
    s_refused ("malformed");
}

Test (core_faults, names_that_nobody_can_have_given)
{
    s_write ((record_t){.kind = RECORD_GROUP, .group = 1});
    s_refused ("a name that is none");
    s_group (1);
    s_group (2);
    s_refused ("two groups of one name");
    s_batch (1, 1, "not a name");
    s_refused ("a name that is none");
    s_batch (1, 99, "monday");
    s_refused ("a group that cannot be there");
    s_batch (1, 1, "monday");
    s_batch (2, 1, "monday");
    s_refused ("two batches of one name");
    s_batch (1, 1, "tuesday");
    s_refused ("two names for a batch");
}

Test (core_faults, batches_with_more_ends_than_pushes)
{
    record_t batch = {.kind = RECORD_KEPT_BATCH, .batch = 1, .group = 1, .at = 1};
    batch.name = stint_bytes_of ("monday");
    batch.pushed = 3;
    batch.done = 2;
    batch.dead = 2;
    s_group (1);
    s_write (batch);
    s_refused ("more tasks at their end");
    s_group (1);
    batch.dead = 1;
    batch.position = 4;
    s_write (batch);
    s_refused ("more tasks at their end");
    s_group (1);
    batch.position = 3;
    s_write (batch);
    cr_assert_null (s_replay ());
    record_t done = s_task (RECORD_DONE, 9, 9);
    done.batch = done.group = 1;
    s_write (done);
    s_refused ("ends more tasks of a batch");
}

Test (core_faults, numbers_and_times_that_nobody_can_have_given)
{
    s_write (s_pushed (0));
    s_refused ("about nothing");
    s_write ((record_t){.kind = RECORD_KEPT_PRODUCER});
    s_refused ("about nothing");
    s_batch (0, 1, "monday");
    s_refused ("about nothing");
    s_write (s_pushed (UINT64_MAX));
    s_refused ("never given out");
    s_write (s_pushed (5));
    s_write (s_pushed (5));
    s_refused ("given out before");
    record_t record = s_task (RECORD_KEPT_TASK, 1, 0);
    record.until = -1;
    s_write (record);
    s_refused ("a time that is none");
    record = (record_t){.kind = RECORD_GROUP, .group = 1, .name = stint_bytes_of ("a")};
    record.settings.backoff = RECORD_SPAN_MAX + 1;
    s_write (record);
    s_refused ("out of its range");
}

Test (core_faults, buckets_that_nobody_can_have_filled)
{
    s_write ((record_t){.kind = RECORD_RATE, .level = 1});
    s_refused ("about nothing");
    s_write ((record_t){.kind = RECORD_RATE, .group = UINT32_MAX, .level = 1});
    s_refused ("more groups than");
    s_write ((record_t){.kind = RECORD_RATE, .group = 1, .key_level = 1});
    s_refused ("a key that is none");
    record_t record = {.kind = RECORD_RATE, .group = 1, .level = RATE_LEVEL_MAX + 1};
    s_write (record);
    s_refused ("more than any");
    record.level = 0;
    record.key_level = RATE_LEVEL_MAX + 1;
    record.by = stint_bytes_of ("ann");
    s_write (record);
    s_refused ("more than any");
    record.key_level = 1;
    record.by = stint_bytes_of ("a\tb");
    s_write (record);
    s_refused ("a key that is none");
    record = (record_t){.kind = RECORD_GROUP, .group = 1, .name = stint_bytes_of ("a")};
    record.level = RATE_LEVEL_MAX + 1;
    s_write (record);
    s_refused ("more than any");

    //  Of a group that comes later, and that is full
    s_write ((record_t){.kind = RECORD_RATE, .group = 1, .by = stint_bytes_of ("ann")});
    record.level = 7;
    s_write (record);
    record = (record_t){.kind = RECORD_RATE, .group = 2, .by = stint_bytes_of ("ann")};
    record.level = record.key_level = 7;
    s_write (record);
    cr_assert_null (s_replay ());
}
