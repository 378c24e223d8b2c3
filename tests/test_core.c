//  test_core: what clients are told: pushes, limits, groups, cancelling
//  SPDX-License-Identifier: MPL-2.0

#include "core_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

static rig_t *s_rig;
static uint32_t s_client;

static void
s_begin (void)
{
    s_rig = rig_new (NULL);
    s_client = rig_open (s_rig);
}

static void
s_end (void)
{
    core_audit (s_rig->core);
    rig_destroy (&s_rig);
}

TestSuite (core, .init = s_begin, .fini = s_end);

static void
s_accepted (uint64_t id, uint64_t count)
{
    const rig_said_t *said = rig_hear (s_rig, s_client, 0);
    cr_assert (said);
    cr_assert_eq (said->reply.command, STP_ACCEPTED, "%s", said->body);
    cr_assert (said->reply.durable);
    cr_assert_eq (said->reply.id, id);
    cr_assert_eq (said->reply.count, count);
}

static void
s_refused (const char *code)
{
    const rig_said_t *said = rig_hear (s_rig, s_client, 0);
    cr_assert (said);
    cr_assert_eq (said->reply.command, STP_ERROR, "%x %s", said->reply.command, said->body);
    cr_assert_str_eq (said->body, code);
}

static void
s_full (const char *limit)
{
    const rig_said_t *said = rig_hear (s_rig, s_client, 0);
    cr_assert (said);
    cr_assert_eq (said->reply.command, STP_FULL);
    cr_assert_gt (said->reply.delay_ms, 0);
    cr_assert (strstr (said->body, limit), "%s", said->body);
}

//  ---------------------------------------------------------------------------------
//  Pushing

Test (core, a_push_is_answered_with_the_numbers_of_its_tasks)
{
    rig_push (s_rig, s_client, "bread", 1, 3, "flour");
    s_accepted (1, 3);
    rig_push (s_rig, s_client, "bread", 4, 1, "flour");
    s_accepted (4, 1);
    cr_assert_eq (core_totals (s_rig->core).tasks, 4);
}

Test (core, a_push_is_answered_only_when_it_is_durable)
{
    s_rig->keeps_up = false;
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    rig_seal (s_rig);
    cr_assert_null (rig_hear (s_rig, s_client, 0));
    rig_commit (s_rig, s_rig->sealed);
    s_accepted (1, 1);
}

Test (core, a_push_that_comes_again_is_the_same_push)
{
    for (uint64_t sequence = 1; sequence < 10; sequence++)
        rig_push (s_rig, s_client, "bread", sequence, 1, "flour");
    rig_deaf (s_rig);
    rig_push (s_rig, s_client, "bread", 2, 1, "flour");
    s_accepted (2, 1);
    rig_push (s_rig, s_client, "bread", 9, 1, "flour");
    s_accepted (9, 1);
    cr_assert_eq (core_totals (s_rig->core).tasks, 9);

    //  The ninth last is not remembered any more
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    s_refused ("sequence");
    rig_crash (s_rig, s_rig->sealed);
    s_client = rig_open (s_rig);
    rig_push (s_rig, s_client, "bread", 5, 1, "flour");
    s_accepted (5, 1);
}

Test (core, a_push_again_with_another_number_of_tasks_is_another_push)
{
    rig_push (s_rig, s_client, "bread", 1, 2, "flour");
    s_accepted (1, 2);
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    s_refused ("sequence");
}

Test (core, a_push_that_is_not_the_next_one_is_told_which_is)
{
    rig_push (s_rig, s_client, "bread", 1, 4, "flour");
    s_accepted (1, 4);
    rig_push (s_rig, s_client, "bread", 9, 1, "flour");
    const rig_said_t *said = rig_hear (s_rig, s_client, STP_ERROR);
    cr_assert_str_eq (said->body, "sequence");
    cr_assert_eq (said->reply.sequence, 5);
    cr_assert_eq (said->reply.request, 9);
}

Test (core, a_producer_that_is_not_known_begins_with_one)
{
    rig_push (s_rig, s_client, "bread", 7, 1, "flour");
    s_refused ("unknown");
}

