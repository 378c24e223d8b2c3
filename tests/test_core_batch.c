//  test_core_batch: batches, their outcomes, and waiting for single tasks
//  SPDX-License-Identifier: MPL-2.0

#include "core_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static rig_t *s_rig;
static uint32_t s_client;
static uint32_t s_worker;
static uint64_t s_batch;

static uint64_t
s_open (const char *group, const char *name)
{
    rig_begin (s_rig, STP_BATCH, 3);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', group);
    rig_text (s_rig, 'n', name);
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    const rig_said_t *said = rig_hear (s_rig, s_client, 0);
    cr_assert (said);
    return said->reply.command == STP_ACCEPTED ? said->reply.batch : 0;
}

static void
s_begin (void)
{
    s_rig = rig_new (NULL);
    s_client = rig_open (s_rig);
    s_worker = rig_open (s_rig);
    rig_ready (s_rig, s_worker, 1, "bread", 100);
    s_batch = s_open ("bread", "monday");
    rig_deaf (s_rig);
}

static void
s_end (void)
{
    core_audit (s_rig->core);
    rig_destroy (&s_rig);
}

TestSuite (core_batch, .init = s_begin, .fini = s_end);

//  Pushes tasks into a batch.

static void
s_push (uint64_t batch, uint64_t sequence, uint32_t count)
{
    rig_begin (s_rig, STP_PUSH, 6);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', "bread");
    rig_number (s_rig, 'p', 7);
    rig_number (s_rig, 's', sequence);
    rig_number (s_rig, 'b', batch);
    rig_list (s_rig);
    for (uint32_t index = 0; index < count; index++)
        rig_item (s_rig, STP_PUSH, &(stint_item_t){.body = stint_bytes_of ("flour")});
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
}

//  Does a task with a result.

static void
s_do (uint64_t id, const char *result)
{
    rig_result (s_rig, s_worker, id, rig_task (s_rig, id)->fence, 0, result, 0);
}

static void
s_collect (uint64_t window, uint64_t cursor)
{
    rig_ask (s_rig, s_client, STP_COLLECT, "bck", s_batch, window, cursor);
}

//  The next outcome must be this one.

static void
s_outcome (uint64_t id, uint64_t cursor)
{
    const rig_said_t *said = rig_hear (s_rig, s_client, STP_OUTCOME);
    cr_assert (said, "no outcome of %lu", id);
    cr_assert_eq (said->reply.id, id);
    cr_assert_eq (said->reply.cursor, cursor);
    cr_assert_eq (said->reply.batch, s_batch);
    cr_assert (said->reply.durable);
}

static void
s_nothing (void)
{
    cr_assert_null (rig_hear (s_rig, s_client, STP_OUTCOME));
}

static void
s_refused (const char *code)
{
    const rig_said_t *said = rig_hear (s_rig, s_client, STP_ERROR);
    cr_assert (said);
    cr_assert_str_eq (said->body, code);
}

//  ---------------------------------------------------------------------------------
//  Batches

Test (core_batch, opening_it_again_tells_how_far_it_is)
{
    s_push (s_batch, 1, 3);
    s_do (1, "loaf");
    s_collect (5, 0);
    s_collect (5, 1);
    rig_deaf (s_rig);
    rig_begin (s_rig, STP_BATCH, 3);
    rig_number (s_rig, 'r', 8);
    rig_text (s_rig, 'g', "bread");
    rig_text (s_rig, 'n', "monday");
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    const rig_said_t *said = rig_hear (s_rig, s_client, STP_ACCEPTED);
    cr_assert_eq (said->reply.batch, s_batch);
    cr_assert_eq (said->reply.count, 3);
    cr_assert_eq (said->reply.cursor, 1);
    cr_assert_neq (s_open ("bread", "tuesday"), s_batch);
    cr_assert_neq (s_open ("cheese", "monday"), s_batch);
}

