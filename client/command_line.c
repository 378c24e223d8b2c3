//  command_line: reads the command line by the table of commands, and prints help from it
//  SPDX-License-Identifier: MPL-2.0

#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command_call.h"
#include "command_table.h"
#include "json.h"
#include "stint_units.h"
#include "text.h"

#define OPTIONS_MAX 32
#define LONG_ONLY 256  //  getopt's value of the first option; above any letter
#define HINT_SIZE 256

//  The options that hold for a part of the command line, and getopt's own form of them.

typedef struct {
    const command_option_t *all [OPTIONS_MAX];  //  As in the tables
    struct option longs [OPTIONS_MAX + 1];      //  Their long names
    char letters [2 * OPTIONS_MAX + 3];         //  Their short ones
    size_t count;                               //  How many
} options_t;

static void
s_add_options (options_t *self, const command_option_t *options)
{
    for (; options->name; options++) {
        assert (self->count < OPTIONS_MAX);
        int takes = options->kind == OPTION_SWITCH ? no_argument : required_argument;
        self->longs [self->count] =
            (struct option){options->name, takes, NULL, LONG_ONLY + (int) self->count};
        self->all [self->count++] = options;
        size_t end = strlen (self->letters);
        if (options->letter)
            snprintf (self->letters + end, sizeof self->letters - end, "%c%s",
                      options->letter, takes == required_argument ? ":" : "");
    }
}

static const command_option_t *
s_find_option (const options_t *self, int found)
{
    if (found >= LONG_ONLY)
        return self->all [found - LONG_ONLY];

    for (size_t at = 0; at < self->count; at++) {
        if (self->all [at]->letter == found)
            return self->all [at];
    }
    return NULL;
}

//  Returns what to type for the help of the command, or of the program.

static const char *
s_help_hint (const command_call_t *call, char *hint)
{
    if (call->command)
        snprintf (hint, HINT_SIZE, "usage: stint %s %s      more: stint help %s",
                  call->command->name, call->command->arguments, call->command->name);
    else
        snprintf (hint, HINT_SIZE, "all commands: stint help");
    return hint;
}

static int
s_bad_option (const command_call_t *call, const options_t *options, const char *word)
{
    char hint [HINT_SIZE];
    char name [64];
    size_t size = strcspn (word, "=");
    snprintf (name, sizeof name, "%.*s", (int) size, word);
    s_help_hint (call, hint);
    if (strncmp (name, "--", 2) != 0)
        return command_fail (COMMAND_USAGE, hint, "%s is not an option", word);

    for (size_t at = 0; at < options->count; at++) {
        if (strcmp (options->all [at]->name, name + 2) == 0)
            return command_fail (COMMAND_USAGE, hint, "%s takes no value", name);
    }
    const char *near = text_nearest (name + 2, &options->longs [0].name, options->count,
                                     sizeof options->longs [0]);
    if (near)
        return command_fail (COMMAND_USAGE, hint, "%s is not an option; did you mean --%s?",
                             name, near);
    return command_fail (COMMAND_USAGE, hint, "%s is not an option", name);
}

static int
s_bad_value (const command_option_t *option, const char *text)
{
    if (option->kind == OPTION_DURATION)
        return command_fail (COMMAND_USAGE, "as in: 500ms 30s 5m 2h30m",
                             "--%s: \"%s\" is not a duration above 0", option->name, text);
    return command_fail (COMMAND_USAGE, NULL,
                         "--%s: \"%s\" is not a number from %" PRId64 " to %" PRId64,
                         option->name, text, option->minimum, option->maximum);
}

//  An empty text is mostly a variable of a script that was not set.

static int
s_empty_value (const command_option_t *option)
{
    return command_fail (COMMAND_USAGE, NULL,
                         "--%s: its %s is empty; give one, or leave the option out",
                         option->name, option->argument);
}

//  Puts the value of an option where it belongs.

static int
s_take_option (command_call_t *call, const command_option_t *option, char *text)
{
    void *to = (char *) call + option->offset;
    int64_t number;
    switch (option->kind) {
        case OPTION_SWITCH:
            *(bool *) to = true;
            return COMMAND_OK;
        case OPTION_TEXT:
            *(const char **) to = text;
            return *text ? COMMAND_OK : s_empty_value (option);
        case OPTION_COUNT:
            if (!stint_units_parse_count (text, &number))
                return s_bad_value (option, text);
            break;
        case OPTION_DURATION:
            if (!stint_units_parse_duration (text, &number))
                return s_bad_value (option, text);
            break;
        default:
            assert (false);
    }
    if (number < option->minimum || number > option->maximum)
        return s_bad_value (option, text);

    *(int64_t *) to = number;
    return COMMAND_OK;
}

//  Takes options from a command line until it ends or, when the letters begin with "+", a
//  word that is none.

static int
s_take_options (command_call_t *call, const options_t *options, int argc, char **argv)
{
    opterr = 0;
    optind = 0;
    int found;
    while ((found = getopt_long (argc, argv, options->letters, options->longs, NULL))
           != -1) {
        //  A bad letter may stand among others in a word that is not done with.
        const char *word = optind > 0 ? argv [optind - 1] : argv [1];
        char letter [3] = {'-', (char) optopt, 0};
        bool is_letter = optopt > 0 && optopt < LONG_ONLY;
        if (found == '?')
            return s_bad_option (call, options, is_letter ? letter : word);
        if (found == ':')
            return command_fail (COMMAND_USAGE, NULL, "%s wants a value",
                                 is_letter ? letter : word);

        int code = s_take_option (call, s_find_option (options, found), optarg);
        if (code != COMMAND_OK)
            return code;
    }
    return COMMAND_OK;
}