Test (core, a_producer_is_forgotten_after_an_hour_of_silence)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    rig_pass (s_rig, CORE_PRODUCER_IDLE_MS - 1);
    cr_assert_eq (s_rig->core->producers.producers.count, 1);
    rig_pass (s_rig, CORE_SWEEP_MS);
    cr_assert_eq (s_rig->core->producers.producers.count, 0);
    rig_deaf (s_rig);
    s_client = rig_open (s_rig);
    rig_push (s_rig, s_client, "bread", 2, 1, "flour");
    s_refused ("unknown");
}

static void
s_push_raw (uint64_t producer, uint64_t sequence, uint64_t batch, uint64_t delay)
{
    rig_begin (s_rig, STP_PUSH, batch ? 6 : 5);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', "bread");
    rig_number (s_rig, 'p', producer);
    rig_number (s_rig, 's', sequence);
    if (batch)
        rig_number (s_rig, 'b', batch);
    rig_list (s_rig);
    rig_item (s_rig, STP_PUSH, &(stint_item_t){.delay = delay});
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
}

Test (core, a_push_without_producer_sequence_or_tasks_is_malformed)
{
    s_push_raw (0, 1, 0, 0);
    s_refused ("malformed");
    s_push_raw (7, 0, 0, 0);
    s_refused ("malformed");
    rig_push (s_rig, s_client, "bread", 1, 0, "");
    s_refused ("malformed");
    cr_assert_eq (core_totals (s_rig->core).tasks, 0);
}

Test (core, a_delay_beyond_all_bounds_is_malformed)
{
    s_push_raw (7, 1, 0, UINT64_MAX);
    s_refused ("malformed");
    s_push_raw (7, 1, 0, RECORD_SPAN_MAX + 1);
    s_refused ("malformed");
    cr_assert_eq (core_totals (s_rig->core).tasks, 0);
    s_push_raw (7, 1, 0, RECORD_SPAN_MAX);
    s_accepted (1, 1);
}

Test (core, a_push_whose_third_task_is_broken_adds_none)
{
    rig_begin (s_rig, STP_PUSH, 5);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', "bread");
    rig_number (s_rig, 'p', 7);
    rig_number (s_rig, 's', 1);
    stint_wire_field (&s_rig->header, 't');
    stint_write_array (&s_rig->header, 3);
    stint_write_text (&s_rig->header, "one");
    stint_write_text (&s_rig->header, "two");
    stint_write_number (&s_rig->header, 5);
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    s_refused ("malformed");
    cr_assert_eq (core_totals (s_rig->core).tasks, 0);
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    s_accepted (1, 1);
}

Test (core, a_push_into_a_batch_that_is_not_there_is_unknown)
{
    s_push_raw (7, 1, 5, 0);
    s_refused ("unknown");
}

Test (core, a_delayed_task_is_not_given_out_early)
{
    s_push_raw (7, 1, 0, 5000);
    s_accepted (1, 1);
    uint32_t worker = rig_open (s_rig);
    rig_ready (s_rig, worker, 1, "bread", 5);
    for (int second = 0; second < 4; second++) {
        rig_begin (s_rig, STP_HEARTBEAT, 0);
        rig_send (s_rig, worker);
        rig_pass (s_rig, 1000);
    }
    rig_pass (s_rig, 999);
    cr_assert_null (rig_hear (s_rig, worker, STP_TASK));
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_DELAYED);
    cr_assert_eq (core_deadline (s_rig->core), s_rig->now + 1);
    rig_pass (s_rig, 1);
    cr_assert (rig_hear (s_rig, worker, STP_TASK));
}

Test (core, a_large_payload_comes_in_a_frame_of_its_own_and_goes_out_whole)
{
    static char body [300001];
    memset (body, 'x', 300000);
    rig_push (s_rig, s_client, "bread", 1, 7, body);
    s_accepted (1, 7);
    uint32_t worker = rig_open (s_rig);
    rig_ready (s_rig, worker, 1, "bread", 9);
    for (int task = 0; task < 7; task++) {
        const rig_said_t *said = rig_hear (s_rig, worker, STP_TASK);
        cr_assert (said);
        cr_assert_str_eq (said->body, body);
    }
    rig_crash (s_rig, s_rig->sealed);
    cr_assert_eq (rig_task (s_rig, 7)->payload.size, 300000);
}

//  ---------------------------------------------------------------------------------
//  Limits

