//  command_list: the commands that look at tasks: ls and show
//  SPDX-License-Identifier: MPL-2.0

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "command_call.h"
#include "command_table.h"
#include "json.h"
#include "stint_client_tasks.h"
#include "stint_note.h"
#include "table.h"
#include "text.h"

#define LIMIT 100       //  Tasks in a list, without --limit
#define TEXT_SHOWN 200  //  Characters of a payload that are shown

static const char *const s_states [] = {"delayed", "ready",     "running", "done",
                                        "dead",    "cancelled", "blocked"};

#define STATES (sizeof s_states / sizeof s_states [0])

int
command_state (const char *name, stint_state_t *state)
{
    for (size_t at = 0; at < STATES; at++) {
        if (strcmp (s_states [at], name) == 0) {
            *state = (stint_state_t) (STINT_DELAYED + (int) at);
            return COMMAND_OK;
        }
    }
    const char *near = text_nearest (name, s_states, STATES, sizeof s_states [0]);
    if (near)
        return command_fail (COMMAND_USAGE, NULL,
                             "--state: \"%s\" is not a state; did you mean \"%s\"?", name,
                             near);
    return command_fail (COMMAND_USAGE,
                         "states: delayed blocked ready running done dead cancelled",
                         "--state: \"%s\" is not a state", name);
}

//  Returns false when the broker has let go of the payload: that of a task that can never
//  run again.

static bool
s_has_payload (stint_bytes_t task)
{
    return !answer_is (task, "state", "done");
}

//  Prints a task as one line of JSON, with the text of its last error if it has one.

static void
s_print_json (stint_bytes_t task, stint_bytes_t error)
{
    static const json_name_t names [] = {{"pushed", "pushed_ms"},
                                         {"until", "until_ms"},
                                         {"time_limit", "time_limit_ms"},
                                         {"expires", "expires_ms"},
                                         {"deadline", "deadline_ms"},
                                         {"noted", "noted_ms"},
                                         {NULL, NULL}};
    static const json_name_t without_payload [] = {{"pushed", "pushed_ms"},
                                                   {"until", "until_ms"},
                                                   {"time_limit", "time_limit_ms"},
                                                   {"expires", "expires_ms"},
                                                   {"deadline", "deadline_ms"},
                                                   {"noted", "noted_ms"},
                                                   {"payload", NULL},
                                                   {NULL, NULL}};
    putchar ('{');
    json_put_entries (stdout, task, s_has_payload (task) ? names : without_payload);
    if (error.size > 0) {
        putchar (',');
        json_put_body (stdout, "error", error);
    }
    puts ("}");
}

//  Writes how far a task is, in percent; "-" when nobody has said.

static char *
s_percent (stint_bytes_t task, char *line)
{
    uint64_t thousandths = answer_number (task, "progress");
    if (!answer_has_number (task, "progress"))
        snprintf (line, TEXT_NUMBER_SIZE, "-");
    else if (thousandths % 10)
        snprintf (line, TEXT_NUMBER_SIZE, "%" PRIu64 ".%" PRIu64 " %%", thousandths / 10,
                  thousandths % 10);
    else
        snprintf (line, TEXT_NUMBER_SIZE, "%" PRIu64 " %%", thousandths / 10);
    return line;
}

static void
s_add_task (table_t *table, const command_call_t *call, stint_bytes_t task)
{
    char text [80];
    char number [TEXT_NUMBER_SIZE];
    table_add (table, text_number (answer_number (task, "task"), false, number));
    table_add (table, answer_text (task, "group", text, sizeof text));
    table_add (table, answer_text (task, "state", text, sizeof text));
    table_add (table, text_number (answer_number (task, "attempts"), false, number));
    table_add (table, s_percent (task, number));
    table_add (table, text_span ((int64_t) answer_number (task, "pushed"), number));
    table_add (table, s_has_payload (task) ? text_number (answer_number (task, "payload"),
                                                          call->terminal, number)
                                           : "-");
    bool ended = strcmp (text, "done") == 0 || strcmp (text, "dead") == 0;
    table_add (table,
               ended ? text_number (answer_number (task, "result"), call->terminal, number)
                     : "-");
    answer_text (task, "worker", text, sizeof text);
    table_add (table, *text ? text : "-");
}

//  Prints, or adds to the table, the tasks of one answer. Returns how many there were.

static uint32_t
s_take_tasks (const command_call_t *call, stint_bytes_t map, table_t *table)
{
    uint32_t count = answer_count (map, "tasks");
    stint_bytes_t tasks = answer_elements (map, "tasks");
    for (uint32_t at = 0; at < count; at++) {
        stint_bytes_t task = answer_take (&tasks);
        if (call->json)
            s_print_json (task, (stint_bytes_t){NULL, 0});
        else
            s_add_task (table, call, task);
    }
    return count;
}