const command_t *
command_find (const char *name)
{
    for (const command_t *command = command_table (); command->name; command++) {
        if (strcmp (command->name, name) == 0)
            return command;
    }
    return NULL;
}

int
command_unknown (const char *name)
{
    const command_t *commands = command_table ();
    size_t count = 0;
    while (commands [count].name)
        count++;
    const char *near = text_nearest (name, &commands [0].name, count, sizeof commands [0]);
    char shown [80];
    text_first_line (stint_bytes_of (name), 40, shown, sizeof shown);
    if (near)
        return command_fail (COMMAND_USAGE, "all commands: stint help",
                             "\"%s\" is not a command; did you mean \"%s\"?", shown, near);
    return command_fail (COMMAND_USAGE, "all commands: stint help",
                         "\"%s\" is not a command", shown);
}

//  Looks at what the options alone cannot say.

static int
s_check (const command_call_t *call)
{
    static const char *const colors [] = {"auto", "always", "never"};
    bool known = !call->color;
    for (size_t at = 0; at < 3 && !known; at++)
        known = strcmp (call->color, colors [at]) == 0;
    if (!known)
        return command_fail (COMMAND_USAGE, NULL,
                             "--color: \"%s\" is not auto, always or never", call->color);

    const command_t *command = call->command;
    if (!command || call->help || call->version)
        return COMMAND_OK;

    char hint [HINT_SIZE];
    s_help_hint (call, hint);
    if (call->count < command->words_min)
        return command_fail (COMMAND_USAGE, hint, "%s: an argument is missing",
                             command->name);
    if (call->count > command->words_max)
        return command_fail (COMMAND_USAGE, hint, "%s: \"%s\" is one argument too many",
                             command->name, call->words [command->words_max]);
    return COMMAND_OK;
}

int
command_parse (command_call_t *call, int argc, char **argv)
{
    assert (call && argc > 0);
    options_t options = {.letters = "+:"};
    s_add_options (&options, command_options ());
    int code = s_take_options (call, &options, argc, argv);
    if (code != COMMAND_OK)
        return code;

    if (optind < argc) {
        call->command = command_find (argv [optind]);
        if (!call->command)
            return command_unknown (argv [optind]);

        argv += optind;
        argc -= optind;
        memmove (options.letters, options.letters + 1, strlen (options.letters));
        s_add_options (&options, call->command->options);
        code = s_take_options (call, &options, argc, argv);
        if (code != COMMAND_OK)
            return code;

        call->words = argv + optind;
        call->count = argc - optind;
    }
    return s_check (call);
}

//  Prints a line for each option. What --timeout bounds differs from command to command.

static void
s_print_options (const command_option_t *options, const char *timeout)
{
    for (; options->name; options++) {
        bool own = timeout && strcmp (options->name, "timeout") == 0;
        char letter [8] = "    ";
        if (options->letter)
            snprintf (letter, sizeof letter, "-%c, ", options->letter);
        char name [64];
        snprintf (name, sizeof name, "%s--%s %s", letter, options->name,
                  options->argument ? options->argument : "");
        printf ("  %-24s  %s\n", name, own ? timeout : options->help);
    }
}

void
command_help (const command_t *command)
{
    if (command) {
        printf ("usage: stint %s%s%s%s\n\n%c%s.\n", command->name,
                command->options->name ? " [OPTION...]" : "",
                *command->arguments ? " " : "", command->arguments,
                command->summary [0] - 'a' + 'A', command->summary + 1);
        if (*command->text)
            printf ("\n%s", command->text);
        if (command->options->name)
            puts ("\nOptions:");
        s_print_options (command->options, NULL);
        puts ("\nOptions of all commands:");
        s_print_options (command_options (), command->timeout);
        return;
    }
    puts ("usage: stint [OPTION...] [COMMAND [ARGUMENT...]]\n\n"
          "Pushes tasks to a broker and brings back their results. Alone it tells how the\n"
          "broker is.\n");
    for (command = command_table (); command->name; command++)
        printf ("  %-8s  %s\n", command->name, command->summary);
    puts ("\nOptions of all commands:");
    s_print_options (command_options (), NULL);
    puts ("\nThe broker is looked for in --broker, $STINT_BROKER, and the sockets\n"
          "$XDG_RUNTIME_DIR/stint/broker.sock, /tmp/stint-UID/broker.sock and\n"
          "/run/stint/broker.sock.\n"
          "\n"
          "Exit codes: 0 ok, 1 a task failed, 64 usage, 65 bad input, 69 broker not\n"
          "reachable, 74 disk, 75 full, 77 key, 78 configuration, 124 waited too long,\n"
          "130 Ctrl-C.");
}

int
command_print_help (command_call_t *call)
{
    const command_t *command = NULL;
    if (call->count > 0) {
        command = command_find (call->words [0]);
        if (!command)
            return command_unknown (call->words [0]);
    }
    command_help (command);
    return command_finish (COMMAND_OK);
}

int
command_version (command_call_t *call)
{
    if (call->json)
        puts ("{\"version\":\"" STINT_VERSION "\"}");
    else
        puts ("stint " STINT_VERSION);
    return command_finish (COMMAND_OK);
}
