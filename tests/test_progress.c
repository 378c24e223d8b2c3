//  Tests of progress: the line that tells how far a set of tasks has come
//  SPDX-License-Identifier: MPL-2.0

#include <criterion/criterion.h>
#include <string.h>

#include "progress.h"
#include "text.h"

//  Begins at 1000 and lets 812 tasks a second end until 9000.

static void
s_run (progress_t *progress, const char *name)
{
    progress_start (progress, name, 1000);
    for (int64_t now = 1000; now <= 9000; now += 50) {
        progress_counts_t counts = {.ended = (uint64_t) (now - 1000) * 812 / 1000};
        progress_rate (progress, &counts, now);
    }
}

Test (progress, a_whole_line_is_as_the_manual_has_it)
{
    char line [PROGRESS_LINE_SIZE];
    progress_t progress;
    s_run (&progress, "album");
    progress_counts_t counts = {.pushed = 10000,
                                .ended = 6496,
                                .failed = 3,
                                .running = 12,
                                .total = 10000,
                                .exact = true};
    cr_expect_str_eq (progress_line (&progress, &counts, 9000, 120, line),
                      "album  [############--------]   64 %  6 496/10 000  12 running  "
                      "3 failed  812/s  ETA 5 s");
}

Test (progress, an_estimated_total_says_so)
{
    char line [PROGRESS_LINE_SIZE];
    progress_t progress;
    progress_start (&progress, "g", 0);
    progress_counts_t counts = {.pushed = 50, .ended = 25, .total = 100};
    cr_expect_str_eq (progress_line (&progress, &counts, 0, 79, line),
                      "g  [#####---------------]   25 %  25/~100  0 running");
}

Test (progress, without_a_total_there_is_no_bar)
{
    char line [PROGRESS_LINE_SIZE];
    progress_t progress;
    progress_start (&progress, "g", 0);
    progress_counts_t counts = {.pushed = 50, .ended = 25, .running = 4};
    cr_expect_str_eq (progress_line (&progress, &counts, 10000, 79, line),
                      "g  25 of 50 so far  4 running  2.5/s");
}

Test (progress, the_bar_shrinks_and_then_parts_go_until_the_line_fits)
{
    char line [PROGRESS_LINE_SIZE];
    progress_t progress;
    s_run (&progress, "album");
    progress_counts_t counts = {.pushed = 10000,
                                .ended = 6496,
                                .failed = 3,
                                .running = 12,
                                .total = 10000,
                                .exact = true};
    progress_line (&progress, &counts, 9000, 80, line);
    cr_expect_str_eq (line, "album  [#######-----]   64 %  6 496/10 000  12 running  "
                            "3 failed  812/s  ETA 5 s");
    for (size_t width = 200; width > 0; width--) {
        progress_line (&progress, &counts, 9000, width, line);
        cr_expect_leq (text_width (line), width);
        cr_expect_null (strstr (line, "   %"));
    }
    cr_expect_str_eq (progress_line (&progress, &counts, 9000, 12, line), "6 496/10 000");
    cr_expect_str_eq (progress_line (&progress, &counts, 9000, 11, line), "[####---]");
}

Test (progress, numbers_that_make_no_sense_make_no_nonsense)
{
    char line [PROGRESS_LINE_SIZE];
    progress_t progress;
    progress_start (&progress, "a\033name that nobody would give to a group, but who knows",
                    0);
    progress_counts_t counts = {.pushed = UINT64_MAX,
                                .ended = UINT64_MAX,
                                .failed = UINT64_MAX,
                                .running = UINT64_MAX,
                                .total = 7};
    progress_line (&progress, &counts, 0, 1000, line);
    cr_expect_not_null (strstr (line, "[####################]  100 %"));
    cr_expect_null (strchr (line, '\033'));
    counts = (progress_counts_t){.pushed = 1, .total = UINT64_MAX, .ended = 1};
    progress_line (&progress, &counts, 1, 1000, line);
    cr_expect_null (strstr (line, "ETA"), "%s", line);
}

Test (progress, the_rate_follows_the_last_seconds)
{
    progress_t progress;
    s_run (&progress, "g");
    progress_counts_t counts = {.ended = 6496};
    for (int64_t now = 9000; now <= 30000; now += 100)
        progress_rate (&progress, &counts, now);
    cr_expect_eq ((int) progress_rate (&progress, &counts, 30000), 0);
}

Test (progress, a_line_is_due_ten_times_a_second)
{
    progress_t progress;
    progress_start (&progress, "g", 0);
    int drawn = 0;
    for (int64_t now = 0; now < 1000; now++)
        drawn += progress_due (&progress, now);
    cr_expect_eq (drawn, 10);
}

Test (progress, the_last_line_tells_how_long_it_took)
{
    char line [PROGRESS_LINE_SIZE];
    progress_t progress;
    progress_start (&progress, "album", 1000);
    progress_counts_t counts = {
        .pushed = 10000, .ended = 10000, .failed = 3, .total = 10000, .exact = true};
    cr_expect_str_eq (progress_last_line (&progress, &counts, 13400, 100, line),
                      "album  [####################]  100 %  10 000/10 000  0 running  "
                      "3 failed  12.4 s");
}
