//  command_status: the commands about the broker as a whole: status and ping
//  SPDX-License-Identifier: MPL-2.0

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "answer.h"
#include "command_call.h"
#include "command_table.h"
#include "json.h"
#include "stopped.h"
#include "table.h"
#include "text.h"

#define WATCH_MS 1000
#define WATCH_STEP_MS 100  //  Ctrl-C is looked at this often
#define RED "\033[31m"
#define PLAIN "\033[0m"

static void
s_add_number (table_t *table, const command_call_t *call, stint_bytes_t map,
              const char *name)
{
    char text [TEXT_NUMBER_SIZE];
    table_add (table, text_number (answer_number (map, name), call->terminal, text));
}

//  Prints the line about the broker itself:
//  stint-broker 0.1.0  up 3 d 4 h  store 41.2 MB  12 workers

static void
s_print_broker (const command_call_t *call, stint_bytes_t map)
{
    char text [64];
    char number [TEXT_NUMBER_SIZE];
    stint_bytes_t store = answer_value (map, "store");
    printf ("stint-broker %s", answer_text (map, "version", text, sizeof text));
    printf ("  up %s", text_span ((int64_t) answer_number (map, "uptime"), number));
    printf ("  store %s", text_size (answer_number (store, "bytes"), number));
    uint64_t workers = answer_number (map, "workers");
    printf ("  %s worker%s\n", text_number (workers, call->terminal, number),
            workers == 1 ? "" : "s");
}

//  Returns true when a group is paused or drains.

static bool
s_stands (stint_bytes_t group)
{
    return answer_number (group, "paused") > 0 || answer_number (group, "draining") > 0;
}

static void
s_add_group (table_t *table, const command_call_t *call, stint_bytes_t group)
{
    static const char *const numbers [] = {"running",  "done",    "dead",
                                           "finished", "retried", "workers"};
    char text [80];
    char name [80];
    char span [TEXT_NUMBER_SIZE];
    snprintf (name, sizeof name, "%s%s",
              answer_text (group, "group", text, sizeof text - 1),
              s_stands (group) ? "*" : "");
    table_add (table, name);
    s_add_number (table, call, group, "delayed");
    s_add_number (table, call, group, "blocked");
    s_add_number (table, call, group, "ready");
    uint64_t oldest = answer_number (group, "oldest");
    table_add (table, answer_number (group, "ready") > 0
                          ? text_span ((int64_t) oldest, span)
                          : "-");
    for (size_t at = 0; at < sizeof numbers / sizeof numbers [0]; at++)
        s_add_number (table, call, group, numbers [at]);
}

//  Prints a line about each group that has a star: since when, by whom and why.

static void
s_print_stops (const command_call_t *call, stint_bytes_t groups, uint32_t count)
{
    uint32_t stops = 0;
    for (uint32_t at = 0; at < count; at++) {
        stint_bytes_t group = answer_take (&groups);
        char name [80];
        char stop [STOPPED_SIZE];
        char span [TEXT_NUMBER_SIZE];
        if (!*stopped_text (group, stop))
            continue;
        stops++;
        printf ("*%s, for %s: %s\n", answer_text (group, "group", name, sizeof name),
                text_span ((int64_t) answer_number (group, "paused_at"), span), stop);
    }
    if (stops > 0 && call->terminal)
        puts ("go on with: stint group resume GROUP");
}

static void
s_print_status (const command_call_t *call, stint_bytes_t map)
{
    s_print_broker (call, map);
    uint32_t count = answer_count (map, "groups");
    stint_bytes_t groups = answer_elements (map, "groups");
    stint_bytes_t all = groups;
    if (count == 0) {
        puts ("no groups yet");
        command_notice (call, "the first task makes its group: stint push GROUP PAYLOAD");
        return;
    }
    table_t *table =
        table_new ("GROUP >DELAYED ?>BLOCKED >READY >OLDEST >RUNNING >DONE >DEAD "
                   ">FINISHED >RETRIED >WORKERS");
    uint64_t dead = 0;
    uint64_t deserted = 0;
    for (uint32_t at = 0; at < count; at++) {
        stint_bytes_t group = answer_take (&groups);
        s_add_group (table, call, group);
        dead += answer_number (group, "dead");
        deserted +=
            answer_number (group, "ready") > 0 && answer_number (group, "workers") == 0;
    }
    table_print (table, stdout, call->colored);
    table_destroy (&table);
    s_print_stops (call, all, count);
    if (!call->terminal)
        return;
    if (dead > 0)
        printf ("%s%" PRIu64 " dead%s: stint ls --state dead\n", call->colored ? RED : "",
                dead, call->colored ? PLAIN : "");
    if (deserted > 0)
        printf ("tasks wait in a group without workers: stint-worker GROUP --exec ...\n");
}

static int
s_status_once (command_call_t *call)
{
    stint_query_t query = {.what = "status"};
    stint_bytes_t map;
    int code = command_query (call, &query, &map);
    if (code != COMMAND_OK)
        return code;

    if (call->watch && call->terminal && !call->json)
        fputs ("\033[H\033[J", stdout);
    if (call->json)
        command_print_json (map);
    else
        s_print_status (call, map);
    return command_finish (COMMAND_OK);
}

//  Waits until the next picture is due. Returns false after Ctrl-C.

static bool
s_wait_for_next (int64_t until)
{
    while (command_now () < until && !command_interrupted ())
        poll (NULL, 0, WATCH_STEP_MS);
    return !command_interrupted ();
}

int
command_status (command_call_t *call)
{
    if (call->watch)
        command_hold_interrupt ();
    int code = command_connect (call);
    if (code == COMMAND_OK)
        code = s_status_once (call);
    int64_t next = command_now ();
    while (code == COMMAND_OK && call->watch) {
        next += WATCH_MS;
        if (!s_wait_for_next (next))
            return COMMAND_INTERRUPTED;

        code = s_status_once (call);
    }
    return code;
}

int
command_ping (command_call_t *call)
{
    int code = command_connect (call);
    if (code != COMMAND_OK)
        return code;

    int64_t took_us = 0;
    stint_status_t status = stint_client_ping (call->client, &took_us);
    if (status != STINT_OK)
        return command_fail_status (call, status);

    if (call->json) {
        fputs ("{\"endpoint\":", stdout);
        json_put_text (stdout, stint_bytes_of (call->endpoint.address));
        printf (",\"took_us\":%" PRId64 "}\n", took_us);
    }
    else
        printf ("%s answered in %" PRId64 ".%02" PRId64 " ms\n", call->endpoint.address,
                took_us / 1000, took_us % 1000 / 10);
    return command_finish (COMMAND_OK);
}
