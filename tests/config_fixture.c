//  config_fixture: the table of options and the helpers that the tests of stint_config
//  share SPDX-License-Identifier: MPL-2.0

#include "config_fixture.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const stint_option_t s_table [] = {
    {.path = "help",
     .type = STINT_OPTION_BOOLEAN,
     .flag = "help",
     .letter = 'h',
     .help = "show this"},
    {.path = "verbose",
     .type = STINT_OPTION_BOOLEAN,
     .flag = "verbose",
     .letter = 'v',
     .help = "say more"},
    {.path = "client/broker",
     .type = STINT_OPTION_TEXT,
     .minimum = 1,
     .flag = "broker",
     .letter = 'b',
     .variable = "STINT_BROKER",
     .argument = "ENDPOINT",
     .help = "where the broker listens"},
    {.path = "broker/listen",
     .type = STINT_OPTION_LIST,
     .initial = "ipc://here",
     .minimum = 1,
     .flag = "listen",
     .argument = "EP",
     .help = "an endpoint to listen on, may be given several times, and this text is long "
             "enough to be wrapped"},
    {.path = "broker/heartbeat",
     .type = STINT_OPTION_DURATION,
     .initial = "1s",
     .minimum = 100,
     .maximum = 60000,
     .reloadable = true,
     .help = "ping period"},
    {.path = "broker/liveness",
     .type = STINT_OPTION_COUNT,
     .initial = "3",
     .minimum = 1,
     .maximum = 100,
     .flag = "liveness",
     .reloadable = true,
     .help = "missed heartbeats"},
    {.path = "store/dir",
     .type = STINT_OPTION_TEXT,
     .initial = "/var/lib/stint",
     .minimum = 1,
     .flag = "store",
     .argument = "DIR",
     .help = "where the store lives"},
    {.path = "store/sync",
     .type = STINT_OPTION_CHOICE,
     .initial = "always",
     .choices = "always|interval|none",
     .flag = "sync",
     .help = "when a block is durable"},
    {.path = "store/min_free",
     .type = STINT_OPTION_SIZE,
     .initial = "256M",
     .reloadable = true,
     .help = "refuse new tasks below this"},
    {.path = "http/actions",
     .type = STINT_OPTION_BOOLEAN,
     .initial = "no",
     .flag = "actions",
     .reloadable = true,
     .help = "pause and retry from the page"},
    {.path = "groups/*/max_attempts",
     .type = STINT_OPTION_COUNT,
     .initial = "5",
     .minimum = 1,
     .maximum = 1000,
     .reloadable = true,
     .help = "attempts of a task"},
    {.path = "groups/*/max_tasks",
     .type = STINT_OPTION_COUNT,
     .reloadable = true,
     .help = "tasks it may hold"},
    {.path = "groups/*/scale/max",
     .type = STINT_OPTION_COUNT,
     .initial = "16",
     .help = "most workers"},
};

#define ROWS (sizeof s_table / sizeof s_table [0])

//  Each test is a process of its own, so this is the file of one test.
static char s_file [] = "/tmp/test_config.XXXXXX";
static bool s_file_made;

stint_config_t *
fixture_new (void)
{
    return stint_config_new (s_table, ROWS);
}

const char *
fixture_file (void)
{
    return s_file;
}

void
fixture_load_bytes (stint_config_t *self, const void *text, size_t size)
{
    if (!s_file_made)
        close (mkstemp (s_file));
    s_file_made = true;
    FILE *file = fopen (s_file, "w");
    cr_assert (file);
    size_t written = fwrite (text, 1, size, file);
    cr_assert_eq (fclose (file), 0);
    cr_assert_eq (written, size);
    stint_config_load_file (self, s_file, true);
    unlink (s_file);
}

void
fixture_load (stint_config_t *self, const char *text)
{
    fixture_load_bytes (self, text, strlen (text));
}

int
fixture_flags (stint_config_t *self, const char *const *flags, bool to_first)
{
    char *argv [17] = {(char *) (uintptr_t) "program"};
    int argc = 1;
    for (; *flags; flags++)
        argv [argc++] = (char *) (uintptr_t) *flags;
    return stint_config_load_flags (self, argc, argv, to_first);
}

const char *
fixture_faults (const stint_config_t *self)
{
    static char text [65536];
    size_t used = 0;
    text [0] = 0;
    size_t name = strlen (s_file);
    for (size_t at = 0; at < stint_config_faults (self); at++) {
        const char *fault = stint_config_fault (self, at);
        bool in_file = strncmp (fault, s_file, name) == 0;
        used += (size_t) snprintf (text + used, sizeof text - used, "%s%s\n",
                                   in_file ? "FILE" : "", fault + (in_file ? name : 0));
    }
    return text;
}

char *
fixture_printed (const stint_config_t *self,
                 void (*print) (const stint_config_t *self, FILE *file))
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream (&text, &size);
    cr_assert (file);
    print (self, file);
    fclose (file);
    return text;
}

void
fixture_on_change (const char *path, const char *before, const char *after, bool reloadable,
                   void *argument)
{
    char *text = argument;
    size_t used = strlen (text);
    snprintf (text + used, FIXTURE_TOLD_MAX - used, "%s: %s -> %s%s\n", path,
              before ? before : "none", after ? after : "none",
              reloadable ? "" : ", restart");
}

static uint64_t s_state;

void
fixture_seed (void)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    const char *given = getenv ("SEED");
    s_state = given ? strtoull (given, NULL, 10) : (uint64_t) now.tv_nsec;
    printf ("test_config: SEED=%" PRIu64 "\n", s_state);
}

uint64_t
fixture_seed_now (void)
{
    return s_state;
}

//  The numbers are splitmix64's.
size_t
fixture_random (size_t limit)
{
    uint64_t mixed = s_state += UINT64_C (0x9e3779b97f4a7c15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C (0x94d049bb133111eb);
    return (size_t) ((mixed ^ (mixed >> 31)) % limit);
}