//  Asks until there are as many tasks as were wanted, or no more: the broker looks up a
//  bounded number at a time. Sets whether there may be more.

static int
s_collect (command_call_t *call, stint_query_t *query, table_t *table, bool *more)
{
    int code = COMMAND_OK;
    uint32_t limit = query->limit;
    *more = true;
    while (code == COMMAND_OK && query->limit > 0 && *more) {
        stint_bytes_t map;
        code = command_query (call, query, &map);
        if (code != COMMAND_OK)
            break;
        uint32_t count = s_take_tasks (call, map, table);
        query->limit -= count < query->limit ? count : query->limit;
        uint64_t after = answer_number (map, "after");
        *more = after > query->after && after < answer_number (map, "last");
        query->after = after;
    }
    if (code == COMMAND_OK && query->limit == limit)
        command_notice (call, "no such tasks");
    return code;
}

int
command_ls (command_call_t *call)
{
    stint_query_t query = {.what = "tasks"};
    query.group = call->count > 0 ? call->words [0] : NULL;
    query.limit = call->limit > 0 ? (uint32_t) call->limit : LIMIT;
    query.after = (uint64_t) call->after;
    int code = call->state ? command_state (call->state, &query.state) : COMMAND_OK;
    if (code == COMMAND_OK)
        code = command_connect (call);
    if (code != COMMAND_OK)
        return code;

    bool more;
    table_t *table =
        table_new (">TASK GROUP STATE >ATTEMPTS ?>PROGRESS >AGE >PAYLOAD >RESULT WORKER");
    code = s_collect (call, &query, table, &more);
    if (table_rows (table) > 0)
        table_print (table, stdout, call->colored);
    table_destroy (&table);
    code = command_finish (code);
    if (code == COMMAND_OK && more)
        command_notice (call, "there may be more: add --after %" PRIu64, query.after);
    return code;
}

static void
s_print_line (const char *name, const char *value)
{
    char shown [160];
    text_first_line (stint_bytes_of (value), 120, shown, sizeof shown);
    printf ("%-10s%s\n", name, shown);
}

//  Prints one number of a task, if it is there, with what it counts.

static void
s_print_number (stint_bytes_t task, const char *name, const char *title, const char *unit)
{
    if (answer_has_number (task, name))
        printf ("%-10s%" PRIu64 "%s\n", title, answer_number (task, name), unit);
}

//  Prints the text of an error, its lines one below the other.

static void
s_print_error (stint_bytes_t error)
{
    const char *title = "error";
    while (error.size > 0) {
        char line [1024];
        printf ("%-10s%s\n", title, text_next_line (&error, line, sizeof line));
        title = "";
    }
}

//  Prints what a task asks for, if it does: texts, times and numbers.

static void
s_print_terms (stint_bytes_t task)
{
    static const struct {
        const char *field;  //  As the broker has it
        const char *title;  //  As people have it
        const char *tail;   //  Behind a time; null when it is none
    } terms [] = {{"priority", "priority", NULL},
                  {"key", "key", NULL},
                  {"order", "order", NULL},
                  {"max_attempts", "at most", NULL},
                  {"time_limit", "limit", " each attempt"},
                  {"expires", "expires", " after its push, if it has not begun"},
                  {"deadline", "deadline", " after its push"}};
    char text [160];
    char span [TEXT_NUMBER_SIZE];
    for (size_t at = 0; at < sizeof terms / sizeof terms [0]; at++) {
        const char *field = terms [at].field;
        uint64_t number = answer_number (task, field);
        if (*answer_text (task, field, text, sizeof text))
            s_print_line (terms [at].title, text);
        else if (number > 0 && terms [at].tail)
            printf ("%-10s%s%s\n", terms [at].title, text_span ((int64_t) number, span),
                    terms [at].tail);
        else if (number > 0)
            s_print_number (task, field, terms [at].title,
                            strcmp (field, "priority") ? " attempts" : "");
    }
}

//  Prints what the running attempt said last of itself: "40 % (page 4 of 10), 2 s ago".

static void
s_print_progress (stint_bytes_t task)
{
    char note [STINT_NOTE_MAX + 1];
    char shown [160];
    char number [TEXT_NUMBER_SIZE];
    char span [TEXT_NUMBER_SIZE];
    if (!answer_has_number (task, "progress"))
        return;
    answer_text (task, "note", note, sizeof note);
    text_first_line (stint_bytes_of (note), STINT_NOTE_MAX, shown, sizeof shown);
    printf ("%-10s%s%s%s%s, %s ago\n", "progress", s_percent (task, number),
            *shown ? " (" : "", shown, *shown ? ")" : "",
            text_span ((int64_t) answer_number (task, "noted"), span));
}

