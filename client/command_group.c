//  command_group: lists groups, changes their settings, removes them
//  SPDX-License-Identifier: MPL-2.0

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "command_call.h"
#include "command_table.h"
#include "json.h"
#include "stint_client_admin.h"
#include "stint_units.h"
#include "stopped.h"
#include "table.h"
#include "text.h"
#include "user.h"

typedef enum {
    SETTING_COUNT,     //  Written as 1000
    SETTING_SIZE,      //  Written as 64M
    SETTING_DURATION,  //  Written as 5s
    SETTING_RATE       //  Written as 100/s
} setting_kind_t;

#define YEAR_MS ((int64_t) 365 * 24 * 3600 * 1000)
#define TERA ((int64_t) 1 << 40)
#define RATE_MAX ((int64_t) 1000000 * 3600)  //  An hour

//  The ranges are those of the broker's own file of settings. 0 is in none of them: to the
//  broker it means its own default again.

static const struct {
    const char *name;     //  As the protocol has it
    setting_kind_t kind;  //  How people write it
    int64_t minimum;      //  Least value but 0
    int64_t maximum;      //  Most
    const char *example;  //  Of a value
} s_settings [] = {
    {"max_tasks", SETTING_COUNT, 1, 1000000000, "max_tasks=1000"},
    {"max_bytes", SETTING_SIZE, 1, 64 * TERA, "max_bytes=64M"},
    {"max_attempts", SETTING_COUNT, 1, 1000, "max_attempts=5"},
    {"backoff", SETTING_DURATION, 1, YEAR_MS, "backoff=500ms"},
    {"backoff_max", SETTING_DURATION, 1, YEAR_MS, "backoff_max=5m"},
    {"keep_results", SETTING_DURATION, 1000, YEAR_MS, "keep_results=1d"},
    {"max_running", SETTING_COUNT, 1, 1000000000, "max_running=10"},
    {"weight", SETTING_COUNT, 1, 1000, "weight=3"},
    {"key_running", SETTING_COUNT, 1, 1000000000, "key_running=2"},
    {"time_limit", SETTING_DURATION, 1, YEAR_MS, "time_limit=30s"},
    {"rate", SETTING_RATE, 1, RATE_MAX, "rate=100/s"},
    {"burst", SETTING_COUNT, 1, 1000000000, "burst=20"},
    {"key_rate", SETTING_RATE, 1, RATE_MAX, "key_rate=10/m"},
    {"key_burst", SETTING_COUNT, 1, 1000000000, "key_burst=5"},
};

#define SETTINGS (sizeof s_settings / sizeof s_settings [0])

static void
s_format (size_t setting, int64_t value, char *text)
{
    switch (s_settings [setting].kind) {
        case SETTING_COUNT:
            stint_units_format_count (value, text);
            break;
        case SETTING_SIZE:
            stint_units_format_size (value, text);
            break;
        case SETTING_DURATION:
            stint_units_format_duration (value, text);
            break;
        case SETTING_RATE:
            stint_units_format_rate (value, text);
            break;
        default:
            assert (false);
    }
}

static bool
s_parse (size_t setting, const char *text, int64_t *value)
{
    switch (s_settings [setting].kind) {
        case SETTING_COUNT:
            return stint_units_parse_count (text, value);
        case SETTING_SIZE:
            return stint_units_parse_size (text, value);
        case SETTING_DURATION:
            return stint_units_parse_duration (text, value);
        case SETTING_RATE:
            return stint_units_parse_rate (text, value);
        default:
            assert (false);
    }
    return false;
}

//  Says which values a setting takes. Returns false.

static bool
s_bad_value (size_t setting, const char *word)
{
    static const char *const kinds [] = {[SETTING_COUNT] = "number",
                                         [SETTING_SIZE] = "size",
                                         [SETTING_DURATION] = "time",
                                         [SETTING_RATE] = "rate"};
    char hint [80];
    char least [STINT_UNITS_SIZE];
    char most [STINT_UNITS_SIZE];
    s_format (setting, s_settings [setting].minimum, least);
    s_format (setting, s_settings [setting].maximum, most);
    snprintf (hint, sizeof hint, "as in: stint group set GROUP %s",
              s_settings [setting].example);
    command_fail (
        COMMAND_USAGE, hint, "\"%s\": %s is a %s from %s to %s, or 0 for the broker's own",
        word, s_settings [setting].name, kinds [s_settings [setting].kind], least, most);
    return false;
}

