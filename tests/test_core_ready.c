//  test_core_ready: how workers come, come back, and claim what they hold
//  SPDX-License-Identifier: MPL-2.0

#include "core_fixture.h"

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

TestSuite (core_ready, .init = s_begin, .fini = s_end);

static void
s_ready_raw (uint32_t session, uint64_t worker, const char *const *groups, uint32_t count)
{
    rig_begin (s_rig, STP_READY, 4);
    rig_number (s_rig, 'r', 5);
    rig_number (s_rig, 'w', worker);
    rig_number (s_rig, 'c', 1);
    rig_groups (s_rig, groups, count);
    rig_send (s_rig, session);
    rig_turn (s_rig);
}

static void
s_invalid (uint32_t session)
{
    const rig_said_t *said = rig_hear (s_rig, session, STP_ERROR);
    cr_assert (said);
    cr_assert_str_eq (said->body, "invalid");
    cr_assert_null (rig_hear (s_rig, session, STP_ACCEPTED));
}

Test (core_ready, ready_needs_a_number_and_groups)
{
    static const char *const groups [] = {"bread", "-bread"};
    uint32_t session = rig_open (s_rig);
    s_ready_raw (session, 0, groups, 1);
    s_invalid (session);
    s_ready_raw (session, 1, groups, 0);
    s_invalid (session);
    s_ready_raw (session, 1, groups, 2);
    s_invalid (session);
    s_ready_raw (session, 1, groups, 1);
    cr_assert_eq (rig_hear (s_rig, session, STP_ACCEPTED)->reply.request, 5);
    s_ready_raw (session, 2, groups, 1);
    s_invalid (session);
    cr_assert_eq (core_totals (s_rig->core).workers, 1);
}

Test (core_ready, a_worker_serves_at_most_sixteen_groups)
{
    char names [17][16];
    const char *groups [17];
    for (int index = 0; index < 17; index++) {
        snprintf (names [index], sizeof names [index], "g%02d", index % 100);
        groups [index] = names [index];
    }
    uint32_t session = rig_open (s_rig);
    s_ready_raw (session, 1, groups, 16);
    cr_assert (rig_hear (s_rig, session, STP_ACCEPTED));
    s_ready_raw (session, 1, groups + 16, 1);
    s_invalid (session);
    rig_push (s_rig, s_client, "g15", 1, 1, "flour");
    rig_given (s_rig, session, 1);
}

Test (core_ready, a_worker_may_serve_further_groups_later)
{
    static const char *const groups [] = {"bread", "cheese"};
    uint32_t session = rig_open (s_rig);
    s_ready_raw (session, 1, groups, 1);
    s_ready_raw (session, 1, groups, 2);
    rig_push (s_rig, s_client, "cheese", 1, 1, "milk");
    rig_given (s_rig, session, 1);
    core_leave (s_rig->core, session);
    for (uint32_t slot = 1; slot <= 2; slot++)
        cr_assert_eq (s_rig->core->groups.groups.pool [slot].workers, 0);
}

Test (core_ready, more_groups_than_there_may_be_are_refused)
{
    core_limits_t limits = rig_limits ();
    limits.groups = 1;
    rig_destroy (&s_rig);
    s_rig = rig_new (&limits);
    static const char *const groups [] = {"bread", "cheese"};
    uint32_t session = rig_open (s_rig);
    s_ready_raw (session, 1, groups, 2);
    s_invalid (session);
}

Test (core_ready, more_workers_than_the_roster_holds_are_refused_until_some_are_missed)
{
    core_limits_t limits = rig_limits ();
    limits.sessions = 2;
    rig_destroy (&s_rig);
    s_rig = rig_new (&limits);
    for (uint64_t worker = 1; worker <= 2; worker++)
        rig_ready (s_rig, rig_open (s_rig), worker, "bread", 1);
    rig_crash (s_rig, s_rig->sealed);
    static const char *const group = "bread";
    uint32_t session = rig_open (s_rig);
    s_ready_raw (session, 3, &group, 1);
    s_invalid (session);
    for (int second = 0; second < 3; second++) {
        rig_beat (s_rig, session);
        rig_pass (s_rig, 1000);
    }
    s_ready_raw (session, 3, &group, 1);
    cr_assert (rig_hear (s_rig, session, STP_ACCEPTED));
}

Test (core_ready, workers_whose_connections_break_do_not_fill_the_roster)
{
    for (uint64_t worker = 1; worker <= 200; worker++) {
        uint32_t session = rig_worker (s_rig, worker, 1);
        core_leave (s_rig->core, session);
        rig_turn (s_rig);
    }
    cr_assert_eq (s_rig->core->roster.workers.count, 0);
}

Test (core_ready, a_worker_on_a_new_connection_keeps_what_it_claims_and_loses_the_rest)
{
    rig_push (s_rig, s_client, "bread", 1, 2, "flour");
    uint32_t former = rig_worker (s_rig, 1, 2);
    uint64_t one = rig_given (s_rig, former, 1);
    uint64_t two = rig_given (s_rig, former, 2);
    uint32_t session = rig_open (s_rig);
    rig_claim (s_rig, session, 1, "bread", 1, 1, one);
    cr_assert_null (rig_hear (s_rig, session, STP_STALE));
    cr_assert_eq (rig_task (s_rig, 1)->holder, session);
    cr_assert_eq (rig_task (s_rig, 2)->state, STINT_READY);
    cr_assert_eq (rig_task (s_rig, 2)->lost, 1);
    rig_result (s_rig, session, 1, one, 0, "bread", 0);
    cr_assert_eq (rig_task (s_rig, 1)->state, STINT_DONE);
    rig_result (s_rig, session, 2, two, 0, "bread", 0);
    cr_assert_eq (rig_hear (s_rig, session, STP_STALE)->reply.id, 2);
}

Test (core_ready, a_claim_of_what_is_not_its_own_is_stale)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint64_t fence = rig_given (s_rig, rig_worker (s_rig, 1, 1), 1);
    uint32_t session = rig_open (s_rig);
    rig_claim (s_rig, session, 2, "bread", 1, 1, fence + 1);
    cr_assert (rig_hear (s_rig, session, STP_STALE));
    rig_claim (s_rig, session, 2, "bread", 1, 99, fence);
    cr_assert (rig_hear (s_rig, session, STP_STALE));
}

Test (core_ready, nothing_is_given_to_a_new_worker_before_it_is_durable_that_it_is_there)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    s_rig->keeps_up = false;
    uint32_t session = rig_worker (s_rig, 1, 3);
    rig_given_nothing (s_rig, session);
    rig_seal (s_rig);
    rig_commit (s_rig, s_rig->sealed);
    rig_given (s_rig, session, 1);
    rig_push (s_rig, s_client, "bread", 2, 1, "flour");
    rig_given (s_rig, session, 2);
}