Test (core_batch, outcomes_come_in_the_order_in_which_tasks_ended)
{
    s_push (s_batch, 1, 3);
    s_collect (10, 0);
    s_do (3, "roll");
    s_do (1, "loaf");
    s_outcome (3, 1);
    s_outcome (1, 2);
    s_do (2, "bun");
    const rig_said_t *said = rig_hear (s_rig, s_client, STP_OUTCOME);
    cr_assert_str_eq (said->body, "bun");
    cr_assert_eq (said->reply.state, STINT_DONE);
    cr_assert_eq (said->reply.number, 2);
    cr_assert_eq (said->reply.attempts, 1);
    s_nothing ();
}

Test (core_batch, an_outcome_that_is_durable_does_not_wait_for_what_came_after_it)
{
    s_push (s_batch, 1, 2);
    s_do (1, "loaf");
    s_rig->keeps_up = false;
    s_push (0, 3, 1);
    s_collect (10, 0);
    s_outcome (1, 1);
    s_do (2, "roll");
    s_nothing ();
    rig_seal (s_rig);
    rig_commit (s_rig, s_rig->sealed);
    s_outcome (2, 2);
}

//  The cursor of the one that comes first would acknowledge the other as well.

Test (core_batch, an_outcome_that_is_durable_does_not_overtake_one_that_waits)
{
    s_push (s_batch, 1, 3);
    s_rig->keeps_up = false;
    s_do (1, "loaf");
    s_do (2, "roll");
    rig_seal (s_rig);
    uint64_t ended = s_rig->sealed;
    s_push (0, 4, 1);
    s_collect (1, 0);
    rig_seal (s_rig);
    rig_commit (s_rig, ended);
    s_collect (2, 0);
    s_nothing ();
    rig_commit (s_rig, s_rig->sealed);
    s_outcome (1, 1);
    s_outcome (2, 2);
}

Test (core_batch, no_more_than_the_window_come_ahead_of_the_cursor)
{
    s_push (s_batch, 1, 6);
    for (uint64_t id = 1; id <= 6; id++)
        s_do (id, "loaf");
    s_collect (2, 0);
    s_outcome (1, 1);
    s_outcome (2, 2);
    s_nothing ();
    s_collect (2, 1);
    s_outcome (3, 3);
    s_nothing ();
    s_collect (3, 3);
    s_outcome (4, 4);
    s_outcome (5, 5);
    s_outcome (6, 6);
    cr_assert_eq (core_totals (s_rig->core).tasks, 3);
}

Test (core_batch, outcomes_are_told_only_when_they_are_durable)
{
    s_push (s_batch, 1, 1);
    s_collect (5, 0);
    s_rig->keeps_up = false;
    s_do (1, "loaf");
    s_nothing ();
    rig_seal (s_rig);
    rig_commit (s_rig, s_rig->sealed);
    s_outcome (1, 1);
}

Test (core_batch, a_collector_that_comes_back_is_told_again_what_it_did_not_collect)
{
    s_push (s_batch, 1, 4);
    for (uint64_t id = 1; id <= 4; id++)
        s_do (id, "loaf");
    s_collect (10, 0);
    s_collect (10, 2);
    rig_deaf (s_rig);
    core_leave (s_rig->core, s_client);
    s_client = rig_open (s_rig);
    s_collect (10, 2);
    s_outcome (3, 3);
    s_outcome (4, 4);
    s_nothing ();

    //  Another request of the same session begins again as well
    rig_begin (s_rig, STP_COLLECT, 3);
    rig_number (s_rig, 'r', 1234);
    rig_number (s_rig, 'b', s_batch);
    rig_number (s_rig, 'c', 1);
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    s_outcome (3, 3);
    s_nothing ();
}

Test (core_batch, a_second_collector_takes_the_place_of_the_first)
{
    s_push (s_batch, 1, 2);
    s_collect (10, 0);
    uint32_t first = s_client;
    s_client = rig_open (s_rig);
    s_collect (10, 0);
    s_do (1, "loaf");
    s_outcome (1, 1);
    cr_assert_null (rig_hear (s_rig, first, STP_OUTCOME));
}

