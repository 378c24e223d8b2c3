//  worker_options: what stint-worker was told on its command line
//  SPDX-License-Identifier: MPL-2.0

#include "worker_options.h"
#include "exec.h"
#include "pool.h"
#include "stint_units.h"
#include "stint_wire.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHELL_MAX 131071        //  Linux takes no longer argument
#define SPAN_MAX 3155760000000  //  A hundred years, in milliseconds
#define MEMBER_WORDS 20         //  Of our own, on a member's command line

static const stint_option_t s_options [] = {
    {"exec", STINT_OPTION_TEXT, NULL, 1, SHELL_MAX, NULL, "exec", 0, NULL, false, "SHELL",
     "a line for /bin/sh that does one task"},
    {"slots", STINT_OPTION_COUNT, "1", 1, EXEC_SLOTS_MAX, NULL, "slots", 0, NULL, false,
     "N", "programs to run at a time"},
    {"min", STINT_OPTION_COUNT, "0", 0, POOL_MAX, NULL, "min", 0, NULL, false, "N",
     "a pool: keep this many workers"},
    {"max", STINT_OPTION_COUNT, NULL, 1, POOL_MAX, NULL, "max", 0, NULL, false, "N",
     "a pool: start up to this many, as the backlog asks"},
    {"idle", STINT_OPTION_DURATION, "60s", 0, SPAN_MAX, NULL, "idle", 0, NULL, false,
     "TIME", "a pool: a worker without a task for so long may go"},
    {"broker", STINT_OPTION_TEXT, NULL, 1, STINT_ENDPOINT_MAX, NULL, "broker", 'b', NULL,
     false, "ENDPOINT", "where the broker is; also $STINT_BROKER"},
    {"name", STINT_OPTION_TEXT, NULL, 1, WORKER_OPTIONS_NAME, NULL, "name", 0, NULL, false,
     "NAME", "shown to people; HOST/PID if not given"},
    {"time-limit", STINT_OPTION_DURATION, "0s", 0, SPAN_MAX, NULL, "time-limit", 0, NULL,
     false, "TIME", "end a program after this; 0s: never"},
    {"grace", STINT_OPTION_DURATION, "5s", 0, SPAN_MAX, NULL, "grace", 0, NULL, false,
     "TIME", "from SIGTERM to SIGKILL when a program must end"},
    {"log", STINT_OPTION_CHOICE, "info", 0, 0, "error|warning|info|debug", "log", 0, NULL,
     false, "LEVEL", "what to log: error, warning, info or debug"},
    {"pool-member", STINT_OPTION_BOOLEAN, "no", 0, 0, NULL, "pool-member", 0, NULL, false,
     NULL, "how a pool starts its workers; not for people"},
    {"help", STINT_OPTION_BOOLEAN, "no", 0, 0, NULL, "help", 'h', NULL, false, NULL,
     "print this help"},
    {"version", STINT_OPTION_BOOLEAN, "no", 0, 0, NULL, "version", 'V', NULL, false, NULL,
     "print the version"},
};

static void
s_print_help (const stint_config_t *config)
{
    puts (
        "usage: stint-worker GROUP[,GROUP...] [FLAGS] --exec 'SHELL'\n"
        "       stint-worker GROUP[,GROUP...] [FLAGS] -- PROGRAM [ARGUMENT...]\n\n"
        "Runs a program for each task of the groups. The payload is its standard input,\n"
        "or stands in place of {} in its arguments; its standard output is the result.\n"
        "Exit 0 is done; 75 later; 64-66, 76-78 and 100 never again; all else is tried\n"
        "again. $STINT_TASK_ID, _GROUP, _ATTEMPT, _FENCE and _WORKER are set. Lines on "
        "its\n"
        "descriptor $STINT_PROGRESS_FD, 3, say how far it is: progress 40 page 4 of 10.\n");
    stint_config_print_help (config, stdout);
}

//  ---------------------------------------------------------------------------------
//  Faults. Those of the configuration come first; ours are about what it cannot know.

static int
s_tell (const stint_config_t *config)
{
    for (size_t at = 0; at < stint_config_faults (config); at++)
        fprintf (stderr, "stint-worker: %s\n", stint_config_fault (config, at));
    if (stint_config_faults (config))
        fputs ("       stint-worker --help says more\n", stderr);
    return stint_config_exit_code (config);
}

static int
s_usage (const char *text)
{
    fprintf (stderr, "stint-worker: %s\n       stint-worker --help says more\n", text);
    return 64;
}

//  Takes the list of groups apart. Returns false at a name that is none.

static bool
s_take_groups (worker_options_t *self)
{
    const char *next = self->group_list;
    for (;;) {
        size_t size = strcspn (next, ",");
        stint_bytes_t name = {(const uint8_t *) next, size};
        if (!stint_wire_name_valid (name) || self->group_count == WORKER_OPTIONS_GROUPS) {
            fprintf (
                stderr,
                "stint-worker: \"%s\": not a list of groups; up to %d names, each 1 to "
                "%d of A-Z a-z 0-9 . _ -, with commas between them\n",
                self->group_list, WORKER_OPTIONS_GROUPS, WORKER_OPTIONS_NAME);
            return false;
        }
        assert (size <= WORKER_OPTIONS_NAME);
        memcpy (self->groups [self->group_count++], next, size);
        if (!next [size])
            return true;
        next += size + 1;
    }
}

//  Takes what is to be run. Returns what is wrong with it, or null.