Test (core, a_group_that_holds_its_most_tasks_is_full_until_some_are_gone)
{
    rig_set (s_rig, s_client, "bread", "max_tasks", 3);
    rig_deaf (s_rig);
    rig_push (s_rig, s_client, "bread", 1, 3, "flour");
    s_accepted (1, 3);
    rig_push (s_rig, s_client, "bread", 4, 1, "flour");
    s_full ("max_tasks");
    rig_push (s_rig, s_client, "bread", 5, 1, "flour");
    s_refused ("sequence");
    rig_set (s_rig, s_client, "bread", "max_tasks", 4);
    rig_deaf (s_rig);
    rig_push (s_rig, s_client, "bread", 4, 1, "flour");
    s_accepted (4, 1);
}

Test (core, a_push_that_is_refused_makes_no_group)
{
    record_settings_t defaults = s_rig->core->groups.defaults;
    defaults.max_bytes = 10;
    core_set_defaults (s_rig->core, &defaults);
    rig_push (s_rig, s_client, "rye", 1, 1, "twenty bytes of flour");
    s_refused ("invalid");
    defaults.max_bytes = 1000;
    core_set_defaults (s_rig->core, &defaults);
    s_rig->core->limits.store_max = 1;
    rig_push (s_rig, s_client, "rye", 1, 1, "flour");
    s_full ("store/size_max");
    cr_assert_eq (groups_find (&s_rig->core->groups, stint_bytes_of ("rye")), 0);
}

Test (core, a_group_that_holds_its_most_bytes_is_full)
{
    rig_set (s_rig, s_client, "bread", "max_bytes", 100);
    rig_deaf (s_rig);
    rig_push (s_rig, s_client, "bread", 1, 4, "twenty bytes of flour");
    s_accepted (1, 4);
    rig_push (s_rig, s_client, "bread", 5, 1, "twenty bytes of flour");
    s_full ("max_bytes");
}

Test (core, a_push_that_its_group_can_never_hold_is_not_told_to_wait)
{
    rig_set (s_rig, s_client, "bread", "max_tasks", 3);
    rig_set (s_rig, s_client, "rolls", "max_bytes", 100);
    rig_deaf (s_rig);
    rig_push (s_rig, s_client, "bread", 1, 4, "flour");
    s_refused ("invalid");
    rig_push (s_rig, s_client, "rolls", 1, 5, "twenty bytes of flour");
    s_refused ("invalid");
    rig_push (s_rig, s_client, "bread", 1, 3, "flour");
    s_accepted (1, 3);
}

Test (core, the_broker_is_full_of_tasks_groups_producers_and_bytes_on_their_way)
{
    core_limits_t limits = rig_limits ();
    limits.tasks = 2;
    limits.groups = limits.producers = 1;
    limits.waiting_max = 2000;
    rig_destroy (&s_rig);
    s_rig = rig_new (&limits);
    s_client = rig_open (s_rig);
    rig_push (s_rig, s_client, "bread", 1, 3, "flour");
    s_full ("limits/tasks");
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    s_accepted (1, 1);
    rig_push (s_rig, s_client, "cheese", 2, 1, "milk");
    s_full ("limits/groups");
    rig_set (s_rig, s_client, "cheese", "backoff", 1);
    s_full ("limits/groups");
    s_push_raw (8, 1, 0, 0);
    s_full ("limits/producers");

    s_rig->keeps_up = false;
    static char body [3000];
    memset (body, 'x', 2999);
    rig_push (s_rig, s_client, "bread", 2, 1, body);
    rig_push (s_rig, s_client, "bread", 3, 0, "");
    s_refused ("malformed");
    rig_begin (s_rig, STP_CANCEL, 2);
    rig_number (s_rig, 'r', 1);
    rig_number (s_rig, 'i', 1);
    rig_send (s_rig, s_client);
    cr_assert_eq (core_totals (s_rig->core).tasks, 2);
}

Test (core, a_disk_that_is_behind_makes_pushes_wait)
{
    core_limits_t limits = rig_limits ();
    limits.waiting_max = 2000;
    rig_destroy (&s_rig);
    s_rig = rig_new (&limits);
    s_client = rig_open (s_rig);
    s_rig->keeps_up = false;
    static char body [3000];
    memset (body, 'x', 2999);
    rig_push (s_rig, s_client, "bread", 1, 1, body);
    rig_push (s_rig, s_client, "bread", 2, 1, body);
    s_full ("disk");
    rig_seal (s_rig);
    rig_push (s_rig, s_client, "bread", 2, 1, body);
    s_full ("disk");
    rig_commit (s_rig, s_rig->sealed);
    rig_deaf (s_rig);
    rig_push (s_rig, s_client, "bread", 2, 1, body);
    cr_assert_eq (core_totals (s_rig->core).tasks, 2);
}

