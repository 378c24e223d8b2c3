//  test_core_worker: who is given what, and what becomes of it
//  SPDX-License-Identifier: MPL-2.0

#include "core_fixture.h"
#include "schedule.h"

#include <criterion/criterion.h>
#include <stdio.h>
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

TestSuite (core_worker, .init = s_begin, .fini = s_end);

//  ---------------------------------------------------------------------------------
//  Who is given what

Test (core_worker, tasks_are_given_in_the_order_in_which_they_came)
{
    rig_push (s_rig, s_client, "bread", 1, 5, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 3);
    for (uint64_t id = 1; id <= 3; id++)
        rig_given (s_rig, worker, id);
    rig_given_nothing (s_rig, worker);
    rig_ask (s_rig, worker, STP_CREDIT, "c", 9, 0, 0);
    rig_given (s_rig, worker, 4);
    rig_given (s_rig, worker, 5);
}

Test (core_worker, workers_take_turns)
{
    uint32_t one = rig_worker (s_rig, 1, 5);
    uint32_t other = rig_worker (s_rig, 2, 5);
    rig_push (s_rig, s_client, "bread", 1, 4, "flour");
    rig_given (s_rig, one, 1);
    rig_given (s_rig, other, 2);
    rig_given (s_rig, one, 3);
    rig_given (s_rig, other, 4);
}

//  Two workers, 256 tasks: each is given half of them, in runs of neighbours.

Test (core_worker, much_work_is_given_out_many_tasks_at_once)
{
    uint32_t sessions [] = {rig_worker (s_rig, 1, 128), rig_worker (s_rig, 2, 128)};
    rig_push (s_rig, s_client, "bread", 1, 256, "flour");
    bool given [257] = {false};
    uint32_t runs = 0;
    for (size_t index = 0; index < 2; index++) {
        uint64_t last = 0;
        uint64_t fence = 0;
        for (uint32_t count = 0; count < 128; count++) {
            const rig_said_t *said = rig_hear (s_rig, sessions [index], STP_TASK);
            cr_assert (said && said->reply.id <= 256 && !given [said->reply.id]);
            given [said->reply.id] = true;
            runs += said->reply.id != last + 1;
            cr_assert_neq (said->reply.fence, fence);
            last = said->reply.id;
            fence = said->reply.fence;
        }
        rig_given_nothing (s_rig, sessions [index]);
    }
    cr_assert_gt (runs, 2);
    cr_assert_lt (runs, 64);
}

Test (core_worker, nobody_is_given_a_task_while_the_disk_is_far_behind)
{
    core_limits_t limits = rig_limits ();
    limits.waiting_max = 8000;
    rig_destroy (&s_rig);
    s_rig = rig_new (&limits);
    s_client = rig_open (s_rig);
    uint32_t worker = rig_worker (s_rig, 1, 5);
    s_rig->keeps_up = false;
    static char body [1990];
    memset (body, 'x', sizeof body - 1);
    rig_push (s_rig, s_client, "bread", 1, 1, body);
    rig_given (s_rig, worker, 1);
    rig_seal (s_rig);
    rig_push (s_rig, s_client, "bread", 2, 1, "flour");
    rig_given_nothing (s_rig, worker);
    cr_assert_gt (core_deadline (s_rig->core), s_rig->now);
    rig_commit (s_rig, s_rig->sealed);
    rig_turn (s_rig);
    rig_given (s_rig, worker, 2);
}

Test (core_worker, groups_take_turns)
{
    static const char *const groups [] = {"bread", "cheese"};
    rig_push (s_rig, s_client, "bread", 1, 200, "flour");
    rig_push (s_rig, s_client, "cheese", 201, 1, "milk");
    uint32_t worker = rig_open (s_rig);
    rig_begin (s_rig, STP_READY, 4);
    rig_number (s_rig, 'r', 1);
    rig_number (s_rig, 'w', 1);
    rig_number (s_rig, 'c', SCHEDULE_QUANTUM + 1);
    rig_groups (s_rig, groups, 2);
    rig_send (s_rig, worker);
    rig_turn (s_rig);
    bool cheese = false;
    const rig_said_t *said;
    while ((said = rig_hear (s_rig, worker, STP_TASK)) != NULL)
        cheese |= said->reply.id == 201;
    cr_assert (cheese);
}

