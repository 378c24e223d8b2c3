//  test_core_terms: what tasks ask for besides their payload, and what comes of it
//  SPDX-License-Identifier: MPL-2.0

#include "core_audit.h"
#include "core_fixture.h"
#include "lease.h"

#include <criterion/criterion.h>
#include <stdio.h>

static rig_t *s_rig;
static uint32_t s_client;
static uint64_t s_sequence;         //  Of the next task
static stint_writer_t s_terms;      //  What it asks for
static char s_order [256];          //  Bodies of the tasks that were done, in that order
static uint32_t s_done;             //  How many
static const stint_bytes_t s_none;  //  Nothing

static void
s_begin (void)
{
    s_rig = rig_new (NULL);
    s_client = rig_open (s_rig);
    s_sequence = 1;
    s_order [0] = '\0';
    s_done = 0;
}

static void
s_end (void)
{
    core_audit (s_rig->core);
    rig_destroy (&s_rig);
    stint_writer_clear (&s_terms);
}

TestSuite (core_terms, .init = s_begin, .fini = s_end);

//  Packs terms: a text under one name, a number under another; null leaves one out.

static stint_bytes_t
s_ask (const char *name, const char *text, const char *other, uint64_t value)
{
    s_terms.size = 0;
    stint_write_map (&s_terms, (name ? 1u : 0u) + (other ? 1u : 0u));
    if (name) {
        stint_write_text (&s_terms, name);
        stint_write_text (&s_terms, text);
    }
    if (other) {
        stint_write_text (&s_terms, other);
        stint_write_number (&s_terms, value);
    }
    return stint_writer_bytes (&s_terms);
}

//  Pushes a task to bread; a delay in milliseconds. Returns its number.

static uint64_t
s_push (const char *body, stint_bytes_t terms, uint64_t delay)
{
    rig_begin (s_rig, STP_PUSH, 5);
    rig_number (s_rig, 'r', s_sequence);
    rig_text (s_rig, 'g', "bread");
    rig_number (s_rig, 'p', 7);
    rig_number (s_rig, 's', s_sequence);
    rig_list (s_rig);
    rig_item (
        s_rig, STP_PUSH,
        &(stint_item_t){.body = stint_bytes_of (body), .delay = delay, .terms = terms});
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    const rig_said_t *said;
    do {
        said = rig_hear (s_rig, s_client, 0);
        cr_assert (said && said->reply.command == STP_ACCEPTED);
    } while (said->reply.id == 0 || said->reply.state > 0);  //  Answers to something else
    s_sequence++;
    return said->reply.id;
}

//  Pushes what has to be refused with this code, and leaves nothing behind.

static void
s_refused (const char *code, stint_bytes_t terms, uint64_t delay)
{
    uint64_t held = core_totals (s_rig->core).tasks;
    rig_begin (s_rig, STP_PUSH, 5);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', "bread");
    rig_number (s_rig, 'p', 7);
    rig_number (s_rig, 's', s_sequence);
    rig_list (s_rig);
    rig_item (
        s_rig, STP_PUSH,
        &(stint_item_t){.body = stint_bytes_of ("x"), .delay = delay, .terms = terms});
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    const rig_said_t *said = rig_hear (s_rig, s_client, STP_ERROR);
    cr_assert (said);
    cr_assert_str_eq (said->body, code);
    cr_assert_eq (core_totals (s_rig->core).tasks, held);
}

//  Ends the next task that the worker was given, with this verdict, and notes its body.
//  Returns its number, 0 when it was given none.

static uint64_t
s_do (uint32_t worker, uint32_t verdict)
{
    const rig_said_t *said = rig_hear (s_rig, worker, STP_TASK);
    if (!said)
        return 0;
    uint64_t id = said->reply.id, fence = said->reply.fence;
    s_order [s_done++] = said->body [0];
    s_order [s_done] = '\0';
    rig_result (s_rig, worker, id, fence, verdict, "result", 0);
    return id;
}

