//  command_push: the commands about single tasks: push, wait, result
//  SPDX-License-Identifier: MPL-2.0

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "command_call.h"
#include "command_table.h"
#include "stint_pack.h"

#define PAYLOAD_MAX ((size_t) 64 << 20)
#define READ_SIZE ((size_t) 64 << 10)
#define ANSWER_ITEMS 1000  //  Values in what the broker says of one task
#define OPEN_SHOWN 20      //  Tasks named of those that have not ended

//  Reads a whole file into memory that the caller frees. Returns an exit code.

static int
s_read_file (int file, const char *name, stint_bytes_t *payload)
{
    uint8_t *data = NULL;
    size_t size = 0;
    size_t capacity = 0;
    ssize_t got = 1;
    while (got > 0 && size <= PAYLOAD_MAX) {
        if (capacity - size < READ_SIZE) {
            capacity = capacity ? capacity * 2 : READ_SIZE;
            uint8_t *larger = realloc (data, capacity);
            assert (larger);
            data = larger;
        }
        got = read (file, data + size, capacity - size);
        if (got > 0)
            size += (size_t) got;
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
    *payload = (stint_bytes_t){data, size};
    if (got < 0)
        return command_fail (COMMAND_INPUT, NULL, "cannot read %s: %s", name,
                             strerror (errno));
    if (size > PAYLOAD_MAX)
        return command_fail (COMMAND_INPUT, "give its name instead of what it holds",
                             "%s is too large: a payload has at most 64 MiB", name);
    return COMMAND_OK;
}

//  Brings the payload from where the call says. What is allocated goes to *owned.

static int
s_payload (const command_call_t *call, stint_bytes_t *payload, const uint8_t **owned)
{
    const char *word = call->count > 1 ? call->words [1] : "";
    if (call->file && call->count > 1)
        return command_fail (COMMAND_USAGE, NULL,
                             "push: a payload and --file; only one of them can be it");

    int code = COMMAND_OK;
    *payload = stint_bytes_of (word);
    if (!call->file && strcmp (word, "-") == 0) {
        code = s_read_file (STDIN_FILENO, "standard input", payload);
        *owned = payload->data;
    }
    else if (call->file) {
        int file = open (call->file, O_RDONLY | O_CLOEXEC);
        if (file < 0)
            return command_fail (COMMAND_INPUT, NULL, "cannot read %s: %s", call->file,
                                 strerror (errno));
        code = s_read_file (file, call->file, payload);
        *owned = payload->data;
        close (file);
    }
    return code;
}

//  Says which tasks have not ended when the time was over. Returns COMMAND_TIMEOUT.

static int
s_fail_open (char *const *words, int count)
{
    char list [OPEN_SHOWN * 24 + 32] = "";
    for (int at = 0; at < count && at < OPEN_SHOWN; at++) {
        size_t end = strlen (list);
        snprintf (list + end, sizeof list - end, " %s", words [at]);
    }
    char hint [sizeof list + 32];
    snprintf (hint, sizeof hint, "wait for %s: stint wait%s", count == 1 ? "it" : "them",
              list);
    if (count > OPEN_SHOWN) {
        size_t end = strlen (list);
        snprintf (list + end, sizeof list - end, " and %d more", count - OPEN_SHOWN);
    }
    return command_fail (COMMAND_TIMEOUT, count > OPEN_SHOWN ? NULL : hint,
                         "task%s%s %s not ended yet", count == 1 ? "" : "s", list,
                         count == 1 ? "has" : "have");
}

//  Waits for the end of one task and prints its result.

static int
s_wait_and_print (command_call_t *call, uint64_t id, bool forever)
{
    stint_result_t result;
    int code = command_wait_for (call, id, command_deadline (call, forever), &result);
    if (code == COMMAND_OPEN) {
        char word [24];
        snprintf (word, sizeof word, "%" PRIu64, id);
        return s_fail_open ((char *[]){word}, 1);
    }
    return code == COMMAND_OK ? command_print_result (call, &result) : code;
}

static int
s_push (command_call_t *call, stint_bytes_t payload)
{
    if (call->wait)
        command_hold_interrupt ();
    int code = command_connect (call);
    if (code != COMMAND_OK)
        return code;

    uint64_t id = 0;
    stint_status_t status = stint_client_push (call->client, call->words [0], payload, &id);
    if (status == STINT_ERR_FULL)
        return command_fail_full (call, call->words [0]);
    if (status != STINT_OK)
        return command_fail_status (call, status);

    if (call->wait)
        code = s_wait_and_print (call, id, true);
    else
        printf (call->json ? "{\"task\":%" PRIu64 "}\n" : "%" PRIu64 "\n", id);
    return command_finish (code);
}

int
command_push (command_call_t *call)
{
    stint_bytes_t payload = {NULL, 0};
    const uint8_t *owned = NULL;
    int code = s_payload (call, &payload, &owned);
    if (code == COMMAND_OK)
        code = s_push (call, payload);
    free ((void *) (uintptr_t) owned);
    return code;
}

//  Returns false, after it has said so, when one of the arguments is no task's number: so
//  nothing is done for the others either.

static bool
s_check_numbers (const command_call_t *call)
{
    uint64_t id;
    for (int at = 0; at < call->count; at++) {
        if (!command_task_number (call->words [at], &id))
            return false;
    }
    return true;
}

//  Returns true when one task came to this and the others are still worth a look.

static bool
s_goes_on (int code)
{
    return code == COMMAND_OK || code == COMMAND_FAILED || code == COMMAND_INPUT
           || code == COMMAND_OPEN;
}

//  Returns true when the broker says that a task has not ended. Unlike a wait for its end
//  this is always answered.

static bool
s_is_open (command_call_t *call, uint64_t id)
{
    stint_bytes_t task;
    stint_query_t query = {.what = "task", .task = id};
    stint_client_set_timeout (call->client, command_timeout (call));
    if (stint_client_query (call->client, &query, &task) != STINT_OK
        || !stint_pack_valid (task, ANSWER_ITEMS))
        return false;

    return answer_is (task, "state", "delayed") || answer_is (task, "state", "ready")
           || answer_is (task, "state", "running") || answer_is (task, "state", "blocked");
}

//  Waits for one of several tasks. The time is for all of them together; when it is over,
//  the others are still looked at.

static int
s_wait_for_one (command_call_t *call, uint64_t id, int64_t until)
{
    bool late = command_now () >= until;
    if (late && s_is_open (call, id))
        return COMMAND_OPEN;

    stint_result_t result;
    int code =
        command_wait_for (call, id, late ? command_deadline (call, false) : until, &result);
    if (code == COMMAND_OK && call->json)
        return command_print_result (call, &result);
    if (code == COMMAND_OK && result.state != STINT_DONE) {
        command_print_failure (&result);
        return COMMAND_FAILED;
    }
    return code;
}

int
command_wait (command_call_t *call)
{
    if (!s_check_numbers (call))
        return COMMAND_INPUT;

    command_hold_interrupt ();
    int code = command_connect (call);
    int worst = code;
    int open = 0;
    int64_t until = command_deadline (call, true);
    for (int at = 0; at < call->count && s_goes_on (code); at++) {
        uint64_t id = 0;
        command_task_number (call->words [at], &id);
        code = s_wait_for_one (call, id, until);
        if (code == COMMAND_OPEN)
            call->words [open++] = call->words [at];
        worst = code > worst ? code : worst;
    }
    if (open > 0) {
        code = s_fail_open (call->words, open);
        worst = code > worst ? code : worst;
    }
    return command_finish (worst);
}

int
command_result (command_call_t *call)
{
    if (!s_check_numbers (call))
        return COMMAND_INPUT;

    uint64_t id = 0;
    command_task_number (call->words [0], &id);
    int code = command_connect (call);
    if (code != COMMAND_OK)
        return code;

    return command_finish (s_wait_and_print (call, id, false));
}
