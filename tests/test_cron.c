//  test_cron: lines of schedules are read, and their runs come when they have to
//  SPDX-License-Identifier: MPL-2.0

#include "cron.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof array / sizeof array [0])

//  Reads "2024-02-28 23:59" as a point in time of UTC.

static int64_t
s_at (const char *text)
{
    struct tm parts = {0};
    cr_assert (strptime (text, "%Y-%m-%d %H:%M", &parts), "%s", text);
    return (int64_t) timegm (&parts) * 1000;
}

static cron_t
s_cron (const char *line, int64_t zone)
{
    cron_t cron;
    const char *fault = cron_parse (&cron, stint_bytes_of (line));
    cr_assert_null (fault, "%s: %s", line, fault);
    cron.zone = zone;
    return cron;
}

//  The next run of a line after one point in time is at the other.

static void
s_next (const char *line, int64_t zone, const char *after, const char *expected)
{
    cron_t cron = s_cron (line, zone);
    int64_t next = cron_next (&cron, s_at (after));
    time_t seconds = next / 1000;
    char text [32];
    struct tm parts;
    strftime (text, sizeof text, "%Y-%m-%d %H:%M", gmtime_r (&seconds, &parts));
    cr_assert_str_eq (text, expected, "%s after %s: %s, not %s", line, after, text,
                      expected);
    cr_assert_eq (next % CRON_MINUTE_MS, 0);
}

Test (cron, known_lines_run_when_a_calendar_says)
{
    s_next ("* * * * *", 0, "2024-02-28 23:59", "2024-02-29 00:00");
    s_next ("0 0 * * *", 0, "2023-12-31 00:00", "2024-01-01 00:00");
    s_next ("*/15 * * * *", 0, "2026-05-01 10:45", "2026-05-01 11:00");
    s_next ("10-30/7 9-10 * * *", 0, "2026-05-01 09:24", "2026-05-01 10:10");
    s_next ("50/4 * * * *", 0, "2026-05-01 09:54", "2026-05-01 09:58");
    s_next ("0,30 6,18 * * *", 0, "2026-05-01 06:30", "2026-05-01 18:00");
    s_next ("0 12 31 * *", 0, "2026-04-01 00:00", "2026-05-31 12:00");
    s_next ("0 0 29 2 *", 0, "2024-02-29 00:00", "2028-02-29 00:00");
    s_next ("0 0 29 feb *", 0, "2096-03-01 00:00", "2104-02-29 00:00");
    s_next ("0 7 * * mon-fri", 0, "2026-05-01 07:00", "2026-05-04 07:00");
    s_next ("0 7 * * 5-7", 0, "2026-05-02 07:00", "2026-05-03 07:00");
    s_next ("0 7 * * 0", 0, "2026-05-02 07:00", "2026-05-03 07:00");
    s_next ("0 7 * * Sun", 0, "2026-05-02 07:00", "2026-05-03 07:00");
    s_next ("0 0 1 jan,JUL *", 0, "2026-01-01 00:00", "2026-07-01 00:00");
    s_next ("59 23 31 12 *", 0, "2025-12-31 23:59", "2026-12-31 23:59");
}

Test (cron, of_two_day_fields_that_are_restricted_either_suffices)
{
    //  The 13th, and every Friday; 1 May 2026 is a Friday
    s_next ("0 0 13 * 5", 0, "2026-05-01 00:00", "2026-05-08 00:00");
    s_next ("0 0 13 * 5", 0, "2026-05-08 00:00", "2026-05-13 00:00");
    s_next ("0 0 13 * *", 0, "2026-05-01 00:00", "2026-05-13 00:00");
    //  One that begins with a star is not restricted: an odd day that is a Friday
    s_next ("0 0 */2 * 5", 0, "2026-05-02 00:00", "2026-05-15 00:00");
}

Test (cron, a_zone_moves_the_clock_and_the_day_with_it)
{
    s_next ("0 0 * * *", 120, "2026-05-01 10:00", "2026-05-01 22:00");
    s_next ("0 0 1 * *", 120, "2026-05-01 10:00", "2026-05-31 22:00");
    s_next ("30 23 28 2 *", -300, "2026-03-01 04:29", "2026-03-01 04:30");
    s_next ("0 9 * * 1", 840, "2026-05-01 00:00", "2026-05-03 19:00");
}

