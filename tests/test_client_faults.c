//  test_client_faults: brokers that are silent, gone, full, forgetful, or talk nonsense
//  SPDX-License-Identifier: MPL-2.0

#include "fake_broker.h"
#include "stint_client.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

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
    fake_stop (fake);
}

static int64_t
s_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static stint_status_t
s_push (stint_client_t *client, const char *payload, uint64_t *id)
{
    return stint_client_push (client, "group", stint_bytes_of (payload), id);
}

static bool
s_says (const stint_client_t *client, const char *text)
{
    return strstr (stint_client_error (client), text) != NULL;
}

//  Keeps the header of the last message, to be compared with a later one.

static uint8_t s_kept [65536];
static size_t s_kept_size;

static void
s_keep (const fake_t *fake)
{
    s_kept_size = fake->bytes [0].size;
    memcpy (s_kept, fake->bytes [0].data, s_kept_size);
}

static bool
s_same (const fake_t *fake)
{
    return fake->bytes [0].size == s_kept_size
           && memcmp (fake->bytes [0].data, s_kept, s_kept_size) == 0;
}

//  ---------------------------------------------------------------------------------
//  Nobody there

Test (client_faults, nobody_at_the_endpoint_is_said_within_the_deadline)
{
    fake_t fake;
    fake_start (&fake, NULL);
    stint_client_t *client = s_client (&fake, 400);
    int64_t began = s_now ();
    cr_assert_eq (stint_client_ping (client, NULL), STINT_ERR_UNREACHABLE);
    cr_assert (s_now () - began < 3000);
    cr_assert (s_says (client, fake.endpoint));
    cr_assert (s_says (client, "cannot reach the broker at "));
    cr_assert (s_says (client, ", tried for "));
    s_end (&fake, client);
}

static void
s_script_bind_and_push (fake_t *fake)
{
    stint_item_t item;
    fake_bind (fake);
    fake_expect (fake, STP_PUSH);
    fake_assert (stint_wire_next (&fake->last, &item) && fake_is (item.body, "second"));
    fake_assert (fake->last.sequence == 1);
    fake_accept (fake, fake->last.request, 5, 1);
}

Test (client_faults, a_push_that_never_left_is_taken_back)
{
    fake_t fake;
    fake_start (&fake, NULL);
    stint_client_t *client = s_client (&fake, 50);
    uint64_t id = 0;
    cr_assert_eq (s_push (client, "first", &id), STINT_ERR_UNREACHABLE);
    stint_client_set_timeout (client, 8000);
    fake_run (&fake, s_script_bind_and_push);
    cr_assert_eq (s_push (client, "second", &id), STINT_OK);
    cr_assert_eq (id, 5);
    s_end (&fake, client);
}

static void
s_script_silent (fake_t *fake)
{
    fake_expect (fake, STP_QUERY);
}

Test (client_faults, a_broker_that_never_says_a_word_is_not_reached)
{
    fake_t fake;
    fake_start (&fake, s_script_silent);
    stint_client_t *client = s_client (&fake, 1500);
    cr_assert_eq (stint_client_ping (client, NULL), STINT_ERR_UNREACHABLE);
    cr_assert (s_says (client, "does not answer, tried for "));
    s_end (&fake, client);
}

//  ---------------------------------------------------------------------------------
//  Time-outs of a push

static void
s_script_late (fake_t *fake)
{
    stint_item_t item;
    fake_expect (fake, STP_QUERY);
    fake_pong (fake);
    fake_expect (fake, STP_PUSH);
    uint64_t request = fake->last.request;
    fake_greet (fake, 1000, 10);
    fake_wait (fake);
    fake_accept (fake, request, 77, 1);
    fake_expect (fake, STP_PUSH);
    fake_assert (fake->last.sequence == 2);
    fake_assert (stint_wire_next (&fake->last, &item) && fake_is (item.body, "once"));
    fake_accept (fake, fake->last.request, 78, 1);
}

Test (client_faults, the_same_push_after_a_time_out_is_the_same_task)
{
    fake_t fake;
    fake_start (&fake, s_script_late);
    stint_client_t *client = s_client (&fake, 8000);
    uint64_t id = 0;
    cr_assert_eq (stint_client_ping (client, NULL), STINT_OK);
    stint_client_set_timeout (client, 200);
    cr_assert_eq (s_push (client, "once", &id), STINT_ERR_TIMEOUT);
    cr_assert (s_says (client, "whether it was done is unknown"));
    fake_go (&fake);
    stint_client_set_timeout (client, 5000);
    cr_assert_eq (s_push (client, "once", &id), STINT_OK);
    cr_assert_eq (id, 77);
    cr_assert_eq (s_push (client, "once", &id), STINT_OK);
    cr_assert_eq (id, 78);
    s_end (&fake, client);
}

