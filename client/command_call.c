//  command_call: what commands do with the broker and with people
//  SPDX-License-Identifier: MPL-2.0

#include "command_call.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "stint_endpoint.h"
#include "stint_pack.h"
#include "text.h"

#define TIMEOUT_MS 5000    //  For one request, without --timeout
#define PATIENCE_MS 60000  //  How long a broker may be away in the midst of a command
#define AWAY_MS 200        //  Between two attempts to reach it
#define CHUNK_MS 1000      //  Ctrl-C is looked at this often, at least
#define ANSWER_ITEMS (1 << 20)
#define ERROR_SIZE 4096  //  Bytes of the line that says what is wrong

static bool s_json;  //  Errors are lines of JSON

void
command_talk_json (void)
{
    s_json = true;
}

int
command_fail (int code, const char *hint, const char *format, ...)
{
    fflush (stdout);
    char text [ERROR_SIZE];
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    if (s_json) {
        fputs ("{\"error\":", stderr);
        json_put_text (stderr, stint_bytes_of (text));
        fprintf (stderr, ",\"code\":%d}\n", code);
        return code;
    }
    fprintf (stderr, "stint: %s\n", text);
    if (hint)
        fprintf (stderr, "       %s\n", hint);
    return code;
}

void
command_notice (const command_call_t *call, const char *format, ...)
{
    if (call->quiet)
        return;

    fputs ("stint: ", stderr);
    va_list arguments;
    va_start (arguments, format);
    vfprintf (stderr, format, arguments);
    va_end (arguments);
    putc ('\n', stderr);
}

int
command_timeout (const command_call_t *call)
{
    return call->timeout_ms > 0 ? (int) call->timeout_ms : TIMEOUT_MS;
}

int
command_connect (command_call_t *call)
{
    if (stint_endpoint_find (&call->endpoint, call->broker) != STINT_OK) {
        bool flag = call->broker && *call->broker;
        return command_fail (flag ? COMMAND_USAGE : COMMAND_CONFIG,
                             "as in: ipc:///run/stint/broker.sock tcp://127.0.0.1:5570",
                             "\"%s\" (from %s) is not an endpoint", call->endpoint.address,
                             call->endpoint.source);
    }
    if (call->verbose)
        fprintf (stderr, "stint: the broker at %s (from %s)\n", call->endpoint.address,
                 call->endpoint.source);
    call->client = stint_client_new (call->endpoint.address);
    stint_client_set_timeout (call->client, command_timeout (call));
    stint_client_set_terms (call->client, &call->terms);
    return COMMAND_OK;
}

static int
s_code (stint_status_t status)
{
    switch (status) {
        case STINT_OK:
            return COMMAND_OK;
        case STINT_ERR_TIMEOUT:
        case STINT_ERR_PENDING:
            return COMMAND_TIMEOUT;
        case STINT_ERR_FULL:
            return COMMAND_FULL;
        case STINT_ERR_DENIED:
            return COMMAND_DENIED;
        case STINT_ERR_NOT_FOUND:
        case STINT_ERR_INVALID:
            return COMMAND_INPUT;
        case STINT_ERR_PROTOCOL:
        case STINT_ERR_UNREACHABLE:
            return COMMAND_UNREACHABLE;
        case STINT_ERR_STALE:
        case STINT_ERR_CLOSED:
            return COMMAND_FAILED;
    }
    return COMMAND_FAILED;
}

int
command_fail_status (const command_call_t *call, stint_status_t status)
{
    const char *text = stint_client_error (call->client);
    char hint [256];
    hint [0] = 0;
    if (status == STINT_ERR_UNREACHABLE || status == STINT_ERR_TIMEOUT)
        snprintf (hint, sizeof hint,
                  "endpoint from: %s      start a broker: stint-broker      another one: "
                  "stint -b ENDPOINT ...",
                  call->endpoint.source);
    return command_fail (s_code (status), *hint ? hint : NULL, "%s",
                         *text ? text : stint_strerror (status));
}