static const char *
s_take_program (worker_options_t *self, char *const *rest)
{
    self->shell = stint_config_text (self->config, "exec");
    self->argv = self->shell ? NULL : rest;
    if (self->shell && *rest)
        return "--exec and \"--\" both say what to run; one of them is enough";
    if (self->shell)
        return NULL;
    if (!*rest)
        return "nothing to run; add --exec 'SHELL' or -- PROGRAM";
    if (strstr (*rest, "{}"))
        return "{} stands for an argument, never for the program itself";
    return NULL;
}

//  Takes the bounds of a pool. Returns what is wrong with them, or null.

static const char *
s_take_pool (worker_options_t *self)
{
    const stint_config_t *config = self->config;
    self->pool = stint_config_given (config, "max");
    if (!self->pool && stint_config_given (config, "min"))
        return "--min is for a pool, which also needs --max";
    if (!self->pool && stint_config_given (config, "idle"))
        return "--idle is for a pool, which also needs --max";
    self->least = (uint32_t) stint_config_number (config, "min");
    self->most = (uint32_t) stint_config_number (config, "max");
    self->idle_ms = stint_config_number (config, "idle");
    return self->pool && self->least > self->most ? "--min is more than --max" : NULL;
}

static void
s_take_name (worker_options_t *self)
{
    const char *name = stint_config_text (self->config, "name");
    self->named = name != NULL;
    char host [48] = "";
    gethostname (host, sizeof host - 1);
    if (name)
        snprintf (self->name, sizeof self->name, "%s", name);
    else
        snprintf (self->name, sizeof self->name, "%s/%d", host, (int) getpid ());
}

static int
s_take (worker_options_t *self, char *const *rest)
{
    const stint_config_t *config = self->config;
    if (stint_config_positionals (config) == 0)
        return s_usage ("which group? name it first");
    if (stint_config_positionals (config) > 1) {
        fprintf (stderr,
                 "stint-worker: \"%s\": only the group goes there; put \"--\" before the "
                 "program, or commas between groups\n",
                 stint_config_positional (config, 1));
        return 64;
    }
    self->group_list = stint_config_positional (config, 0);
    if (!s_take_groups (self))
        return 64;
    const char *wrong = s_take_program (self, rest);
    if (!wrong)
        wrong = s_take_pool (self);
    if (wrong)
        return s_usage (wrong);
    self->slots = (uint32_t) stint_config_number (config, "slots");
    self->time_limit_ms = stint_config_number (config, "time-limit");
    self->grace_ms = stint_config_number (config, "grace");
    self->member = stint_config_boolean (config, "pool-member");
    self->log = stint_config_text (config, "log");
    s_take_name (self);
    if (stint_endpoint_find (&self->endpoint, stint_config_text (config, "broker"))
        == STINT_OK)
        return WORKER_OPTIONS_GO_ON;
    fprintf (stderr,
             "stint-worker: \"%s\" (from %s): not an endpoint; ipc://PATH or "
             "tcp://HOST:PORT\n",
             self->endpoint.address, self->endpoint.source);
    return 64;
}

int
worker_options_load (worker_options_t *self, int argc, char **argv)
{
    memset (self, 0, sizeof *self);
    self->config = stint_config_new (s_options, sizeof s_options / sizeof s_options [0]);
    int rest = stint_config_load_flags (self->config, argc, argv, false);
    int code = 0;
    if (stint_config_faults (self->config))
        code = s_tell (self->config);
    else if (stint_config_boolean (self->config, "help"))
        s_print_help (self->config);
    else if (stint_config_boolean (self->config, "version"))
        puts ("stint-worker " STINT_VERSION);
    else
        code = s_take (self, argv + rest);
    if (code != WORKER_OPTIONS_GO_ON)
        worker_options_unload (self);
    return code;
}

void
worker_options_unload (worker_options_t *self)
{
    stint_config_destroy (&self->config);
}

//  ---------------------------------------------------------------------------------
//  A member's command line

typedef struct {
    char **words;  //  With room for all
    size_t count;  //  How many there are
} line_t;

static void
s_add (line_t *line, const char *word)
{
    line->words [line->count] = strdup (word);
    if (!line->words [line->count++])
        abort ();
}

static void
s_add_duration (line_t *line, const char *flag, int64_t ms)
{
    char text [STINT_UNITS_SIZE];
    s_add (line, flag);
    s_add (line, stint_units_format_duration (ms, text));
}

char **
worker_options_for_member (const worker_options_t *self, size_t *name)
{
    size_t words = 0;
    while (self->argv && self->argv [words])
        words++;
    line_t line = {.words = calloc (words + MEMBER_WORDS + 1, sizeof (char *))};
    if (!line.words)
        abort ();
    char slots [STINT_UNITS_SIZE];
    s_add (&line, "stint-worker");
    s_add (&line, "--pool-member");
    s_add (&line, "--slots");
    s_add (&line, stint_units_format_count (self->slots, slots));
    s_add (&line, "--broker");
    s_add (&line, self->endpoint.address);
    s_add (&line, "--log");
    s_add (&line, self->log);
    s_add_duration (&line, "--time-limit", self->time_limit_ms);
    s_add_duration (&line, "--grace", self->grace_ms);
    *name = 0;
    if (self->named) {
        s_add (&line, "--name");
        *name = line.count;
        s_add (&line, self->name);
    }
    s_add (&line, self->group_list);
    s_add (&line, self->shell ? "--exec" : "--");
    if (self->shell)
        s_add (&line, self->shell);
    for (size_t index = 0; index < words; index++)
        s_add (&line, self->argv [index]);
    assert (line.count <= words + MEMBER_WORDS);
    return line.words;
}

void
worker_options_free_member (char ***argv_p)
{
    for (size_t index = 0; (*argv_p) [index]; index++)
        free ((*argv_p) [index]);
    free (*argv_p);
    *argv_p = NULL;
}
