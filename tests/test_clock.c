//  test_clock: the broker's clock, and what it calls a stall
//  SPDX-License-Identifier: MPL-2.0

#include "clock.h"

#include <criterion/criterion.h>

Test (clock, never_begins_before_the_journal_ends)
{
    broker_clock_t clock;
    broker_clock_set (&clock, (int64_t) 1 << 60);
    cr_assert_geq (broker_clock_now (&clock), (int64_t) 1 << 60);
}

Test (clock, a_turn_that_begins_in_time_is_no_stall)
{
    cr_assert_eq (broker_clock_stalled (100, 110, 9000, 8999), 0);
    cr_assert_eq (broker_clock_stalled (100, 110, 9000, 9400), 0);
    cr_assert_eq (broker_clock_stalled (100, 600, 9000, 700), 0);
}

Test (clock, a_turn_that_took_long_is_a_stall)
{
    cr_assert_eq (broker_clock_stalled (100, 3100, 9000, 8000), 3000);
}

//  A worker's lease was to end at 3000, and the broker stood still from 2300 on. A word
//  that came at 2500 stands at the door at 5000, perhaps behind more than a turn takes:
//  when only the time from 3000 on is forgiven, the lease ends at 5000, and the worker is
//  missed.

Test (clock, who_wakes_too_late_may_have_stood_still_all_the_time)
{
    int64_t lease_until = 3000;
    lease_until += broker_clock_stalled (2290, 2300, lease_until, 5000);
    cr_assert_gt (lease_until, 5000);
    cr_assert_eq (lease_until - 5000, 3000 - 2290);
}
