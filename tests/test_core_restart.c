//  test_core_restart: what a broker that starts again knows, waits for, and gives up
//  SPDX-License-Identifier: MPL-2.0

#include "core_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

static rig_t *s_rig;
static uint32_t s_client;
static uint32_t s_worker;
static uint64_t s_fence;

//  A worker that holds task 1 of two; the rest waits.

static void
s_begin (void)
{
    s_rig = rig_new (NULL);
    s_client = rig_open (s_rig);
    s_worker = rig_open (s_rig);
    rig_ready (s_rig, s_worker, 1, "bread", 1);
    rig_push (s_rig, s_client, "bread", 1, 2, "flour");
    s_fence = rig_hear (s_rig, s_worker, STP_TASK)->reply.fence;
    rig_deaf (s_rig);
}

static void
s_end (void)
{
    core_audit (s_rig->core);
    rig_destroy (&s_rig);
}

TestSuite (core_restart, .init = s_begin, .fini = s_end);

static uint32_t
s_other (void)
{
    uint32_t session = rig_open (s_rig);
    rig_ready (s_rig, session, 2, "bread", 5);
    return session;
}

Test (core_restart, a_worker_that_comes_back_goes_on)
{
    rig_crash (s_rig, s_rig->sealed);
    cr_assert_eq (core_totals (s_rig->core).orphans, 1);
    cr_assert_eq (core_totals (s_rig->core).awaited, 1);
    uint32_t session = rig_open (s_rig);
    rig_claim (s_rig, session, 1, "bread", 1, 1, s_fence);
    cr_assert_null (rig_hear (s_rig, session, STP_STALE));
    cr_assert (rig_hear (s_rig, session, STP_ACCEPTED));
    cr_assert_eq (core_totals (s_rig->core).adopted, 1);
    rig_result (s_rig, session, 1, s_fence, 0, "loaf", 0);
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_DONE);
    const rig_said_t *said = rig_hear (s_rig, session, STP_TASK);
    cr_assert_eq (said->reply.id, 2);
    cr_assert (said->reply.fence > s_fence);
}

Test (core_restart, nothing_is_given_out_before_all_are_back)
{
    rig_crash (s_rig, s_rig->sealed);
    uint32_t other = s_other ();
    cr_assert_null (rig_hear (s_rig, other, STP_TASK));
    cr_assert_eq (core_deadline (s_rig->core), s_rig->core->started_at + CORE_SWEEP_MS);
    rig_claim (s_rig, rig_open (s_rig), 1, "bread", 1, 1, s_fence);
    cr_assert_eq (rig_hear (s_rig, other, STP_TASK)->reply.id, 2);
}

//  Its start was recorded, but the broker died before the worker had heard of it.

Test (core_restart, an_attempt_that_nobody_claims_is_free_when_all_are_back)
{
    rig_crash (s_rig, s_rig->sealed);
    uint32_t other = s_other ();
    rig_ready (s_rig, rig_open (s_rig), 1, "bread", 0);
    const rig_said_t *said = rig_hear (s_rig, other, STP_TASK);
    cr_assert (said);
    cr_assert_eq (said->reply.id, 1);
    cr_assert_gt (said->reply.fence, s_fence);
    cr_assert_eq (rig_task (s_rig, 1)->attempts, 1);
    cr_assert_eq (rig_task (s_rig, 1)->lost, 0);
    cr_assert_eq (core_totals (s_rig->core).orphans, 0);
}

//  Found by the simulator: the journal broke off between what was taken back from a worker
//  that was missed, and the rest of it.

Test (core_restart, a_worker_is_known_for_as_long_as_it_holds_something)
{
    uint32_t worker = rig_open (s_rig);
    rig_ready (s_rig, worker, 3, "cheese", 300);
    rig_push (s_rig, s_client, "cheese", 3, 300, "milk");
    s_rig->now += 3000;
    for (int runs = 0; core_totals (s_rig->core).lost < 256; runs++) {
        cr_assert_lt (runs, 3);
        core_run (s_rig->core, s_rig->now, s_rig->effects);
    }
    rig_seal (s_rig);
    rig_crash (s_rig, s_rig->sealed);
    cr_assert_gt (core_totals (s_rig->core).orphans, 0);
    cr_assert_geq (core_totals (s_rig->core).awaited, 1);
    rig_turn (s_rig);
    cr_assert_gt (core_totals (s_rig->core).orphans, 0);
}

