//  settings: the table of all that stint-broker can be told, and what it comes to
//  SPDX-License-Identifier: MPL-2.0

#include "settings.h"

#include "group_note.h"
#include "stint_endpoint.h"
#include "stint_wire.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT STINT_OPTION_COUNT
#define SIZE STINT_OPTION_SIZE
#define SPAN STINT_OPTION_DURATION
#define RATE STINT_OPTION_RATE
#define TEXT STINT_OPTION_TEXT
#define YEAR ((int64_t) 365 * 24 * 3600 * 1000)
#define TERA ((int64_t) 1 << 40)
#define NOTES 65536  //  Running attempts whose progress is known: 12 MB, when all say it

static const stint_option_t s_table [] = {
    {"config", TEXT, NULL, 0, 0, NULL, "config", 'c', NULL, false, "FILE",
     "read settings from this file too"},
    {"check-config", STINT_OPTION_BOOLEAN, "no", 0, 0, NULL, "check-config", 0, NULL, false,
     NULL, "say what is wrong with the settings, and leave"},
    {"print-config", STINT_OPTION_BOOLEAN, "no", 0, 0, NULL, "print-config", 0, NULL, false,
     NULL, "print all settings as a file, and leave"},
    {"ephemeral", STINT_OPTION_BOOLEAN, "no", 0, 0, NULL, "ephemeral", 0, NULL, false, NULL,
     "keep nothing on disk"},
    {"help", STINT_OPTION_BOOLEAN, "no", 0, 0, NULL, "help", 'h', NULL, false, NULL,
     "print this help"},
    {"version", STINT_OPTION_BOOLEAN, "no", 0, 0, NULL, "version", 'V', NULL, false, NULL,
     "print the version"},

    {"broker/listen", STINT_OPTION_LIST, NULL, 0, 0, NULL, "listen", 'l', NULL, false,
     "ENDPOINT", "listen here; may be given more than once"},
    {"broker/insecure", STINT_OPTION_BOOLEAN, "no", 0, 0, NULL, "insecure", 0, NULL, false,
     NULL, "listen on tcp without keys, on the loopback only"},
    {"broker/heartbeat", SPAN, "1s", 100, 30000, NULL, "heartbeat", 0, NULL, false, "TIME",
     "between two heartbeats"},
    {"broker/liveness", COUNT, "3", 2, 100, NULL, "liveness", 0, NULL, false, "COUNT",
     "heartbeats that a peer may miss"},
    {"broker/heartbeats", COUNT, "2000", 0, 1000000, NULL, NULL, 0, NULL, false, "COUNT",
     "most heartbeats a second, each way; more peers beat less often; 0: no bound"},
    {"broker/drain", SPAN, "5s", 0, YEAR, NULL, "drain", 0, NULL, false, "TIME",
     "at a stop, wait this long for running tasks"},

    {"store/dir", TEXT, NULL, 1, 0, NULL, "store", 0, NULL, false, "DIR",
     "keep tasks and results here"},
    {"store/sync", STINT_OPTION_CHOICE, "always", 0, 0, "always|interval|none", "sync", 0,
     NULL, false, "WHEN", "when a task counts as kept: always, interval or none"},
    {"store/sync_interval", SPAN, "100ms", 1, 60000, NULL, NULL, 0, NULL, false, "TIME",
     "between two syncs of the disk, for sync = interval"},
    {"store/size_max", SIZE, "64G", 1 << 20, 64 * TERA, NULL, NULL, 0, NULL, false, "SIZE",
     "most bytes that the store may take on disk"},

    {"limits/tasks", COUNT, "4000000", 1, 1000000000, NULL, NULL, 0, NULL, false, "COUNT",
     "most tasks held at once, ended ones included"},
    {"limits/groups", COUNT, "10000", 1, 1000000, NULL, NULL, 0, NULL, false, "COUNT",
     "most groups"},
    {"limits/batches", COUNT, "65536", 1, 10000000, NULL, NULL, 0, NULL, false, "COUNT",
     "most batches that are known"},
    {"limits/producers", COUNT, "65536", 1, 10000000, NULL, NULL, 0, NULL, false, "COUNT",
     "most clients whose pushes are remembered"},
    {"limits/schedules", COUNT, "10000", 1, 100000, NULL, NULL, 0, NULL, false, "COUNT",
     "most schedules"},
    {"limits/sessions", COUNT, "16384", 1, 1000000, NULL, NULL, 0, NULL, false, "COUNT",
     "most peers connected at once"},
    {"limits/memory", SIZE, "256M", 1 << 20, 64 * TERA, NULL, "memory", 0, NULL, false,
     "SIZE", "most bytes of payloads and results kept in memory"},
    {"limits/waiting", SIZE, "64M", 1 << 20, TERA, NULL, NULL, 0, NULL, false, "SIZE",
     "bytes on their way to the disk beyond which pushes wait; tasks, at a quarter of it"},

    {"group_defaults/max_tasks", COUNT, "4000000", 1, 1000000000, NULL, NULL, 0, NULL, true,
     "COUNT", "most tasks that a group holds, ended ones included"},
    {"group_defaults/max_bytes", SIZE, "64G", 1, 64 * TERA, NULL, NULL, 0, NULL, true,
     "SIZE", "most bytes of payloads and results that a group holds"},
    {"group_defaults/max_attempts", COUNT, "5", 1, 1000, NULL, NULL, 0, NULL, true, "COUNT",
     "failures until a task is dead"},
    {"group_defaults/backoff", SPAN, "1s", 1, YEAR, NULL, NULL, 0, NULL, true, "TIME",
     "wait before the second attempt; doubles with each"},
    {"group_defaults/backoff_max", SPAN, "5m", 1, YEAR, NULL, NULL, 0, NULL, true, "TIME",
     "longest wait between attempts"},
    {"group_defaults/keep_results", SPAN, "24h", 1000, YEAR, NULL, NULL, 0, NULL, true,
     "TIME", "how long an ended task is kept"},
    {"group_defaults/max_running", COUNT, "0", 0, 1000000000, NULL, NULL, 0, NULL, true,
     "COUNT", "most tasks of a group at workers at once; 0: any number"},
    {"group_defaults/weight", COUNT, "1", 1, RECORD_WEIGHT_MAX, NULL, NULL, 0, NULL, true,
     "COUNT", "a group's share of workers that serve others, too"},
    {"group_defaults/key_running", COUNT, "0", 0, 1000000000, NULL, NULL, 0, NULL, true,
     "COUNT", "most tasks of one key at workers at once; 0: any number"},
    {"group_defaults/time_limit", SPAN, "0", 0, YEAR, NULL, NULL, 0, NULL, true, "TIME",
     "how long an attempt may run; 0: for ever"},
    {"group_defaults/rate", RATE, "0", 0, RECORD_RATE_MAX, NULL, NULL, 0, NULL, true,
     "RATE", "most tasks of a group that begin in a time, as 100/s, 10/m; 0: any number"},
    {"group_defaults/burst", COUNT, "0", 0, RECORD_BURST_MAX, NULL, NULL, 0, NULL, true,
     "COUNT", "most tasks that begin at once after a pause; 0: what rate is a second"},
    {"group_defaults/key_rate", RATE, "0", 0, RECORD_RATE_MAX, NULL, NULL, 0, NULL, true,
     "RATE", "as rate, of one key"},
    {"group_defaults/key_burst", COUNT, "0", 0, RECORD_BURST_MAX, NULL, NULL, 0, NULL, true,
     "COUNT", "as burst, of one key"},

    {"groups/*/max_tasks", COUNT, NULL, 1, 1000000000, NULL, NULL, 0, NULL, false, "COUNT",
     "as in group_defaults"},
    {"groups/*/max_bytes", SIZE, NULL, 1, 64 * TERA, NULL, NULL, 0, NULL, false, "SIZE",
     "as in group_defaults"},
    {"groups/*/max_attempts", COUNT, NULL, 1, 1000, NULL, NULL, 0, NULL, false, "COUNT",
     "as in group_defaults"},
    {"groups/*/backoff", SPAN, NULL, 1, YEAR, NULL, NULL, 0, NULL, false, "TIME",
     "as in group_defaults"},
    {"groups/*/backoff_max", SPAN, NULL, 1, YEAR, NULL, NULL, 0, NULL, false, "TIME",
     "as in group_defaults"},
    {"groups/*/keep_results", SPAN, NULL, 1000, YEAR, NULL, NULL, 0, NULL, false, "TIME",
     "as in group_defaults"},
    {"groups/*/max_running", COUNT, NULL, 1, 1000000000, NULL, NULL, 0, NULL, false,
     "COUNT", "as in group_defaults"},
    {"groups/*/weight", COUNT, NULL, 1, RECORD_WEIGHT_MAX, NULL, NULL, 0, NULL, false,
     "COUNT", "as in group_defaults"},
    {"groups/*/key_running", COUNT, NULL, 1, 1000000000, NULL, NULL, 0, NULL, false,
     "COUNT", "as in group_defaults"},
    {"groups/*/time_limit", SPAN, NULL, 1, YEAR, NULL, NULL, 0, NULL, false, "TIME",
     "as in group_defaults"},
    {"groups/*/rate", RATE, NULL, 1, RECORD_RATE_MAX, NULL, NULL, 0, NULL, false, "RATE",
     "as in group_defaults"},
    {"groups/*/burst", COUNT, NULL, 1, RECORD_BURST_MAX, NULL, NULL, 0, NULL, false,
     "COUNT", "as in group_defaults"},
    {"groups/*/key_rate", RATE, NULL, 1, RECORD_RATE_MAX, NULL, NULL, 0, NULL, false,
     "RATE", "as in group_defaults"},
    {"groups/*/key_burst", COUNT, NULL, 1, RECORD_BURST_MAX, NULL, NULL, 0, NULL, false,
     "COUNT", "as in group_defaults"},

    {"log/level", STINT_OPTION_CHOICE, "info", 0, 0, "error|warning|info|debug", "log", 0,
     NULL, true, "LEVEL", "error, warning, info or debug"},
};

