//  test_core_many: tasks that are cancelled, tried again and dropped, one or many at a time
//  SPDX-License-Identifier: MPL-2.0

#include "core_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

static rig_t *s_rig;
static uint32_t s_client;
static uint32_t s_worker;

static void
s_begin (void)
{
    core_limits_t limits = rig_limits ();
    limits.tasks = 2000;
    limits.defaults.max_tasks = 2000;
    s_rig = rig_new (&limits);
    s_client = rig_open (s_rig);
    s_worker = rig_worker (s_rig, 1, 100);
}

static void
s_end (void)
{
    core_audit (s_rig->core);
    rig_destroy (&s_rig);
}

TestSuite (core_many, .init = s_begin, .fini = s_end);

static void
s_one (stp_command_t command, uint64_t id)
{
    rig_ask (s_rig, s_client, command, "i", id, 0, 0);
}

//  Names a group and, when they are not 0, a state, a batch and a number.

static void
s_many (stp_command_t command, const char *group, uint64_t state, uint64_t batch,
        uint64_t after)
{
    rig_begin (s_rig, command, 2u + (state > 0) + (batch > 0) + (after > 0));
    rig_number (s_rig, 'r', 9);
    rig_text (s_rig, 'g', group);
    if (state > 0)
        rig_number (s_rig, 'x', state);
    if (batch > 0)
        rig_number (s_rig, 'b', batch);
    if (after > 0)
        rig_number (s_rig, 'a', after);
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
}

static void
s_accepted (uint64_t count, uint64_t id, effects_many_t many)
{
    const rig_said_t *said = rig_hear (s_rig, s_client, 0);
    cr_assert (said);
    cr_assert_eq (said->reply.command, STP_ACCEPTED, "%s", said->body);
    cr_assert (said->reply.durable);
    cr_assert_eq (said->reply.count, count, "%lu", said->reply.count);
    cr_assert_eq (said->reply.id, id, "%lu", said->reply.id);
    cr_assert_eq (said->reply.state, many);
}

static void
s_refused (const char *code)
{
    const rig_said_t *said = rig_hear (s_rig, s_client, 0);
    cr_assert (said);
    cr_assert_eq (said->reply.command, STP_ERROR);
    cr_assert_str_eq (said->body, code);
}

//  Pushes tasks and ends all of them with that verdict.

static void
s_ended (uint64_t sequence, uint32_t count, uint32_t verdict)
{
    rig_push (s_rig, s_client, "bread", sequence, count, "flour");
    for (uint64_t id = sequence; id < sequence + count; id++)
        rig_result (s_rig, s_worker, id, rig_task (s_rig, id)->fence, verdict, "burnt", 0);
    rig_deaf (s_rig);
}

static stint_state_t
s_state (uint64_t id)
{
    return (stint_state_t) rig_task (s_rig, id)->state;
}

//  ---------------------------------------------------------------------------------
//  One task

Test (core_many, a_dead_task_that_is_retried_runs_again_with_its_counts_at_zero)
{
    rig_set (s_rig, s_client, "bread", "max_attempts", 2);
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint64_t first = rig_given (s_rig, s_worker, 1);
    rig_result (s_rig, s_worker, 1, first, 1, "burnt", 10);
    rig_pass (s_rig, 10);
    uint64_t second = rig_given (s_rig, s_worker, 1);
    rig_result (s_rig, s_worker, 1, second, 1, "burnt again", 0);
    cr_assert_eq (s_state (1), STINT_DEAD);
    rig_deaf (s_rig);
    s_one (STP_RETRY, 1);
    s_accepted (1, 1, EFFECTS_ALL);
    uint64_t third = rig_given (s_rig, s_worker, 1);
    cr_assert_gt (third, second);
    const task_t *task = rig_task (s_rig, 1);
    cr_assert_eq (task->attempts, 3);
    cr_assert_eq (task->failures, 0);
    cr_assert_eq (task->lost, 0);
    cr_assert_gt (task->result.size, 0);

    //  What comes late of the attempts before is refused
    rig_result (s_rig, s_worker, 1, second, 0, "bread", 0);
    cr_assert (rig_hear (s_rig, s_worker, STP_STALE));
    cr_assert_eq (s_state (1), STINT_RUNNING);
    rig_result (s_rig, s_worker, 1, third, 1, "burnt", 10);
    cr_assert_eq (s_state (1), STINT_DELAYED);
}

