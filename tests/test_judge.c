//  Tests of judge and history: a checker that cannot fail proves nothing
//  SPDX-License-Identifier: MPL-2.0

#include "history.h"
#include "judge.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

//  Two tasks, pushed together, run and ended once each.
#define GOOD                                                                               \
    {1, 10, 0, 0, HISTORY_PUSH, 2}, {2, 10, 0, 0, HISTORY_ACCEPTED, 2},                    \
        {3, 10, 1, 7, HISTORY_BEGAN, 1}, {4, 11, 2, 8, HISTORY_BEGAN, 1},                  \
        {5, 10, 1, 7, HISTORY_ENDED, 1}, {6, 10, 1, 7, HISTORY_RESULT, 1},                 \
        {7, 11, 2, 8, HISTORY_RESULT, 1},                                                  \
    {                                                                                      \
        8, 10, 1, 7, HISTORY_TAKEN, 1                                                      \
    }

#define LENGTH(lines) (sizeof (lines) / sizeof *(lines))

Test (judge, a_good_history_is_valid)
{
    history_line_t lines [] = {GOOD};
    judge_t found = judge_lines (lines, LENGTH (lines));
    cr_assert (judge_valid (&found));
    cr_assert_eq (found.attempted, 2);
    cr_assert_eq (found.acknowledged, 2);
    cr_assert_eq (found.executions, 2);
    cr_assert_eq (found.recorded, 2);
    cr_assert_eq (found.unknown, 0);
}

Test (judge, an_accepted_task_without_an_end_is_lost)
{
    history_line_t lines [] = {GOOD,
                               {9, 12, 0, 0, HISTORY_PUSH, 1},
                               {10, 12, 0, 0, HISTORY_ACCEPTED, 1},
                               {11, 12, 3, 9, HISTORY_BEGAN, 1}};
    judge_t found = judge_lines (lines, LENGTH (lines));
    cr_assert (!judge_valid (&found));
    cr_assert_eq (found.lost, 1);
}

Test (judge, a_push_without_an_answer_may_or_may_not_have_worked)
{
    history_line_t lines [] = {GOOD,
                               {9, 12, 0, 0, HISTORY_PUSH, 2},
                               {10, 12, 0, 0, HISTORY_UNKNOWN, 2},
                               {11, 13, 3, 9, HISTORY_BEGAN, 1},
                               {12, 13, 3, 9, HISTORY_RESULT, 1}};
    judge_t found = judge_lines (lines, LENGTH (lines));
    cr_assert (judge_valid (&found));
    cr_assert_eq (found.unknown, 2);
    cr_assert_eq (found.recovered, 1);
}

Test (judge, the_same_result_twice_is_one_record)
{
    history_line_t lines [] = {GOOD, {9, 11, 2, 8, HISTORY_RESULT, 1}};
    judge_t found = judge_lines (lines, LENGTH (lines));
    cr_assert (judge_valid (&found));
}

Test (judge, results_of_two_attempts_are_a_duplicate)
{
    history_line_t lines [] = {
        GOOD, {9, 11, 2, 9, HISTORY_BEGAN, 1}, {10, 11, 2, 9, HISTORY_RESULT, 1}};
    judge_t found = judge_lines (lines, LENGTH (lines));
    cr_assert_eq (found.duplicated, 1);
    cr_assert_eq (found.again, 1);
}

Test (judge, results_under_two_numbers_are_a_duplicate)
{
    history_line_t lines [] = {
        GOOD, {9, 11, 3, 8, HISTORY_BEGAN, 1}, {10, 11, 3, 8, HISTORY_RESULT, 1}};
    judge_t found = judge_lines (lines, LENGTH (lines));
    cr_assert_eq (found.duplicated, 1);
}

Test (judge, a_result_and_a_death_are_a_duplicate)
{
    history_line_t lines [] = {GOOD, {9, 11, 2, 0, HISTORY_DEAD, 1}};
    judge_t found = judge_lines (lines, LENGTH (lines));
    cr_assert_eq (found.duplicated, 1);
}

Test (judge, what_nobody_pushed_is_unexpected)
{
    history_line_t lines [] = {
        GOOD, {9, 99, 4, 9, HISTORY_BEGAN, 1}, {10, 99, 4, 9, HISTORY_RESULT, 1}};
    judge_t found = judge_lines (lines, LENGTH (lines));
    cr_assert_eq (found.unexpected, 1);
    history_line_t wrong [] = {GOOD, {9, 10, 1, 7, HISTORY_WRONG, 1}};
    found = judge_lines (wrong, LENGTH (wrong));
    cr_assert_eq (found.unexpected, 1);
}

Test (judge, what_was_refused_and_runs_is_unexpected)
{
    history_line_t lines [] = {GOOD,
                               {9, 12, 0, 0, HISTORY_PUSH, 1},
                               {10, 12, 0, 0, HISTORY_REFUSED, 1},
                               {11, 12, 3, 9, HISTORY_BEGAN, 1}};
    judge_t found = judge_lines (lines, LENGTH (lines));
    cr_assert_eq (found.unexpected, 1);
    cr_assert_eq (found.refused, 1);
}

Test (judge, a_result_of_an_attempt_that_never_began_is_unexpected)
{
    history_line_t lines [] = {{1, 10, 0, 0, HISTORY_PUSH, 1},
                               {2, 10, 0, 0, HISTORY_ACCEPTED, 1},
                               {3, 10, 1, 7, HISTORY_BEGAN, 1},
                               {4, 10, 1, 8, HISTORY_RESULT, 1}};
    judge_t found = judge_lines (lines, LENGTH (lines));
    cr_assert_eq (found.unexpected, 1);
}

//  ---------------------------------------------------------------------------------

#define LINES 20000

//  Writes lines until it is killed, which it waits for.

static void
s_write (const char *directory, int told)
{
    history_t *history = history_new (directory, "test");
    for (uint64_t index = 0; index < LINES; index++)
        history_add (history, HISTORY_BEGAN, index, 1, index + 1, index + 2);
    if (write (told, "", 1) == 1)
        pause ();
    _exit (1);
}

static void
s_remove (const char *directory)
{
    DIR *listed = opendir (directory);
    struct dirent *entry;
    while (listed && (entry = readdir (listed)) != NULL)
        if (entry->d_name [0] != '.')
            unlinkat (dirfd (listed), entry->d_name, 0);
    if (listed)
        closedir (listed);
    rmdir (directory);
}

Test (history, lines_survive_the_death_of_their_process)
{
    char directory [] = "/tmp/stint_history_XXXXXX";
    int pipes [2];
    cr_assert (mkdtemp (directory) && pipe (pipes) == 0);
    pid_t child = fork ();
    if (child == 0)
        s_write (directory, pipes [1]);
    char byte;
    cr_assert_eq (read (pipes [0], &byte, 1), 1);
    kill (child, SIGKILL);
    waitpid (child, NULL, 0);

    size_t count;
    history_line_t *lines = history_read (directory, &count);
    cr_assert_eq (count, LINES);
    for (size_t at = 0; at < count; at++) {
        cr_assert_eq (lines [at].index, at);
        cr_assert_eq (lines [at].fence, at + 2);
        cr_assert (at == 0 || lines [at].stamp >= lines [at - 1].stamp);
    }
    free (lines);
    close (pipes [0]);
    close (pipes [1]);
    s_remove (directory);
}