Test (core_worker, a_worker_holds_at_most_its_credit_of_bytes_but_always_one_task)
{
    rig_push (s_rig, s_client, "bread", 1, 4, "two dozen octets of rye.");
    uint32_t worker = rig_open (s_rig);
    rig_begin_ready (s_rig, 5, 1, "bread", 100);
    rig_number (s_rig, 'l', 25);
    rig_send (s_rig, worker);
    rig_turn (s_rig);
    uint64_t fence = rig_given (s_rig, worker, 1);
    rig_given (s_rig, worker, 2);
    rig_given_nothing (s_rig, worker);
    rig_result (s_rig, worker, 1, fence, 0, "", 0);
    rig_given (s_rig, worker, 3);
    rig_given_nothing (s_rig, worker);
}

Test (core_worker, a_fence_of_a_later_attempt_is_higher)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    uint64_t first = rig_given (s_rig, worker, 1);
    rig_result (s_rig, worker, 1, first, 1, "burnt", 10);
    rig_pass (s_rig, 10);
    const rig_said_t *said = rig_hear (s_rig, worker, STP_TASK);
    cr_assert (said->reply.fence > first);
    cr_assert_eq (said->reply.attempts, 2);
}

//  ---------------------------------------------------------------------------------
//  Results

Test (core_worker, a_result_is_acknowledged_when_it_is_durable)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    uint64_t fence = rig_given (s_rig, worker, 1);
    rig_deaf (s_rig);
    s_rig->keeps_up = false;
    rig_result (s_rig, worker, 1, fence, 0, "bread", 0);
    rig_seal (s_rig);
    cr_assert_null (rig_hear (s_rig, worker, 0));
    rig_commit (s_rig, s_rig->sealed);
    cr_assert_eq (rig_hear (s_rig, worker, 0)->reply.command, STP_ACCEPTED);
}

Test (core_worker, the_same_result_again_is_acknowledged_again)
{
    rig_push (s_rig, s_client, "bread", 1, 2, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 2);
    uint64_t one = rig_given (s_rig, worker, 1);
    uint64_t two = rig_given (s_rig, worker, 2);
    rig_deaf (s_rig);
    for (int count = 0; count < 2; count++) {
        rig_result (s_rig, worker, 1, one, 0, "bread", 0);
        cr_assert_eq (rig_hear (s_rig, worker, 0)->reply.command, STP_ACCEPTED);
        rig_result (s_rig, worker, 2, two, 3, "no flour", 0);
        cr_assert_eq (rig_hear (s_rig, worker, 0)->reply.command, STP_ACCEPTED);
    }
    cr_assert_eq (rig_task (s_rig, 2)->state, STINT_DEAD);
    cr_assert_eq (core_totals (s_rig->core).stale, 0);
}

Test (core_worker, a_result_with_another_fence_or_of_another_worker_is_stale)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    uint32_t other = rig_worker (s_rig, 2, 1);
    uint64_t fence = rig_given (s_rig, worker, 1);
    rig_result (s_rig, worker, 1, fence + 1, 0, "bread", 0);
    cr_assert (rig_hear (s_rig, worker, STP_STALE));
    rig_result (s_rig, other, 1, fence, 0, "bread", 0);
    cr_assert (rig_hear (s_rig, other, STP_STALE));
    rig_result (s_rig, other, 50, fence, 0, "bread", 0);
    cr_assert (rig_hear (s_rig, other, STP_STALE));
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_RUNNING);
    cr_assert_eq (core_totals (s_rig->core).stale, 2);
}

Test (core_worker, a_verdict_or_delay_that_is_none_is_malformed)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    uint64_t fence = rig_given (s_rig, worker, 1);
    rig_result (s_rig, worker, 1, fence, 4, "", 0);
    cr_assert_str_eq (rig_hear (s_rig, worker, STP_ERROR)->body, "malformed");
    rig_result (s_rig, worker, 1, fence, 1, "", UINT64_MAX);
    cr_assert_str_eq (rig_hear (s_rig, worker, STP_ERROR)->body, "malformed");
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_RUNNING);
}