static uint8_t
s_state (uint64_t id)
{
    const task_t *task = rig_task (s_rig, id);
    return task ? task->state : 0;
}

//  ---------------------------------------------------------------------------------
//  Priority and key

Test (core_terms, a_higher_priority_begins_first_and_otherwise_the_older_one)
{
    s_push ("a", s_none, 0);
    s_push ("b", s_ask (NULL, NULL, "priority", 1), 0);
    s_push ("c", s_ask (NULL, NULL, "priority", 9), 0);
    s_push ("d", s_ask (NULL, NULL, "priority", 5), 0);
    s_push ("e", s_ask (NULL, NULL, "priority", 9), 0);
    uint32_t worker = rig_worker (s_rig, 5, 1);
    while (s_do (worker, 0))
        continue;
    cr_assert_str_eq (s_order, "ceadb");
}

Test (core_terms, keys_take_turns_whatever_waits_of_each)
{
    for (int count = 0; count < 50; count++)
        s_push ("a", s_ask ("key", "ann", NULL, 0), 0);
    for (int count = 0; count < 3; count++)
        s_push ("b", s_ask ("key", "bob", NULL, 0), 0);
    s_push ("-", s_none, 0);
    uint32_t worker = rig_worker (s_rig, 5, 1);
    for (int count = 0; count < 9; count++)
        s_do (worker, 0);
    cr_assert_str_eq (s_order, "ab-ababaa");
}

Test (core_terms, no_more_tasks_of_a_key_run_at_once_than_its_group_allows)
{
    rig_set (s_rig, s_client, "bread", "key_running", 2);
    for (int count = 0; count < 5; count++)
        s_push ("a", s_ask ("key", "ann", "priority", count % 2 ? 9 : 2), 0);
    s_push ("b", s_ask ("key", "bob", NULL, 0), 0);
    uint32_t worker = rig_worker (s_rig, 5, 100);
    uint32_t given = 0;
    uint64_t id = 0, fence = 0;
    for (const rig_said_t *said; (said = rig_hear (s_rig, worker, STP_TASK)); given++) {
        id = said->body [0] == 'a' ? said->reply.id : id;
        fence = said->body [0] == 'a' ? said->reply.fence : fence;
    }
    cr_assert_eq (given, 3, "%u", given);
    rig_result (s_rig, worker, id, fence, 0, "", 0);
    cr_assert (rig_hear (s_rig, worker, STP_TASK));
    rig_given_nothing (s_rig, worker);

    //  While it runs it may be changed
    rig_set (s_rig, s_client, "bread", "key_running", 3);
    cr_assert (rig_hear (s_rig, worker, STP_TASK));
    rig_given_nothing (s_rig, worker);
    rig_set (s_rig, s_client, "bread", "key_running", 0);
    cr_assert (rig_hear (s_rig, worker, STP_TASK));
}

//  ---------------------------------------------------------------------------------
//  Order

Test (core_terms, tasks_of_one_order_run_one_after_the_other)
{
    uint64_t a = s_push ("a", s_ask ("order", "cart 1", NULL, 0), 0);
    uint64_t b = s_push ("b", s_ask ("order", "cart 1", NULL, 0), 0);
    uint64_t c = s_push ("c", s_ask ("order", "cart 2", NULL, 0), 0);
    uint64_t d = s_push ("d", s_ask ("order", "cart 1", "priority", 9), 0);
    cr_assert_eq (s_state (b), STINT_BLOCKED);
    cr_assert_eq (s_state (d), STINT_BLOCKED);
    uint32_t worker = rig_worker (s_rig, 5, 100);
    uint64_t fence = rig_given (s_rig, worker, a);
    rig_given (s_rig, worker, c);
    rig_given_nothing (s_rig, worker);
    rig_result (s_rig, worker, a, fence, 0, "", 0);
    fence = rig_given (s_rig, worker, b);
    rig_given_nothing (s_rig, worker);
    rig_result (s_rig, worker, b, fence, 0, "", 0);
    rig_given (s_rig, worker, d);
}