Test (core_restart, those_who_do_not_come_back_are_given_up)
{
    rig_crash (s_rig, s_rig->sealed);
    uint32_t other = s_other ();
    for (int part = 0; part < 2; part++) {
        rig_pass (s_rig, part == 0 ? 1500 : 1499);
        rig_begin (s_rig, STP_HEARTBEAT, 0);
        rig_send (s_rig, other);
    }
    cr_assert_null (rig_hear (s_rig, other, STP_TASK));
    rig_pass (s_rig, 1);
    cr_assert_eq (rig_hear (s_rig, other, STP_TASK)->reply.id, 1);
    cr_assert_eq (rig_hear (s_rig, other, STP_TASK)->reply.id, 2);
    cr_assert_eq (rig_task (s_rig, 1)->lost, 1);
    cr_assert_eq (core_totals (s_rig->core).awaited, 0);
    uint32_t late = rig_open (s_rig);
    rig_claim (s_rig, late, 1, "bread", 1, 1, s_fence);
    cr_assert (rig_hear (s_rig, late, STP_STALE));
}

Test (core_restart, a_stall_of_the_broker_is_not_held_against_those_it_waits_for)
{
    rig_crash (s_rig, s_rig->sealed);
    core_forgive (s_rig->core, 5000);
    rig_pass (s_rig, 5000);
    cr_assert_eq (core_totals (s_rig->core).awaited, 1);
    rig_pass (s_rig, 3000);
    cr_assert_eq (core_totals (s_rig->core).awaited, 0);
}

Test (core_restart, an_attempt_whose_start_was_lost_is_claimed)
{
    s_rig->keeps_up = false;
    rig_result (s_rig, s_worker, 1, s_fence, 0, "loaf", 0);
    uint64_t fence = rig_hear (s_rig, s_worker, STP_TASK)->reply.fence;
    rig_crash (s_rig, s_rig->durable);
    s_rig->keeps_up = true;
    uint32_t session = rig_open (s_rig);
    rig_begin_ready (s_rig, 5, 1, "bread", 2);
    rig_list (s_rig);
    rig_item (s_rig, STP_READY, &(stint_item_t){.id = 1, .fence = s_fence});
    rig_item (s_rig, STP_READY, &(stint_item_t){.id = 2, .fence = fence});
    rig_send (s_rig, session);
    rig_turn (s_rig);
    cr_assert_null (rig_hear (s_rig, session, STP_STALE));
    cr_assert_eq (core_totals (s_rig->core).adopted, 2);
    cr_assert_eq (rig_task (s_rig, 2)->attempts, 1);
    rig_result (s_rig, session, 2, fence, 0, "loaf", 0);
    cr_assert_eq (rig_task (s_rig, 2)->state, STINT_DONE);
    rig_crash (s_rig, s_rig->sealed);
    cr_assert_eq (rig_task (s_rig, 2)->state, STINT_DONE);
}

Test (core_restart, claims_may_come_in_several_messages)
{
    rig_crash (s_rig, s_rig->sealed);
    uint32_t other = s_other ();
    uint32_t session = rig_open (s_rig);
    rig_begin_ready (s_rig, 5, 1, "bread", 1);
    rig_number (s_rig, 'x', 1);
    rig_send (s_rig, session);
    rig_turn (s_rig);
    cr_assert_null (rig_hear (s_rig, other, STP_TASK));
    rig_claim (s_rig, session, 1, "bread", 1, 1, s_fence);
    cr_assert_null (rig_hear (s_rig, session, STP_STALE));
    cr_assert_eq (rig_hear (s_rig, other, STP_TASK)->reply.id, 2);
}

//  Its first connection is gone before the second message came, and what it claimed there
//  is over: the rest comes on another connection.

Test (core_restart, a_worker_is_awaited_until_all_its_claims_have_come)
{
    rig_crash (s_rig, s_rig->sealed);
    uint32_t other = s_other ();
    for (int leaves = 0; leaves < 2; leaves++) {
        uint32_t session = rig_open (s_rig);
        rig_begin_ready (s_rig, 6, 1, "bread", 1);
        rig_number (s_rig, 'x', 1);
        rig_list (s_rig);
        rig_item (s_rig, STP_READY, &(stint_item_t){.id = 9, .fence = s_fence});
        rig_send (s_rig, session);
        rig_turn (s_rig);
        if (leaves == 1) {
            rig_begin (s_rig, STP_BYE, 0);
            rig_send (s_rig, session);
        }
        else
            core_cut_off (s_rig->core, session);
        rig_turn (s_rig);
        //  Who says that it leaves does not come back with more
        cr_assert_eq (core_totals (s_rig->core).awaited, leaves == 0);
        cr_assert_eq (rig_hear (s_rig, other, STP_TASK) != NULL, leaves == 1);
    }
}

