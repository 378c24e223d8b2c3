//  command_many: the commands that change tasks: cancel, retry, drop, and group purge
//  SPDX-License-Identifier: MPL-2.0

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "command_call.h"
#include "command_table.h"
#include "json.h"
#include "stint_client_tasks.h"
#include "text.h"

#define PAGE 1000  //  Tasks asked for at a time

//  How a change is spoken of.

static const struct {
    const char *verb;     //  "retry"
    const char *past;     //  "retried"
    const char *usual;    //  State of the tasks that it is for without --state; null: any
    const char *becomes;  //  What a task is then
    const char *already;  //  What it may have been before
} s_words [] = {
    [STINT_CHANGE_CANCEL] = {"cancel", "cancelled", NULL, "cancelled", "cancelled already"},
    [STINT_CHANGE_RETRY] = {"retry", "retried", "dead", "ready again",
                            "waiting or running already"},
    [STINT_CHANGE_DROP] = {"drop", "dropped", "dead", "dropped", "dropped already"},
};

//  ---------------------------------------------------------------------------------
//  Tasks that are named by their numbers

//  Says what became of a task.

static void
s_tell_one (const command_call_t *call, stint_change_t change, uint64_t id, bool changed)
{
    if (call->json)
        printf ("{\"task\":%" PRIu64 ",\"%s\":%s}\n", id, s_words [change].past,
                changed ? "true" : "false");
    else
        command_notice (call, "task %" PRIu64 " is %s", id,
                        changed ? s_words [change].becomes : s_words [change].already);
}

//  Changes one task. Returns COMMAND_OK, COMMAND_INPUT when that cannot be done to it, or
//  another exit code.

static int
s_change_one (command_call_t *call, stint_change_t change, uint64_t id)
{
    stint_changed_t changed;
    stint_selection_t selection = {.task = id};
    stint_status_t status =
        stint_client_change (call->client, change, &selection, &changed);
    if (status == STINT_ERR_NOT_FOUND || status == STINT_ERR_INVALID)
        return command_fail (COMMAND_INPUT, NULL, "cannot %s task %" PRIu64 ": %s",
                             s_words [change].verb, id, stint_client_error (call->client));
    if (status != STINT_OK)
        return command_fail_status (call, status);
    s_tell_one (call, change, id, changed.count > 0);
    return COMMAND_OK;
}

static int
s_change_named (command_call_t *call, stint_change_t change)
{
    uint64_t id = 0;
    for (int at = 0; at < call->count; at++) {
        if (!command_task_number (call->words [at], &id))
            return COMMAND_INPUT;
    }
    int code = command_connect (call);
    int worst = code;
    for (int at = 0; at < call->count && (code == COMMAND_OK || code == COMMAND_INPUT);
         at++) {
        command_task_number (call->words [at], &id);
        code = s_change_one (call, change, id);
        worst = code > worst ? code : worst;
    }
    return command_finish (worst);
}

//  ---------------------------------------------------------------------------------
//  Tasks of a group

//  Finds the number of the batch of that name. The broker tells of the newest thousand.

static int
s_find_batch (command_call_t *call, stint_selection_t *selection)
{
    stint_query_t query = {.what = "batches"};
    stint_bytes_t map;
    int code = command_query (call, &query, &map);
    if (code != COMMAND_OK)
        return code;

    uint32_t count = answer_count (map, "batches");
    stint_bytes_t batches = answer_elements (map, "batches");
    for (uint32_t at = 0; at < count; at++) {
        stint_bytes_t batch = answer_take (&batches);
        if (answer_is (batch, "name", call->batch)
            && answer_is (batch, "group", call->group))
            selection->batch = answer_number (batch, "batch");
    }
    if (selection->batch)
        return COMMAND_OK;
    return command_fail (COMMAND_INPUT, NULL, "there is no batch \"%s\" in group \"%s\"",
                         call->batch, call->group);
}

//  Returns the highest number that was given out: what is pushed from now on is not meant.

