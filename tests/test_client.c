//  test_client: every call of the client against a broker that is driven by hand
//  SPDX-License-Identifier: MPL-2.0

#include "fake_broker.h"
#include "stint_client.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

static stint_bytes_t
s_text (const char *text)
{
    return stint_bytes_of (text);
}

//  A client of the fake broker whose calls may take so long.

static stint_client_t *
s_client (fake_t *fake, int timeout_ms)
{
    stint_client_t *client = stint_client_new (fake->endpoint);
    stint_client_set_timeout (client, timeout_ms);
    return client;
}

static void
s_end (fake_t *fake, stint_client_t *client)
{
    fake_join (fake);
    stint_client_destroy (&client);
    cr_assert_null (client);
    fake_stop (fake);
}

static void
s_answer_outcome (fake_t *fake, uint64_t request, uint64_t id, stint_state_t state,
                  const char *result)
{
    stint_wire_begin (&fake->out, STP_OUTCOME, 2);
    stint_wire_number (&fake->out, 'r', request);
    size_t list = stint_wire_list (&fake->out);
    stint_item_t item = {
        .id = id, .verdict = state, .attempts = 2, .body = stint_bytes_of (result)};
    stint_wire_put (&fake->out, STP_OUTCOME, &item);
    stint_write_array_close (&fake->out, list, 1);
    fake_send_out (fake);
}

//  ---------------------------------------------------------------------------------
//  Calls

static void
s_script_ping (fake_t *fake)
{
    fake_expect (fake, STP_QUERY);
    fake_assert (fake_is (fake->last.operation, "ping"));
    fake_greet (fake, 1000, 3);
    fake_pong (fake);
}

Test (client, a_ping_is_answered)
{
    fake_t fake;
    fake_start (&fake, s_script_ping);
    stint_client_t *client = s_client (&fake, 5000);
    int64_t took_us = -1;
    cr_assert_eq (stint_client_ping (client, &took_us), STINT_OK);
    cr_assert (took_us >= 0 && took_us < 5000000);
    cr_assert_str_empty (stint_client_error (client));
    s_end (&fake, client);
}

static void
s_script_pushes (fake_t *fake)
{
    stint_item_t item;
    fake_expect (fake, STP_PUSH);
    uint64_t producer = fake->last.producer;
    fake_assert (producer != 0 && fake->last.sequence == 1);
    fake_assert (fake_is (fake->last.group, "resize") && fake->last.list_count == 1);
    fake_assert (!stint_wire_has (&fake->last, 'b'));
    fake_assert (stint_wire_next (&fake->last, &item) && fake_is (item.body, "one"));
    fake_accept (fake, fake->last.request, 41, 1);
    fake_expect (fake, STP_PUSH);
    fake_assert (fake->last.producer == producer && fake->last.sequence == 2);
    fake_assert (stint_wire_next (&fake->last, &item) && item.body.size == 0);
    fake_accept (fake, fake->last.request, 42, 1);
    fake_expect (fake, STP_PUSH);
    fake_assert (fake->last.sequence == 3 && fake->count == 2);
    fake_assert (stint_wire_next (&fake->last, &item) && item.frame == 1);
    fake_assert (item.body.size == 100000 && item.body.data [99999] == 'x');
    fake_accept (fake, fake->last.request, 43, 1);
}

Test (client, pushes_are_numbered_and_a_large_one_is_a_frame)
{
    static uint8_t large [100000];
    memset (large, 'x', sizeof large);
    fake_t fake;
    fake_start (&fake, s_script_pushes);
    stint_client_t *client = s_client (&fake, 5000);
    uint64_t id = 0;
    cr_assert_eq (stint_client_push (client, "resize", s_text ("one"), &id), STINT_OK);
    cr_assert_eq (id, 41);
    cr_assert_eq (stint_client_push (client, "resize", s_text (""), &id), STINT_OK);
    cr_assert_eq (id, 42);
    stint_bytes_t payload = {large, sizeof large};
    cr_assert_eq (stint_client_push (client, "resize", payload, &id), STINT_OK);
    cr_assert_eq (id, 43);
    s_end (&fake, client);
}

static void
s_script_cancel (fake_t *fake)
{
    static const char *const codes [] = {"unknown", "ended",     "invalid", "occupied",
                                         "command", "malformed", "version"};
    fake_expect (fake, STP_CANCEL);
    fake_assert (fake->last.id == 12);
    fake_accept (fake, fake->last.request, 0, 0);
    for (size_t index = 0; index < sizeof codes / sizeof codes [0]; index++) {
        fake_expect (fake, STP_CANCEL);
        fake_error (fake, fake->last.request, codes [index], "no\x1b[2J, because");
    }
    fake_expect (fake, STP_CANCEL);
    fake_full (fake, fake->last.request, 10, "too many requests");
    fake_expect (fake, STP_CANCEL);
    fake_pong (fake);
}