Test (core, only_so_many_sessions_are_let_in)
{
    uint32_t session = 0;
    for (int count = 1; count < 64; count++)
        session = core_open (s_rig->core, s_rig->now);
    cr_assert (session);
    cr_assert_eq (core_open (s_rig->core, s_rig->now), 0);
    core_leave (s_rig->core, session);
    rig_turn (s_rig);
    cr_assert (core_open (s_rig->core, s_rig->now));
}

//  ---------------------------------------------------------------------------------
//  Groups

Test (core, a_group_keeps_the_settings_that_are_not_named)
{
    rig_set (s_rig, s_client, "bread", "max_tasks", 3);
    rig_set (s_rig, s_client, "bread", "backoff", 70);
    record_settings_t settings = groups_settings (
        &s_rig->core->groups, groups_find (&s_rig->core->groups, stint_bytes_of ("bread")));
    cr_assert_eq (settings.max_tasks, 3);
    cr_assert_eq (settings.backoff, 70);
    cr_assert_eq (settings.max_attempts, 5);
}

Test (core, settings_that_are_none_are_invalid)
{
    rig_set (s_rig, s_client, "bread", "colour", 3);
    s_refused ("invalid");
    rig_set (s_rig, s_client, "bread", "backoff", UINT64_MAX);
    s_refused ("invalid");
    rig_set (s_rig, s_client, "bread", "max_attempts", 70000);
    s_refused ("invalid");
    cr_assert_eq (groups_find (&s_rig->core->groups, stint_bytes_of ("bread")), 0);
}

static void
s_group (const char *operation)
{
    rig_begin (s_rig, STP_GROUP, 3);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', "bread");
    rig_text (s_rig, 'o', operation);
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
}

Test (core, a_group_may_be_made_and_removed)
{
    s_group ("remove");
    s_refused ("unknown");
    s_group ("set");
    s_accepted (0, 0);
    s_group ("paint");
    s_refused ("invalid");
    s_group ("remove");
    s_accepted (0, 0);
    cr_assert_eq (s_rig->core->groups.groups.count, 0);
    rig_crash (s_rig, s_rig->sealed);
    cr_assert_eq (s_rig->core->groups.groups.count, 0);
}

Test (core, a_group_that_holds_tasks_or_has_workers_is_not_removed)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    rig_deaf (s_rig);
    s_group ("remove");
    s_refused ("occupied");
    uint32_t worker = rig_open (s_rig);
    rig_ready (s_rig, worker, 1, "bread", 1);
    uint64_t fence = rig_hear (s_rig, worker, STP_TASK)->reply.fence;
    rig_result (s_rig, worker, 1, fence, 0, "bread", 0);
    s_group ("remove");
    s_refused ("occupied");
    rig_pass (s_rig, 3600001);
    rig_deaf (s_rig);
    s_client = rig_open (s_rig);
    cr_assert_eq (core_totals (s_rig->core).tasks, 0);
    s_group ("remove");
    s_accepted (0, 0);
}

Test (core, a_group_whose_batch_holds_tasks_of_another_group_is_not_removed)
{
    rig_begin (s_rig, STP_BATCH, 3);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', "cheese");
    rig_text (s_rig, 'n', "monday");
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    uint64_t batch = rig_hear (s_rig, s_client, STP_ACCEPTED)->reply.batch;
    s_push_raw (7, 1, batch, 0);
    s_accepted (1, 1);
    rig_begin (s_rig, STP_GROUP, 3);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', "cheese");
    rig_text (s_rig, 'o', "remove");
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    s_refused ("occupied");
}

Test (core, groups_of_the_configuration_are_made_once)
{
    const record_settings_t settings = {.max_tasks = 9};
    core_set_group (s_rig->core, "bread", &settings);
    uint64_t live = journal_totals (core_journal (s_rig->core)).waiting;
    core_set_group (s_rig->core, "bread", &settings);
    cr_assert_eq (journal_totals (core_journal (s_rig->core)).waiting, live);
    core_set_defaults (s_rig->core, &(record_settings_t){{1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 9,
                                                          10, 11, 12, 13, 14}});
    record_settings_t now = groups_settings (&s_rig->core->groups, 1);
    cr_assert_eq (now.max_tasks, 9);
    cr_assert_eq (now.max_attempts, 3);
    cr_assert_str_eq (core_group_name (s_rig->core, 1), "bread");
}

