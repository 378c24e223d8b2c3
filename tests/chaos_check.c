//  chaos_check: judges the histories of a directory
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: chaos_check DIRECTORY
//
//  Prints one line of NAME=NUMBER for a shell (judge.h). Ends with 1 when something was
//  lost, duplicated or unexpected.

#include "crash.h"
#include "judge.h"

#define NUMBER(name) printf (#name "=%llu ", (unsigned long long) found.name)

int
main (int argc, char **argv)
{
    if (argc != 2)
        crash_fail ("usage: chaos_check DIRECTORY");
    size_t count;
    history_line_t *lines = history_read (argv [1], &count);
    judge_t found = judge_lines (lines, count);
    free (lines);
    NUMBER (attempted);
    NUMBER (acknowledged);
    NUMBER (refused);
    NUMBER (unknown);
    NUMBER (recovered);
    NUMBER (executions);
    NUMBER (again);
    NUMBER (recorded);
    NUMBER (dead);
    NUMBER (lost);
    NUMBER (duplicated);
    NUMBER (unexpected);
    putchar ('\n');
    return judge_valid (&found) ? 0 : 1;
}