static void
s_script_settle (fake_t *fake)
{
    stint_item_t item;
    fake_expect (fake, STP_QUERY);
    fake_pong (fake);
    fake_expect (fake, STP_PUSH);
    s_keep (fake);
    fake_greet (fake, 1000, 10);
    fake_wait (fake);
    fake_bye (fake);
    fake_expect (fake, STP_PUSH);
    fake_assert (s_same (fake));
    fake_accept (fake, fake->last.request, 77, 1);
    fake_expect (fake, STP_PUSH);
    fake_assert (fake->last.sequence == 2);
    fake_assert (stint_wire_next (&fake->last, &item) && fake_is (item.body, "other"));
    fake_accept (fake, fake->last.request, 78, 1);
}

Test (client_faults, another_push_after_a_time_out_settles_the_first_one)
{
    fake_t fake;
    fake_start (&fake, s_script_settle);
    stint_client_t *client = s_client (&fake, 8000);
    uint64_t id = 0;
    cr_assert_eq (stint_client_ping (client, NULL), STINT_OK);
    stint_client_set_timeout (client, 200);
    cr_assert_eq (s_push (client, "once", &id), STINT_ERR_TIMEOUT);
    fake_go (&fake);
    stint_client_set_timeout (client, 5000);
    cr_assert_eq (s_push (client, "other", &id), STINT_OK);
    cr_assert_eq (id, 78);
    s_end (&fake, client);
}

//  ---------------------------------------------------------------------------------
//  Reconnecting

static void
s_script_silence (fake_t *fake)
{
    fake_expect (fake, STP_PUSH);
    s_keep (fake);
    uint8_t peer [64];
    size_t size = fake->peer_size;
    memcpy (peer, fake->peer, size);
    fake_greet (fake, 20, 3);
    fake_expect (fake, STP_PUSH);
    fake_assert (size != fake->peer_size || memcmp (peer, fake->peer, size) != 0);
    fake_assert (s_same (fake));
    fake_accept (fake, fake->last.request, 3, 1);
}

Test (client_faults, silence_brings_a_new_socket_and_the_same_push)
{
    fake_t fake;
    fake_start (&fake, s_script_silence);
    stint_client_t *client = s_client (&fake, 8000);
    uint64_t id = 0;
    cr_assert_eq (s_push (client, "x", &id), STINT_OK);
    cr_assert_eq (id, 3);
    s_end (&fake, client);
}

static void
s_script_bye (fake_t *fake)
{
    fake_expect (fake, STP_PUSH);
    s_keep (fake);
    uint8_t peer [64];
    memcpy (peer, fake->peer, fake->peer_size);
    fake_bye (fake);
    fake_expect (fake, STP_PUSH);
    fake_assert (memcmp (peer, fake->peer, fake->peer_size) == 0 && s_same (fake));
    fake_accept (fake, fake->last.request, 4, 1);
}

Test (client_faults, a_goodbye_brings_the_same_push_on_the_same_socket)
{
    fake_t fake;
    fake_start (&fake, s_script_bye);
    stint_client_t *client = s_client (&fake, 5000);
    uint64_t id = 0;
    cr_assert_eq (s_push (client, "x", &id), STINT_OK);
    cr_assert_eq (id, 4);
    s_end (&fake, client);
}

static void
s_script_restart (fake_t *fake)
{
    fake_expect (fake, STP_CANCEL);
    fake_greet (fake, 20, 50);
    fake_expect_heartbeats (fake, 1);
    fake_die (fake);
    fake_bind (fake);
    fake_expect (fake, STP_CANCEL);
    fake_accept (fake, fake->last.request, 0, 0);
}

Test (client_faults, a_request_survives_the_restart_of_the_broker)
{
    fake_t fake;
    fake_start (&fake, s_script_restart);
    stint_client_t *client = s_client (&fake, 8000);
    cr_assert_eq (stint_client_cancel (client, 1), STINT_OK);
    s_end (&fake, client);
}

static void
s_script_stopping (fake_t *fake)
{
    fake_expect (fake, STP_PUSH);
    s_keep (fake);
    fake_error (fake, fake->last.request, "stopping", "going down");
    fake_expect (fake, STP_PUSH);
    fake_assert (s_same (fake));
    fake_accept (fake, fake->last.request, 6, 1);
}