//  Others may want to know that their push is safe, and then go away.

Test (core_batch, only_who_collects_has_patience_with_the_answer_to_a_push)
{
    rig_hear (s_rig, s_client, 0);
    s_push (s_batch, 1, 1);
    const rig_said_t *said = rig_hear (s_rig, s_client, STP_ACCEPTED);
    cr_assert (said && !said->reply.patient);
    s_collect (10, 0);
    s_push (s_batch, 2, 1);
    said = rig_hear (s_rig, s_client, STP_ACCEPTED);
    cr_assert (said && said->reply.patient);
    s_client = rig_open (s_rig);
    s_push (s_batch, 3, 1);
    said = rig_hear (s_rig, s_client, STP_ACCEPTED);
    cr_assert (said && !said->reply.patient);
}

Test (core_batch, outcomes_of_all_kinds_are_collected)
{
    s_push (s_batch, 1, 3);
    s_collect (10, 0);
    rig_ask (s_rig, s_client, STP_CANCEL, "i", 2, 0, 0);
    rig_result (s_rig, s_worker, 1, rig_task (s_rig, 1)->fence, 3, "no flour", 0);
    s_do (3, "");
    const rig_said_t *said = rig_hear (s_rig, s_client, STP_OUTCOME);
    cr_assert_eq (said->reply.state, STINT_CANCELLED);
    cr_assert_eq (said->size, 0);
    said = rig_hear (s_rig, s_client, STP_OUTCOME);
    cr_assert_eq (said->reply.state, STINT_DEAD);
    cr_assert_str_eq (said->body, "no flour");
    s_outcome (3, 3);
}

Test (core_batch, bytes_ahead_of_the_cursor_are_bounded)
{
    static char body [(4 << 20) + 1];
    memset (body, 'x', sizeof body - 1);
    s_push (s_batch, 1, 6);
    s_collect (100, 0);
    for (uint64_t id = 1; id <= 6; id++)
        s_do (id, body);
    for (uint64_t id = 1; id <= 4; id++)
        s_outcome (id, id);
    s_nothing ();
    s_collect (100, 1);
    s_outcome (5, 5);
    s_nothing ();
    s_collect (100, 5);
    s_outcome (6, 6);
}

Test (core_batch, what_is_forgotten_before_it_was_collected_leaves_an_empty_place)
{
    rig_set (s_rig, s_client, "bread", "keep_results", 2000);
    s_push (s_batch, 1, 3);
    s_do (1, "loaf");
    rig_begin (s_rig, STP_HEARTBEAT, 0);
    rig_send (s_rig, s_worker);
    rig_pass (s_rig, 1999);
    s_do (2, "loaf");
    rig_begin (s_rig, STP_HEARTBEAT, 0);
    rig_send (s_rig, s_worker);
    rig_pass (s_rig, 1000);
    cr_assert_null (rig_task (s_rig, 1));
    s_client = rig_open (s_rig);
    s_collect (1, 0);
    s_outcome (0, 1);
    s_nothing ();
    s_collect (1, 1);
    s_outcome (2, 2);
    s_do (3, "loaf");
    s_nothing ();
    s_collect (1, 2);
    s_outcome (3, 3);
}

//  Ends a task dead.

static void
s_refuse (uint64_t id)
{
    rig_result (s_rig, s_worker, id, rig_task (s_rig, id)->fence, 3, "burnt", 0);
}

static void
s_retry (uint64_t id)
{
    rig_ask (s_rig, s_client, STP_RETRY, "i", id, 0, 0);
    const rig_said_t *said;
    uint64_t count = 0;
    while ((said = rig_hear (s_rig, s_client, STP_ACCEPTED)) != NULL)
        count = said->reply.count;
    cr_assert_eq (count, 1);
}

static const batch_t *
s_there (void)
{
    const batches_t *batches = &s_rig->core->batches;
    return &batches->batches.pool [batches_find (batches, s_batch)];
}