//  Fails the running attempt, and returns how long the task has to wait.

static int64_t
s_fail (uint32_t worker, uint64_t fence, uint32_t verdict, uint64_t delay)
{
    rig_result (s_rig, worker, 1, fence, verdict, "burnt", delay);
    return rig_task (s_rig, 1)->until - s_rig->now;
}

Test (core_worker, the_back_off_doubles_up_to_its_most_with_a_quarter_of_jitter)
{
    static const int64_t waits [] = {1000, 2000, 4000, 8000, 16000, 32000, 48000, 48000};
    rig_set (s_rig, s_client, "bread", "max_attempts", 100);
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    for (size_t count = 0; count < 8; count++) {
        uint64_t fence = rig_given (s_rig, worker, 1);
        int64_t wait = s_fail (worker, fence, 1, 0);
        cr_assert (wait >= waits [count] * 3 / 4 && wait <= waits [count] * 5 / 4,
                   "waits %ld ms, not about %ld", wait, waits [count]);
        cr_assert_leq (wait, 60000, "longer than backoff_max");
        for (; wait > 0; wait -= 500) {
            rig_beat (s_rig, worker);
            rig_beat (s_rig, s_client);
            rig_pass (s_rig, wait < 500 ? wait : 500);
        }
    }
    cr_assert_eq (rig_task (s_rig, 1)->failures, 8);
}

Test (core_worker, the_jitter_differs_and_the_delay_of_a_verdict_replaces_it)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    cr_assert_eq (s_fail (worker, rig_given (s_rig, worker, 1), 1, 77), 77);
    rig_pass (s_rig, 77);
    cr_assert_eq (s_fail (worker, rig_given (s_rig, worker, 1), 2, 3), 3);
}

Test (core_worker, a_task_is_dead_after_its_last_attempt)
{
    rig_set (s_rig, s_client, "bread", "max_attempts", 3);
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    for (int count = 0; count < 3; count++) {
        s_fail (worker, rig_given (s_rig, worker, 1), 1, 1);
        rig_pass (s_rig, 1);
    }
    rig_given_nothing (s_rig, worker);
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_DEAD);
    cr_assert_eq (rig_task (s_rig, 1)->result.size, strlen ("burnt"));
    cr_assert_eq (rig_task (s_rig, 1)->payload.size, strlen ("flour"));
}

Test (core_worker, later_uses_up_no_attempt)
{
    rig_set (s_rig, s_client, "bread", "max_attempts", 1);
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    for (int count = 0; count < 5; count++) {
        s_fail (worker, rig_given (s_rig, worker, 1), 2, 5);
        cr_assert_eq (rig_task (s_rig, 1)->attempts, 0);
        rig_pass (s_rig, 5);
    }
    cr_assert_eq (rig_hear (s_rig, worker, STP_TASK)->reply.attempts, 1);
}

Test (core_worker, refused_for_good_is_dead_at_once)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    s_fail (worker, rig_given (s_rig, worker, 1), 3, 0);
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_DEAD);
}

Test (core_worker, the_text_of_a_failure_is_cut)
{
    static char text [STINT_ERROR_MAX + 100];
    memset (text, 'x', sizeof text - 1);
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    rig_result (s_rig, worker, 1, rig_given (s_rig, worker, 1), 1, text, 0);
    cr_assert_eq (rig_task (s_rig, 1)->result.size, STINT_ERROR_MAX);
}