static int
s_find_last (command_call_t *call, const char *group, uint64_t *last)
{
    stint_query_t query = {.what = "tasks", .group = group, .limit = 1};
    stint_bytes_t map;
    int code = command_query (call, &query, &map);
    if (code == COMMAND_OK)
        *last = answer_number (map, "last");
    return code;
}

//  Changes all tasks of a selection, and counts them.

static int
s_change_all (command_call_t *call, stint_change_t change, stint_selection_t selection,
              uint64_t last, uint64_t *count)
{
    stint_changed_t changed = {.more = true};
    while (changed.more && selection.after < last) {
        stint_status_t status =
            stint_client_change (call->client, change, &selection, &changed);
        if (status != STINT_OK)
            return command_fail_status (call, status);
        *count += changed.count;
        selection.after = changed.after;
    }
    return COMMAND_OK;
}

//  Returns true when the text of a dead task's last error has --error-like in it.

static bool
s_error_is_like (command_call_t *call, uint64_t id)
{
    stint_result_t result;
    return stint_client_wait (call->client, id, &result) == STINT_OK
           && result.state == STINT_DEAD
           && memmem (result.result.data, result.result.size, call->error_like,
                      strlen (call->error_like))
                  != NULL;
}

//  Changes the tasks of a page of numbers one by one, or tells which would be changed.

static int
s_change_page (command_call_t *call, stint_change_t change, const uint64_t *page,
               size_t size, uint64_t *count)
{
    for (size_t at = 0; at < size; at++) {
        stint_changed_t changed = {.count = 1};
        stint_selection_t selection = {.task = page [at]};
        if (call->error_like && !s_error_is_like (call, page [at]))
            continue;
        if (call->dry_run)
            printf (call->json ? "{\"task\":%" PRIu64 "}\n" : "%" PRIu64 "\n", page [at]);
        else {
            stint_status_t status =
                stint_client_change (call->client, change, &selection, &changed);
            //  Somebody else may have changed it meanwhile
            if (status == STINT_ERR_NOT_FOUND || status == STINT_ERR_INVALID)
                continue;
            if (status != STINT_OK)
                return command_fail_status (call, status);
        }
        *count += changed.count;
    }
    return COMMAND_OK;
}

//  Returns true when the change can be for the task of a list.

static bool
s_is_meant (const stint_selection_t *selection, stint_change_t change, stint_bytes_t task)
{
    bool done = answer_is (task, "state", "done");
    bool ended =
        done || answer_is (task, "state", "dead") || answer_is (task, "state", "cancelled");
    bool possible = change == STINT_CHANGE_CANCEL  ? !ended
                    : change == STINT_CHANGE_RETRY ? ended && !done
                                                   : ended;
    return possible
           && (!selection->batch || answer_number (task, "batch") == selection->batch);
}

//  The same as s_change_all for what the broker cannot select: it looks at each task.

static int
s_change_listed (command_call_t *call, stint_change_t change, stint_selection_t selection,
                 uint64_t last, uint64_t *count)
{
    stint_query_t query = {.what = "tasks", .group = selection.group, .limit = PAGE};
    query.state = selection.state;
    int code = COMMAND_OK;
    while (code == COMMAND_OK && query.after < last) {
        uint64_t page [PAGE];
        size_t size = 0;
        stint_bytes_t map;
        code = command_query (call, &query, &map);
        if (code != COMMAND_OK)
            break;
        uint32_t tasks = answer_count (map, "tasks");
        stint_bytes_t list = answer_elements (map, "tasks");
        for (uint32_t at = 0; at < tasks && size < PAGE; at++) {
            stint_bytes_t task = answer_take (&list);
            if (s_is_meant (&selection, change, task))
                page [size++] = answer_number (task, "task");
        }
        uint64_t after = answer_number (map, "after");
        if (after <= query.after)
            break;
        query.after = after;
        code = s_change_page (call, change, page, size, count);
    }
    return code;
}