int
command_fail_full (const command_call_t *call, const char *group)
{
    const char *text = stint_client_error (call->client);
    if (strstr (text, "drains"))
        return command_fail (COMMAND_FULL,
                             "who and why: stint status      go on: stint group resume "
                             "GROUP",
                             "no task for group \"%s\": %s", group, text);
    return command_fail (COMMAND_FULL,
                         "limits: stint group list      more: stint group set GROUP "
                         "max_tasks=N",
                         "no room for a task of group \"%s\": %s", group,
                         *text ? text : stint_strerror (STINT_ERR_FULL));
}

bool
command_task_number (const char *word, uint64_t *id)
{
    uint64_t number = 0;
    const char *at = word;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t) (*at - '0');
        if (number > (UINT64_MAX - digit) / 10)
            break;
        number = number * 10 + digit;
    }
    if (*at || number == 0) {
        char shown [80];
        command_fail (COMMAND_INPUT, "they are listed by: stint ls",
                      "\"%s\" is not the number of a task",
                      text_first_line (stint_bytes_of (word), 40, shown, sizeof shown));
        return false;
    }
    *id = number;
    return true;
}

static int
s_no_task (uint64_t id)
{
    return command_fail (
        COMMAND_INPUT, NULL,
        "there is no task %" PRIu64 ", or its result was fetched or ran out", id);
}

int
command_query (command_call_t *call, const stint_query_t *query, stint_bytes_t *map)
{
    stint_status_t status = stint_client_query (call->client, query, map);
    if (status == STINT_ERR_NOT_FOUND && query->group)
        return command_fail (COMMAND_INPUT, "all groups: stint group list",
                             "there is no group \"%s\"", query->group);
    if (status == STINT_ERR_NOT_FOUND && query->task)
        return s_no_task (query->task);
    if (status != STINT_OK)
        return command_fail_status (call, status);

    if (!stint_pack_valid (*map, ANSWER_ITEMS))
        return command_fail (COMMAND_UNREACHABLE, NULL,
                             "the broker at %s sent an answer that is no msgpack",
                             call->endpoint.address);
    return COMMAND_OK;
}

void
command_print_json (stint_bytes_t map)
{
    //  What the broker tells in milliseconds, or by the hour, says so.
    static const json_name_t names [] = {{"uptime", "uptime_ms"},
                                         {"heartbeat", "heartbeat_ms"},
                                         {"oldest", "oldest_ms"},
                                         {"paused_at", "paused_at_ms"},
                                         {"backoff", "backoff_ms"},
                                         {"backoff_max", "backoff_max_ms"},
                                         {"keep_results", "keep_results_ms"},
                                         {"time_limit", "time_limit_ms"},
                                         {"rate", "rate_hourly"},
                                         {"key_rate", "key_rate_hourly"},
                                         {NULL, NULL}};
    json_put_packed (stdout, map, names);
    putchar ('\n');
}