Test (client, each_refusal_is_a_status_with_its_text)
{
    static const stint_status_t statuses [] = {
        STINT_ERR_NOT_FOUND, STINT_ERR_NOT_FOUND, STINT_ERR_INVALID, STINT_ERR_INVALID,
        STINT_ERR_PROTOCOL,  STINT_ERR_INVALID,   STINT_ERR_PROTOCOL};
    fake_t fake;
    fake_start (&fake, s_script_cancel);
    stint_client_t *client = s_client (&fake, 5000);
    cr_assert_eq (stint_client_cancel (client, 12), STINT_OK);
    for (size_t index = 0; index < sizeof statuses / sizeof statuses [0]; index++) {
        cr_assert_eq (stint_client_cancel (client, 12), statuses [index]);
        cr_assert_not_null (strstr (stint_client_error (client), "no?[2J, because"));
    }
    cr_assert_eq (stint_client_cancel (client, 12), STINT_ERR_FULL);
    cr_assert_str_eq (stint_client_error (client), "too many requests");
    cr_assert_eq (stint_client_cancel (client, 12), STINT_ERR_PROTOCOL);
    s_end (&fake, client);
}

static void
s_script_group (fake_t *fake)
{
    fake_expect (fake, STP_GROUP);
    fake_assert (fake_is (fake->last.operation, "set"));
    fake_assert (fake_is (fake->last.group, "resize"));
    stint_reader_t reader = stint_reader_of (fake->last.fields);
    fake_assert (stint_read_map (&reader) == 2);
    fake_assert (fake_is (stint_read_bytes (&reader), "max_tasks"));
    fake_assert (stint_read_number (&reader) == 1000);
    fake_assert (fake_is (stint_read_bytes (&reader), "backoff"));
    fake_assert (stint_read_number (&reader) == 0);
    fake_accept (fake, fake->last.request, 0, 0);
    fake_expect (fake, STP_GROUP);
    fake_assert (fake_is (fake->last.operation, "remove"));
    fake_error (fake, fake->last.request, "occupied", "3 tasks");
    fake_expect (fake, STP_GROUP);
    fake_accept (fake, fake->last.request, 0, 0);
}

Test (client, groups_are_set_and_removed)
{
    stint_setting_t settings [] = {{"max_tasks", 1000}, {"backoff", 0}};
    fake_t fake;
    fake_start (&fake, s_script_group);
    stint_client_t *client = s_client (&fake, 5000);
    cr_assert_eq (stint_client_group_set (client, "resize", settings, 2), STINT_OK);
    cr_assert_eq (stint_client_group_remove (client, "resize"), STINT_ERR_INVALID);
    cr_assert_eq (stint_client_group_remove (client, "resize"), STINT_OK);
    settings [1].value = -1;
    cr_assert_eq (stint_client_group_set (client, "resize", settings, 2),
                  STINT_ERR_INVALID);
    s_end (&fake, client);
}

static void
s_script_query (fake_t *fake)
{
    fake_expect (fake, STP_QUERY);
    fake_assert (fake_is (fake->last.operation, "tasks") && fake->last.after == 5);
    fake_assert (fake_is (fake->last.group, "mail") && fake->last.count == 20);
    fake_assert (fake->last.state == STINT_DEAD && !stint_wire_has (&fake->last, 'i'));
    fake_pong (fake);
}

Test (client, a_query_brings_the_packed_map)
{
    fake_t fake;
    fake_start (&fake, s_script_query);
    stint_client_t *client = s_client (&fake, 5000);
    stint_query_t query = {
        .what = "tasks", .group = "mail", .after = 5, .limit = 20, .state = STINT_DEAD};
    stint_bytes_t state;
    cr_assert_eq (stint_client_query (client, &query, &state), STINT_OK);
    stint_reader_t reader = stint_reader_of (state);
    cr_assert_eq (stint_read_map (&reader), 1);
    cr_assert (fake_is (stint_read_bytes (&reader), "epoch"));
    cr_assert_eq (stint_read_number (&reader), 7);
    s_end (&fake, client);
}