Test (core_worker, tasks_that_are_tried_again_go_first)
{
    rig_push (s_rig, s_client, "bread", 1, 3, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    s_fail (worker, rig_given (s_rig, worker, 1), 1, 5);
    rig_pass (s_rig, 5);
    uint64_t fence = rig_given (s_rig, worker, 2);
    rig_result (s_rig, worker, 2, fence, 0, "", 0);
    rig_given (s_rig, worker, 1);
}

//  ---------------------------------------------------------------------------------
//  Giving back, leaving, being lost

static void
s_return (uint32_t session, uint64_t id, uint64_t fence)
{
    rig_begin (s_rig, STP_RETURN, 1);
    rig_list (s_rig);
    rig_item (s_rig, STP_RETURN, &(stint_item_t){.id = id, .fence = fence});
    rig_send (s_rig, session);
    rig_turn (s_rig);
}

Test (core_worker, what_is_returned_goes_to_its_old_place_without_blame)
{
    rig_push (s_rig, s_client, "bread", 1, 4, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 3);
    uint64_t fence = rig_given (s_rig, worker, 1);
    rig_given (s_rig, worker, 2);
    rig_given (s_rig, worker, 3);
    uint32_t other = rig_worker (s_rig, 2, 0);
    s_return (worker, 1, fence + 7);
    s_return (worker, 1, fence);
    const rig_said_t *said = rig_hear (s_rig, worker, STP_TASK);
    cr_assert_eq (said->reply.id, 1);
    cr_assert_eq (said->reply.attempts, 1);
    s_return (worker, 1, fence);
    rig_given_nothing (s_rig, worker);
    cr_assert_eq (rig_task (s_rig, 1)->failures + rig_task (s_rig, 1)->lost, 0);
    rig_given_nothing (s_rig, other);
}

Test (core_worker, what_a_worker_holds_when_it_leaves_goes_back_without_blame)
{
    rig_push (s_rig, s_client, "bread", 1, 3, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 3);
    rig_deaf (s_rig);
    rig_begin (s_rig, STP_BYE, 0);
    rig_send (s_rig, worker);
    rig_turn (s_rig);
    cr_assert (rig_hear (s_rig, worker, STP_BYE));
    for (uint64_t id = 1; id <= 3; id++) {
        cr_assert_eq (rig_task (s_rig, id)->state, STINT_READY);
        cr_assert_eq (rig_task (s_rig, id)->attempts, 0);
        cr_assert_eq (rig_task (s_rig, id)->lost, 0);
    }
    uint32_t other = rig_worker (s_rig, 2, 3);
    for (uint64_t id = 1; id <= 3; id++)
        rig_given (s_rig, other, id);
}

Test (core_worker, a_worker_that_is_silent_too_long_loses_what_it_holds)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    uint64_t fence = rig_given (s_rig, worker, 1);
    rig_pass (s_rig, 2999);
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_RUNNING);
    rig_pass (s_rig, 1);
    cr_assert (rig_hear (s_rig, worker, STP_BYE));
    const task_t *task = rig_task (s_rig, 1);
    cr_assert_eq (task->state, STINT_READY);
    cr_assert_eq (task->lost, 1);
    cr_assert_eq (task->failures, 0);
    cr_assert_eq (core_totals (s_rig->core).lost, 1);

    //  It was only asleep: its result comes too late
    uint32_t again = rig_open (s_rig);
    rig_claim (s_rig, again, 1, "bread", 0, 1, fence);
    cr_assert (rig_hear (s_rig, again, STP_STALE));
    rig_result (s_rig, again, 1, fence, 0, "bread", 0);
    cr_assert (rig_hear (s_rig, again, STP_STALE));
}

Test (core_worker, nobody_is_missed_while_words_wait_to_be_taken_but_for_a_lease)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    rig_given (s_rig, worker, 1);
    rig_pass (s_rig, 2999);
    core_listened (s_rig->core, s_rig->now, false);
    rig_pass (s_rig, 1);
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_RUNNING);
    cr_assert_gt (core_deadline (s_rig->core), s_rig->now);
    core_listened (s_rig->core, s_rig->now, true);
    rig_turn (s_rig);
    cr_assert_eq (rig_task (s_rig, 1)->lost, 1);

    worker = rig_worker (s_rig, 2, 1);
    rig_given (s_rig, worker, 1);
    rig_pass (s_rig, 1000);
    core_listened (s_rig->core, s_rig->now, false);
    rig_pass (s_rig, 2500);
    core_listened (s_rig->core, s_rig->now, false);
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_RUNNING);
    rig_pass (s_rig, 500);
    cr_assert_eq (rig_task (s_rig, 1)->lost, 2);
}

