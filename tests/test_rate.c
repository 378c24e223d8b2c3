//  test_rate: a bucket gives what its rate says, to the millisecond and for ever
//  SPDX-License-Identifier: MPL-2.0

#include "rate.h"

#include <criterion/criterion.h>

//  Takes a token when there is one.

static bool
s_take (rate_t *bucket, rate_limit_t limit, int64_t now)
{
    if (rate_tokens (bucket, limit, now) == 0)
        return false;
    bucket->level = rate_level (bucket, limit, now) + RATE_TOKEN;
    bucket->at = now;
    return true;
}

//  Takes all that is to be had in a span. Returns how many.

static uint64_t
s_take_all (rate_t *bucket, rate_limit_t limit, int64_t from, int64_t to)
{
    uint64_t taken = 0;
    for (int64_t now = from; now < to;) {
        taken += s_take (bucket, limit, now);
        int64_t next = rate_next (bucket, limit);
        now = next > now ? next : now;
    }
    return taken;
}

Test (rate, a_full_bucket_gives_its_burst_and_then_one_by_one)
{
    rate_t bucket = {0};
    rate_limit_t limit = rate_limit (36000, 3);
    cr_assert_eq (rate_tokens (&bucket, limit, 5000), 3);
    for (int count = 0; count < 3; count++)
        cr_assert (s_take (&bucket, limit, 5000));
    cr_assert_not (s_take (&bucket, limit, 5000));
    cr_assert_eq (rate_next (&bucket, limit), 5100);
    cr_assert_not (s_take (&bucket, limit, 5099));
    cr_assert (s_take (&bucket, limit, 5100));
    cr_assert_eq (rate_tokens (&bucket, limit, 5300), 2);
    cr_assert_eq (rate_tokens (&bucket, limit, 90000), 3);
}

Test (rate, a_burst_of_none_is_a_seconds_worth_and_at_least_one)
{
    cr_assert_eq (rate_limit (360000, 0).burst, 100);
    cr_assert_eq (rate_limit (7, 0).burst, 1);
    cr_assert_eq (rate_limit (360000, 5).burst, 5);
    cr_assert_eq (rate_limit (0, 5).burst, 0);
}

Test (rate, no_rate_is_no_limit)
{
    rate_t bucket = {.at = 9, .level = RATE_TOKEN};
    rate_limit_t none = rate_limit (0, 0);
    cr_assert_eq (rate_tokens (&bucket, none, 9), UINT64_MAX);
    cr_assert_eq (rate_next (&bucket, none), 9);
    cr_assert_eq (rate_level (&bucket, none, 9), 0);
}

Test (rate, rates_that_do_not_divide_a_millisecond_do_not_drift)
{
    static const uint64_t rates [] = {1,        7,          11 * 60,
                                      7 * 3600, 997 * 3600, UINT64_C (3600) * 1000000};
    for (size_t at = 0; at < sizeof rates / sizeof *rates; at++) {
        rate_t bucket = {0};
        rate_limit_t limit = rate_limit (rates [at], 2000);
        int64_t span = rates [at] > 1000000000 ? 3600 : 3600000;
        s_take_all (&bucket, limit, 1000, 1001);
        uint64_t taken = s_take_all (&bucket, limit, 1001, 1001 + span);
        uint64_t expected = rates [at] * (uint64_t) span / 3600000;
        cr_assert_eq (taken, expected, "%lu an hour: %lu of %lu", rates [at], taken,
                      expected);
    }
}

Test (rate, a_rate_that_changes_counts_from_the_last_start_on)
{
    rate_t bucket = {0};
    rate_limit_t slow = rate_limit (1, 1);
    rate_limit_t fast = rate_limit (360000, 1);
    cr_assert (s_take (&bucket, slow, 1000));
    cr_assert_eq (rate_next (&bucket, slow), 3601000);
    cr_assert_eq (rate_next (&bucket, fast), 1010);

    //  A large burst that is used up is no debt under a smaller one
    rate_limit_t large = rate_limit (3600, 1000);
    cr_assert_eq (s_take_all (&bucket, large, 5000, 5001), 1000);
    cr_assert_eq (rate_next (&bucket, fast), 5010);
}

Test (rate, the_greatest_numbers_do_not_overflow)
{
    rate_t bucket = {.at = 0, .level = RATE_LEVEL_MAX};
    rate_limit_t limit = rate_limit (1, 1000000000);
    cr_assert_eq (rate_tokens (&bucket, limit, 0), 0);
    cr_assert_eq (rate_next (&bucket, limit), 3600000);
    cr_assert_eq (rate_tokens (&bucket, limit, INT64_MAX / 2), 1000000000);
    limit = rate_limit (UINT64_C (3600000000), 1000000000);
    cr_assert_eq (rate_tokens (&bucket, limit, INT64_MAX / 2), 1000000000);
    cr_assert_eq (rate_next (&bucket, limit), 1);
}

Test (rate, a_clock_that_stands_gives_nothing)
{
    rate_t bucket = {0};
    rate_limit_t limit = rate_limit (3600, 1);
    cr_assert (s_take (&bucket, limit, 5000));
    cr_assert_not (s_take (&bucket, limit, 5000));
    cr_assert_not (s_take (&bucket, limit, 4000));
}