//  Where a broker of this user keeps its store when it was not told.

static void
s_default_store (char *path, size_t size)
{
    const char *state = getenv ("XDG_STATE_HOME");
    const char *home = getenv ("HOME");
    if (state && *state)
        snprintf (path, size, "%s/stint", state);
    else if (home && *home && geteuid () != 0)
        snprintf (path, size, "%s/.local/state/stint", home);
    else
        snprintf (path, size, "/var/lib/stint");
}

stint_config_t *
settings_new (void)
{
    char store [4096];
    stint_endpoint_t endpoint;
    stint_config_t *config =
        stint_config_new (s_table, sizeof s_table / sizeof s_table [0]);
    s_default_store (store, sizeof store);
    stint_endpoint_default (&endpoint);
    stint_config_set_default (config, "store/dir", store);
    stint_config_set_default (config, "broker/listen", endpoint.address);
    return config;
}

static uint64_t
s_number (const stint_config_t *config, const char *path)
{
    return (uint64_t) stint_config_number (config, path);
}

//  Reads the settings of a section.

static record_settings_t
s_settings (const stint_config_t *config, const char *section)
{
    record_settings_t settings = {.paused = 0};
    for (size_t index = 0; index < RECORD_SETTINGS; index++) {
        if (group_note_setting (index))
            continue;
        char path [256];
        snprintf (path, sizeof path, "%s/%s", section, record_setting_table [index].name);
        settings.list [index] = s_number (config, path);
    }
    return settings;
}

