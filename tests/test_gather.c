//  test_gather: a commit waits for a quick result, and for nobody who may not come
//  SPDX-License-Identifier: MPL-2.0

#include "gather.h"

#include <criterion/criterion.h>

static gather_t s_gather;
static int64_t s_now;

static void
s_begin (void)
{
    s_gather = (gather_t){0};
    s_now = 1000000;
}

TestSuite (gather, .init = s_begin);

//  A push that nobody waits for; its result comes that much later, and a commit takes as
//  long as that. Returns how many commits there were.

static int
s_task (int64_t result_us, int64_t commit_us)
{
    int commits = 0;
    int64_t due = s_now + result_us, done = 0;
    if (gather_leaves (&s_gather, s_now, true, false, false)) {
        done = s_now + commit_us;
        commits++;
    }
    int64_t until = gather_until (&s_gather, true, false);
    if (!done && until < due) {
        s_now = until;
        cr_assert (gather_leaves (&s_gather, s_now, true, false, false));
        done = s_now + commit_us;
        commits++;
    }
    if (done && done <= due) {
        s_now = done;
        cr_assert_not (gather_leaves (&s_gather, s_now, false, false, false));
        done = 0;
    }
    s_now = due;
    if (done) {
        cr_assert_not (gather_leaves (&s_gather, s_now, true, true, true));
        s_now = done;
    }
    cr_assert (gather_leaves (&s_gather, s_now, true, true, false), "somebody waits");
    s_now += commit_us;
    cr_assert_not (gather_leaves (&s_gather, s_now, false, false, false));
    return commits + 1;
}

Test (gather, who_knows_nothing_holds_nothing)
{
    cr_assert (gather_leaves (&s_gather, s_now, true, false, false));
    cr_assert_eq (gather_until (&s_gather, false, true), 0);
}

Test (gather, a_push_whose_result_comes_soon_shares_its_commit)
{
    cr_assert_eq (s_task (100, 300), 2);
    for (int task = 0; task < 100; task++)
        cr_assert_eq (s_task (100, 300), 1, "task %d", task);
    cr_assert_geq (s_gather.commit_us, 290);
    cr_assert_leq (s_gather.commit_us, 300);
}

Test (gather, a_result_that_does_not_come_sooner_than_a_commit_is_not_waited_for)
{
    for (int task = 0; task < 100; task++)
        cr_assert_eq (s_task (task % 2 ? 300 : 5000, 300), 2, "task %d", task);
}

Test (gather, nobody_is_waited_for_longer_than_a_commit_takes)
{
    for (int task = 0; task < 100; task++)
        s_task (100, 300);
    int64_t began = s_now;
    s_task (1000000, 300);
    cr_assert_eq (s_now - began, 1000000 + 300);
    cr_assert_not (gather_leaves (&s_gather, s_now, true, false, false));
    cr_assert_leq (gather_until (&s_gather, true, false), s_now + 300);
}

Test (gather, a_slow_disk_is_no_reason_to_hold_for_long)
{
    for (int task = 0; task < 100; task++)
        s_task (1000, 50000);
    cr_assert_not (gather_leaves (&s_gather, s_now, true, false, false));
    cr_assert_eq (gather_until (&s_gather, true, false), s_now + GATHER_MOST_US);
}

Test (gather, it_learns_that_handlers_have_become_slow_and_quick_again)
{
    for (int task = 0; task < 100; task++)
        s_task (100, 300);
    for (int task = 0; task < 10; task++)
        s_task (20000, 300);
    for (int task = 0; task < 5; task++)
        cr_assert_eq (s_task (20000, 300), 2);
    cr_assert (gather_leaves (&s_gather, s_now, true, false, false), "it is held");
    for (int task = 0; task < 30; task++)
        s_task (50, 300);
    cr_assert_eq (s_task (50, 300), 1);
}

static void
s_random (uint64_t seed)
{
    uint64_t chance = seed;
    int64_t held_since = 0;
    s_begin ();
    for (int event = 0; event < 2000; event++) {
        chance = chance * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
        s_now += (int64_t) (chance >> 33) % 200;
        bool something = chance >> 40 & 3, awaited = (chance >> 42 & 7) == 0;
        bool busy = chance >> 45 & 1;
        bool leaves = gather_leaves (&s_gather, s_now, something, awaited, busy);
        bool may = something && !busy;
        cr_assert (may || !leaves, "seed %llu", (unsigned long long) seed);
        cr_assert (leaves || !may || !awaited, "seed %llu", (unsigned long long) seed);
        if (leaves || !may)
            held_since = 0;
        else if (!held_since)
            held_since = s_now;
        int64_t until = gather_until (&s_gather, something && !leaves, busy);
        cr_assert (!held_since || (until > s_now && until <= held_since + GATHER_MOST_US),
                   "seed %llu", (unsigned long long) seed);
    }
}

Test (gather, whatever_happens_who_waits_is_served_and_what_is_held_is_looked_at_again)
{
    for (uint64_t seed = 1; seed <= 200; seed++)
        s_random (seed);
}
