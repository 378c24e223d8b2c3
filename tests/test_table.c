//  Tests of table: columns that line up
//  SPDX-License-Identifier: MPL-2.0

#include <criterion/criterion.h>
#include <stdlib.h>

#include "table.h"

static void
s_expect (const table_t *table, bool bold, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream (&text, &size);
    cr_assert (file);
    table_print (table, file, bold);
    fclose (file);
    cr_expect_str_eq (text, expected);
    free (text);
}

Test (table, columns_line_up_and_no_line_ends_in_blanks)
{
    table_t *table = table_new ("GROUP >READY WORKER");
    const char *cells [] = {"resize", "18 204", "beta/1", "m\xc3\xa4il", "0", "-"};
    for (size_t at = 0; at < sizeof cells / sizeof cells [0]; at++)
        table_add (table, cells [at]);
    cr_expect_eq (table_rows (table), 2);
    s_expect (table, false,
              "GROUP    READY  WORKER\n"
              "resize  18 204  beta/1\n"
              "m\xc3\xa4il         0  -\n");
    table_destroy (&table);
    cr_expect_null (table);
    table_destroy (&table);
}

Test (table, an_empty_table_is_its_head)
{
    table_t *table = table_new (">A B");
    s_expect (table, true, "\033[1mA  B\033[0m\n");
    table_destroy (&table);
}

Test (table, cells_cannot_break_the_table_or_the_terminal)
{
    table_t *table = table_new ("NAME >N");
    table_add (table, "a\033]0;evil\007\nb");
    table_add (table, "1");
    s_expect (table, false, "NAME        N\na?]0;evil?  1\n");
    table_destroy (&table);
}

Test (table, a_column_that_may_be_left_out_is_there_when_something_stands_in_it)
{
    table_t *table = table_new ("GROUP ?>BLOCKED >READY ?PAUSED");
    const char *cells [] = {"resize", "0", "5", "-", "mail", "3", "0", "-"};
    for (size_t at = 0; at < 4; at++)
        table_add (table, cells [at]);
    s_expect (table, false, "GROUP   READY\nresize      5\n");
    for (size_t at = 4; at < 8; at++)
        table_add (table, cells [at]);
    s_expect (table, false,
              "GROUP   BLOCKED  READY\n"
              "resize        0      5\n"
              "mail          3      0\n");
    table_destroy (&table);
}
