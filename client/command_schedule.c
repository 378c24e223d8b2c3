//  command_schedule: lists schedules, sets them, pauses and removes them
//  SPDX-License-Identifier: MPL-2.0

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "command_call.h"
#include "command_table.h"
#include "json.h"
#include "stint_client_schedule.h"
#include "table.h"
#include "text.h"
#include "user.h"

#define TIME_SIZE 40  //  Of a time of day and its zone

//  Writes a time by the clock of the schedule's zone: "2026-05-04 07:30:00 +02:00".

static void
s_format_time (stint_bytes_t schedule, const char *name, char text [TIME_SIZE])
{
    char zone [16];
    answer_text (schedule, "zone", zone, sizeof zone);
    time_t at = (time_t) (answer_number (schedule, name) / 1000);
    if (strlen (zone) == 6) {
        long minutes = strtol (zone + 1, NULL, 10) * 60 + strtol (zone + 4, NULL, 10);
        at += (zone [0] == '-' ? -60 : 60) * minutes;
    }
    struct tm parts;
    char clock [24] = "?";
    if (gmtime_r (&at, &parts))
        strftime (clock, sizeof clock, "%Y-%m-%d %H:%M:%S", &parts);
    snprintf (text, TIME_SIZE, "%s %s", clock, zone);
}

static void
s_print_json (stint_bytes_t schedule)
{
    static const json_name_t names [] = {
        {"next", "next_ms"}, {"ran", "ran_ms"}, {NULL, NULL}};
    json_put_packed (stdout, schedule, names);
    putchar ('\n');
}

static void
s_add_schedule (table_t *table, const command_call_t *call, stint_bytes_t schedule)
{
    static const char *const words [] = {"schedule", "group", "line", "zone"};
    static const char *const numbers [] = {"task", "runs", "passed"};
    char text [160];
    char number [TEXT_NUMBER_SIZE];
    for (size_t at = 0; at < sizeof words / sizeof words [0]; at++)
        table_add (table, answer_text (schedule, words [at], text, sizeof text));
    bool paused = answer_number (schedule, "paused") > 0;
    table_add (table, paused
                          ? "paused"
                          : text_span ((int64_t) answer_number (schedule, "next"), number));
    bool ran = answer_number (schedule, "ran_at") > 0;
    table_add (table,
               ran ? text_span ((int64_t) answer_number (schedule, "ran"), number) : "-");
    for (size_t at = 0; at < sizeof numbers / sizeof numbers [0]; at++) {
        bool grouped = at > 0 && call->terminal;
        text_number (answer_number (schedule, numbers [at]), grouped, number);
        bool more = at == 2 && answer_number (schedule, "cut") > 0;
        snprintf (text, sizeof text, "%s%s", number, more ? "+" : "");
        table_add (table, at > 0 || ran ? text : "-");
    }
    table_add (table, answer_text (schedule, "missed", text, sizeof text));
    answer_text (schedule, "by", text, sizeof text);
    table_add (table, *text ? text : "-");
}

//  Asks until there are no more: the broker tells of a bounded number at a time.

static int
s_list (command_call_t *call)
{
    stint_query_t query = {.what = "schedules"};
    bool more = true;
    uint32_t found = 0;
    int code = command_connect (call);
    table_t *table = table_new ("SCHEDULE GROUP LINE ZONE >NEXT >LAST >TASK >RUNS "
                                "?>PASSED MISSED ?BY");
    while (code == COMMAND_OK && more) {
        stint_bytes_t map;
        code = command_query (call, &query, &map);
        if (code != COMMAND_OK)
            break;
        uint32_t count = answer_count (map, "schedules");
        stint_bytes_t schedules = answer_elements (map, "schedules");
        for (uint32_t at = 0; at < count; at++, found++) {
            stint_bytes_t schedule = answer_take (&schedules);
            if (call->json)
                s_print_json (schedule);
            else
                s_add_schedule (table, call, schedule);
        }
        uint64_t after = answer_number (map, "after");
        more = after > query.after && after < answer_number (map, "last");
        query.after = after;
    }
    if (table_rows (table) > 0)
        table_print (table, stdout, call->colored);
    if (code == COMMAND_OK && found == 0)
        command_notice (call, "no schedules yet");
    table_destroy (&table);
    return command_finish (code);
}