//  The first of two messages with claims comes on a new connection.

static uint32_t
s_claim_in_part (void)
{
    uint32_t session = rig_open (s_rig);
    rig_begin_ready (s_rig, 6, 1, "bread", 0);
    rig_number (s_rig, 'x', 1);
    rig_list (s_rig);
    rig_item (s_rig, STP_READY, &(stint_item_t){.id = 9, .fence = s_fence});
    rig_send (s_rig, session);
    rig_turn (s_rig);
    return session;
}

//  They came late, on connections that are gone: the worker goes on where it is, and is
//  awaited after a crash.

Test (core_restart, a_worker_stays_known_when_late_connections_end)
{
    uint32_t late = s_claim_in_part (), later = s_claim_in_part ();
    core_cut_off (s_rig->core, late);
    rig_turn (s_rig);
    core_cut_off (s_rig->core, later);
    rig_turn (s_rig);
    core_audit (s_rig->core);
    rig_result (s_rig, s_worker, 1, s_fence, 0, "loaf", 0);
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_DONE);
    rig_crash (s_rig, s_rig->sealed);
    cr_assert_eq (core_totals (s_rig->core).awaited, 1);
}

Test (core_restart, who_claims_all_ends_every_older_connection)
{
    uint32_t late = s_claim_in_part ();
    uint32_t session = rig_open (s_rig);
    rig_claim (s_rig, session, 1, "bread", 1, 1, s_fence);
    cr_assert (rig_hear (s_rig, late, STP_BYE));
    cr_assert (rig_hear (s_rig, s_worker, STP_BYE));
    rig_result (s_rig, session, 1, s_fence, 0, "loaf", 0);
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_DONE);
}

//  The broker crashed between the two messages, and only the second came to the new one:
//  what the first claimed is not given up because of that.

Test (core_restart, claims_whose_first_message_was_lost_are_asked_for_again)
{
    rig_crash (s_rig, s_rig->sealed);
    uint32_t other = s_other ();
    uint32_t session = rig_open (s_rig);
    rig_begin_ready (s_rig, 5, 1, "bread", 1);
    rig_number (s_rig, 'k', 1);
    rig_send (s_rig, session);
    rig_turn (s_rig);
    cr_assert (rig_hear (s_rig, session, STP_BYE));
    cr_assert_null (rig_hear (s_rig, session, STP_ACCEPTED));
    cr_assert_null (rig_hear (s_rig, other, STP_TASK));
    session = rig_open (s_rig);
    rig_claim (s_rig, session, 1, "bread", 1, 1, s_fence);
    cr_assert_null (rig_hear (s_rig, session, STP_STALE));
    cr_assert_eq (core_totals (s_rig->core).adopted, 1);
}

Test (core_restart, a_push_that_was_lost_is_pushed_again_under_other_numbers)
{
    s_rig->keeps_up = false;
    rig_push (s_rig, s_client, "bread", 3, 1, "rye");
    rig_result (s_rig, s_worker, 1, s_fence, 0, "loaf", 0);
    uint64_t two = rig_hear (s_rig, s_worker, STP_TASK)->reply.fence;
    rig_result (s_rig, s_worker, 2, two, 0, "loaf", 0);
    uint64_t three = rig_hear (s_rig, s_worker, STP_TASK)->reply.fence;
    rig_crash (s_rig, s_rig->durable);
    s_rig->keeps_up = true;
    s_client = rig_open (s_rig);
    rig_push (s_rig, s_client, "bread", 3, 1, "rye");
    uint64_t id = rig_hear (s_rig, s_client, STP_ACCEPTED)->reply.id;
    cr_assert_eq (id, 3 + CORE_ID_AHEAD);

    //  The attempt at what was not accepted is nobody's
    uint32_t session = rig_open (s_rig);
    rig_claim (s_rig, session, 1, "bread", 1, 3, three);
    cr_assert_eq (rig_hear (s_rig, session, STP_STALE)->reply.id, 3);
}