//  Reads "name=value". Returns false after it has said what is wrong.

static bool
s_setting (const char *word, stint_setting_t *setting)
{
    char name [40];
    size_t size = strcspn (word, "=");
    snprintf (name, sizeof name, "%.*s", (int) (size < sizeof name ? size : 0), word);
    size_t found = 0;
    while (found < SETTINGS && strcmp (s_settings [found].name, name) != 0)
        found++;
    if (found == SETTINGS) {
        const char *near =
            text_nearest (name, &s_settings [0].name, SETTINGS, sizeof s_settings [0]);
        command_fail (COMMAND_USAGE, "settings: stint help group",
                      "\"%s\" is not a setting of a group%s%s%s", word,
                      near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        return false;
    }
    if (word [size] != '=' || !s_parse (found, word + size + 1, &setting->value)
        || setting->value > s_settings [found].maximum
        || (setting->value < s_settings [found].minimum && setting->value != 0))
        return s_bad_value (found, word);

    setting->name = s_settings [found].name;
    return true;
}

//  Nothing was to be set: which settings are there?

static int
s_no_setting (void)
{
    char names [320] = "";
    for (size_t at = 0; at < SETTINGS; at++) {
        size_t end = strlen (names);
        snprintf (names + end, sizeof names - end, "%s%s", at > 0 ? ", " : "",
                  s_settings [at].name);
    }
    return command_fail (COMMAND_USAGE,
                         "as in: stint group set GROUP max_tasks=1000 backoff=5s",
                         "group set: which setting? there are %s", names);
}

//  Changes settings of the group that was named, as somebody whose name is told.

static int
s_change_by (command_call_t *call, const stint_setting_t *settings, size_t count,
             const char *by)
{
    int code = command_connect (call);
    if (code != COMMAND_OK)
        return code;

    stint_status_t status = stint_client_group_set_by (call->client, call->words [1],
                                                       settings, count, by, call->why);
    return status == STINT_OK ? COMMAND_OK : command_fail_status (call, status);
}

static int
s_set (command_call_t *call)
{
    if (call->count < 3)
        return s_no_setting ();

    stint_setting_t settings [SETTINGS] = {{NULL, 0}};
    size_t count = 0;
    for (int at = 2; at < call->count; at++) {
        stint_setting_t setting = {NULL, 0};
        if (!s_setting (call->words [at], &setting))
            return COMMAND_USAGE;

        //  Said twice: the last one counts.
        size_t place = 0;
        while (place < count && strcmp (settings [place].name, setting.name) != 0)
            place++;
        settings [place] = setting;
        count = place == count ? count + 1 : count;
    }
    return s_change_by (call, settings, count, NULL);
}

//  Stops a group in one of the two ways.

static int
s_stop (command_call_t *call, const char *how)
{
    const char *user;
    if (!user_name (&user))
        return COMMAND_INPUT;
    return s_change_by (call, &(stint_setting_t){how, 1}, 1, user);
}

//  Stops giving out tasks of a group; what runs goes on.

static int
s_pause (command_call_t *call)
{
    return s_stop (call, "paused");
}

//  Stops taking tasks for a group; what is there is done.

static int
s_drain (command_call_t *call)
{
    return s_stop (call, "draining");
}

static int
s_resume (command_call_t *call)
{
    static const stint_setting_t settings [] = {{"paused", 0}, {"draining", 0}};
    return s_change_by (call, settings, 2, NULL);
}

static int
s_remove (command_call_t *call)
{
    int code = command_connect (call);
    if (code != COMMAND_OK)
        return code;

    stint_status_t status = stint_client_group_remove (call->client, call->words [1]);
    return status == STINT_OK ? COMMAND_OK : command_fail_status (call, status);
}

//  Empties the group that was named: what waits is cancelled, what has ended is dropped.

static int
s_purge (command_call_t *call)
{
    return command_purge (call, call->words [1]);
}

static void
s_add_group (table_t *table, const command_call_t *call, stint_bytes_t group)
{
    char text [STINT_UNITS_SIZE + 16];
    uint64_t held = 0;
    for (int state = STINT_DELAYED; state <= STINT_BLOCKED; state++)
        held += answer_number (group, stint_state_name ((stint_state_t) state));
    table_add (table, answer_text (group, "group", text, sizeof text));
    table_add (table, text_number (held, call->terminal, text));
    for (size_t at = 0; at < SETTINGS; at++) {
        uint64_t value = answer_number (group, s_settings [at].name);
        if (value > 0 && value <= INT64_MAX)
            s_format (at, (int64_t) value, text);
        else
            snprintf (text, sizeof text, "-");
        table_add (table, text);
    }
    char stop [STOPPED_SIZE];
    table_add (table, *stopped_text (group, stop) ? stop : "-");
}

static int
s_list (command_call_t *call)
{
    stint_query_t query = {.what = "groups"};
    stint_bytes_t map;
    int code = command_connect (call);
    if (code == COMMAND_OK)
        code = command_query (call, &query, &map);
    if (code != COMMAND_OK)
        return code;

    uint32_t count = answer_count (map, "groups");
    stint_bytes_t groups = answer_elements (map, "groups");
    table_t *table = table_new ("GROUP >TASKS >MAX_TASKS >MAX_BYTES >MAX_ATTEMPTS >BACKOFF "
                                ">BACKOFF_MAX >KEEP_RESULTS ?>MAX_RUNNING >WEIGHT "
                                "?>KEY_RUNNING ?>TIME_LIMIT ?>RATE ?>BURST "
                                "?>KEY_RATE ?>KEY_BURST ?PAUSED");
    for (uint32_t at = 0; at < count; at++) {
        stint_bytes_t group = answer_take (&groups);
        if (call->json)
            command_print_json (group);
        else
            s_add_group (table, call, group);
    }
    if (!call->json && count > 0)
        table_print (table, stdout, call->colored);
    if (count == 0)
        command_notice (call, "no groups yet");
    table_destroy (&table);
    return command_finish (COMMAND_OK);
}

int
command_group (command_call_t *call)
{
    static const struct {
        const char *name;  //  First argument
        int words_min;     //  Fewest arguments, with it
        int words_max;     //  Most arguments; 0 for no limit
        command_fn *run;   //  Carries it out
    } actions [] = {{"list", 0, 1, s_list},     {"set", 2, 0, s_set},
                    {"pause", 2, 2, s_pause},   {"drain", 2, 2, s_drain},
                    {"resume", 2, 2, s_resume}, {"purge", 2, 2, s_purge},
                    {"remove", 2, 2, s_remove}};
    static const char usage [] = "stint group list | set GROUP NAME=VALUE... | "
                                 "pause|drain|resume|purge|remove GROUP";

    size_t count = sizeof actions / sizeof actions [0];
    const char *word = call->count > 0 ? call->words [0] : "list";
    for (size_t at = 0; at < count; at++) {
        if (strcmp (actions [at].name, word) != 0)
            continue;
        if (call->count < actions [at].words_min)
            return command_fail (COMMAND_USAGE, usage, "group %s: which group?", word);
        if (actions [at].words_max && call->count > actions [at].words_max)
            return command_fail (COMMAND_USAGE, usage,
                                 "group %s: \"%s\" is one argument too many", word,
                                 call->words [actions [at].words_max]);
        if (call->why && actions [at].run != s_pause && actions [at].run != s_drain)
            return command_fail (COMMAND_USAGE,
                                 "as in: stint group pause GROUP --reason TEXT",
                                 "group %s: --reason is for pause and drain", word);
        return actions [at].run (call);
    }
    const char *near = text_nearest (word, &actions [0].name, count, sizeof actions [0]);
    return command_fail (COMMAND_USAGE, usage, "group: \"%s\" is not known%s%s%s", word,
                         near ? "; did you mean \"" : "", near ? near : "",
                         near ? "\"?" : "");
}