Test (client_faults, a_broker_that_stops_is_tried_again)
{
    fake_t fake;
    fake_start (&fake, s_script_stopping);
    stint_client_t *client = s_client (&fake, 8000);
    uint64_t id = 0;
    cr_assert_eq (s_push (client, "x", &id), STINT_OK);
    cr_assert_eq (id, 6);
    s_end (&fake, client);
}

//  A connection that ended before its greeting came, and was made again by libzmq at once:
//  no greeting is a second one, and the request was lost with the first connection.

static void
s_script_connected_again (fake_t *fake)
{
    fake_expect (fake, STP_QUERY);
    fake_die (fake);
    fake_bind (fake);
    fake_expect (fake, STP_QUERY);
    fake_assert (fake->heartbeats == 0);
    fake_pong (fake);
}

Test (client_faults, a_connection_made_again_before_its_greeting_brings_the_request)
{
    fake_t fake;
    fake_start (&fake, s_script_connected_again);
    stint_client_t *client = s_client (&fake, 8000);
    cr_assert_eq (stint_client_ping (client, NULL), STINT_OK);
    s_end (&fake, client);
}

static void
s_script_greet_twice (fake_t *fake)
{
    fake_expect (fake, STP_COLLECT);
    fake_greet (fake, 1000, 3);
    fake_greet (fake, 1000, 3);
    fake_expect (fake, STP_COLLECT);
    stint_wire_begin (&fake->out, STP_OUTCOME, 2);
    stint_wire_number (&fake->out, 'r', fake->last.request);
    size_t list = stint_wire_list (&fake->out);
    stint_item_t item = {.id = 8, .verdict = STINT_CANCELLED};
    stint_wire_put (&fake->out, STP_OUTCOME, &item);
    stint_write_array_close (&fake->out, list, 1);
    fake_send_out (fake);
}

Test (client_faults, a_second_greeting_brings_the_request_again)
{
    fake_t fake;
    fake_start (&fake, s_script_greet_twice);
    stint_client_t *client = s_client (&fake, 8000);
    stint_result_t result;
    cr_assert_eq (stint_client_wait (client, 8, &result), STINT_OK);
    cr_assert_eq (result.state, STINT_CANCELLED);
    s_end (&fake, client);
}

static void
s_script_heartbeats (fake_t *fake)
{
    fake_expect (fake, STP_CANCEL);
    uint64_t request = fake->last.request;
    fake_greet (fake, 20, 50);
    fake_expect_heartbeats (fake, 5);
    fake_accept (fake, request, 0, 0);
}

Test (client_faults, heartbeats_go_out_while_a_call_waits)
{
    fake_t fake;
    fake_start (&fake, s_script_heartbeats);
    stint_client_t *client = s_client (&fake, 5000);
    cr_assert_eq (stint_client_cancel (client, 1), STINT_OK);
    s_end (&fake, client);
}

//  ---------------------------------------------------------------------------------
//  Refusals of a push

static void
s_script_full (fake_t *fake)
{
    fake_expect (fake, STP_PUSH);
    uint64_t producer = fake->last.producer;
    fake_full (fake, fake->last.request, 250, "group \"group\" holds 10 tasks");
    fake_expect (fake, STP_PUSH);
    fake_assert (fake->last.sequence == 1 && fake->last.producer == producer);
    fake_error (fake, fake->last.request, "invalid", "no");
    fake_expect (fake, STP_PUSH);
    fake_assert (fake->last.sequence == 1 && fake->last.producer == producer);
    fake_accept (fake, fake->last.request, 5, 1);
    fake_expect (fake, STP_PUSH);
    fake_assert (fake->last.sequence == 2 && fake->last.producer == producer);
    fake_error (fake, fake->last.request, "unknown", "no such producer");
    fake_expect (fake, STP_PUSH);
    fake_assert (fake->last.sequence == 1 && fake->last.producer != producer);
    fake_bye (fake);
    fake_expect (fake, STP_PUSH);
    producer = fake->last.producer;
    fake_full (fake, fake->last.request, 250, "full");
    fake_expect (fake, STP_PUSH);
    fake_assert (fake->last.sequence == 1 && fake->last.producer != producer);
    fake_sequence (fake, fake->last.request, 12);
    fake_expect (fake, STP_PUSH);
    fake_accept (fake, fake->last.request, 6, 1);
}

