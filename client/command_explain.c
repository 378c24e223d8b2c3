//  command_explain: tells why a task does not run, or what stands in the way of a group
//  SPDX-License-Identifier: MPL-2.0

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "command_call.h"
#include "command_table.h"
#include "json.h"
#include "text.h"

//  What people can do about a gate.

static const struct {
    const char *gate;    //  As the broker calls it
    const char *before;  //  What to type, before the name of the group
    const char *behind;  //  and behind it
} s_hints [] = {
    {"no_worker", "stint-worker ", " --exec ...      who is there: stint worker list"},
    {"paused", "stint group resume ", ""},
    {"draining", "stint group resume ", ""},
    {"max_running", "stint group set ", " max_running=N"},
    {"rate", "stint group set ", " rate=N/s burst=N"},
    {"key_rate", "stint group set ", " key_rate=N/s key_burst=N"},
    {"full", "stint-worker ", " --exec ...      who is there: stint worker list"},
};

#define HINTS (sizeof s_hints / sizeof s_hints [0])

static void
s_print_hint (stint_bytes_t gate, const char *group)
{
    for (size_t at = 0; at < HINTS; at++) {
        if (answer_is (gate, "gate", s_hints [at].gate))
            printf ("try: %s%s%s\n", s_hints [at].before, group, s_hints [at].behind);
    }
}

//  Prints the sentence of each gate. Returns how many there are, and the first.

static uint32_t
s_print_gates (stint_bytes_t map, stint_bytes_t *first)
{
    uint32_t count = answer_count (map, "gates");
    stint_bytes_t gates = answer_elements (map, "gates");
    for (uint32_t at = 0; at < count; at++) {
        char text [1040];
        char shown [1040];
        stint_bytes_t gate = answer_take (&gates);
        *first = at > 0 ? *first : gate;
        answer_text (gate, "text", text, sizeof text);
        printf ("  %s\n",
                text_first_line (stint_bytes_of (text), sizeof text, shown, sizeof shown));
    }
    return count;
}

static bool
s_has_gate (stint_bytes_t map, const char *name)
{
    uint32_t count = answer_count (map, "gates");
    stint_bytes_t gates = answer_elements (map, "gates");
    for (uint32_t at = 0; at < count; at++) {
        if (answer_is (answer_take (&gates), "gate", name))
            return true;
    }
    return false;
}

//  What is not in the way, but is looked at first by whoever wonders.

static void
s_print_open (const command_call_t *call, stint_bytes_t map)
{
    char running [TEXT_NUMBER_SIZE];
    char most [TEXT_NUMBER_SIZE];
    if (s_has_gate (map, "paused") || s_has_gate (map, "max_running"))
        return;
    uint64_t limit = answer_number (map, "max_running");
    printf ("  the group is not paused; %s of %s running\n",
            text_number (answer_number (map, "running"), call->terminal, running),
            limit > 0 ? text_number (limit, call->terminal, most) : "any number");
}

static void
s_print_task_head (stint_bytes_t map, const char *group)
{
    char state [32];
    char span [TEXT_NUMBER_SIZE];
    answer_text (map, "state", state, sizeof state);
    printf ("task %" PRIu64 " \"%s\" %s, pushed %s ago", answer_number (map, "task"), group,
            state, text_span ((int64_t) answer_number (map, "pushed"), span));
    bool waits = strcmp (state, "ready") == 0 || strcmp (state, "delayed") == 0;
    if (waits)
        printf (", attempt %" PRIu64 " of %" PRIu64, answer_number (map, "failures") + 1,
                answer_number (map, "max_attempts"));
    putchar ('\n');
}

static void
s_print_task_tail (const command_call_t *call, stint_bytes_t map, uint32_t gates)
{
    char number [TEXT_NUMBER_SIZE];
    uint64_t ahead = answer_number (map, "ahead");
    uint64_t start = answer_number (map, "start");
    bool waits = answer_is (map, "state", "ready") || answer_is (map, "state", "delayed");
    if (ahead > 0)
        printf ("  %s%s task%s ahead of it in line\n",
                ahead >= answer_number (map, "ahead_most") ? "at least " : "",
                text_number (ahead, call->terminal, number), ahead == 1 ? " is" : "s are");
    if (waits && gates == 0)
        puts ("  nothing is in its way: it is given to a worker now");
    else if (waits)
        s_print_open (call, map);
    if (start > 0)
        printf ("it starts in %s at the earliest\n", text_span ((int64_t) start, number));
}

static void
s_print_group_head (const command_call_t *call, stint_bytes_t map, const char *group)
{
    static const char *const states [] = {"ready", "delayed", "blocked", "running"};
    printf ("group \"%s\":", group);
    for (size_t at = 0; at < sizeof states / sizeof states [0]; at++) {
        char number [TEXT_NUMBER_SIZE];
        printf ("%s %s %s", at > 0 ? "," : "",
                text_number (answer_number (map, states [at]), call->terminal, number),
                states [at]);
    }
    putchar ('\n');
}

static void
s_print (const command_call_t *call, stint_bytes_t map, bool task)
{
    char group [80];
    stint_bytes_t first = {NULL, 0};
    answer_text (map, "group", group, sizeof group);
    if (task)
        s_print_task_head (map, group);
    else
        s_print_group_head (call, map, group);
    uint32_t gates = s_print_gates (map, &first);
    if (task)
        s_print_task_tail (call, map, gates);
    else if (gates == 0)
        puts ("  nothing is in the way of its tasks");
    if (gates > 0)
        s_print_hint (first, group);
}

static void
s_print_json (stint_bytes_t map)
{
    static const json_name_t names [] = {{"pushed", "pushed_ms"}, {"start", "start_ms"},
                                         {"since", "since_ms"},   {"until", "until_ms"},
                                         {"kept", "kept_ms"},     {NULL, NULL}};
    json_put_packed (stdout, map, names);
    putchar ('\n');
}

int
command_explain (command_call_t *call)
{
    stint_query_t query = {.what = "explain"};
    const char *word = call->words [0];
    bool task = strspn (word, "0123456789") == strlen (word);
    if (task && !command_task_number (word, &query.task))
        return COMMAND_INPUT;

    stint_bytes_t map;
    query.group = task ? NULL : word;
    int code = command_connect (call);
    if (code == COMMAND_OK)
        code = command_query (call, &query, &map);
    if (code != COMMAND_OK)
        return code;
    if (call->json)
        s_print_json (map);
    else
        s_print (call, map, task);
    return command_finish (COMMAND_OK);
}