Test (cron, names_stand_for_lines)
{
    s_next ("@hourly", 0, "2026-05-01 10:00", "2026-05-01 11:00");
    s_next ("@daily", 0, "2026-05-01 10:00", "2026-05-02 00:00");
    s_next ("@midnight", 0, "2026-05-01 10:00", "2026-05-02 00:00");
    s_next ("@weekly", 0, "2026-05-01 10:00", "2026-05-03 00:00");
    s_next ("@monthly", 0, "2026-05-01 10:00", "2026-06-01 00:00");
    s_next ("@yearly", 0, "2026-05-01 10:00", "2027-01-01 00:00");
    s_next ("@annually", 0, "2026-05-01 10:00", "2027-01-01 00:00");
}

Test (cron, a_span_counts_from_when_it_was_set)
{
    cron_t cron = s_cron ("@every 1h30m", 0);
    cr_assert_eq (cron.every_ms, 5400000);
    cron = s_cron ("@every 90s", 0);
    cron.begin = 1000;
    cr_assert_eq (cron_next (&cron, 0), 91000);
    cr_assert_eq (cron_next (&cron, 1000), 91000);
    cr_assert_eq (cron_next (&cron, 90999), 91000);
    cr_assert_eq (cron_next (&cron, 91000), 181000);
    cr_assert_eq (cron_next (&cron, 1000 + 90000 * 100 + 1), 1000 + 90000 * 101);
}

//  ---------------------------------------------------------------------------------
//  What is refused

static void
s_refused (const char *line, const char *why)
{
    cron_t cron;
    const char *fault = cron_parse (&cron, stint_bytes_of (line));
    cr_assert (fault && strstr (fault, why), "%s: %s", line, fault ? fault : "taken");
}

Test (cron, what_is_no_line_is_refused_with_the_field_that_is_wrong)
{
    static const char *const five [] = {"",      " ",      "*",     "* * * *",
                                        "hello", "@never", "@every"};
    for (size_t at = 0; at < COUNT (five); at++)
        s_refused (five [at], at == 4 ? "the first field" : "");
    s_refused ("* * * *", "five fields");
    s_refused ("* * * * * *", "more behind");
    s_refused ("60 * * * *", "the first field");
    s_refused ("*/0 * * * *", "the first field");
    s_refused ("5- * * * *", "the first field");
    s_refused ("1,,2 * * * *", "the first field");
    s_refused ("* 24 * * *", "the second field");
    s_refused ("* 9-8 * * *", "the second field");
    s_refused ("* * 0 * *", "the third field");
    s_refused ("* * 32 * *", "the third field");
    s_refused ("* * * 13 *", "the fourth field");
    s_refused ("* * * jam *", "the fourth field");
    s_refused ("* * * * 8", "the fifth field");
    s_refused ("* * * * fri-mon", "the fifth field");
    s_refused ("99999999999 * * * *", "the first field");
    s_refused ("@every 0s", "span");
    s_refused ("@every 500ms", "span");
    s_refused ("@every 90", "span");
    s_refused ("@every 99999999d", "span");
    char longer [CRON_LINE_MAX + 2];
    memset (longer, '1', sizeof longer);
    longer [sizeof longer - 1] = '\0';
    s_refused (longer, "128 bytes");
}

Test (cron, a_line_that_never_runs_is_refused)
{
    s_refused ("0 0 30 2 *", "never runs");
    s_refused ("0 0 31 2,4,6,9,11 *", "never runs");
    s_cron ("0 0 30 2 1", 0);    //  Mondays of February
    s_cron ("0 0 29 2 */7", 0);  //  A Sunday: once in 28 years
}

Test (cron, a_zone_is_utc_or_an_offset)
{
    static const struct {
        const char *text;
        int64_t minutes;
    } samples [] = {{"", 0},          {"UTC", 0},      {"+00:00", 0},    {"+02:00", 120},
                    {"-03:30", -210}, {"+14:00", 840}, {"-14:00", -840}, {"+05:45", 345}};
    static const char *const bad [] = {"Europe/Berlin", "utc",    "02:00",  "+2:00",
                                       "+14:01",        "+02:60", "+0a:00", "-99:00"};
    int64_t minutes;
    char text [CRON_ZONE_SIZE];
    for (size_t at = 0; at < COUNT (samples); at++) {
        cr_assert_null (cron_parse_zone (stint_bytes_of (samples [at].text), &minutes));
        cr_assert_eq (minutes, samples [at].minutes);
        cron_format_zone (minutes, text);
        cr_assert_str_eq (text, minutes ? samples [at].text : "UTC");
    }
    for (size_t at = 0; at < COUNT (bad); at++)
        cr_assert_not_null (cron_parse_zone (stint_bytes_of (bad [at]), &minutes), "%s",
                            bad [at]);
    cr_assert (
        strstr (cron_parse_zone (stint_bytes_of ("Europe/Berlin"), &minutes), "left out"));
}

