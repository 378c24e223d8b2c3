//  test_core_admin: workers that are told to drain
//  SPDX-License-Identifier: MPL-2.0

#include "core_fixture.h"

#include <criterion/criterion.h>

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

TestSuite (core_admin, .init = s_begin, .fini = s_end);

static uint32_t
s_worker (uint64_t number, const char *name, uint64_t credit)
{
    uint32_t session = rig_open (s_rig);
    rig_begin_ready (s_rig, 5, number, "bread", credit);
    rig_text (s_rig, 'n', name);
    rig_send (s_rig, session);
    rig_turn (s_rig);
    return session;
}

//  Tells workers to drain. Returns how many there are; 0 when the broker knows none.

static uint64_t
s_drain (const char *name, uint64_t number)
{
    rig_begin (s_rig, STP_WORKER, 4);
    rig_number (s_rig, 'r', 7);
    rig_text (s_rig, 'o', "drain");
    rig_text (s_rig, 'n', name);
    rig_number (s_rig, 'w', number);
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    const rig_said_t *said = rig_hear (s_rig, s_client, 0);
    cr_assert (said);
    if (said->reply.command == STP_ACCEPTED)
        return said->reply.count;
    cr_assert_eq (said->reply.command, STP_ERROR);
    cr_assert_str_eq (said->body, "unknown");
    return 0;
}

Test (core_admin, a_worker_that_drains_is_given_nothing_and_its_results_count)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    rig_hear (s_rig, s_client, 0);
    uint32_t worker = s_worker (5, "beta/1", 4);
    uint64_t fence = rig_given (s_rig, worker, 1);
    cr_assert_eq (s_drain ("", 5), 1);
    cr_assert (rig_hear (s_rig, worker, STP_DRAIN));
    rig_push (s_rig, s_client, "bread", 2, 3, "flour");
    rig_given_nothing (s_rig, worker);
    uint32_t other = s_worker (6, "beta/2", 4);
    rig_given (s_rig, other, 2);
    rig_result (s_rig, worker, 1, fence, 0, "a loaf", 0);
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_DONE);
    rig_given_nothing (s_rig, worker);
    cr_assert_eq (core_totals (s_rig->core).workers, 1);
}

Test (core_admin, all_workers_of_a_name_are_told_and_each_of_them_once)
{
    uint32_t one = s_worker (5, "beta", 4), other = s_worker (6, "beta", 4);
    uint32_t third = s_worker (7, "gamma", 4);
    rig_deaf (s_rig);
    cr_assert_eq (s_drain ("beta", 0), 2);
    cr_assert (rig_hear (s_rig, one, STP_DRAIN));
    cr_assert (rig_hear (s_rig, other, STP_DRAIN));
    cr_assert_not (rig_hear (s_rig, third, STP_DRAIN));
    cr_assert_eq (s_drain ("beta", 7), 3);
    cr_assert (rig_hear (s_rig, third, STP_DRAIN));
    cr_assert_not (rig_hear (s_rig, one, STP_DRAIN));
}

Test (core_admin, who_is_not_there_is_unknown)
{
    s_worker (5, "", 4);
    cr_assert_eq (s_drain ("beta", 0), 0);
    cr_assert_eq (s_drain ("", 0), 0);
    cr_assert_eq (s_drain ("", 6), 0);
    rig_ask (s_rig, s_client, STP_WORKER, "", 0, 0, 0);
    cr_assert (rig_hear (s_rig, s_client, STP_ERROR));
}

Test (core_admin, a_worker_that_comes_back_before_it_has_left_is_told_again)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    rig_hear (s_rig, s_client, 0);
    uint32_t worker = s_worker (5, "beta/1", 4);
    uint64_t fence = rig_given (s_rig, worker, 1);
    cr_assert_eq (s_drain ("beta/1", 0), 1);
    uint32_t again = rig_open (s_rig);
    rig_claim (s_rig, again, 5, "bread", 4, 1, fence);
    cr_assert (rig_hear (s_rig, again, STP_DRAIN));
    rig_push (s_rig, s_client, "bread", 2, 1, "flour");
    rig_given_nothing (s_rig, again);

    //  Once it has left, one of its number is another one
    rig_begin (s_rig, STP_BYE, 0);
    rig_send (s_rig, again);
    rig_turn (s_rig);
    worker = s_worker (5, "beta/1", 1);
    cr_assert_not (rig_hear (s_rig, worker, STP_DRAIN));
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_RUNNING);
}
