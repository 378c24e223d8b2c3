//  test_pace: how often both sides beat follows how many there are, and misses nobody
//  SPDX-License-Identifier: MPL-2.0

#include "pace.h"

#include <criterion/criterion.h>

static pace_t s_pace;

static void
s_begin (void)
{
    pace_init (&s_pace, 1000, 3, 2000);
}

TestSuite (pace, .init = s_begin);

Test (pace, few_peers_beat_as_they_are_configured_to)
{
    cr_assert_not (pace_follow (&s_pace, 2000, 5));
    cr_assert_eq (s_pace.told_ms, 1000);
    cr_assert_eq (pace_patience (&s_pace), 3000);
}

Test (pace, the_beats_of_a_second_stay_below_the_bound)
{
    for (uint32_t peers = 1; peers < 100000; peers += 777) {
        pace_start (&s_pace, peers);
        cr_assert_leq ((uint64_t) peers * 1000, 2000 * (uint64_t) s_pace.told_ms);
        cr_assert_eq (s_pace.told_ms % 1000, 0);
    }
    pace_start (&s_pace, UINT32_MAX);
    cr_assert_eq (s_pace.told_ms, 60000);
    pace_init (&s_pace, 1000, 3, 0);
    pace_start (&s_pace, UINT32_MAX);
    cr_assert_eq (s_pace.told_ms, 1000);
}

Test (pace, a_slower_one_waits_longer_at_once_and_beats_less_when_all_were_told)
{
    cr_assert (pace_follow (&s_pace, 9000, 5));
    cr_assert_eq (s_pace.told_ms, 5000);
    cr_assert_eq (s_pace.beat_ms, 1000);
    cr_assert_eq (pace_patience (&s_pace), 15000);
    cr_assert_not (pace_follow (&s_pace, 90000, 6));
    pace_told (&s_pace, 7);
    cr_assert_eq (s_pace.beat_ms, 5000);
    cr_assert_eq (s_pace.calm_at, PACE_NEVER);
}

Test (pace, a_faster_one_beats_more_at_once_and_waits_less_when_all_had_time)
{
    pace_start (&s_pace, 9000);
    cr_assert (pace_follow (&s_pace, 100, 5));
    cr_assert_eq (s_pace.told_ms, 1000);
    cr_assert_eq (s_pace.beat_ms, 1000);
    cr_assert_eq (pace_patience (&s_pace), 15000);
    pace_told (&s_pace, 7);
    cr_assert_not (pace_follow (&s_pace, 9000, 15006));
    cr_assert_eq (pace_patience (&s_pace), 15000);
    pace_forgive (&s_pace, 100);
    cr_assert_not (pace_follow (&s_pace, 100, 15106));
    cr_assert_eq (pace_patience (&s_pace), 15000);
    cr_assert_not (pace_follow (&s_pace, 100, 15107));
    cr_assert_eq (pace_patience (&s_pace), 3000);
}

Test (pace, it_is_not_slower_when_peers_leave)
{
    for (uint32_t peers = 1000; peers < 150000; peers += 1000) {
        pace_start (&s_pace, peers);
        uint32_t before = s_pace.told_ms;
        pace_follow (&s_pace, peers - peers / 10, 5);
        cr_assert_leq (s_pace.told_ms, before, "%u peers", peers);
    }
}

Test (pace, no_interval_is_longer_than_peers_believe)
{
    pace_init (&s_pace, 30000, 3, 1);
    pace_start (&s_pace, 100000);
    cr_assert_eq (s_pace.told_ms, 600000);
}

Test (pace, a_few_that_come_and_go_change_nothing)
{
    pace_start (&s_pace, 2001);
    cr_assert_eq (s_pace.told_ms, 2000);
    cr_assert_not (pace_follow (&s_pace, 1700, 5));
    cr_assert (pace_follow (&s_pace, 1600, 5));
}
