//  Tests of the command line of stint: the table of commands and how words become a call
//  SPDX-License-Identifier: MPL-2.0

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "command.h"

#define WORDS_MAX 16

static command_call_t s_call;

//  Parses a line; its words are cut at blanks.

static int
s_parse (const char *line)
{
    static char text [256];
    static char *words [WORDS_MAX + 1];
    int count = 0;
    snprintf (text, sizeof text, "%s", line);
    for (char *at = text; *at && count < WORDS_MAX;) {
        words [count++] = at;
        at += strcspn (at, " ");
        if (*at)
            *at++ = 0;
    }
    words [count] = NULL;
    s_call = (command_call_t){.command = NULL};
    return command_parse (&s_call, count, words);
}

static void
s_expect_command (const char *name, int count)
{
    cr_assert_not_null (s_call.command);
    cr_expect_str_eq (s_call.command->name, name);
    cr_expect_eq (s_call.count, count);
}

Test (command, alone_it_is_no_command)
{
    cr_assert_eq (s_parse ("stint"), COMMAND_OK);
    cr_expect_null (s_call.command);
}

Test (command, options_stand_before_and_behind_the_command)
{
    cr_assert_eq (s_parse ("stint -b ipc:///x --json push -v resize --wait a.jpg"),
                  COMMAND_OK);
    s_expect_command ("push", 2);
    cr_expect_str_eq (s_call.broker, "ipc:///x");
    cr_expect (s_call.json && s_call.verbose && s_call.wait && !s_call.quiet);
    cr_expect_str_eq (s_call.words [0], "resize");
    cr_expect_str_eq (s_call.words [1], "a.jpg");
}

Test (command, values_have_units_and_ranges)
{
    cr_assert_eq (s_parse ("stint map g --timeout=2m --window 10 -0u -oout"), COMMAND_OK);
    s_expect_command ("map", 1);
    cr_expect_eq (s_call.timeout_ms, 120000);
    cr_expect_eq (s_call.window, 10);
    cr_expect (s_call.null && s_call.unordered && !s_call.files);
    cr_expect_str_eq (s_call.out, "out");
}

Test (command, behind_two_dashes_nothing_is_an_option)
{
    cr_assert_eq (s_parse ("stint push g -- --wait"), COMMAND_OK);
    s_expect_command ("push", 2);
    cr_expect_str_eq (s_call.words [1], "--wait");
    cr_expect_not (s_call.wait);
    cr_assert_eq (s_parse ("stint push g -"), COMMAND_OK);
    cr_expect_str_eq (s_call.words [1], "-");
}

Test (command, help_needs_no_arguments)
{
    cr_assert_eq (s_parse ("stint push --help"), COMMAND_OK);
    cr_expect (s_call.help);
}

static void
s_expect_usage (const char *line, const char *text)
{
    cr_redirect_stderr ();
    cr_expect_eq (s_parse (line), COMMAND_USAGE, "%s", line);
    fflush (stderr);
    cr_expect_stderr_eq_str (text);
}

#define USAGE_MAP "       usage: stint map GROUP [FILE...]      more: stint help map\n"

Test (command, an_unknown_command_is_told_with_its_neighbour)
{
    s_expect_usage ("stint psuh x",
                    "stint: \"psuh\" is not a command; did you mean \"push\"?\n"
                    "       all commands: stint help\n");
}

Test (command, an_unknown_option_is_told_with_its_neighbour)
{
    s_expect_usage ("stint map g --windwo=3",
                    "stint: --windwo is not an option; did you mean --window?\n" USAGE_MAP);
}

Test (command, an_unknown_letter_is_told)
{
    s_expect_usage ("stint map g -ux", "stint: -x is not an option\n" USAGE_MAP);
}

Test (command, a_missing_value_is_told)
{
    s_expect_usage ("stint map g --window", "stint: --window wants a value\n");
}

Test (command, a_value_that_is_too_many_is_told)
{
    s_expect_usage ("stint map --json=1 g", "stint: --json takes no value\n" USAGE_MAP);
}

Test (command, a_number_out_of_its_range_is_told)
{
    s_expect_usage ("stint map g --window 1000001",
                    "stint: --window: \"1000001\" is not a number from 1 to 1000000\n");
}

Test (command, a_duration_without_a_unit_is_told)
{
    s_expect_usage ("stint --timeout 5 ping",
                    "stint: --timeout: \"5\" is not a duration above 0\n"
                    "       as in: 500ms 30s 5m 2h30m\n");
}

Test (command, an_empty_value_is_told)
{
    s_expect_usage ("stint --broker= ping",
                    "stint: --broker: its ENDPOINT is empty; give one, or leave the option "
                    "out\n");
}

Test (command, a_missing_argument_is_told)
{
    s_expect_usage ("stint map", "stint: map: an argument is missing\n" USAGE_MAP);
}

Test (command, an_argument_too_many_is_told)
{
    s_expect_usage ("stint show 1 2",
                    "stint: show: \"2\" is one argument too many\n"
                    "       usage: stint show ID      more: stint help show\n");
}

Test (command, the_table_is_sound)
{
    for (const command_t *command = command_table (); command->name; command++) {
        cr_expect_eq (command_find (command->name), command);
        cr_expect_not_null (command->run);
        cr_expect_leq (strlen (command->summary), 66, "%s", command->name);
        cr_expect (command->summary [0] >= 'a' && command->summary [0] <= 'z');
        for (const char *line = command->text; *line; line = strchr (line, '\n') + 1) {
            cr_assert_not_null (strchr (line, '\n'), "%s", command->name);
            cr_expect_lt (strcspn (line, "\n"), 90, "%s", command->name);
        }
        for (const command_option_t *option = command->options; option->name; option++) {
            cr_expect_eq (option->argument == NULL, option->kind == OPTION_SWITCH);
            cr_expect_lt (option->offset, sizeof (command_call_t));
            cr_expect_leq (strlen (option->help), 54, "%s", option->name);
        }
        cr_expect (!command->timeout || strlen (command->timeout) <= 54, "%s",
                   command->name);
    }
}
