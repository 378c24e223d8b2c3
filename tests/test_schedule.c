//  test_schedule: which task a worker gets next, and which it does not get
//  SPDX-License-Identifier: MPL-2.0

#include "core_audit.h"
#include "core_fixture.h"
#include "schedule.h"

#include <criterion/criterion.h>

static rig_t *s_rig;
static uint32_t s_client;
static uint32_t s_counts [3];  //  Tasks of each group that were given out

static const char *const s_names [] = {"bread", "cheese", "apples"};

static void
s_begin (void)
{
    s_rig = rig_new (NULL);
    s_client = rig_open (s_rig);
    memset (s_counts, 0, sizeof s_counts);
}

static void
s_end (void)
{
    core_audit (s_rig->core);
    rig_destroy (&s_rig);
}

TestSuite (schedule, .init = s_begin, .fini = s_end);

//  Opens a worker of the first so many groups.

static uint32_t
s_worker (uint64_t number, uint32_t groups, uint64_t credit)
{
    uint32_t session = rig_open (s_rig);
    rig_begin (s_rig, STP_READY, 4);
    rig_number (s_rig, 'r', 1);
    rig_number (s_rig, 'w', number);
    rig_number (s_rig, 'c', credit);
    rig_groups (s_rig, s_names, groups);
    rig_send (s_rig, session);
    rig_turn (s_rig);
    return session;
}

//  Does the next task that the worker was given, and counts it. Returns its group, or 3
//  when it was given none.

static uint32_t
s_do (uint32_t worker)
{
    const rig_said_t *said = rig_hear (s_rig, worker, STP_TASK);
    if (!said)
        return 3;
    uint64_t id = said->reply.id, fence = said->reply.fence;
    const char *name = core_group_name (s_rig->core, said->reply.group);
    uint32_t group = 0;
    while (group < 2 && strcmp (s_names [group], name) != 0)
        group++;
    s_counts [group]++;
    rig_result (s_rig, worker, id, fence, 0, "", 0);
    return group;
}

static uint32_t
s_running (const char *name)
{
    uint32_t slot = groups_find (&s_rig->core->groups, stint_bytes_of (name));
    return s_rig->core->groups.groups.pool [slot].counts [STINT_RUNNING];
}

//  ---------------------------------------------------------------------------------
//  Shares

Test (schedule, a_group_with_little_to_do_has_its_share_of_a_worker_that_is_always_full)
{
    rig_push (s_rig, s_client, "bread", 1, 1000, "flour");
    rig_push (s_rig, s_client, "cheese", 1001, 10, "milk");
    uint32_t worker = s_worker (5, 2, 1);
    for (int task = 0; task < 20; task++)
        s_do (worker);
    cr_assert_eq (s_counts [0], 10);
    cr_assert_eq (s_counts [1], 10, "%u", s_counts [1]);
}

Test (schedule, groups_share_a_worker_as_their_weights_say)
{
    rig_set (s_rig, s_client, "bread", "weight", 3);
    rig_set (s_rig, s_client, "apples", "weight", 2);
    for (uint32_t group = 0; group < 3; group++)
        rig_push (s_rig, s_client, s_names [group], 1 + 500 * group, 500, "x");
    uint32_t worker = s_worker (5, 3, 2);
    for (int task = 0; task < 600; task++)
        s_do (worker);
    cr_assert_eq (s_counts [0], 300, "%u", s_counts [0]);
    cr_assert_eq (s_counts [1], 100, "%u", s_counts [1]);
    cr_assert_eq (s_counts [2], 200, "%u", s_counts [2]);
}

Test (schedule, a_share_that_nobody_uses_goes_to_the_others)
{
    rig_set (s_rig, s_client, "cheese", "weight", 1000);
    rig_push (s_rig, s_client, "bread", 1, 100, "flour");
    rig_push (s_rig, s_client, "cheese", 101, 3, "milk");
    uint32_t worker = s_worker (5, 3, 4);
    for (int task = 0; task < 103; task++)
        cr_assert_neq (s_do (worker), 3, "task %d", task);
}

Test (schedule, each_worker_shares_among_its_own_groups)
{
    rig_push (s_rig, s_client, "bread", 1, 900, "flour");
    rig_push (s_rig, s_client, "cheese", 901, 300, "milk");
    uint32_t both = s_worker (5, 2, 1), bread = s_worker (6, 1, 1);
    for (int round = 0; round < 300; round++) {
        cr_assert_eq (s_do (bread), 0);
        s_do (both);
    }
    cr_assert_eq (s_counts [1], 150, "%u", s_counts [1]);
}

Test (schedule, a_large_worker_has_turns_of_many_tasks)
{
    rig_push (s_rig, s_client, "bread", 1, 1000, "flour");
    rig_push (s_rig, s_client, "cheese", 1001, 1000, "milk");
    uint32_t worker = s_worker (5, 2, 800);
    uint32_t before = 3, turns = 0;
    for (const rig_said_t *said = rig_hear (s_rig, worker, STP_TASK); said;
         said = rig_hear (s_rig, worker, STP_TASK)) {
        turns += said->reply.group != before;
        before = said->reply.group;
    }
    cr_assert_leq (turns, 800 / SCHEDULE_TURN_MAX + 2, "%u", turns);
    cr_assert_geq (s_running ("bread"), 350);
    cr_assert_geq (s_running ("cheese"), 350);
}

//  ---------------------------------------------------------------------------------
//  Limits, and pauses