Test (core_many, a_result_of_before_the_retry_is_stale_also_while_the_task_waits)
{
    s_ended (1, 1, 3);
    uint64_t fence = rig_task (s_rig, 1)->fence;
    rig_set (s_rig, s_client, "bread", "paused", 1);
    s_one (STP_RETRY, 1);
    cr_assert_eq (s_state (1), STINT_READY);
    rig_result (s_rig, s_worker, 1, fence, 3, "burnt", 0);
    cr_assert (rig_hear (s_rig, s_worker, STP_STALE));
    uint32_t other = rig_open (s_rig);
    rig_claim (s_rig, other, 2, "bread", 5, 1, fence);
    cr_assert (rig_hear (s_rig, other, STP_STALE));
    cr_assert_eq (s_state (1), STINT_READY);
}

Test (core_many, a_cancelled_task_is_retried_with_its_payload)
{
    rig_set (s_rig, s_client, "bread", "paused", 1);
    rig_push (s_rig, s_client, "bread", 1, 2, "flour");
    rig_deaf (s_rig);
    s_one (STP_CANCEL, 2);
    s_accepted (1, 2, EFFECTS_ALL);
    s_one (STP_RETRY, 2);
    s_accepted (1, 2, EFFECTS_ALL);
    s_one (STP_RETRY, 2);
    s_accepted (0, 2, EFFECTS_ALL);
    rig_set (s_rig, s_client, "bread", "paused", 0);
    const rig_said_t *said = rig_hear (s_rig, s_worker, STP_TASK);
    cr_assert_eq (said->reply.id, 2);  //  It was ready before
    cr_assert_str_eq (said->body, "flour");
}

Test (core_many, who_waits_for_a_task_that_is_retried_before_it_was_told_waits_on)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint64_t fence = rig_given (s_rig, s_worker, 1);
    rig_ask (s_rig, s_client, STP_COLLECT, "i", 1, 0, 0);
    rig_deaf (s_rig);
    //  Both come in one turn
    rig_begin (s_rig, STP_RESULT, 2);
    rig_number (s_rig, 'r', 1);
    rig_list (s_rig);
    rig_item (s_rig, STP_RESULT, &(stint_item_t){.id = 1, .fence = fence, .verdict = 3});
    rig_send (s_rig, s_worker);
    rig_begin (s_rig, STP_RETRY, 2);
    rig_number (s_rig, 'r', 2);
    rig_number (s_rig, 'i', 1);
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    cr_assert_null (rig_hear (s_rig, s_client, STP_OUTCOME));
    rig_result (s_rig, s_worker, 1, rig_task (s_rig, 1)->fence, 0, "bread", 0);
    const rig_said_t *said = rig_hear (s_rig, s_client, STP_OUTCOME);
    cr_assert (said);
    cr_assert_eq (said->reply.state, STINT_DONE);
}

Test (core_many, what_cannot_be_done_to_a_task_is_refused_and_says_why)
{
    s_ended (1, 1, 0);
    s_one (STP_RETRY, 1);
    s_refused ("ended");
    s_one (STP_CANCEL, 1);
    s_refused ("ended");
    s_one (STP_RETRY, 77);
    s_refused ("unknown");
    rig_push (s_rig, s_client, "bread", 2, 1, "flour");
    rig_deaf (s_rig);
    s_one (STP_DROP, 2);
    s_refused ("invalid");
    s_one (STP_DROP, 1);
    s_accepted (1, 1, EFFECTS_ALL);
    cr_assert_null (rig_task (s_rig, 1));
    s_one (STP_DROP, 1);
    s_refused ("unknown");
    rig_begin (s_rig, STP_RETRY, 1);
    rig_number (s_rig, 'r', 1);
    rig_send (s_rig, s_client);
    s_refused ("invalid");
}