record_settings_t
settings_defaults (const stint_config_t *config)
{
    return s_settings (config, "group_defaults");
}

static broker_group_t
s_group (const stint_config_t *config, const char *name)
{
    char section [128];
    snprintf (section, sizeof section, "groups/%s", name);
    return (broker_group_t){name, s_settings (config, section)};
}

static core_limits_t
s_limits (const stint_config_t *config, bool ephemeral)
{
    return (core_limits_t){
        .tasks = (uint32_t) s_number (config, "limits/tasks"),
        .groups = (uint32_t) s_number (config, "limits/groups"),
        .batches = (uint32_t) s_number (config, "limits/batches"),
        .producers = (uint32_t) s_number (config, "limits/producers"),
        .schedules = (uint32_t) s_number (config, "limits/schedules"),
        .sessions = (uint32_t) s_number (config, "limits/sessions"),
        .notes = NOTES,
        .heartbeat_ms = (uint32_t) s_number (config, "broker/heartbeat"),
        .liveness = (uint32_t) s_number (config, "broker/liveness"),
        .heartbeats_max = (uint32_t) s_number (config, "broker/heartbeats"),
        .waiting_max = s_number (config, "limits/waiting"),
        //  What is copied forward, and pages that cannot be used again yet, need room too
        .store_max = ephemeral ? 0 : s_number (config, "store/size_max") / 2,
        .memory_max = ephemeral ? UINT64_MAX : s_number (config, "limits/memory"),
        .defaults = settings_defaults (config),
    };
}

broker_options_t
settings_options (const stint_config_t *config)
{
    bool ephemeral = stint_config_boolean (config, "ephemeral");
    size_t endpoints = stint_config_list_size (config, "broker/listen");
    size_t groups = stint_config_names (config, "groups");
    const char **listen = calloc (endpoints + 1, sizeof *listen);
    broker_group_t *named = calloc (groups + 1, sizeof *named);
    assert (listen && named);
    for (size_t index = 0; index < endpoints; index++)
        listen [index] = stint_config_list_at (config, "broker/listen", index);
    for (size_t index = 0; index < groups; index++)
        named [index] = s_group (config, stint_config_name (config, "groups", index));
    return (broker_options_t){
        .limits = s_limits (config, ephemeral),
        .engine = ephemeral ? &store_memory : &store_lmdb,
        .store = {stint_config_text (config, "store/dir"),
                  s_number (config, "store/size_max"),
                  (store_sync_t) stint_config_choice (config, "store/sync"),
                  stint_config_number (config, "store/sync_interval")},
        .endpoints = listen,
        .endpoint_count = endpoints,
        .insecure = stint_config_boolean (config, "broker/insecure"),
        .groups = named,
        .group_count = groups,
        .drain_ms = stint_config_number (config, "broker/drain"),
    };
}

void
settings_clear (broker_options_t *options)
{
    free ((void *) (uintptr_t) options->endpoints);
    free ((void *) (uintptr_t) options->groups);
    *options = (broker_options_t){0};
}