Test (core_restart, numbers_of_a_life_that_left_nothing_are_not_used_again)
{
    rig_crash (s_rig, s_rig->sealed);
    s_rig->keeps_up = false;
    uint64_t first = s_rig->core->next_id;
    s_client = rig_open (s_rig);
    rig_push (s_rig, s_client, "bread", 3, 5, "rye");
    rig_crash (s_rig, s_rig->durable);
    cr_assert_geq (s_rig->core->next_id, first + 5);
    rig_crash (s_rig, s_rig->durable);
    cr_assert_geq (s_rig->core->next_id, first + 5);
}

Test (core_restart, a_stop_in_good_order_passes_over_no_numbers)
{
    s_rig->now += 10;
    rig_deaf (s_rig);
    core_stop (s_rig->core, s_rig->now, s_rig->effects);
    cr_assert_eq (s_rig->effects->count, 2);
    cr_assert_eq (s_rig->effects->replies [0].command, STP_BYE);
    rig_seal (s_rig);
    rig_crash (s_rig, s_rig->sealed);
    cr_assert_eq (s_rig->core->next_id, 3);
    cr_assert_eq (core_replayed_until (s_rig->core), s_rig->now);
    cr_assert_eq (core_totals (s_rig->core).awaited, 1);
}

Test (core_restart, a_task_that_failed_waits_on)
{
    rig_result (s_rig, s_worker, 1, s_fence, 1, "burnt", 700);
    rig_begin (s_rig, STP_BYE, 0);
    rig_send (s_rig, s_worker);
    rig_turn (s_rig);
    rig_crash (s_rig, s_rig->sealed);
    uint32_t other = s_other ();
    cr_assert_eq (rig_hear (s_rig, other, STP_TASK)->reply.id, 2);
    rig_pass (s_rig, 699);
    cr_assert_null (rig_hear (s_rig, other, STP_TASK));
    rig_pass (s_rig, 1);
    cr_assert_eq (rig_hear (s_rig, other, STP_TASK)->reply.attempts, 2);
}

Test (core_restart, a_result_outlives_the_block_of_its_push)
{
    s_rig->slack = 0;
    journal_set_slack (core_journal (s_rig->core), 0);
    rig_result (s_rig, s_worker, 1, s_fence, 0, "loaf", 0);
    rig_ask (s_rig, s_client, STP_CANCEL, "i", 2, 0, 0);
    uint64_t block = s_rig->sealed;
    for (uint64_t count = 0; s_rig->trimmed < block; count++) {
        cr_assert_lt (count, 100);
        rig_set (s_rig, s_client, "bread", "backoff", count + 1);
    }
    rig_crash (s_rig, s_rig->sealed);
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_DONE);
    cr_assert_eq (rig_task (s_rig, 2)->state, STINT_CANCELLED);
    s_client = rig_open (s_rig);
    rig_ask (s_rig, s_client, STP_COLLECT, "i", 1, 0, 0);
    cr_assert_str_eq (rig_hear (s_rig, s_client, STP_OUTCOME)->body, "loaf");
}

Test (core_restart, a_draining_broker_takes_and_gives_nothing_but_records_results)
{
    core_drain (s_rig->core);
    rig_push (s_rig, s_client, "bread", 3, 1, "rye");
    cr_assert_str_eq (rig_hear (s_rig, s_client, STP_ERROR)->body, "stopping");
    rig_result (s_rig, s_worker, 1, s_fence, 0, "loaf", 0);
    cr_assert (rig_hear (s_rig, s_worker, STP_ACCEPTED));
    cr_assert_null (rig_hear (s_rig, s_worker, STP_TASK));
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_DONE);
    cr_assert_neq (core_deadline (s_rig->core), 0);
}

//  ---------------------------------------------------------------------------------
//  Journals that are not right

static const char *
s_replay (const core_limits_t *limits, uint64_t first, uint64_t last)
{
    core_t *core = core_new (limits, 1);
    const char *fault = NULL;
    for (uint64_t number = first; number <= last && !fault; number++)
        fault = core_replay (
            core, number,
            (stint_bytes_t){s_rig->blocks [number].data, s_rig->blocks [number].size});
    if (!fault)
        fault = core_recovered (core, 5, 99);
    core_destroy (&core);
    return fault;
}