//  ---------------------------------------------------------------------------------
//  Many tasks

Test (core_many, all_dead_tasks_of_a_group_are_retried_a_part_at_a_time)
{
    rig_set (s_rig, s_client, "bread", "keep_results", 3600000);
    for (uint64_t count = 0; count < 6; count++)
        s_ended (1 + count * 50, 50, 3);
    s_ended (301, 1, 0);
    rig_push (s_rig, s_client, "cheese", 302, 1, "milk");
    rig_set (s_rig, s_client, "bread", "paused", 1);
    rig_deaf (s_rig);
    s_many (STP_RETRY, "bread", 0, 0, 0);
    s_accepted (256, 256, EFFECTS_MORE);
    s_many (STP_RETRY, "bread", 0, 0, 256);
    s_accepted (44, 302, EFFECTS_ALL);
    for (uint64_t id = 1; id <= 300; id++)
        cr_assert_eq (s_state (id), STINT_READY);
    cr_assert_eq (s_state (301), STINT_DONE);
    s_many (STP_RETRY, "bread", 0, 0, 0);
    s_accepted (0, 302, EFFECTS_ALL);
}

Test (core_many, a_state_and_a_batch_narrow_down_which_tasks_are_meant)
{
    rig_begin (s_rig, STP_BATCH, 3);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', "bread");
    rig_text (s_rig, 'n', "monday");
    rig_send (s_rig, s_client);
    rig_begin (s_rig, STP_PUSH, 6);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', "bread");
    rig_number (s_rig, 'p', 70);
    rig_number (s_rig, 's', 1);
    rig_number (s_rig, 'b', 1);
    rig_list (s_rig);
    for (int count = 0; count < 2; count++)
        rig_item (s_rig, STP_PUSH, &(stint_item_t){.body = stint_bytes_of ("flour")});
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    for (uint64_t id = 1; id <= 2; id++)
        rig_result (s_rig, s_worker, id, rig_task (s_rig, id)->fence, 3, "burnt", 0);
    rig_set (s_rig, s_client, "bread", "paused", 1);
    rig_push (s_rig, s_client, "bread", 1, 2, "flour");
    rig_deaf (s_rig);
    s_many (STP_DROP, "bread", STINT_DONE, 0, 0);
    s_accepted (0, 4, EFFECTS_ALL);
    s_many (STP_CANCEL, "bread", STINT_READY, 1, 0);
    s_accepted (0, 4, EFFECTS_ALL);
    s_many (STP_CANCEL, "bread", STINT_READY, 0, 3);
    s_accepted (1, 4, EFFECTS_ALL);
    cr_assert_eq (s_state (3), STINT_READY);
    s_many (STP_RETRY, "bread", STINT_DEAD, 1, 1);
    s_accepted (1, 4, EFFECTS_ALL);
    cr_assert_eq (s_state (1), STINT_DEAD);
    cr_assert_eq (s_state (2), STINT_READY);
    s_many (STP_DROP, "bread", 0, 0, 0);
    s_accepted (2, 4, EFFECTS_ALL);
    cr_assert_null (rig_task (s_rig, 1));
    cr_assert_null (rig_task (s_rig, 4));
}

