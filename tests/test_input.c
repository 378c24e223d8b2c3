//  Tests of input: tasks from files, pipes and the command line
//  SPDX-License-Identifier: MPL-2.0

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "input.h"

static char s_folder [64];
static char s_names [2][96];

static void
s_begin (void)
{
    snprintf (s_folder, sizeof s_folder, "/tmp/stint-test-input-XXXXXX");
    cr_assert (mkdtemp (s_folder));
    for (size_t at = 0; at < 2; at++)
        snprintf (s_names [at], sizeof s_names [at], "%s/%zu", s_folder, at);
}

static void
s_end (void)
{
    for (size_t at = 0; at < 2; at++)
        unlink (s_names [at]);
    rmdir (s_folder);
}

TestSuite (input, .init = s_begin, .fini = s_end);

static void
s_write (size_t file, const char *bytes, size_t size)
{
    FILE *stream = fopen (s_names [file], "w");
    cr_assert (stream);
    cr_assert_eq (fwrite (bytes, 1, size, stream), size);
    cr_assert_eq (fclose (stream), 0);
}

static void
s_expect (input_t *input, const char *text)
{
    stint_bytes_t task = {NULL, 0};
    cr_assert_eq (input_next (input, &task), INPUT_TASK, "wanted \"%s\"", text);
    cr_assert_eq (task.size, strlen (text));
    cr_assert (task.size == 0 || memcmp (task.data, text, task.size) == 0);
}

static void
s_expect_status (input_t *input, input_status_t status)
{
    stint_bytes_t task;
    cr_assert_eq (input_next (input, &task), status);
}

Test (input, lines_of_several_files_come_one_after_another)
{
    s_write (0, "one\n\n three \r\n", 14);
    s_write (1, "four\nlast", 9);
    char *names [] = {s_names [0], s_names [1]};
    input_t *input = input_new_lines (names, 2, '\n');
    cr_assert (input_check (input));
    s_expect (input, "one");
    s_expect (input, "");
    s_expect (input, " three \r");
    s_expect (input, "four");
    s_expect (input, "last");
    s_expect_status (input, INPUT_END);
    s_expect_status (input, INPUT_END);
    input_destroy (&input);
    cr_expect_null (input);
}

Test (input, tasks_may_end_in_null_bytes)
{
    s_write (0, "a\nb\0\0c", 6);
    char *names [] = {s_names [0]};
    input_t *input = input_new_lines (names, 1, 0);
    s_expect (input, "a\nb");
    s_expect (input, "");
    s_expect (input, "c");
    s_expect_status (input, INPUT_END);
    input_destroy (&input);
}

Test (input, an_empty_file_has_no_task)
{
    s_write (0, "", 0);
    char *names [] = {s_names [0]};
    input_t *input = input_new_lines (names, 1, '\n');
    cr_assert (input_check (input));
    s_expect_status (input, INPUT_END);
    bool exact;
    cr_expect_eq (input_total (input, 0, &exact), 0);
    cr_expect (exact);
    input_destroy (&input);
}

Test (input, words_are_tasks_themselves)
{
    char *words [] = {"photos/cat.jpg", ""};
    input_t *input = input_new_words (words, 2);
    bool exact = false;
    cr_assert (input_check (input));
    cr_expect_eq (input_total (input, 0, &exact), 2);
    cr_expect (exact);
    s_expect (input, "photos/cat.jpg");
    s_expect (input, "");
    s_expect_status (input, INPUT_END);
    input_destroy (&input);
}

Test (input, long_lines_cross_the_reads)
{
    size_t size = 300000;
    char *line = malloc (size + 8);
    cr_assert (line);
    memset (line, 'x', size);
    memcpy (line + size, "\nshort\n", 7);
    s_write (0, line, size + 7);
    char *names [] = {s_names [0]};
    input_t *input = input_new_lines (names, 1, '\n');
    stint_bytes_t task;
    cr_assert_eq (input_next (input, &task), INPUT_TASK);
    cr_expect_eq (task.size, size);
    s_expect (input, "short");
    s_expect_status (input, INPUT_END);
    input_destroy (&input);
    free (line);
}