Test (core_batch, a_task_that_is_retried_has_a_second_outcome_behind_all_others)
{
    s_push (s_batch, 1, 3);
    s_collect (10, 0);
    s_refuse (1);
    s_outcome (1, 1);
    s_retry (1);
    cr_assert_eq (batch_ended (s_there ()), 0);
    s_do (2, "loaf");
    s_outcome (2, 2);
    s_do (1, "loaf");
    s_outcome (1, 3);
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_DONE);
    s_do (3, "loaf");
    const rig_said_t *said = rig_hear (s_rig, s_client, STP_OUTCOME);
    cr_assert_eq (said->reply.cursor, 4);
    cr_assert_eq (said->reply.again, 1);
    cr_assert_eq (batch_ended (s_there ()), 3);
    s_collect (10, 4);
    cr_assert_eq (s_there ()->held, 0);
}

Test (core_batch, who_was_not_told_of_an_end_that_is_taken_back_is_sent_an_empty_place)
{
    s_push (s_batch, 1, 2);
    s_refuse (1);
    s_do (2, "loaf");
    s_retry (1);
    s_collect (10, 0);
    s_outcome (0, 1);
    s_outcome (2, 2);
    s_do (1, "loaf");
    s_outcome (1, 3);
    s_collect (10, 3);
    cr_assert_eq (s_there ()->held, 0);
}

Test (core_batch, an_end_that_is_taken_back_last_leaves_an_empty_place_too)
{
    s_push (s_batch, 1, 2);
    s_do (1, "loaf");
    s_refuse (2);
    s_retry (2);
    s_collect (10, 0);
    s_outcome (1, 1);
    s_outcome (0, 2);
    s_nothing ();
    s_collect (10, 2);
    cr_assert_eq (s_there ()->held, 1);
}

Test (core_batch, an_end_that_is_taken_back_stays_so_over_a_crash_and_a_copy_forward)
{
    s_push (s_batch, 1, 3);
    s_refuse (1);
    s_retry (1);
    s_refuse (1);
    rig_ask (s_rig, s_client, STP_CANCEL, "i", 2, 0, 0);
    s_retry (2);
    rig_seal (s_rig);
    //  Each of these comes in a block of its own, and the others are copied forward
    journal_set_slack (core_journal (s_rig->core), 0);
    for (uint64_t count = 0; count < 50; count++)
        rig_push (s_rig, s_client, "bread", count + 1, 1, "flour");
    rig_crash (s_rig, s_rig->sealed);
    core_audit (s_rig->core);
    const batch_t *batch = s_there ();
    cr_assert_eq (batch->dead, 1);
    cr_assert_eq (batch->cancelled, 0);
    cr_assert_eq (batch->again, 2);
    cr_assert_eq (batch_places (batch), 3);
    cr_assert_eq (rig_task (s_rig, 1)->holder, 2);
    s_client = rig_open (s_rig);
    rig_begin (s_rig, STP_BATCH, 3);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', "bread");
    rig_text (s_rig, 'n', "monday");
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    const rig_said_t *said = rig_hear (s_rig, s_client, STP_ACCEPTED);
    cr_assert_eq (said->reply.count, 3);
    cr_assert_eq (said->reply.number, 2);
}

Test (core_batch, a_window_or_cursor_out_of_range_is_invalid)
{
    s_push (s_batch, 1, 1);
    s_collect (0, 0);
    s_refused ("invalid");
    s_collect (CORE_WINDOW_MAX + 1, 0);
    s_refused ("invalid");
    s_collect (5, 1);
    s_refused ("invalid");
    rig_ask (s_rig, s_client, STP_COLLECT, "bck", 555, 5, 0);
    s_refused ("unknown");
}

Test (core_batch, an_empty_batch_makes_room_for_a_new_one_unless_somebody_collects)
{
    char name [16];
    for (int count = 1; count < 16; count++) {
        snprintf (name, sizeof name, "day%d", count);
        cr_assert (s_open ("bread", name));
        s_rig->now++;
    }
    s_collect (5, 0);
    cr_assert (s_open ("bread", "day16"));
    cr_assert (batches_find (&s_rig->core->batches, s_batch));
    uint32_t group = groups_find (&s_rig->core->groups, stint_bytes_of ("bread"));
    cr_assert_eq (batches_find_name (&s_rig->core->batches, group, stint_bytes_of ("day1")),
                  0);
    rig_crash (s_rig, s_rig->sealed);
}

