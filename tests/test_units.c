//  test_units: durations, sizes, counts and yes or no are read and written right
//  SPDX-License-Identifier: MPL-2.0

#include "stint.h"
#include "stint_units.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

//  Returns the seed of this run, which SEED=n in the environment repeats.
static uint64_t
s_seed (void)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    const char *given = getenv ("SEED");
    uint64_t seed = given ? strtoull (given, NULL, 10) : (uint64_t) now.tv_nsec;
    printf ("test_units: SEED=%" PRIu64 "\n", seed);
    return seed;
}

//  Returns the next number of a splitmix64 sequence.
static uint64_t
s_random (uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C (0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C (0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

typedef struct {
    const char *text;  //  What somebody wrote
    int64_t value;     //  What it means; -1 when it is to be refused
} sample_t;

#define COUNT(array) (sizeof array / sizeof array [0])

Test (units, a_duration_is_read_as_people_write_it)
{
    static const sample_t samples [] = {
        {"0", 0},
        {"0s", 0},
        {"500ms", 500},
        {"30s", 30000},
        {"5m", 300000},
        {"2h30m", 9000000},
        {"7d", 604800000},
        {"1d2h3m4s5ms", 93784005},
        {"1s1ms", 1001},
        {"90m", 5400000},
        {"9223372036854775807ms", INT64_MAX},
        {"106751991167d", INT64_C (106751991167) * 86400000},
    };
    for (size_t at = 0; at < COUNT (samples); at++) {
        int64_t ms = -1;
        cr_expect (stint_units_parse_duration (samples [at].text, &ms), "%s",
                   samples [at].text);
        cr_expect_eq (ms, samples [at].value, "%s", samples [at].text);
    }
}

Test (units, what_is_no_duration_is_refused_and_leaves_the_value_alone)
{
    static const char *const texts [] = {
        "",
        "30",
        "s",
        "-5s",
        "5 s",
        " 5s",
        "5s ",
        "1.5s",
        "5x",
        "5S",
        "1m1",
        "1s1m",
        "1m1m",
        "5sm",
        "ms",
        "5msms",
        "0x5s",
        "+5s",
        "00",
        "\n",
        "9223372036854775808ms",
        "106751991168d",
        "9223372036854775807ms1ms",
        "106751991167d9223372036854775807ms",
    };
    for (size_t at = 0; at < COUNT (texts); at++) {
        int64_t ms = 77;
        cr_expect_not (stint_units_parse_duration (texts [at], &ms), "%s", texts [at]);
        cr_expect_eq (ms, 77, "%s", texts [at]);
    }
}

Test (units, a_size_is_read_in_powers_of_1024)
{
    static const sample_t samples [] = {
        {"0", 0},           {"4096", 4096},
        {"64k", 65536},     {"64K", 65536},
        {"16M", 16777216},  {"16m", 16777216},
        {"2G", 2147483648}, {"1T", INT64_C (1) << 40},
        {"0G", 0},          {"8388607T", INT64_C (8388607) << 40},
    };
    for (size_t at = 0; at < COUNT (samples); at++) {
        int64_t size = -1;
        cr_expect (stint_units_parse_size (samples [at].text, &size), "%s",
                   samples [at].text);
        cr_expect_eq (size, samples [at].value, "%s", samples [at].text);
    }
}

Test (units, rates_are_by_the_second_the_minute_or_the_hour)
{
    static const struct {
        const char *text;
        int64_t hourly;
    } samples [] = {{"100/s", 360000}, {"10/m", 600}, {"5/h", 5}, {"0", 0}, {"90/h", 90}};
    char text [STINT_UNITS_SIZE];
    for (size_t at = 0; at < COUNT (samples); at++) {
        int64_t hourly = -1;
        cr_expect (stint_units_parse_rate (samples [at].text, &hourly));
        cr_expect_eq (hourly, samples [at].hourly);
        cr_expect_str_eq (stint_units_format_rate (hourly, text), samples [at].text);
    }
    cr_expect_str_eq (stint_units_format_rate (7200, text), "2/s");
    cr_expect_str_eq (stint_units_format_rate (120, text), "2/m");
    static const char *const bad [] = {"",    "5",     "/s",   "5/",
                                       "5/d", "5 /s",  "5/ss", "-5/s",
                                       "5s",  "1.5/s", "0/x",  "9223372036854775807/s"};
    for (size_t at = 0; at < COUNT (bad); at++) {
        int64_t hourly = 77;
        cr_expect_not (stint_units_parse_rate (bad [at], &hourly), "%s", bad [at]);
        cr_expect_eq (hourly, 77);
    }
}

Test (units, what_is_no_size_is_refused_and_leaves_the_value_alone)
{
    static const char *const texts [] = {
        "",         "k",
        "-1k",      "1.5M",
        "1kB",      "1 k",
        "1kk",      " 1",
        "1 ",       "1x",
        "1P",       "0x10",
        "1k1",      "9223372036854775808",
        "8388608T", "99999999999999999999999",
        "+1",
    };
    for (size_t at = 0; at < COUNT (texts); at++) {
        int64_t size = 77;
        cr_expect_not (stint_units_parse_size (texts [at], &size), "%s", texts [at]);
        cr_expect_eq (size, 77, "%s", texts [at]);
    }
}

Test (units, a_count_is_a_whole_number_that_may_be_negative)
{
    int64_t count;
    cr_expect (stint_units_parse_count ("0", &count) && count == 0);
    cr_expect (stint_units_parse_count ("-12", &count) && count == -12);
    cr_expect (stint_units_parse_count ("9223372036854775807", &count)
               && count == INT64_MAX);
    static const char *const texts [] = {"",    "-",   "--1", "1-",  " 1",
                                         "1.0", "1e3", "+1",  "0x1", "9223372036854775808"};
    for (size_t at = 0; at < COUNT (texts); at++)
        cr_expect_not (stint_units_parse_count (texts [at], &count), "%s", texts [at]);
}

Test (units, yes_and_no_have_four_spellings_each)
{
    static const char *const texts [] = {"yes", "true",  "on",  "1",
                                         "no",  "false", "off", "0"};
    for (size_t at = 0; at < COUNT (texts); at++) {
        bool answer = at >= 4;
        cr_expect (stint_units_parse_boolean (texts [at], &answer), "%s", texts [at]);
        cr_expect_eq (answer, at < 4, "%s", texts [at]);
    }
    bool answer = true;
    cr_expect_not (stint_units_parse_boolean ("", &answer));
    cr_expect_not (stint_units_parse_boolean ("Yes", &answer));
    cr_expect_not (stint_units_parse_boolean ("yess", &answer));
    cr_expect (answer);
}

Test (units, values_are_written_in_the_shortest_exact_form)
{
    char text [STINT_UNITS_SIZE];
    cr_expect_str_eq (stint_units_format_duration (0, text), "0s");
    cr_expect_str_eq (stint_units_format_duration (90000, text), "1m30s");
    cr_expect_str_eq (stint_units_format_duration (1500, text), "1s500ms");
    cr_expect_str_eq (stint_units_format_duration (604800000, text), "7d");
    cr_expect_str_eq (stint_units_format_duration (INT64_MAX, text),
                      "106751991167d7h12m55s807ms");
    cr_expect_str_eq (stint_units_format_size (0, text), "0");
    cr_expect_str_eq (stint_units_format_size (1025, text), "1025");
    cr_expect_str_eq (stint_units_format_size (65536, text), "64k");
    cr_expect_str_eq (stint_units_format_size (INT64_C (3) << 40, text), "3T");
    cr_expect_str_eq (stint_units_format_count (-7, text), "-7");
    cr_expect_str_eq (stint_units_format_boolean (true, text), "yes");
    cr_expect_str_eq (stint_units_format_boolean (false, text), "no");
}

Test (units, what_was_written_is_read_back_as_the_same_value)
{
    uint64_t state = s_seed ();
    for (int round = 0; round < 100000; round++) {
        //  Numbers of every length, not only the longest
        uint64_t bits = s_random (&state);
        int64_t value = (int64_t) (bits >> (1 + s_random (&state) % 63));
        int64_t read = -1;
        char text [STINT_UNITS_SIZE];
        cr_assert (
            stint_units_parse_duration (stint_units_format_duration (value, text), &read)
                && read == value,
            "%" PRId64, value);
        cr_assert (stint_units_parse_size (stint_units_format_size (value, text), &read)
                       && read == value,
                   "%" PRId64, value);
        cr_assert (stint_units_parse_count (stint_units_format_count (-value, text), &read)
                       && read == -value,
                   "%" PRId64, value);
    }
}

Test (units, any_text_is_read_or_refused_and_what_is_read_survives_a_round_trip)
{
    static const char letters [] = "0123456789dhmskMGT -.";
    uint64_t state = s_seed ();
    for (int round = 0; round < 100000; round++) {
        char text [24];
        size_t size = s_random (&state) % sizeof text;
        for (size_t at = 0; at < size; at++)
            text [at] = letters [s_random (&state) % (sizeof letters - 1)];
        text [size] = 0;

        char written [STINT_UNITS_SIZE];
        int64_t value;
        int64_t again = -1;
        if (stint_units_parse_duration (text, &value))
            cr_assert (stint_units_parse_duration (
                           stint_units_format_duration (value, written), &again)
                           && again == value,
                       "%s", text);
        if (stint_units_parse_size (text, &value))
            cr_assert (
                stint_units_parse_size (stint_units_format_size (value, written), &again)
                    && again == value,
                "%s", text);
    }
}

Test (error, every_status_and_state_has_a_text_of_its_own)
{
    for (int one = STINT_OK; one >= STINT_ERR_PENDING; one--) {
        const char *text = stint_strerror ((stint_status_t) one);
        cr_expect (text && *text);
        for (int other = one - 1; other >= STINT_ERR_PENDING - 1; other--)
            cr_expect_str_neq (text, stint_strerror ((stint_status_t) other));
    }
    for (int one = STINT_DELAYED; one <= STINT_CANCELLED; one++) {
        for (int other = one + 1; other <= STINT_CANCELLED + 1; other++)
            cr_expect_str_neq (stint_state_name ((stint_state_t) one),
                               stint_state_name ((stint_state_t) other));
    }
    cr_expect_str_eq (stint_state_name (STINT_READY), "ready");
    cr_expect_str_eq (stint_state_name ((stint_state_t) 200), "unknown");
}

Test (error, bytes_of_a_text_leave_out_its_final_null)
{
    stint_bytes_t bytes = stint_bytes_of ("abc");
    cr_expect_eq (bytes.size, 3);
    cr_expect_arr_eq (bytes.data, "abc", 3);
    cr_expect_eq (stint_bytes_of ("").size, 0);
}