int64_t
command_now (void)
{
    struct timespec now;
    int rc = clock_gettime (CLOCK_MONOTONIC, &now);
    assert (rc == 0);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool
command_patient (const command_call_t *call, stint_status_t status, int64_t *away)
{
    if (status != STINT_ERR_TIMEOUT && status != STINT_ERR_UNREACHABLE)
        return false;

    int64_t now = command_now ();
    if (*away == 0) {
        *away = now;
        const char *text = stint_client_error (call->client);
        command_notice (call, "%s; waiting for it to come back",
                        *text ? text : stint_strerror (status));
    }
    int64_t patience =
        command_timeout (call) > PATIENCE_MS ? command_timeout (call) : PATIENCE_MS;
    if (now - *away > patience)
        return false;

    poll (NULL, 0, AWAY_MS);
    return true;
}

int64_t
command_deadline (const command_call_t *call, bool forever)
{
    return forever && call->timeout_ms == 0 ? INT64_MAX
                                            : command_now () + command_timeout (call);
}

int
command_wait_for (command_call_t *call, uint64_t id, int64_t until, stint_result_t *result)
{
    int64_t away = 0;

    //  A task that goes on is silent: so first, is there a broker at all?
    int64_t took_us;
    stint_client_set_timeout (call->client, command_timeout (call));
    stint_status_t status = stint_client_ping (call->client, &took_us);
    if (status != STINT_OK)
        return command_fail_status (call, status);

    while (!command_interrupted ()) {
        int64_t left = until == INT64_MAX ? CHUNK_MS : until - command_now ();
        left = left < 0 ? 0 : left;
        stint_client_set_timeout (call->client, left < CHUNK_MS ? (int) left : CHUNK_MS);
        status = stint_client_wait (call->client, id, result);
        if (status == STINT_OK)
            return COMMAND_OK;
        if (status == STINT_ERR_NOT_FOUND)
            return s_no_task (id);
        if (status == STINT_ERR_PENDING)
            away = 0;
        else if (!command_patient (call, status, &away))
            return command_fail_status (call, status);
        if (until != INT64_MAX && command_now () >= until)
            return COMMAND_OPEN;
    }
    command_notice (call, "stopped; task %" PRIu64 " goes on at the broker", id);
    return COMMAND_INTERRUPTED;
}

void
command_print_json_result (const stint_result_t *result, const char *file)
{
    putchar ('{');
    if (result->number > 0)
        printf ("\"number\":%" PRIu32 ",", result->number);
    printf ("\"task\":%" PRIu64 ",\"state\":\"%s\",\"attempts\":%" PRIu32, result->id,
            stint_state_name (result->state), result->attempts);
    if (result->state == STINT_DONE || result->result.size > 0) {
        putchar (',');
        if (result->state != STINT_DONE)
            json_put_body (stdout, "error", result->result);
        else if (file)
            json_put_body (stdout, "file", stint_bytes_of (file));
        else
            json_put_body (stdout, "result", result->result);
    }
    fputs ("}\n", stdout);
}

void
command_print_failure (const stint_result_t *result)
{
    fflush (stdout);
    fprintf (stderr, "stint: task %" PRIu64 " is %s after %" PRIu32 " attempt%s%s\n",
             result->id, stint_state_name (result->state), result->attempts,
             result->attempts == 1 ? "" : "s", result->result.size > 0 ? ":" : "");
    stint_bytes_t rest = result->result;
    while (rest.size > 0) {
        char line [1024];
        fprintf (stderr, "       %s\n", text_next_line (&rest, line, sizeof line));
    }
}

int
command_print_result (const command_call_t *call, const stint_result_t *result)
{
    stint_bytes_t bytes = result->result;
    if (call->json)
        command_print_json_result (result, NULL);
    else if (result->state != STINT_DONE)
        command_print_failure (result);
    else {
        if (bytes.size > 0)
            fwrite (bytes.data, 1, bytes.size, stdout);
        if (call->terminal && bytes.size > 0 && bytes.data [bytes.size - 1] != '\n')
            putchar ('\n');
    }
    return result->state == STINT_DONE ? COMMAND_OK : COMMAND_FAILED;
}

int
command_finish (int code)
{
    if (fflush (stdout) == 0 && !ferror (stdout))
        return code;

    //  Who closed the pipe, as head does, has what it wanted.
    if (errno == EPIPE)
        return COMMAND_DISK;
    return command_fail (COMMAND_DISK, NULL, "cannot write to standard output: %s",
                         strerror (errno));
}

void
command_hold_interrupt (void)
{
    sigset_t signals;
    sigemptyset (&signals);
    sigaddset (&signals, SIGINT);
    sigprocmask (SIG_BLOCK, &signals, NULL);
}

bool
command_interrupted (void)
{
    sigset_t signals;
    return sigpending (&signals) == 0 && sigismember (&signals, SIGINT) == 1;
}