Test (core_many, running_tasks_of_a_group_are_revoked)
{
    rig_push (s_rig, s_client, "bread", 1, 3, "flour");
    rig_deaf (s_rig);
    s_many (STP_CANCEL, "bread", 0, 0, 0);
    s_accepted (3, 3, EFFECTS_ALL);
    for (uint64_t id = 1; id <= 3; id++) {
        const rig_said_t *said = rig_hear (s_rig, s_worker, STP_REVOKE);
        cr_assert_eq (said->reply.id, id);
        cr_assert_eq (s_state (id), STINT_CANCELLED);
    }
}

Test (core_many, what_selects_nothing_that_there_is_is_refused)
{
    s_many (STP_RETRY, "nobody", 0, 0, 0);
    s_refused ("unknown");
    s_many (STP_RETRY, "bread", 0, 77, 0);
    s_refused ("unknown");
    s_many (STP_RETRY, "bread", STINT_DONE, 0, 0);
    s_refused ("invalid");
    s_many (STP_CANCEL, "bread", STINT_DEAD, 0, 0);
    s_refused ("invalid");
    s_many (STP_DROP, "bread", STINT_RUNNING, 0, 0);
    s_refused ("invalid");
    s_many (STP_DROP, "bread", 99, 0, 0);
    s_refused ("invalid");
    s_many (STP_DROP, "bread", 0, 0, UINT64_MAX);
    s_accepted (0, 0, EFFECTS_ALL);
}

Test (core_many, a_retry_is_durable_or_did_not_happen)
{
    s_ended (1, 2, 3);
    rig_set (s_rig, s_client, "bread", "paused", 1);
    rig_seal (s_rig);
    rig_commit (s_rig, s_rig->sealed);
    uint64_t before = s_rig->sealed;
    s_rig->keeps_up = false;
    s_one (STP_RETRY, 1);
    rig_seal (s_rig);
    rig_crash (s_rig, before);
    cr_assert_eq (s_state (1), STINT_DEAD);
    s_rig->keeps_up = true;
    s_client = rig_open (s_rig);
    s_one (STP_RETRY, 2);
    rig_crash (s_rig, s_rig->sealed);
    cr_assert_eq (s_state (2), STINT_READY);
    cr_assert_eq (rig_task (s_rig, 2)->failures, 0);
}

//  ---------------------------------------------------------------------------------
//  Bytes

static void
s_read (const char *what, uint64_t id)
{
    rig_begin (s_rig, STP_QUERY, 3);
    rig_number (s_rig, 'r', 5);
    rig_text (s_rig, 'o', what);
    rig_number (s_rig, 'i', id);
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
}

static void
s_reads (const char *what, uint64_t id, stint_state_t state, const char *body)
{
    s_read (what, id);
    const rig_said_t *said = rig_hear (s_rig, s_client, STP_OUTCOME);
    cr_assert (said);
    cr_assert_eq (said->reply.id, id);
    cr_assert_eq (said->reply.state, state);
    cr_assert (said->reply.durable);
    cr_assert_eq (said->size, strlen (body));
    cr_assert (memcmp (said->body ? said->body : "", body, said->size) == 0);
}

Test (core_many, payload_and_last_error_of_a_task_are_read_in_any_state)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    s_reads ("payload", 1, STINT_RUNNING, "flour");
    s_reads ("result", 1, STINT_RUNNING, "");
    rig_result (s_rig, s_worker, 1, rig_task (s_rig, 1)->fence, 1, "burnt", 60000);
    s_reads ("result", 1, STINT_DELAYED, "burnt");
    s_reads ("payload", 1, STINT_DELAYED, "flour");
    s_one (STP_CANCEL, 1);
    s_reads ("payload", 1, STINT_CANCELLED, "flour");
    rig_push (s_rig, s_client, "bread", 2, 1, "flour");
    rig_result (s_rig, s_worker, 2, rig_task (s_rig, 2)->fence, 0, "loaf", 0);
    s_reads ("result", 2, STINT_DONE, "loaf");
    s_reads ("payload", 2, STINT_DONE, "");
    rig_deaf (s_rig);
    s_read ("payload", 77);
    s_refused ("unknown");
}