static void
s_script_wait (fake_t *fake)
{
    fake_expect (fake, STP_QUERY);
    fake_pong (fake);
    fake_expect (fake, STP_COLLECT);
    fake_assert (fake->last.id == 9 && !stint_wire_has (&fake->last, 'b'));
    uint64_t request = fake->last.request;
    fake_greet (fake, 20, 50);
    fake_expect (fake, STP_COLLECT);
    fake_assert (fake->last.request == request);
    s_answer_outcome (fake, request, 9, STINT_DEAD, "it broke");
    fake_expect (fake, STP_COLLECT);
    fake_assert (fake->last.request != request);
    fake_error (fake, fake->last.request, "unknown", "no such task");
    fake_expect (fake, STP_COLLECT);
    s_answer_outcome (fake, fake->last.request, 9, (stint_state_t) 77, "odd");
}

Test (client, a_wait_ends_with_the_task_or_is_pending)
{
    fake_t fake;
    fake_start (&fake, s_script_wait);
    stint_client_t *client = s_client (&fake, 8000);
    stint_result_t result;
    cr_assert_eq (stint_client_ping (client, NULL), STINT_OK);
    stint_client_set_timeout (client, 200);
    cr_assert_eq (stint_client_wait (client, 9, &result), STINT_ERR_PENDING);
    stint_client_set_timeout (client, 5000);
    cr_assert_eq (stint_client_wait (client, 9, &result), STINT_OK);
    cr_assert (result.id == 9 && result.state == STINT_DEAD && result.attempts == 2);
    cr_assert (fake_is (result.result, "it broke"));
    cr_assert_eq (stint_client_wait (client, 9, &result), STINT_ERR_NOT_FOUND);
    cr_assert_eq (stint_client_wait (client, 9, &result), STINT_ERR_PROTOCOL);
    s_end (&fake, client);
}

Test (client, what_is_out_of_range_is_not_sent)
{
    stint_bytes_t huge = {(const uint8_t *) "", STINT_PAYLOAD_MAX + 1};
    stint_setting_t setting = {"max_tasks", 1};
    stint_query_t query = {.what = "tasks", .group = "a b"};
    stint_bytes_t state;
    uint64_t id;
    stint_client_t *client = stint_client_new ("ipc:///tmp/stint-nobody");
    cr_assert_eq (stint_client_push (client, "-x", s_text ("a"), &id), STINT_ERR_INVALID);
    cr_assert_not_null (strstr (stint_client_error (client), "\"-x\" is not a name"));
    cr_assert_eq (stint_client_push (client, "x", huge, &id), STINT_ERR_INVALID);
    cr_assert_eq (stint_client_group_set (client, "", &setting, 1), STINT_ERR_INVALID);
    cr_assert_eq (stint_client_query (client, &query, &state), STINT_ERR_INVALID);
    cr_assert_null (stint_batch_open (client, "a/b", NULL));
    cr_assert_null (stint_batch_open (client, "ab", "a/b"));
    stint_client_destroy (&client);
}

Test (client, an_endpoint_that_is_none_is_named)
{
    static const char *const endpoints [] = {"", "http://alpha", "udp://alpha:1", "tcp://",
                                             "tcp://alpha:port"};
    for (size_t index = 0; index < sizeof endpoints / sizeof endpoints [0]; index++) {
        stint_client_t *client = stint_client_new (endpoints [index]);
        cr_assert_eq (stint_client_ping (client, NULL), STINT_ERR_INVALID);
        cr_assert_not_null (strstr (stint_client_error (client), endpoints [index]));
        stint_client_destroy (&client);
    }
}

Test (client, the_signals_of_the_process_are_left_alone)
{
    stint_client_t *client = stint_client_new ("ipc:///tmp/stint-nobody");
    struct sigaction action;
    sigaction (SIGTERM, NULL, &action);
    cr_assert_eq (action.sa_handler, SIG_DFL);
    stint_client_destroy (&client);
}

static void
s_script_bind_and_ping (fake_t *fake)
{
    fake_bind (fake);
    s_script_ping (fake);
}

Test (client, a_program_may_exit_without_destroying_it)
{
    fake_t fake;
    fake_start (&fake, NULL);
    pid_t pid = fork ();
    if (pid == 0) {
        static stint_client_t *volatile client;  //  Lives on, for the search for leaks
        client = s_client (&fake, 10000);
        exit (stint_client_ping (client, NULL) == STINT_OK ? 0 : 1);
    }
    fake_run (&fake, s_script_bind_and_ping);
    fake_join (&fake);
    struct pollfd item = {.fd = pidfd_open (pid, 0), .events = POLLIN};
    int ended = poll (&item, 1, 5000);
    int status = -1;
    kill (pid, SIGKILL);
    waitpid (pid, &status, 0);
    close (item.fd);
    cr_assert_eq (ended, 1, "exit () hangs");
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    fake_stop (&fake);
}
