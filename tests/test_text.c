//  Tests of text: bytes and numbers for the eyes of people
//  SPDX-License-Identifier: MPL-2.0

#include <criterion/criterion.h>

#include "text.h"

static void
s_expect_line (const char *bytes, size_t most, const char *expected)
{
    char line [64];
    cr_expect_str_eq (text_first_line (stint_bytes_of (bytes), most, line, sizeof line),
                      expected);
}

Test (text, the_first_line_is_the_first_that_is_not_blank)
{
    s_expect_line ("", 40, "");
    s_expect_line (" \n\t\n", 40, "");
    s_expect_line ("\n  exit 3: no such page \r\nmore\n", 40, "exit 3: no such page");
}

Test (text, what_moves_the_cursor_or_is_broken_becomes_a_question_mark)
{
    s_expect_line ("a\033[2Jb\x7f\xff", 40, "a?[2Jb??");
    s_expect_line ("\xc2\x9b"
                   "31m",
                   40, "?31m");
    s_expect_line ("\xe2\x82\xac", 40, "\xe2\x82\xac");
}

Test (text, a_long_line_is_cut_between_characters)
{
    s_expect_line ("0123456789", 10, "0123456789");
    s_expect_line ("0123456789x", 10, "0123456...");
    s_expect_line ("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f!", 4, "\xc3\xa4...");
    char line [8];
    cr_expect_str_eq (text_first_line (stint_bytes_of ("0123456789"), 40, line, 8),
                      "0123...");
    cr_expect_str_eq (
        text_first_line (stint_bytes_of ("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"), 40, line,
                         8),
        "\xe2\x82\xac...");
}

Test (text, lines_are_taken_one_after_another)
{
    char line [8];
    stint_bytes_t rest = stint_bytes_of ("one\n\n two\x1b\nof eight letters");
    cr_expect_str_eq (text_next_line (&rest, line, sizeof line), "one");
    cr_expect_str_eq (text_next_line (&rest, line, sizeof line), "");
    cr_expect_str_eq (text_next_line (&rest, line, sizeof line), "two?");
    cr_expect_str_eq (text_next_line (&rest, line, sizeof line), "of e...");
    cr_expect_eq (rest.size, 0);
    cr_expect_str_eq (text_next_line (&rest, line, sizeof line), "");
}

Test (text, width_counts_characters)
{
    cr_expect_eq (text_width (""), 0);
    cr_expect_eq (text_width ("a\xc3\xa4\xe2\x82\xac"), 3);
}

Test (text, numbers_are_grouped_by_three)
{
    char line [TEXT_NUMBER_SIZE];
    cr_expect_str_eq (text_number (0, true, line), "0");
    cr_expect_str_eq (text_number (999, true, line), "999");
    cr_expect_str_eq (text_number (1000, true, line), "1 000");
    cr_expect_str_eq (text_number (UINT64_MAX, true, line), "18 446 744 073 709 551 615");
    cr_expect_str_eq (text_number (1000000, false, line), "1000000");
}

Test (text, spans_have_two_units)
{
    char line [TEXT_NUMBER_SIZE];
    cr_expect_str_eq (text_span (-5, line), "0 ms");
    cr_expect_str_eq (text_span (999, line), "999 ms");
    cr_expect_str_eq (text_span (12499, line), "12.4 s");
    cr_expect_str_eq (text_span (60000, line), "1 min 0 s");
    cr_expect_str_eq (text_span (3599999, line), "59 min 59 s");
    cr_expect_str_eq (text_span (11100000, line), "3 h 5 min");
    cr_expect_str_eq (text_span (187200000, line), "2 d 4 h");
    cr_expect_str_eq (text_span (INT64_MAX, line), "106751991167 d 7 h");
}

Test (text, sizes_have_one_digit_behind_the_point)
{
    char line [TEXT_NUMBER_SIZE];
    cr_expect_str_eq (text_size (0, line), "0 B");
    cr_expect_str_eq (text_size (999, line), "999 B");
    cr_expect_str_eq (text_size (1000, line), "1.0 kB");
    cr_expect_str_eq (text_size (999999, line), "999.9 kB");
    cr_expect_str_eq (text_size (41234567, line), "41.2 MB");
    cr_expect_str_eq (text_size (UINT64_MAX, line), "18.4 EB");
}

Test (text, a_mistyped_word_finds_its_neighbour)
{
    static const struct {
        const char *name;
        int other;
    } names [] = {{"push", 1}, {"map", 2}, {"status", 3}, {"ls", 4}};
    const size_t stride = sizeof names [0];
    cr_expect_str_eq (text_nearest ("psuh", names, 4, stride), "push");
    cr_expect_str_eq (text_nearest ("stauts", names, 4, stride), "status");
    cr_expect_str_eq (text_nearest ("mapp", names, 4, stride), "map");
    cr_expect_str_eq (text_nearest ("sl", names, 4, stride), "ls");
    cr_expect_null (text_nearest ("frobnicate", names, 4, stride));
    cr_expect_null (text_nearest ("", names, 4, stride));
    cr_expect_null (text_nearest (
        "a word so long that nobody can have meant it seriously at all", names, 4, stride));
}