static void
s_faulty (const char *fault, const char *part)
{
    cr_assert (fault, "no fault");
    cr_assert (strstr (fault, part), "%s", fault);
}

Test (core_restart, a_journal_that_has_more_than_the_limits_allow_is_refused)
{
    rig_begin (s_rig, STP_BATCH, 3);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', "cheese");
    rig_text (s_rig, 'n', "monday");
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    cr_assert_null (s_replay (&s_rig->limits, 1, s_rig->sealed));
    core_limits_t limits = s_rig->limits;
    limits.tasks = 1;
    s_faulty (s_replay (&limits, 1, s_rig->sealed), "limits/tasks");
    limits = s_rig->limits;
    limits.groups = 1;
    s_faulty (s_replay (&limits, 1, s_rig->sealed), "limits/groups");
    limits = s_rig->limits;
    limits.batches = 0;
    s_faulty (s_replay (&limits, 1, s_rig->sealed), "limits/batches");
    limits = s_rig->limits;
    limits.producers = 0;
    s_faulty (s_replay (&limits, 1, s_rig->sealed), "limits/producers");
    limits = s_rig->limits;
    limits.sessions = 0;
    s_faulty (s_replay (&limits, 1, s_rig->sealed), "limits/sessions");
}

Test (core_restart, a_journal_without_its_beginning_is_refused)
{
    s_faulty (s_replay (&s_rig->limits, 2, s_rig->sealed), "never names");
}

Test (core_restart, a_block_under_another_number_or_of_an_earlier_epoch_is_refused)
{
    rig_crash (s_rig, s_rig->sealed);
    rig_push (s_rig, rig_open (s_rig), "bread", 3, 1, "rye");
    rig_block_t later = s_rig->blocks [s_rig->sealed];
    rig_block_t early = s_rig->blocks [1];
    core_t *core = core_new (&s_rig->limits, 1);
    s_faulty (core_replay (core, 2, (stint_bytes_t){early.data, early.size}), "number");
    cr_assert_null (
        core_replay (core, s_rig->sealed, (stint_bytes_t){later.data, later.size}));
    s_faulty (core_replay (core, 1, (stint_bytes_t){early.data, early.size}), "epoch");
    s_faulty (core_replay (core, 1, (stint_bytes_t){early.data, 9}), "shorter");
    core_destroy (&core);
}

Test (core_restart, numbers_go_on_when_nothing_is_left_that_a_block_is_kept_for)
{
    rig_ask (s_rig, s_client, STP_CANCEL, "i", 1, 0, 0);
    rig_ask (s_rig, s_client, STP_CANCEL, "i", 2, 0, 0);
    for (int hours = 0; hours < 3; hours++)
        rig_pass (s_rig, 3600001);
    uint32_t client = rig_open (s_rig);
    rig_begin (s_rig, STP_GROUP, 3);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', "bread");
    rig_text (s_rig, 'o', "remove");
    rig_send (s_rig, client);
    for (int turns = 0; turns < 3; turns++)
        rig_turn (s_rig);
    cr_assert_eq (journal_totals (core_journal (s_rig->core)).live, 0);
    cr_assert_lt (s_rig->trimmed, s_rig->sealed);
    rig_crash (s_rig, s_rig->sealed);
    client = rig_open (s_rig);
    rig_push (s_rig, client, "bread", 1, 1, "flour");
    const rig_said_t *said = rig_hear (s_rig, client, STP_ACCEPTED);
    cr_assert (said);
    cr_assert_gt (said->reply.id, 2);
}

//  Found by the simulator: the broker was down, or the wall clock leapt, for longer than a
//  producer may be silent.

Test (core_restart, a_push_that_comes_again_after_a_long_time_without_a_broker_is_the_same)
{
    s_rig->now += 2 * CORE_PRODUCER_IDLE_MS;
    rig_crash (s_rig, s_rig->sealed);
    uint32_t session = rig_open (s_rig);
    rig_pass (s_rig, 2000);
    rig_push (s_rig, session, "bread", 1, 2, "flour");
    const rig_said_t *said = rig_hear (s_rig, session, STP_ACCEPTED);
    cr_assert (said);
    cr_assert_eq (said->reply.id, 1);
    cr_assert_eq (core_totals (s_rig->core).tasks, 2);
}