Test (core_batch, a_batch_that_holds_tasks_does_not_make_room)
{
    core_limits_t limits = rig_limits ();
    limits.batches = 1;
    rig_destroy (&s_rig);
    s_rig = rig_new (&limits);
    s_client = rig_open (s_rig);
    s_batch = s_open ("bread", "monday");
    s_push (s_batch, 1, 1);
    rig_deaf (s_rig);
    cr_assert_eq (s_open ("bread", "tuesday"), 0);
}

Test (core_batch, its_empty_batches_go_with_a_group)
{
    s_open ("cheese", "monday");
    rig_begin (s_rig, STP_GROUP, 3);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', "cheese");
    rig_text (s_rig, 'o', "remove");
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    cr_assert (rig_hear (s_rig, s_client, STP_ACCEPTED));
    cr_assert_eq (s_rig->core->batches.batches.count, 1);
}

//  ---------------------------------------------------------------------------------
//  Single tasks

static void
s_watch (uint64_t id)
{
    rig_ask (s_rig, s_client, STP_COLLECT, "i", id, 0, 0);
}

Test (core_batch, whoever_waits_for_a_task_is_told_of_its_end)
{
    s_push (s_batch, 1, 2);
    rig_deaf (s_rig);
    s_watch (1);
    s_watch (2);
    cr_assert_null (rig_hear (s_rig, s_client, 0));
    s_do (1, "loaf");
    const rig_said_t *said = rig_hear (s_rig, s_client, STP_OUTCOME);
    cr_assert_eq (said->reply.request, 99);
    cr_assert_eq (said->reply.id, 1);
    cr_assert_str_eq (said->body, "loaf");
    s_watch (1);
    cr_assert_str_eq (rig_hear (s_rig, s_client, STP_OUTCOME)->body, "loaf");
    s_watch (3);
    s_refused ("unknown");
    rig_ask (s_rig, s_client, STP_CANCEL, "i", 2, 0, 0);
    cr_assert_eq (rig_hear (s_rig, s_client, STP_OUTCOME)->reply.state, STINT_CANCELLED);
}

Test (core_batch, only_so_many_may_wait_for_single_tasks)
{
    s_push (s_batch, 1, 1);
    for (int count = 0; count < 64; count++)
        s_watch (1);
    rig_deaf (s_rig);
    s_watch (1);
    cr_assert (rig_hear (s_rig, s_client, STP_FULL));
    core_leave (s_rig->core, s_client);
    cr_assert_eq (s_rig->core->watches.count, 0);
}

Test (core_batch, whoever_left_is_not_told)
{
    s_push (s_batch, 1, 1);
    s_watch (1);
    rig_begin (s_rig, STP_RESULT, 2);
    rig_number (s_rig, 'r', 1);
    rig_list (s_rig);
    rig_item (s_rig, STP_RESULT,
              &(stint_item_t){.id = 1, .fence = rig_task (s_rig, 1)->fence});
    rig_send (s_rig, s_worker);
    core_leave (s_rig->core, s_client);
    rig_turn (s_rig);
    s_nothing ();
}

Test (core_batch, a_task_that_is_collected_before_its_watcher_is_told_is_gone)
{
    s_push (s_batch, 1, 1);
    rig_deaf (s_rig);
    s_watch (1);
    rig_begin (s_rig, STP_RESULT, 2);
    rig_number (s_rig, 'r', 1);
    rig_list (s_rig);
    rig_item (s_rig, STP_RESULT,
              &(stint_item_t){.id = 1, .fence = rig_task (s_rig, 1)->fence});
    rig_send (s_rig, s_worker);
    s_collect (5, 1);
    s_refused ("unknown");
}