Test (core_terms, a_task_that_waits_for_another_attempt_keeps_its_place_in_its_order)
{
    uint64_t a = s_push ("a", s_ask ("order", "cart", "max_attempts", 2), 0);
    uint64_t b = s_push ("b", s_ask ("order", "cart", NULL, 0), 0);
    uint32_t worker = rig_worker (s_rig, 5, 100);
    s_do (worker, 1);
    cr_assert_eq (s_state (a), STINT_DELAYED);
    rig_given_nothing (s_rig, worker);
    rig_beat (s_rig, worker);
    rig_pass (s_rig, 1500);
    s_do (worker, 1);
    cr_assert_eq (s_state (a), STINT_DEAD);
    rig_given (s_rig, worker, b);
}

Test (core_terms, the_next_of_an_order_goes_when_one_before_is_cancelled_or_returned)
{
    uint64_t a = s_push ("a", s_ask ("order", "cart", NULL, 0), 0);
    uint64_t b = s_push ("b", s_ask ("order", "cart", NULL, 0), 60000);
    uint64_t c = s_push ("c", s_ask ("order", "cart", NULL, 0), 0);
    rig_ask (s_rig, s_client, STP_CANCEL, "i", a, 0, 0);
    cr_assert_eq (s_state (b), STINT_DELAYED);
    cr_assert_eq (s_state (c), STINT_BLOCKED);
    rig_ask (s_rig, s_client, STP_CANCEL, "i", b, 0, 0);
    uint32_t worker = rig_worker (s_rig, 5, 100);
    rig_given (s_rig, worker, c);
    uint64_t d = s_push ("d", s_ask ("order", "cart", NULL, 0), 0);
    rig_begin (s_rig, STP_BYE, 0);
    rig_send (s_rig, worker);
    rig_turn (s_rig);
    cr_assert_eq (s_state (c), STINT_READY);
    cr_assert_eq (s_state (d), STINT_BLOCKED);
}

Test (core_terms, an_order_outlives_crashes_and_what_is_copied_forward)
{
    uint64_t ids [6];
    for (int count = 0; count < 6; count++)
        ids [count] = s_push (&"abcdef" [count], s_ask ("order", "cart", "priority", 7), 0);
    uint32_t worker = rig_worker (s_rig, 5, 1);
    s_do (worker, 0);
    rig_seal (s_rig);
    uint64_t block = s_rig->sealed;
    s_rig->slack = 0;
    journal_set_slack (core_journal (s_rig->core), 0);
    for (uint64_t count = 0; count < 100 && s_rig->trimmed < block; count++)
        rig_set (s_rig, s_client, "bread", "backoff", count + 1);
    cr_assert_geq (s_rig->trimmed, block);
    rig_crash (s_rig, s_rig->sealed);
    core_audit (s_rig->core);
    cr_assert_eq (s_state (ids [2]), STINT_BLOCKED);
    worker = rig_open (s_rig);
    rig_claim (s_rig, worker, 5, "bread", 1, 0, 0);
    for (int count = 1; count < 6; count++)
        cr_assert_eq (s_do (worker, 0), ids [count], "%d", count);
}

Test (core_terms, the_next_of_an_order_does_not_leave_before_the_end_of_the_last_is_durable)
{
    uint64_t a = s_push ("a", s_ask ("order", "cart", NULL, 0), 0);
    uint64_t b = s_push ("b", s_ask ("order", "cart", NULL, 0), 0);
    uint32_t worker = rig_worker (s_rig, 5, 100);
    uint64_t fence = rig_given (s_rig, worker, a);
    rig_seal (s_rig);
    rig_commit (s_rig, s_rig->sealed);
    s_rig->keeps_up = false;
    rig_result (s_rig, worker, a, fence, 0, "", 0);
    cr_assert_eq (s_state (b), STINT_RUNNING);
    rig_given_nothing (s_rig, worker);
    rig_seal (s_rig);
    rig_commit (s_rig, s_rig->sealed);
    rig_given (s_rig, worker, b);
}