Test (input, the_total_is_estimated_from_the_size_of_the_files)
{
    char lines [4000];
    for (size_t at = 0; at < 1000; at++)
        memcpy (lines + at * 4, "abc\n", 4);
    s_write (0, lines, sizeof lines);
    char *names [] = {s_names [0]};
    input_t *input = input_new_lines (names, 1, '\n');
    bool exact = true;
    cr_assert (input_check (input));
    cr_expect_eq (input_total (input, 0, &exact), 0);
    for (size_t at = 0; at < 10; at++)
        s_expect (input, "abc");
    cr_expect_eq (input_total (input, 10, &exact), 1000);
    cr_expect_not (exact);
    input_destroy (&input);
}

Test (input, a_file_that_is_not_there_is_told_before_anything_is_read)
{
    s_write (0, "one\n", 4);
    char *names [] = {s_names [0], s_names [1]};
    input_t *input = input_new_lines (names, 2, '\n');
    cr_expect_not (input_check (input));
    cr_expect_not_null (strstr (input_error (input), s_names [1]));
    cr_expect_not_null (strstr (input_error (input), "No such file"));
    input_destroy (&input);
}

Test (input, a_folder_is_no_file)
{
    char *names [] = {s_folder};
    input_t *input = input_new_lines (names, 1, '\n');
    cr_expect_not (input_check (input));
    cr_expect_not_null (strstr (input_error (input), "Is a directory"));
    input_destroy (&input);
}

//  Puts a pipe in the place of standard input. Returns its other end.

static int
s_pipe (void)
{
    int ends [2];
    cr_assert_eq (pipe (ends), 0);
    cr_assert_eq (dup2 (ends [0], STDIN_FILENO), STDIN_FILENO);
    close (ends [0]);
    return ends [1];
}

Test (input, a_pipe_that_says_nothing_is_not_waited_for)
{
    int writer = s_pipe ();
    input_t *input = input_new_lines (NULL, 0, '\n');
    cr_assert (input_check (input));
    s_expect_status (input, INPUT_LATER);
    cr_expect_eq (input_descriptor (input), STDIN_FILENO);
    cr_assert_eq (write (writer, "one\ntw", 6), 6);
    s_expect (input, "one");
    s_expect_status (input, INPUT_LATER);
    cr_assert_eq (write (writer, "o\n", 2), 2);
    s_expect (input, "two");
    s_expect_status (input, INPUT_LATER);
    bool exact = true;
    cr_expect_eq (input_total (input, 2, &exact), 0);
    cr_expect_not (exact);
    cr_assert_eq (write (writer, "rest", 4), 4);
    close (writer);
    s_expect (input, "rest");
    s_expect_status (input, INPUT_END);
    cr_expect_eq (input_total (input, 3, &exact), 3);
    cr_expect (exact);
    input_destroy (&input);
}

Test (input, a_task_of_more_than_64_mib_is_a_fault)
{
    int file = open (s_names [0], O_WRONLY | O_CREAT, 0600);
    cr_assert_geq (file, 0);
    cr_assert_eq (ftruncate (file, (off_t) INPUT_TASK_MAX + 200000), 0);
    close (file);
    char *names [] = {s_names [0]};
    input_t *input = input_new_lines (names, 1, '\n');
    s_expect_status (input, INPUT_FAULT);
    cr_expect_not_null (strstr (input_error (input), "/0: line 1 is longer than 64 MiB"));
    cr_expect_not_null (strstr (input_advice (input), "--files"));
    input_destroy (&input);
}

Test (input, a_task_that_is_too_long_is_told_by_its_place_in_its_file)
{
    s_write (0, "one\ntwo\n", 8);
    s_write (1, "three\nfour\n", 11);
    cr_assert_eq (truncate (s_names [1], (off_t) INPUT_TASK_MAX + 200000), 0);
    char *names [] = {s_names [0], s_names [1]};
    input_t *input = input_new_lines (names, 2, '\n');
    s_expect (input, "one");
    s_expect (input, "two");
    s_expect (input, "three");
    s_expect (input, "four");
    s_expect_status (input, INPUT_FAULT);
    cr_expect_not_null (strstr (input_error (input), "/1: line 3 is longer"));
    input_destroy (&input);
}