static void
s_tell_count (const command_call_t *call, stint_change_t change, uint64_t count)
{
    if (call->json && !call->dry_run) {
        fputs ("{\"group\":", stdout);
        json_put_text (stdout, stint_bytes_of (call->group));
        printf (",\"%s\":%" PRIu64 "}\n", s_words [change].past, count);
    }
    else if (call->dry_run)
        command_notice (call, "would %s %" PRIu64 " task%s of %s", s_words [change].verb,
                        count, count == 1 ? "" : "s", call->group);
    else
        command_notice (call, "%s %" PRIu64 " task%s of %s", s_words [change].past, count,
                        count == 1 ? "" : "s", call->group);
}

static int
s_change_selected (command_call_t *call, stint_change_t change)
{
    stint_selection_t selection = {.group = call->group};
    const char *state = call->state ? call->state : s_words [change].usual;
    uint64_t last = 0;
    uint64_t count = 0;
    int code = state ? command_state (state, &selection.state) : COMMAND_OK;
    if (code == COMMAND_OK)
        code = command_connect (call);
    if (code == COMMAND_OK)
        code = s_find_last (call, call->group, &last);
    if (code == COMMAND_OK && call->batch)
        code = s_find_batch (call, &selection);
    if (code == COMMAND_OK)
        code = call->dry_run || call->error_like
                   ? s_change_listed (call, change, selection, last, &count)
                   : s_change_all (call, change, selection, last, &count);
    if (code == COMMAND_OK || count > 0)
        s_tell_count (call, change, count);
    return command_finish (code);
}

static int
s_change (command_call_t *call, stint_change_t change)
{
    const char *verb = s_words [change].verb;
    bool narrows = call->batch || call->error_like || call->dry_run || call->state;
    char hint [64];
    snprintf (hint, sizeof hint, "as in: stint %s 17      or  stint %s --group resize",
              verb, verb);
    if (call->count > 0 && (call->group || narrows))
        return command_fail (COMMAND_USAGE, hint,
                             "%s: numbers of tasks, or --group and what narrows it down; "
                             "not both",
                             verb);
    if (call->count == 0 && !call->group)
        return command_fail (COMMAND_USAGE, hint, "%s: which tasks?", verb);
    if (call->error_like && call->state && strcmp (call->state, "dead") != 0)
        return command_fail (COMMAND_USAGE, NULL,
                             "--error-like: only dead tasks have a last error");
    return call->count > 0 ? s_change_named (call, change)
                           : s_change_selected (call, change);
}

int
command_cancel (command_call_t *call)
{
    return s_change (call, STINT_CHANGE_CANCEL);
}

int
command_retry (command_call_t *call)
{
    return s_change (call, STINT_CHANGE_RETRY);
}

int
command_drop (command_call_t *call)
{
    return s_change (call, STINT_CHANGE_DROP);
}

int
command_purge (command_call_t *call, const char *group)
{
    static const stint_state_t states [] = {STINT_DELAYED, STINT_READY, STINT_RUNNING};
    uint64_t last = 0;
    uint64_t cancelled = 0;
    uint64_t dropped = 0;
    int code = command_connect (call);
    if (code == COMMAND_OK)
        code = s_find_last (call, group, &last);
    for (size_t at = 0; at < (call->running ? 3 : 2) && code == COMMAND_OK; at++)
        code = s_change_all (call, STINT_CHANGE_CANCEL,
                             (stint_selection_t){.group = group, .state = states [at]},
                             last, &cancelled);
    if (code == COMMAND_OK)
        code = s_change_all (call, STINT_CHANGE_DROP, (stint_selection_t){.group = group},
                             last, &dropped);
    if (code != COMMAND_OK)
        return code;
    if (call->json) {
        fputs ("{\"group\":", stdout);
        json_put_text (stdout, stint_bytes_of (group));
        printf (",\"cancelled\":%" PRIu64 ",\"dropped\":%" PRIu64 "}\n", cancelled,
                dropped);
    }
    else
        command_notice (call, "cancelled %" PRIu64 " and dropped %" PRIu64 " tasks of %s",
                        cancelled, dropped, group);
    return command_finish (COMMAND_OK);
}