//  ---------------------------------------------------------------------------------
//  Random lines against a walk of minutes with the calendar of libc

static uint64_t s_state;

static uint32_t
s_random (uint32_t limit)
{
    s_state = s_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t) ((s_state >> 33) % limit);
}

typedef struct {
    char text [64];  //  Of the field
    bool set [64];   //  Its values
    bool open;       //  Begins with a star
} field_t;

//  Draws a field of one to three elements.

static field_t
s_draw (uint32_t least, uint32_t most)
{
    field_t field = {.open = false};
    uint32_t count = s_random (3) ? 1 : 1 + s_random (3);
    for (uint32_t element = 0; element < count; element++) {
        uint32_t from = least, to = most, step = 1;
        size_t end = strlen (field.text);
        size_t room = sizeof field.text - end;
        char *at = field.text + end;
        const char *comma = element > 0 ? "," : "";
        uint32_t kind = s_random (4);
        if (kind == 0)
            snprintf (at, room, "%s*", comma);
        else if (kind == 1) {
            from = to = least + s_random (most - least + 1);
            snprintf (at, room, "%s%u", comma, from);
        }
        else {
            from = least + s_random (most - least + 1);
            to = from + s_random (most - from + 1);
            snprintf (at, room, "%s%u-%u", comma, from, to);
        }
        if (kind != 1 && s_random (2)) {
            step = 1 + s_random (9);
            end = strlen (field.text);
            snprintf (field.text + end, sizeof field.text - end, "/%u", step);
        }
        for (uint32_t value = from; value <= to; value += step)
            field.set [value] = true;
    }
    field.open = field.text [0] == '*';
    return field;
}

static bool
s_runs (const field_t fields [5], int64_t at)
{
    time_t seconds = at / 1000;
    struct tm now;
    gmtime_r (&seconds, &now);
    bool day = fields [2].set [now.tm_mday];
    bool week = fields [4].set [now.tm_wday] || (now.tm_wday == 0 && fields [4].set [7]);
    bool right = fields [2].open || fields [4].open ? day && week : day || week;
    return right && fields [0].set [now.tm_min] && fields [1].set [now.tm_hour]
           && fields [3].set [now.tm_mon + 1];
}

Test (cron, random_lines_run_when_a_walk_of_minutes_says)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    const char *given = getenv ("SEED");
    uint64_t seed = given ? strtoull (given, NULL, 10) : (uint64_t) now.tv_nsec;
    printf ("test_cron: SEED=%" PRIu64 "\n", seed);
    s_state = seed;
    for (int count = 0; count < 400; count++) {
        const field_t fields [] = {s_draw (0, 59), s_draw (0, 23), s_draw (1, 31),
                                   s_draw (1, 12), s_draw (0, 7)};
        char line [512];
        snprintf (line, sizeof line, "%s %s %s %s %s", fields [0].text, fields [1].text,
                  fields [2].text, fields [3].text, fields [4].text);
        cron_t cron;
        if (cron_parse (&cron, stint_bytes_of (line)))
            continue;  //  It never runs, or is too long
        int64_t from = (int64_t) s_random (2000000000) * 1000 + s_random (1000);
        int64_t zone = cron.zone = (int64_t) s_random (1681) - 840;
        int64_t next = cron_next (&cron, from);
        int64_t at = from / CRON_MINUTE_MS * CRON_MINUTE_MS;
        int64_t end = from + (int64_t) 10000 * CRON_MINUTE_MS;
        do
            at += CRON_MINUTE_MS;
        while (at < end && !s_runs (fields, at + zone * CRON_MINUTE_MS));
        cr_assert (at == next || (at >= end && next >= end),
                   "SEED=%" PRIu64 ": \"%s\" zone %ld after %ld: %ld, not %ld", seed, line,
                   (long) zone, (long) from, (long) next, (long) at);
    }
}