//  Tells when a schedule runs next.

static int
s_tell_next (command_call_t *call)
{
    char text [TIME_SIZE];
    char span [TEXT_NUMBER_SIZE];
    stint_bytes_t map;
    stint_query_t query = {.what = "schedules", .name = call->words [1]};
    int code = command_query (call, &query, &map);
    if (code != COMMAND_OK || answer_count (map, "schedules") == 0)
        return code;
    stint_bytes_t schedules = answer_elements (map, "schedules");
    stint_bytes_t schedule = answer_take (&schedules);
    s_format_time (schedule, "next_at", text);
    text_span ((int64_t) answer_number (schedule, "next"), span);
    if (call->json)
        s_print_json (schedule);
    else if (answer_number (schedule, "paused") > 0)
        printf ("%s is paused\n", call->words [1]);
    else
        printf ("%s runs next at %s, in %s\n", call->words [1], text, span);
    return command_finish (COMMAND_OK);
}

static int
s_set (command_call_t *call)
{
    stint_schedule_t schedule = {.name = call->words [1], .zone = call->zone};
    if (call->count < 4)
        return command_fail (
            COMMAND_USAGE, "as in: stint schedule set nightly reports '30 2 * * *'",
            "schedule set: %s", call->count < 3 ? "which group?" : "when does it run?");
    if (call->terms.delay)
        return command_fail (COMMAND_USAGE, "leave out --delay",
                             "schedule set: its tasks begin at its times");
    if (!user_name (&schedule.by))
        return COMMAND_INPUT;
    schedule.group = call->words [2];
    schedule.line = call->words [3];
    schedule.missed = call->missed;
    schedule.payload = stint_bytes_of (call->count > 4 ? call->words [4] : "");
    int code = command_connect (call);
    if (code != COMMAND_OK)
        return code;
    stint_status_t status = stint_client_schedule_set (call->client, &schedule);
    return status == STINT_OK ? s_tell_next (call) : command_fail_status (call, status);
}

static int
s_do (command_call_t *call)
{
    const char *what = call->words [0];
    int code = command_connect (call);
    if (code != COMMAND_OK)
        return code;
    stint_status_t status = stint_client_schedule_do (call->client, call->words [1], what);
    if (status == STINT_ERR_NOT_FOUND)
        return command_fail (COMMAND_INPUT, "they are listed by: stint schedule list",
                             "there is no schedule \"%s\"", call->words [1]);
    if (status != STINT_OK)
        return command_fail_status (call, status);
    return strcmp (what, "resume") == 0 ? s_tell_next (call) : COMMAND_OK;
}

int
command_schedule (command_call_t *call)
{
    static const struct {
        const char *name;  //  First argument
        int words_min;     //  Fewest arguments, with it
        int words_max;     //  Most arguments
        command_fn *run;   //  Carries it out
    } actions [] = {{"list", 0, 1, s_list},
                    {"set", 2, 5, s_set},
                    {"pause", 2, 2, s_do},
                    {"resume", 2, 2, s_do},
                    {"remove", 2, 2, s_do}};
    static const char usage [] = "stint schedule list | set NAME GROUP 'LINE' [PAYLOAD] | "
                                 "pause|resume|remove NAME";

    size_t count = sizeof actions / sizeof actions [0];
    const char *word = call->count > 0 ? call->words [0] : "list";
    for (size_t at = 0; at < count; at++) {
        if (strcmp (actions [at].name, word) != 0)
            continue;
        if (call->count < actions [at].words_min)
            return command_fail (COMMAND_USAGE, usage, "schedule %s: which one?", word);
        if (call->count > actions [at].words_max)
            return command_fail (COMMAND_USAGE, usage,
                                 "schedule %s: \"%s\" is one argument too many", word,
                                 call->words [actions [at].words_max]);
        return actions [at].run (call);
    }
    const char *near = text_nearest (word, &actions [0].name, count, sizeof actions [0]);
    return command_fail (COMMAND_USAGE, usage, "schedule: \"%s\" is not known%s%s%s", word,
                         near ? "; did you mean \"" : "", near ? near : "",
                         near ? "\"?" : "");
}