Test (core_worker, a_task_that_loses_too_many_workers_is_dead_and_their_results_are_stale)
{
    rig_set (s_rig, s_client, "bread", "max_attempts", 1);
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint64_t fence = 0;
    for (uint64_t worker = 1; worker <= CORE_LOST_MAX; worker++) {
        cr_assert_eq (rig_task (s_rig, 1)->state, STINT_READY);
        uint32_t session = rig_worker (s_rig, worker, 1);
        fence = rig_given (s_rig, session, 1);
        core_leave (s_rig->core, session);
        rig_turn (s_rig);
    }
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_DEAD);
    cr_assert_eq (rig_task (s_rig, 1)->failures, 0);
    uint32_t late = rig_open (s_rig);
    rig_claim (s_rig, late, CORE_LOST_MAX, "bread", 1, 1, fence);
    cr_assert (rig_hear (s_rig, late, STP_STALE));
    rig_result (s_rig, late, 1, fence, 0, "bread", 0);
    cr_assert (rig_hear (s_rig, late, STP_STALE));
}

Test (core_worker, a_lost_worker_does_not_kill_a_task_whose_limit_was_lowered)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    s_fail (worker, rig_given (s_rig, worker, 1), 1, 1);
    rig_pass (s_rig, 1);
    rig_given (s_rig, worker, 1);
    rig_set (s_rig, s_client, "bread", "max_attempts", 1);
    core_leave (s_rig->core, worker);
    rig_turn (s_rig);
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_READY);
}

Test (core_worker, thousands_of_leases_that_end_together_are_taken_back_in_parts)
{
    rig_push (s_rig, s_client, "bread", 1, 2000, "x");
    uint32_t worker = rig_worker (s_rig, 1, 2000);
    rig_deaf (s_rig);
    core_leave (s_rig->core, worker);
    cr_assert (core_run (s_rig->core, s_rig->now, s_rig->effects));
    cr_assert_eq (core_deadline (s_rig->core), 0);
    cr_assert_gt (core_totals (s_rig->core).running, 1000);
    rig_turn (s_rig);
    cr_assert_eq (core_totals (s_rig->core).running, 0);
}

//  ---------------------------------------------------------------------------------
//  Heartbeats

Test (core_worker, each_side_beats_and_any_message_counts)
{
    uint32_t worker = rig_worker (s_rig, 1, 1);
    rig_deaf (s_rig);
    for (int second = 0; second < 5; second++) {
        rig_beat (s_rig, worker);
        rig_pass (s_rig, 1000);
        cr_assert (rig_hear (s_rig, worker, STP_HEARTBEAT));
        cr_assert_null (rig_hear (s_rig, worker, 0));
    }
    cr_assert_eq (core_totals (s_rig->core).workers, 1);
    cr_assert_eq (core_totals (s_rig->core).sessions, 1);
}

Test (core_worker, a_worker_hears_how_much_waits_and_runs_in_its_groups)
{
    rig_push (s_rig, s_client, "bread", 1, 7, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 2);
    rig_deaf (s_rig);
    rig_pass (s_rig, 1000);
    cr_assert_eq (rig_hear (s_rig, worker, STP_HEARTBEAT)->reply.count, 7);
}

Test (core_worker, a_stranger_that_beats_is_told_to_begin_again)
{
    uint32_t session = rig_open (s_rig);
    rig_beat (s_rig, session);
    rig_turn (s_rig);
    cr_assert (rig_hear (s_rig, session, STP_BYE));
    cr_assert_eq (core_totals (s_rig->core).sessions, 1);
    uint32_t other = rig_open (s_rig);
    rig_result (s_rig, other, 1, 1, 0, "", 0);
    cr_assert (rig_hear (s_rig, other, STP_BYE));
}

Test (core_worker, nobody_is_blamed_for_a_stall_of_the_broker)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    rig_given (s_rig, worker, 1);
    s_rig->now += 60000;
    core_forgive (s_rig->core, 60000);
    rig_turn (s_rig);
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_RUNNING);
    rig_pass (s_rig, 3000);
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_READY);
}
