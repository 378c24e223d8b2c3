//  command_worker: lists workers, and tells them to drain
//  SPDX-License-Identifier: MPL-2.0

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "command_call.h"
#include "command_table.h"
#include "json.h"
#include "stint_client_admin.h"
#include "stint_pack.h"
#include "table.h"
#include "text.h"

#define NAME_MOST 64  //  Bytes of a worker's name
#define LOOK_MS 200   //  Between two looks at whether it has left

static void
s_add_groups (table_t *table, stint_bytes_t worker)
{
    char names [256] = "";
    uint32_t count = answer_count (worker, "groups");
    stint_bytes_t groups = answer_elements (worker, "groups");
    for (uint32_t at = 0; at < count; at++) {
        char name [80];
        stint_reader_t reader = stint_reader_of (answer_take (&groups));
        stint_bytes_t bytes = stint_read_bytes (&reader);
        size_t end = strlen (names);
        snprintf (names + end, sizeof names - end, "%s%s", at > 0 ? "," : "",
                  text_first_line (bytes, NAME_MOST, name, sizeof name));
    }
    table_add (table, *names ? names : "-");
}

static void
s_add_worker (table_t *table, const command_call_t *call, stint_bytes_t worker)
{
    static const char *const numbers [] = {"held", "capacity", "done"};
    char text [80];
    char number [TEXT_NUMBER_SIZE];
    answer_text (worker, "name", text, sizeof text);
    table_add (table, *text ? text : "-");
    table_add (table, text_number (answer_number (worker, "worker"), false, number));
    s_add_groups (table, worker);
    for (size_t at = 0; at < sizeof numbers / sizeof numbers [0]; at++)
        table_add (table, text_number (answer_number (worker, numbers [at]), call->terminal,
                                       number));
    table_add (table, text_span ((int64_t) answer_number (worker, "heard"), number));
    table_add (table, answer_number (worker, "draining") > 0    ? "draining"
                      : answer_number (worker, "capacity") == 0 ? "takes none"
                      : answer_number (worker, "held") > 0      ? "busy"
                                                                : "idle");
}

static int
s_list (command_call_t *call)
{
    stint_query_t query = {.what = "workers"};
    stint_bytes_t map;
    int code = command_connect (call);
    if (code == COMMAND_OK)
        code = command_query (call, &query, &map);
    if (code != COMMAND_OK)
        return code;

    static const json_name_t names [] = {{"heard", "heard_ms"}, {NULL, NULL}};
    uint32_t count = answer_count (map, "workers");
    stint_bytes_t workers = answer_elements (map, "workers");
    table_t *table = table_new ("NAME >NUMBER GROUPS >HELD >SLOTS >DONE >HEARD STATE");
    for (uint32_t at = 0; at < count; at++) {
        stint_bytes_t worker = answer_take (&workers);
        if (call->json) {
            json_put_packed (stdout, worker, names);
            putchar ('\n');
        }
        else
            s_add_worker (table, call, worker);
    }
    if (!call->json && count > 0)
        table_print (table, stdout, call->colored);
    if (count == 0)
        command_notice (call, "no workers are connected");
    table_destroy (&table);
    return command_finish (COMMAND_OK);
}

//  Waits until none of them is connected any more: asked again, the broker knows none.

static int
s_wait_for_end (command_call_t *call, const char *name, uint64_t number)
{
    int64_t until = command_deadline (call, true);
    uint64_t count = 0;
    stint_status_t status = STINT_OK;
    while (status == STINT_OK && command_now () < until && !command_interrupted ()) {
        poll (NULL, 0, LOOK_MS);
        status = stint_client_worker_drain (call->client, name, number, &count);
    }
    if (status == STINT_ERR_NOT_FOUND)
        return COMMAND_OK;
    if (status != STINT_OK)
        return command_fail_status (call, status);
    if (command_interrupted ())
        return COMMAND_INTERRUPTED;
    return command_fail (COMMAND_TIMEOUT, "what they run: stint worker list",
                         "%" PRIu64 " worker%s of \"%s\" still there", count,
                         count == 1 ? " is" : "s are", name);
}

static int
s_drain (command_call_t *call)
{
    const char *name = call->words [1];
    if (strlen (name) > NAME_MOST)
        return command_fail (COMMAND_INPUT, "they are listed by: stint worker list",
                             "a worker's name has at most %d bytes", NAME_MOST);
    bool digits = strspn (name, "0123456789") == strlen (name);
    errno = 0;
    uint64_t number = digits ? strtoull (name, NULL, 10) : 0;
    number = errno == 0 ? number : 0;
    if (call->wait)
        command_hold_interrupt ();
    int code = command_connect (call);
    if (code != COMMAND_OK)
        return code;

    uint64_t count = 0;
    stint_status_t status = stint_client_worker_drain (call->client, name, number, &count);
    if (status == STINT_ERR_NOT_FOUND)
        return command_fail (COMMAND_INPUT, "they are listed by: stint worker list",
                             "no worker \"%s\" is connected", name);
    if (status != STINT_OK)
        return command_fail_status (call, status);
    if (call->wait)
        code = s_wait_for_end (call, name, number);
    if (call->json && code == COMMAND_OK)
        printf ("{\"workers\":%" PRIu64 "}\n", count);
    return command_finish (code);
}

int
command_worker (command_call_t *call)
{
    static const char usage [] = "stint worker list | drain NAME|NUMBER [--wait]";
    const char *word = call->count > 0 ? call->words [0] : "list";
    bool drains = strcmp (word, "drain") == 0;
    if (!drains && strcmp (word, "list") != 0)
        return command_fail (COMMAND_USAGE, usage, "worker: \"%s\" is not known", word);
    if (drains && call->count < 2)
        return command_fail (COMMAND_USAGE, usage, "worker drain: which worker?");
    if (call->count > 1 + drains)
        return command_fail (COMMAND_USAGE, usage,
                             "worker %s: \"%s\" is one argument too many", word,
                             call->words [1 + drains]);
    if (call->wait && !drains)
        return command_fail (COMMAND_USAGE, usage, "worker list: --wait is for drain");
    return drains ? s_drain (call) : s_list (call);
}