static void
s_print_task (stint_bytes_t task)
{
    char text [160];
    char span [TEXT_NUMBER_SIZE];
    s_print_number (task, "task", "task", "");
    s_print_line ("group", answer_text (task, "group", text, sizeof text));
    s_print_line ("state", answer_text (task, "state", text, sizeof text));
    if (answer_has_number (task, "until") && strcmp (text, "delayed") == 0)
        printf ("%-10sin %s\n", "ready",
                text_span ((int64_t) answer_number (task, "until"), span));
    if (*answer_text (task, "worker", text, sizeof text))
        s_print_line ("worker", text);
    s_print_progress (task);
    printf ("%-10s%s ago\n", "pushed",
            text_span ((int64_t) answer_number (task, "pushed"), span));
    printf ("%-10s%" PRIu64 ", %" PRIu64 " failed, %" PRIu64 " lost with their worker\n",
            "attempts", answer_number (task, "attempts"), answer_number (task, "failures"),
            answer_number (task, "lost"));
    s_print_number (task, "fence", "fence", "");
    s_print_terms (task);
    if (answer_number (task, "batch") > 0)
        printf ("%-10s%" PRIu64 ", number %" PRIu64 "\n", "batch",
                answer_number (task, "batch"), answer_number (task, "number"));
    if (s_has_payload (task))
        s_print_number (task, "payload", "payload", " bytes");
    else
        s_print_line ("payload", "-");
    if (answer_is (task, "state", "done"))
        s_print_number (task, "result", "result", " bytes");
}

//  Fetches the text of the last error of a task that is not done. Without one, and when the
//  task is gone in the meantime, it is empty.

static stint_bytes_t
s_last_error (command_call_t *call, uint64_t id)
{
    stint_result_t result;
    if (stint_client_read (call->client, id, false, &result) != STINT_OK
        || result.state == STINT_DONE)
        return (stint_bytes_t){NULL, 0};
    return result.result;
}

//  Prints how the payload begins.

static void
s_print_payload (command_call_t *call, uint64_t id)
{
    char line [TEXT_SHOWN * 4 + 8];
    stint_result_t result;
    if (stint_client_read (call->client, id, true, &result) == STINT_OK
        && result.result.size > 0)
        printf ("%-10s%s\n", "",
                text_first_line (result.result, TEXT_SHOWN, line, sizeof line));
}

//  Writes the payload into the file that --payload names.

static int
s_save_payload (command_call_t *call, uint64_t id)
{
    stint_result_t result;
    stint_status_t status = stint_client_read (call->client, id, true, &result);
    if (status != STINT_OK)
        return command_fail_status (call, status);
    if (result.state == STINT_DONE)
        return command_fail (COMMAND_INPUT, NULL,
                             "task %" PRIu64 " is done: its payload is gone", id);
    FILE *file = fopen (call->payload, "w");
    bool well =
        file
        && fwrite (result.result.data, 1, result.result.size, file) == result.result.size;
    if (file)
        well = fclose (file) == 0 && well;
    if (!well)
        return command_fail (COMMAND_DISK, NULL, "cannot write %s: %s", call->payload,
                             strerror (errno));
    return COMMAND_OK;
}

//  Prints all about a task: what the broker told of it, and what it is asked for besides.

static void
s_show (command_call_t *call, stint_bytes_t task, uint64_t id)
{
    bool done = answer_is (task, "state", "done");
    bool failed = !done && answer_number (task, "result") > 0;
    stint_bytes_t none = {NULL, 0};
    if (call->json) {
        s_print_json (task, failed ? s_last_error (call, id) : none);
        return;
    }
    s_print_task (task);
    if (!done)
        s_print_payload (call, id);
    if (failed)
        s_print_error (s_last_error (call, id));
}

int
command_show (command_call_t *call)
{
    stint_query_t query = {.what = "task"};
    if (!command_task_number (call->words [0], &query.task))
        return COMMAND_INPUT;

    stint_bytes_t map;
    int code = command_connect (call);
    if (code == COMMAND_OK && call->payload)
        return s_save_payload (call, query.task);
    if (code == COMMAND_OK)
        code = command_query (call, &query, &map);
    if (code != COMMAND_OK)
        return code;

    //  The answer goes away with the next request.
    uint8_t *bytes = malloc (map.size);
    assert (bytes);
    memcpy (bytes, map.data, map.size);
    s_show (call, (stint_bytes_t){bytes, map.size}, query.task);
    free (bytes);
    return command_finish (COMMAND_OK);
}