//  ---------------------------------------------------------------------------------
//  Time

Test (core_terms, a_task_that_has_not_begun_in_time_is_cancelled_and_one_that_has_is_not)
{
    uint64_t late = s_push ("a", s_ask (NULL, NULL, "expires", 1000), 0);
    uint64_t delayed = s_push ("b", s_ask (NULL, NULL, "expires", 1001), 900);
    uint64_t begun = s_push ("c", s_ask (NULL, NULL, "expires", 2000), 0);
    cr_assert_eq (core_deadline (s_rig->core), s_rig->now + 900);
    rig_pass (s_rig, 999);
    cr_assert_eq (s_state (late), STINT_READY);
    rig_pass (s_rig, 1);
    cr_assert_eq (s_state (late), STINT_CANCELLED);
    rig_pass (s_rig, 1);
    cr_assert_eq (s_state (delayed), STINT_CANCELLED);
    uint32_t worker = rig_worker (s_rig, 5, 1);
    rig_given (s_rig, worker, begun);
    for (int count = 0; count < 5; count++) {
        rig_pass (s_rig, 900);
        rig_beat (s_rig, worker);
    }
    cr_assert_eq (s_state (begun), STINT_RUNNING);
}

Test (core_terms, very_many_that_expire_together_end_a_part_at_a_time)
{
    static effects_t effects;
    for (int count = 0; count < 600; count++)
        s_push ("a", s_ask (NULL, NULL, "expires", 60000), 0);
    int64_t late = s_rig->now + 60000;
    const uint32_t *counts = s_rig->core->groups.groups.pool [1].counts;
    for (uint32_t left = 600; left > 0; left -= left < 256 ? left : 256) {
        cr_assert_eq (counts [STINT_READY], left);
        cr_assert (core_deadline (s_rig->core) <= late);
        effects.count = 0;
        core_run (s_rig->core, late, &effects);
    }
    cr_assert_eq (counts [STINT_CANCELLED], 600);
}

Test (core_terms, a_task_that_has_not_ended_in_time_is_taken_away_and_its_result_is_stale)
{
    uint64_t id = s_push ("a", s_ask (NULL, NULL, "deadline", 1500), 0);
    uint32_t worker = rig_worker (s_rig, 5, 1);
    uint64_t fence = rig_given (s_rig, worker, id);
    rig_beat (s_rig, worker);
    rig_pass (s_rig, 1499);
    cr_assert_eq (s_state (id), STINT_RUNNING);
    rig_pass (s_rig, 1);
    cr_assert_eq (s_state (id), STINT_CANCELLED);
    const rig_said_t *said = rig_hear (s_rig, worker, STP_REVOKE);
    cr_assert (said && said->reply.fence == fence);
    rig_result (s_rig, worker, id, fence, 0, "", 0);
    cr_assert (rig_hear (s_rig, worker, STP_STALE));
    rig_ask (s_rig, s_client, STP_COLLECT, "i", id, 0, 0);
    said = rig_hear (s_rig, s_client, STP_OUTCOME);
    cr_assert_str_eq (said->body, "its deadline was over before it ended");
}

Test (core_terms, a_deadline_holds_over_attempts_and_crashes)
{
    uint64_t id = s_push ("a", s_ask (NULL, NULL, "deadline", 5000), 0);
    uint32_t worker = rig_worker (s_rig, 5, 1);
    s_do (worker, 1);
    cr_assert_eq (s_state (id), STINT_DELAYED);
    int64_t end = rig_task (s_rig, id)->at + 5000;
    rig_crash (s_rig, s_rig->sealed);
    rig_pass (s_rig, end - s_rig->now - 1);
    cr_assert_neq (s_state (id), STINT_CANCELLED);
    rig_pass (s_rig, 1);
    cr_assert_eq (s_state (id), STINT_CANCELLED);
}