Test (schedule, no_more_tasks_of_a_group_run_at_once_than_it_allows)
{
    rig_set (s_rig, s_client, "bread", "max_running", 3);
    rig_push (s_rig, s_client, "bread", 1, 20, "flour");
    uint32_t one = s_worker (5, 2, 100), other = s_worker (6, 2, 100);
    rig_push (s_rig, s_client, "cheese", 21, 5, "milk");
    cr_assert_eq (s_running ("bread"), 3);
    cr_assert_eq (s_running ("cheese"), 5);
    for (int task = 0; task < 25; task++) {
        cr_assert (s_do (one) != 3 || s_do (other) != 3);
        cr_assert_leq (s_running ("bread"), 3);
    }
    cr_assert_eq (s_counts [0], 20);
}

Test (schedule, a_limit_that_is_changed_counts_at_once_and_one_that_is_passed_kills_nothing)
{
    rig_push (s_rig, s_client, "bread", 1, 20, "flour");
    uint32_t worker = s_worker (5, 1, 10);
    cr_assert_eq (s_running ("bread"), 10);
    rig_set (s_rig, s_client, "bread", "max_running", 2);
    for (uint32_t left = 9; left >= 2; left--) {
        s_do (worker);
        cr_assert_eq (s_running ("bread"), left);
    }
    s_do (worker);
    cr_assert_eq (s_running ("bread"), 2);
    rig_set (s_rig, s_client, "bread", "max_running", 6);
    cr_assert_eq (s_running ("bread"), 6);
    rig_set (s_rig, s_client, "bread", "max_running", 0);
    cr_assert_eq (s_running ("bread"), 10);
}

Test (schedule, the_brokers_own_limit_counts_for_a_group_without_one)
{
    rig_push (s_rig, s_client, "bread", 1, 20, "flour");
    record_settings_t defaults = s_rig->core->groups.defaults;
    defaults.max_running = 4;
    core_set_defaults (s_rig->core, &defaults);
    s_worker (5, 1, 10);
    cr_assert_eq (s_running ("bread"), 4);
    defaults.max_running = 0;
    core_set_defaults (s_rig->core, &defaults);
    rig_turn (s_rig);
    cr_assert_eq (s_running ("bread"), 10);
}

Test (schedule, a_failure_makes_room_for_the_next_task)
{
    rig_set (s_rig, s_client, "bread", "max_running", 1);
    rig_push (s_rig, s_client, "bread", 1, 2, "flour");
    uint32_t worker = s_worker (5, 1, 10);
    uint64_t fence = rig_given (s_rig, worker, 1);
    rig_result (s_rig, worker, 1, fence, 1, "burnt", 0);
    rig_given (s_rig, worker, 2);
    cr_assert_eq (s_running ("bread"), 1);
}

Test (schedule, a_paused_group_takes_tasks_and_gives_none_and_what_runs_goes_on)
{
    rig_push (s_rig, s_client, "bread", 1, 3, "flour");
    uint32_t worker = s_worker (5, 2, 2);
    rig_set (s_rig, s_client, "bread", "paused", 1);
    rig_push (s_rig, s_client, "bread", 4, 3, "flour");
    rig_push (s_rig, s_client, "cheese", 7, 1, "milk");
    cr_assert_eq (s_do (worker), 0);
    cr_assert_eq (s_do (worker), 0);
    cr_assert_eq (s_do (worker), 1);
    cr_assert_eq (s_do (worker), 3);
    rig_set (s_rig, s_client, "bread", "paused", 0);
    for (int task = 0; task < 4; task++)
        cr_assert_eq (s_do (worker), 0);
}

//  What a pool grows by is what it could do.

Test (schedule, workers_are_told_of_the_tasks_that_may_run)
{
    rig_set (s_rig, s_client, "bread", "max_running", 4);
    rig_set (s_rig, s_client, "cheese", "paused", 1);
    rig_push (s_rig, s_client, "bread", 1, 20, "flour");
    rig_push (s_rig, s_client, "cheese", 21, 20, "milk");
    rig_push (s_rig, s_client, "apples", 41, 3, "x");
    uint32_t worker = s_worker (5, 3, 2);
    rig_deaf (s_rig);
    rig_pass (s_rig, 1000);
    const rig_said_t *said = rig_hear (s_rig, worker, STP_HEARTBEAT);
    cr_assert (said);
    cr_assert_eq (said->reply.count, 4 + 3);
}

Test (schedule, a_pause_a_limit_and_a_weight_survive_a_restart)
{
    rig_set (s_rig, s_client, "bread", "paused", 1);
    rig_set (s_rig, s_client, "cheese", "max_running", 2);
    rig_set (s_rig, s_client, "apples", "weight", 7);
    rig_push (s_rig, s_client, "bread", 1, 3, "flour");
    rig_push (s_rig, s_client, "cheese", 4, 3, "milk");
    rig_crash (s_rig, s_rig->sealed);
    uint32_t worker = s_worker (5, 3, 10);
    rig_pass (s_rig, 0);
    cr_assert_eq (s_running ("bread"), 0);
    cr_assert_eq (s_running ("cheese"), 2);
    uint32_t slot = groups_find (&s_rig->core->groups, stint_bytes_of ("apples"));
    cr_assert_eq (groups_settings (&s_rig->core->groups, slot).weight, 7);
    cr_assert_eq (s_do (worker), 1);
}

Test (schedule, settings_out_of_their_range_are_refused)
{
    static const struct {
        const char *name;
        uint64_t value;
    } bad [] = {{"weight", 1001}, {"paused", 2}, {"max_running", UINT64_MAX}};
    for (size_t index = 0; index < sizeof bad / sizeof bad [0]; index++) {
        rig_deaf (s_rig);
        rig_set (s_rig, s_client, "bread", bad [index].name, bad [index].value);
        cr_assert (rig_hear (s_rig, s_client, STP_ERROR), "%s", bad [index].name);
    }
}