Test (client_faults, a_refused_push_gives_its_number_back_when_that_is_safe)
{
    fake_t fake;
    fake_start (&fake, s_script_full);
    stint_client_t *client = s_client (&fake, 5000);
    uint64_t id = 0;
    cr_assert_eq (s_push (client, "x", &id), STINT_ERR_FULL);
    cr_assert_str_eq (stint_client_error (client), "group \"group\" holds 10 tasks");
    cr_assert_eq (s_push (client, "x", &id), STINT_ERR_INVALID);
    cr_assert_eq (s_push (client, "x", &id), STINT_OK);
    cr_assert_eq (s_push (client, "x", &id), STINT_ERR_NOT_FOUND);
    cr_assert_eq (s_push (client, "x", &id), STINT_ERR_FULL);
    cr_assert_eq (s_push (client, "x", &id), STINT_ERR_PROTOCOL);
    cr_assert_eq (s_push (client, "x", &id), STINT_OK);
    cr_assert_eq (id, 6);
    s_end (&fake, client);
}

//  ---------------------------------------------------------------------------------
//  Nonsense

static void
s_script_version (fake_t *fake)
{
    fake_expect (fake, STP_QUERY);
    stint_bytes_t header = {(const uint8_t *) "STP\x02\x64", 5};
    fake_send (fake, &header, 1);
    fake_expect (fake, STP_QUERY);
    fake_error (fake, 0, "version", "version 1 was sent, version 2 is spoken");
}

Test (client_faults, another_version_is_named)
{
    fake_t fake;
    fake_start (&fake, s_script_version);
    stint_client_t *client = s_client (&fake, 5000);
    cr_assert_eq (stint_client_ping (client, NULL), STINT_ERR_PROTOCOL);
    cr_assert (s_says (client, "speaks version 2 of the protocol, this client version 1"));
    cr_assert_eq (stint_client_ping (client, NULL), STINT_ERR_PROTOCOL);
    cr_assert (s_says (client, "version 1 was sent, version 2 is spoken"));
    s_end (&fake, client);
}

//  Everything that may come from a socket and is not an answer.

static void
s_send_nonsense (fake_t *fake)
{
    static const struct {
        const char *bytes;
        size_t size;
    } messages [] = {
        {"", 0},                          //  Nothing
        {"HTTP/1.1 200 OK", 15},          //  Another protocol
        {"STP\x01", 4},                   //  Cut short
        {"STP\x01\x61", 5},               //  ACCEPTED without its request
        {"STP\x01\x61\x81\xa1r\xc1", 9},  //  A byte that msgpack does not have
        {"STP\x01\x63\x81\xa1t\xdd\xff\xff\xff\xff", 13},  //  A bomb
        {"STP\x01\x63\x81\xa1t\x91\x01", 10},              //  OUTCOME of nothing
        {"STP\x01\x63\x82\xa1r\x7f\xa1t\x90", 12},         //  OUTCOME without an element
        {"STP\x01\x61\x81\xa1r\xcd\x12\x34", 11},          //  ACCEPTED of another request
        {"STP\x01\x7f\x80", 6},                            //  A command nobody knows
        {"STP\x01\x62\x82\xa1gax\xa1t\x90", 14},           //  TASK, broken
        {"STP\x01\x41\x82\xa1u\x00\xa1y\x00", 12},         //  Heartbeats without a pause
    };
    for (size_t index = 0; index < sizeof messages / sizeof messages [0]; index++) {
        stint_bytes_t frame = {(const uint8_t *) messages [index].bytes,
                               messages [index].size};
        fake_send (fake, &frame, 1);
    }
    static stint_bytes_t frames [STINT_FRAMES_MAX + 500];
    frames [0] = (stint_bytes_t){(const uint8_t *) "STP\x01\x64", 5};
    fake_send (fake, frames, STINT_FRAMES_MAX + 500);
}

static void
s_script_nonsense (fake_t *fake)
{
    fake_expect (fake, STP_CANCEL);
    uint64_t request = fake->last.request;
    s_send_nonsense (fake);
    fake_accept (fake, request, 0, 0);
    fake_expect (fake, STP_PUSH);
    request = fake->last.request;
    s_send_nonsense (fake);
    fake_accept (fake, request, 1, 2);
    fake_accept (fake, request, 11, 1);
    fake_accept (fake, request, 12, 1);
    fake_expect (fake, STP_QUERY);
    s_send_nonsense (fake);
}

Test (client_faults, nonsense_is_passed_over)
{
    fake_t fake;
    fake_start (&fake, s_script_nonsense);
    stint_client_t *client = s_client (&fake, 5000);
    uint64_t id = 0;
    cr_assert_eq (stint_client_cancel (client, 1), STINT_OK);
    cr_assert_eq (s_push (client, "x", &id), STINT_OK);
    cr_assert_eq (id, 11);
    stint_client_set_timeout (client, 100);
    cr_assert_eq (stint_client_ping (client, NULL), STINT_ERR_TIMEOUT);
    s_end (&fake, client);
}