//  ---------------------------------------------------------------------------------
//  Cancelling

Test (core, a_waiting_task_is_cancelled_and_never_runs)
{
    rig_push (s_rig, s_client, "bread", 1, 2, "flour");
    rig_deaf (s_rig);
    rig_ask (s_rig, s_client, STP_CANCEL, "i", 1, 0, 0);
    s_accepted (1, 1);
    rig_ask (s_rig, s_client, STP_CANCEL, "i", 1, 0, 0);
    s_accepted (1, 0);
    rig_ask (s_rig, s_client, STP_CANCEL, "i", 77, 0, 0);
    s_refused ("unknown");
    uint32_t worker = rig_open (s_rig);
    rig_ready (s_rig, worker, 1, "bread", 5);
    cr_assert_eq (rig_hear (s_rig, worker, STP_TASK)->reply.id, 2);
    cr_assert_null (rig_hear (s_rig, worker, STP_TASK));
}

Test (core, a_running_task_that_is_cancelled_is_revoked_and_its_result_is_stale)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    rig_deaf (s_rig);
    uint32_t worker = rig_open (s_rig);
    rig_ready (s_rig, worker, 1, "bread", 5);
    uint64_t fence = rig_hear (s_rig, worker, STP_TASK)->reply.fence;
    rig_ask (s_rig, s_client, STP_CANCEL, "i", 1, 0, 0);
    s_accepted (1, 1);
    const rig_said_t *said = rig_hear (s_rig, worker, STP_REVOKE);
    cr_assert_eq (said->reply.id, 1);
    cr_assert_eq (said->reply.fence, fence);
    rig_result (s_rig, worker, 1, fence, 0, "bread", 0);
    cr_assert (rig_hear (s_rig, worker, STP_STALE));
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_CANCELLED);
}

Test (core, a_task_that_has_ended_well_cannot_be_cancelled)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_open (s_rig);
    rig_ready (s_rig, worker, 1, "bread", 5);
    rig_result (s_rig, worker, 1, rig_hear (s_rig, worker, STP_TASK)->reply.fence, 0, "",
                0);
    rig_deaf (s_rig);
    rig_ask (s_rig, s_client, STP_CANCEL, "i", 1, 0, 0);
    s_refused ("ended");
}

Test (core, an_ended_task_is_kept_for_its_retention)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    rig_ask (s_rig, s_client, STP_CANCEL, "i", 1, 0, 0);
    rig_pass (s_rig, 3600000 - 1);
    cr_assert (rig_task (s_rig, 1));
    rig_pass (s_rig, CORE_SWEEP_MS);
    cr_assert_null (rig_task (s_rig, 1));
}

Test (core, ten_thousand_old_tasks_are_forgotten_within_one_look)
{
    for (uint64_t push = 0; push < 4; push++)
        rig_push (s_rig, s_client, "bread", 1 + push * 1000, 1000, "x");
    for (uint64_t id = 1; id <= 4000; id++)
        rig_ask (s_rig, s_client, STP_CANCEL, "i", id, 0, 0);
    rig_pass (s_rig, 3600000);
    cr_assert_eq (core_totals (s_rig->core).tasks, 0);
}

//  ---------------------------------------------------------------------------------
//  What is not understood

Test (core, what_is_not_understood_is_answered_and_counted)
{
    rig_begin (s_rig, STP_OUTCOME, 1);
    rig_list (s_rig);
    rig_send (s_rig, s_client);
    s_refused ("command");
    rig_begin (s_rig, STP_CANCEL, 0);
    rig_send (s_rig, s_client);
    s_refused ("malformed");
    rig_begin (s_rig, STP_CANCEL, 0);
    s_rig->header.data [4] = 0x7f;
    rig_send (s_rig, s_client);
    s_refused ("command");
    rig_begin (s_rig, STP_CANCEL, 0);
    s_rig->header.data [3] = 9;
    rig_send (s_rig, s_client);
    s_refused ("version");
    cr_assert_eq (core_totals (s_rig->core).malformed, 4);
}