Test (core_terms, a_worker_is_told_how_long_an_attempt_may_run)
{
    rig_set (s_rig, s_client, "bread", "time_limit", 7000);
    s_push ("a", s_none, 0);
    s_push ("b", s_ask (NULL, NULL, "time_limit", 300), 0);
    uint32_t worker = rig_worker (s_rig, 5, 2);
    cr_assert_eq (rig_hear (s_rig, worker, STP_TASK)->reply.limit_ms, 7000);
    cr_assert_eq (rig_hear (s_rig, worker, STP_TASK)->reply.limit_ms, 300);
}

Test (core_terms, a_task_may_have_more_or_fewer_attempts_than_its_group)
{
    rig_set (s_rig, s_client, "bread", "max_attempts", 2);
    uint64_t one = s_push ("a", s_ask (NULL, NULL, "max_attempts", 1), 0);
    uint64_t three = s_push ("b", s_ask (NULL, NULL, "max_attempts", 3), 0);
    uint32_t worker = rig_worker (s_rig, 5, 2);
    s_do (worker, 1);
    s_do (worker, 1);
    cr_assert_eq (s_state (one), STINT_DEAD);
    for (int count = 0; count < 2; count++) {
        cr_assert_eq (s_state (three), STINT_DELAYED, "%d", count);
        rig_beat (s_rig, worker);
        rig_pass (s_rig, 2800);
        s_do (worker, 1);
    }
    cr_assert_eq (s_state (three), STINT_DEAD);
}

//  ---------------------------------------------------------------------------------
//  What is refused

Test (core_terms, what_is_not_to_be_had_is_refused_before_anything_is_done)
{
    static const char *const letters =
        "0123456789012345678901234567890123456789012345678901234567890123x";
    s_refused ("invalid", s_ask (NULL, NULL, "prio", 3), 0);
    s_refused ("invalid", s_ask (NULL, NULL, "priority", 10), 0);
    s_refused ("invalid", s_ask ("priority", "high", NULL, 0), 0);
    s_refused ("invalid", s_ask ("key", letters, NULL, 0), 0);
    s_refused ("invalid", s_ask ("order", "a\nb", NULL, 0), 0);
    s_refused ("invalid", s_ask (NULL, NULL, "expires", 500), 500);
    s_refused ("invalid", s_ask (NULL, NULL, "deadline", 500), 600);
    s_refused ("invalid", s_ask (NULL, NULL, "time_limit", UINT64_MAX), 0);
    cr_assert_eq (s_push ("a", s_ask ("key", letters + 1, "priority", 9), 0), 1);
}

Test (core_terms, what_all_tasks_of_a_push_ask_for_is_theirs_unless_they_say_otherwise)
{
    static const char *const keys [] = {"", "ann", ""};
    stint_writer_t own = {NULL, 0, 0};
    stint_write_map (&own, 1);
    stint_write_text (&own, "priority");
    stint_write_number (&own, 2);
    rig_begin (s_rig, STP_PUSH, 6);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', "bread");
    rig_number (s_rig, 'p', 7);
    rig_number (s_rig, 's', 1);
    stint_wire_field (&s_rig->header, 'q');
    stint_write_raw (&s_rig->header, s_ask ("key", "bob", "priority", 8));
    rig_list (s_rig);
    for (int count = 0; count < 3; count++)
        rig_item (s_rig, STP_PUSH,
                  &(stint_item_t){.terms = count == 1 ? s_ask ("key", keys [count], NULL, 0)
                                           : count == 2 ? stint_writer_bytes (&own)
                                                        : s_none});
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    static const uint64_t priorities [] = {8, 8, 2};
    static const char *const texts [] = {"bob", "ann", "bob"};
    for (uint64_t id = 1; id <= 3; id++) {
        const kinds_t *kinds = &s_rig->core->groups.kinds;
        const terms_t *terms = &kinds->kinds.pool [rig_task (s_rig, id)->kind].terms;
        cr_assert_eq (terms->priority, priorities [id - 1]);
        cr_assert_str_eq ((const char *) terms->key.data, texts [id - 1]);
    }
    rig_crash (s_rig, s_rig->sealed);
    stint_writer_clear (&own);
}
