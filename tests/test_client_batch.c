//  test_client_batch: batches of the client against a broker that is driven by hand
//  SPDX-License-Identifier: MPL-2.0

#include "batch_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static stint_status_t
s_push (stint_batch_t *batch, const char *payload)
{
    return stint_batch_push (batch, stint_bytes_of (payload));
}

static void
s_push_many (stint_batch_t *batch, uint32_t count)
{
    for (uint32_t number = 1; number <= count; number++) {
        char text [32];
        snprintf (text, sizeof text, "task %u", number);
        cr_assert_eq (s_push (batch, text), STINT_OK);
    }
}

//  Takes the results from one number to another, in order, each once.

static void
s_take (stint_batch_t *batch, uint32_t from, uint32_t to)
{
    for (uint32_t number = from; number <= to; number++) {
        stint_result_t result;
        char text [32];
        snprintf (text, sizeof text, "result %u", number);
        stint_status_t status = stint_batch_next (batch, 10000, &result);
        cr_assert_eq (status, STINT_OK, "%u: %s", number, stint_strerror (status));
        cr_assert_eq (result.number, number);
        cr_assert_eq (result.id, 100 + number);
        cr_assert (fake_is (result.result, text));
    }
}

//  Takes in pushes until so many tasks have come, and answers none: returns how many
//  messages they were. The numbers of the requests are kept.

static uint64_t s_requests [64];

static uint32_t
s_hear_tasks (fake_t *fake, uint64_t from, uint64_t to)
{
    uint32_t count = 0;
    for (uint64_t number = from; number <= to;) {
        stint_item_t item;
        fake_expect (fake, STP_PUSH);
        fake_assert (fake->last.sequence == number && fake->last.batch == BATCH);
        fake_assert (fake->last.list_count <= 1024);
        s_requests [count++] = fake->last.request;
        while (stint_wire_next (&fake->last, &item)) {
            char text [32];
            snprintf (text, sizeof text, "task %llu", (unsigned long long) number++);
            fake_assert (fake_is (item.body, text));
        }
        fake_assert (!fake->last.list.bad);
    }
    return count;
}

//  Accepts all pushes until so many tasks have come.

static void
s_accept_tasks (fake_t *fake, uint64_t from, uint64_t to)
{
    while (from <= to) {
        fake_expect (fake, STP_PUSH);
        fake_assert (fake->last.sequence == from);
        uint32_t count = fake->last.list_count;
        fake_accept (fake, fake->last.request, 100 + from, count);
        from += count;
    }
}

//  ---------------------------------------------------------------------------------
//  Pushing and collecting

static void
s_script_life (fake_t *fake)
{
    batch_open_answer (fake, 0, 0);
    s_accept_tasks (fake, 1, 3);
    fake_outcomes (fake, BATCH, 1, 2);
    fake_expect (fake, STP_COLLECT);
    fake_assert (fake->last.cursor == 2);
    fake_outcomes (fake, BATCH, 3, 3);
    fake_expect (fake, STP_COLLECT);
    fake_assert (fake->last.cursor == 3);
}

Test (client_batch, tasks_go_in_and_results_come_back)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    stint_result_t result;
    stint_progress_t progress;
    fake_start (&fake, s_script_life);
    batch_open (&fake, NULL, 5000, &client, &batch);
    cr_assert (strlen (stint_batch_name (batch)) > 10);
    s_push_many (batch, 3);
    cr_assert_eq (stint_batch_flush (batch), STINT_OK);
    stint_batch_progress (batch, &progress);
    cr_assert (progress.pushed == 3 && progress.done == 0);
    s_take (batch, 1, 3);
    cr_assert_eq (stint_batch_next (batch, 5000, &result), STINT_ERR_NOT_FOUND);
    stint_batch_progress (batch, &progress);
    cr_assert (progress.done == 3 && progress.collected == 3 && progress.dead == 0);
    batch_end (&fake, client, batch);
}

static void
s_script_coalesced (fake_t *fake)
{
    batch_open_answer (fake, 0, 0);
    uint32_t count = s_hear_tasks (fake, 1, 3000);
    fake_assert (count >= 3 && count <= 8);
    for (uint32_t index = 0; index < count; index++)
        fake_accept (fake, s_requests [index], 1, 0);  //  Counts nothing: not an answer
    fake_bye (fake);
    fake_expect (fake, STP_COLLECT);
    s_accept_tasks (fake, 1, 3000);
}

Test (client_batch, many_tasks_travel_in_few_messages)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    fake_start (&fake, s_script_coalesced);
    batch_open (&fake, "album", 8000, &client, &batch);
    s_push_many (batch, 3000);
    cr_assert_eq (stint_batch_flush (batch), STINT_OK, "%s", stint_client_error (client));
    batch_end (&fake, client, batch);
}

static void
s_script_eight (fake_t *fake)
{
    batch_open_answer (fake, 0, 0);
    fake_greet (fake, 20, 500);
    uint32_t count = 0;
    uint64_t first = 0;
    for (; count < 8; count++) {
        fake_expect (fake, STP_PUSH);
        if (count == 0)
            first = fake->last.request;
    }
    fake_expect_heartbeats (fake, 3);  //  And no push
    fake_accept (fake, first, 1, 1);
    fake_expect (fake, STP_PUSH);
}

Test (client_batch, at_most_eight_pushes_are_unanswered)
{
    static uint8_t large [600000];
    stint_bytes_t payload = {large, sizeof large};
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    fake_start (&fake, s_script_eight);
    batch_open (&fake, "album", 300, &client, &batch);
    stint_status_t status = STINT_OK;
    int pushed = 0;
    for (; pushed < 20 && status == STINT_OK; pushed++)
        status = stint_batch_push (batch, payload);
    cr_assert_eq (status, STINT_ERR_TIMEOUT);
    cr_assert (pushed >= 9 && pushed <= 11);
    batch_end (&fake, client, batch);
}

static void
s_script_large (fake_t *fake)
{
    stint_item_t item;
    batch_open_answer (fake, 0, 0);
    size_t sizes [] = {STINT_INLINE_MAX, STINT_INLINE_MAX + 1, 300000};
    size_t task = 0;
    while (task < 3) {
        fake_expect (fake, STP_PUSH);
        uint64_t request = fake->last.request;
        uint32_t count = fake->last.list_count;
        while (task < 3 && stint_wire_next (&fake->last, &item)) {
            fake_assert (item.body.size == sizes [task]);
            fake_assert ((item.frame == 0) == (sizes [task] <= STINT_INLINE_MAX));
            fake_assert (item.body.data [sizes [task] - 1] == 'y');
            task++;
        }
        fake_accept (fake, request, 1, count);
    }
    static uint8_t result [100000];
    stint_wire_begin (&fake->out, STP_OUTCOME, 3);
    stint_wire_number (&fake->out, 'b', BATCH);
    stint_wire_number (&fake->out, 'k', 1);
    size_t list = stint_wire_list (&fake->out);
    item = (stint_item_t){.id = 1,
                          .number = 1,
                          .verdict = STINT_DONE,
                          .body = {result, sizeof result},
                          .frame = 1};
    stint_wire_put (&fake->out, STP_OUTCOME, &item);
    stint_write_array_close (&fake->out, list, 1);
    stint_bytes_t frames [] = {stint_writer_bytes (&fake->out), {result, sizeof result}};
    fake_send (fake, frames, 2);
}

Test (client_batch, large_payloads_and_results_are_frames)
{
    static uint8_t large [300000];
    memset (large, 'y', sizeof large);
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    stint_result_t result;
    fake_start (&fake, s_script_large);
    batch_open (&fake, "album", 5000, &client, &batch);
    size_t sizes [] = {STINT_INLINE_MAX, STINT_INLINE_MAX + 1, 300000};
    for (size_t index = 0; index < 3; index++)
        cr_assert_eq (stint_batch_push (batch, (stint_bytes_t){large, sizes [index]}),
                      STINT_OK);
    cr_assert_eq (stint_batch_next (batch, 5000, &result), STINT_OK);
    cr_assert_eq (result.result.size, 100000);
    batch_end (&fake, client, batch);
}

//  ---------------------------------------------------------------------------------
//  Full, and go back N

static uint8_t s_kept [8][65536];
static size_t s_kept_size [8];

static void
s_script_full (fake_t *fake)
{
    batch_open_answer (fake, 0, 0);
    uint32_t count = 0;
    for (uint64_t tasks = 0; tasks < 4096; count++) {
        fake_expect (fake, STP_PUSH);
        fake_assert (count < 8 && fake->bytes [0].size <= sizeof s_kept [0]);
        s_requests [count] = fake->last.request;
        s_kept_size [count] = fake->bytes [0].size;
        memcpy (s_kept [count], fake->bytes [0].data, fake->bytes [0].size);
        tasks += fake->last.list_count;
    }
    fake_full (fake, s_requests [0], 30, "the group holds 10 tasks");
    for (uint32_t index = 1; index < count; index++)
        fake_sequence (fake, s_requests [index], 1);
    for (uint32_t index = 0; index < count; index++) {
        fake_expect (fake, STP_PUSH);
        fake_assert (fake->bytes [0].size == s_kept_size [index]);
        fake_assert (memcmp (fake->bytes [0].data, s_kept [index], s_kept_size [index])
                     == 0);
        fake_accept (fake, fake->last.request, 1, fake->last.list_count);
    }
}

Test (client_batch, after_full_all_are_sent_again_in_order)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    stint_progress_t progress;
    fake_start (&fake, s_script_full);
    batch_open (&fake, "album", 8000, &client, &batch);
    s_push_many (batch, 4096);
    cr_assert_eq (stint_batch_flush (batch), STINT_OK, "%s", stint_client_error (client));
    stint_batch_progress (batch, &progress);
    cr_assert_eq (progress.pushed, 4096);
    batch_end (&fake, client, batch);
}

//  As a broker does that does not know the producer, because it took none of its pushes.

static void
s_script_full_at_first (fake_t *fake)
{
    batch_open_answer (fake, 0, 0);
    uint64_t requests [8];
    uint32_t count = 0;
    for (uint64_t tasks = 0; tasks < 2048 && count < 8; count++) {
        fake_expect (fake, STP_PUSH);
        requests [count] = fake->last.request;
        tasks += fake->last.list_count;
    }
    fake_assert (count > 1);
    fake_full (fake, requests [0], 10, "the disk is behind");
    for (uint32_t index = 1; index < count; index++)
        fake_error (fake, requests [index], "unknown", "no such producer");
    while (count-- > 0) {
        fake_expect (fake, STP_PUSH);
        fake_accept (fake, fake->last.request, 1, fake->last.list_count);
    }
}

Test (client_batch, full_for_a_new_producer_is_no_more_than_full)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    fake_start (&fake, s_script_full_at_first);
    batch_open (&fake, "album", 8000, &client, &batch);
    s_push_many (batch, 2048);
    cr_assert_eq (stint_batch_flush (batch), STINT_OK, "%s", stint_client_error (client));
    batch_end (&fake, client, batch);
}

static void
s_script_stays_full (fake_t *fake)
{
    batch_open_answer (fake, 0, 0);
    fake_expect (fake, STP_PUSH);
    fake_full (fake, fake->last.request, 1, "the group holds 9 tasks");
    fake_expect (fake, STP_PUSH);
    fake_full (fake, fake->last.request, 700, "the group holds 10 tasks");
    fake_expect (fake, STP_PUSH);
    fake_accept (fake, fake->last.request, 1, 1);
}

Test (client_batch, full_until_the_deadline_is_full_and_nothing_is_lost)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    fake_start (&fake, s_script_stays_full);
    batch_open (&fake, "album", 400, &client, &batch);
    cr_assert_eq (s_push (batch, "task 1"), STINT_OK);
    cr_assert_eq (stint_batch_flush (batch), STINT_ERR_FULL);
    cr_assert_str_eq (stint_client_error (client), "the group holds 10 tasks");
    stint_client_set_timeout (client, 5000);
    cr_assert_eq (stint_batch_flush (batch), STINT_OK);
    batch_end (&fake, client, batch);
}

static void
s_script_refused (fake_t *fake)
{
    batch_open_answer (fake, 0, 0);
    fake_expect (fake, STP_PUSH);
    fake_error (fake, fake->last.request, "unknown", "no such batch");
}

Test (client_batch, a_batch_that_is_refused_says_so_from_then_on)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    stint_result_t result;
    fake_start (&fake, s_script_refused);
    batch_open (&fake, "album", 5000, &client, &batch);
    cr_assert_eq (s_push (batch, "task 1"), STINT_OK);
    cr_assert_eq (stint_batch_flush (batch), STINT_ERR_NOT_FOUND);
    cr_assert_str_eq (stint_client_error (client), "batch album: no such batch");
    cr_assert_eq (s_push (batch, "task 2"), STINT_ERR_NOT_FOUND);
    cr_assert_eq (stint_batch_next (batch, 1000, &result), STINT_ERR_NOT_FOUND);
    cr_assert_str_eq (stint_client_error (client), "batch album: no such batch");
    batch_end (&fake, client, batch);
}

//  ---------------------------------------------------------------------------------
//  Outcomes over reconnects

static void
s_script_again (fake_t *fake)
{
    batch_open_answer (fake, 12, 2);
    fake_outcomes (fake, BATCH, 3, 6);
    fake_greet (fake, 20, 3);  //  Then silence: the client comes back on a new socket
    fake_expect (fake, STP_COLLECT);
    while (fake->last.cursor < 6)
        fake_expect (fake, STP_COLLECT);
    fake_outcomes (fake, BATCH, 3, 4);
    fake_outcomes (fake, BATCH, 5, 8);
    fake_outcomes (fake, BATCH, 9, 9);
    fake_outcomes (fake, BATCH, 7, 9);
    fake_outcomes (fake, BATCH, 8, 12);
}

Test (client_batch, outcomes_that_come_twice_are_returned_once)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    stint_result_t result;
    fake_start (&fake, s_script_again);
    batch_open (&fake, "album", 5000, &client, &batch);
    s_take (batch, 3, 12);
    cr_assert_eq (stint_batch_next (batch, 5000, &result), STINT_ERR_NOT_FOUND);
    batch_end (&fake, client, batch);
}

static void
s_script_new_socket (fake_t *fake)
{
    batch_open_answer (fake, 5, 0);
    fake_outcomes (fake, BATCH, 1, 2);
    fake_expect (fake, STP_COLLECT);
    fake_assert (fake->last.cursor == 2);
    uint8_t peer [64];
    size_t size = fake->peer_size;
    memcpy (peer, fake->peer, size);
    fake_greet (fake, 20, 3);
    fake_outcomes (fake, BATCH, 4, 5);  //  The third is missing
    fake_expect (fake, STP_COLLECT);
    fake_assert (size != fake->peer_size || memcmp (peer, fake->peer, size) != 0);
    fake_assert (fake->last.cursor == 2);
    fake_outcomes (fake, BATCH, 3, 5);
}

Test (client_batch, outcomes_that_are_missing_are_asked_for_again)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    fake_start (&fake, s_script_new_socket);
    batch_open (&fake, "album", 5000, &client, &batch);
    s_take (batch, 1, 5);
    batch_end (&fake, client, batch);
}

static void
s_put_outcome (fake_t *fake, uint64_t number, uint32_t state)
{
    stint_item_t item = {.id = number, .number = (uint32_t) number, .verdict = state};
    stint_wire_put (&fake->out, STP_OUTCOME, &item);
}

static void
s_script_disorder (fake_t *fake)
{
    batch_open_answer (fake, 4, 0);
    stint_wire_begin (&fake->out, STP_OUTCOME, 3);
    stint_wire_number (&fake->out, 'b', BATCH);
    stint_wire_number (&fake->out, 'k', 3);
    size_t list = stint_wire_list (&fake->out);
    s_put_outcome (fake, 4, STINT_DEAD);
    s_put_outcome (fake, 1, STINT_CANCELLED);
    s_put_outcome (fake, 2, STINT_RUNNING);
    stint_write_array_close (&fake->out, list, 3);
    fake_send_out (fake);
}

Test (client_batch, results_come_as_tasks_end_and_a_broken_one_is_told)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    stint_result_t result;
    stint_progress_t progress;
    fake_start (&fake, s_script_disorder);
    batch_open (&fake, "album", 5000, &client, &batch);
    cr_assert_eq (stint_batch_next (batch, 5000, &result), STINT_OK);
    cr_assert (result.number == 4 && result.state == STINT_DEAD);
    cr_assert_eq (stint_batch_next (batch, 5000, &result), STINT_OK);
    cr_assert (result.number == 1 && result.state == STINT_CANCELLED);
    cr_assert_eq (stint_batch_next (batch, 5000, &result), STINT_ERR_PROTOCOL);
    cr_assert_eq (stint_batch_next (batch, 5000, &result), STINT_ERR_PROTOCOL);
    stint_batch_progress (batch, &progress);
    cr_assert (progress.pushed == 4 && progress.dead == 1 && progress.cancelled == 1);
    batch_end (&fake, client, batch);
}

//  Positions that cannot be, and batches that are not ours.

static void
s_script_hostile (fake_t *fake)
{
    batch_open_answer (fake, 2, 0);
    fake_outcomes (fake, BATCH + 1, 1, 2);
    for (int variant = 0; variant < 3; variant++) {
        stint_wire_begin (&fake->out, STP_OUTCOME, variant == 2 ? 2 : 3);
        stint_wire_number (&fake->out, 'b', BATCH);
        if (variant < 2)
            stint_wire_number (&fake->out, 'k', 1);
        size_t list = stint_wire_list (&fake->out);
        for (uint64_t number = 1; number <= (variant == 0 ? 2 : 0); number++)
            s_put_outcome (fake, number, STINT_DEAD);
        stint_write_array_close (&fake->out, list, variant == 0 ? 2 : 0);
        fake_send_out (fake);
    }
    fake_outcomes (fake, BATCH, 1, 2);
}

Test (client_batch, positions_that_cannot_be_are_passed_over)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    fake_start (&fake, s_script_hostile);
    batch_open (&fake, "album", 5000, &client, &batch);
    s_take (batch, 1, 2);
    batch_end (&fake, client, batch);
}

//  ---------------------------------------------------------------------------------
//  Beside other calls

static void
s_script_beside (fake_t *fake)
{
    stint_item_t item;
    batch_open_answer (fake, 0, 0);
    fake_expect (fake, STP_PUSH);
    fake_assert (fake->last.batch == BATCH && fake->last.sequence == 1);
    fake_accept (fake, fake->last.request, 101, 1);
    fake_expect (fake, STP_PUSH);
    fake_assert (fake->last.batch == 0 && fake->last.sequence == 2);
    fake_assert (stint_wire_next (&fake->last, &item) && fake_is (item.body, "single"));
    fake_outcomes (fake, BATCH, 1, 1);
    fake_accept (fake, fake->last.request, 55, 1);
    fake_expect (fake, STP_PUSH);
    fake_assert (fake->last.batch == BATCH && fake->last.sequence == 3);
    fake_accept (fake, fake->last.request, 102, 1);
    fake_outcomes (fake, BATCH, 2, 2);
}

Test (client_batch, single_pushes_and_a_batch_share_a_client)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    stint_result_t result;
    uint64_t id = 0;
    fake_start (&fake, s_script_beside);
    batch_open (&fake, "album", 5000, &client, &batch);
    cr_assert_null (stint_batch_open (client, "group", "other"));
    cr_assert_not_null (strstr (stint_client_error (client), "one a client"));
    cr_assert_eq (s_push (batch, "task 1"), STINT_OK);
    cr_assert_eq (stint_client_push (client, "group", stint_bytes_of ("single"), &id),
                  STINT_OK);
    cr_assert_eq (id, 55);
    cr_assert_eq (s_push (batch, "task 2"), STINT_OK);
    s_take (batch, 1, 2);
    cr_assert_eq (stint_batch_next (batch, 0, &result), STINT_ERR_NOT_FOUND);
    batch_end (&fake, client, batch);
}

static void
s_script_pending (fake_t *fake)
{
    batch_open_answer (fake, 1, 0);
    fake_greet (fake, 20, 100);
    fake_expect_heartbeats (fake, 2);
    fake_die (fake);
}

Test (client_batch, nothing_in_time_is_pending_and_nobody_there_is_unreachable)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    stint_result_t result;
    fake_start (&fake, s_script_pending);
    batch_open (&fake, "album", 5000, &client, &batch);
    cr_assert_eq (stint_batch_next (batch, 0, &result), STINT_ERR_PENDING);
    cr_assert_eq (stint_batch_next (batch, 10, &result), STINT_ERR_PENDING);
    stint_status_t status = STINT_ERR_PENDING;
    for (int turn = 0; turn < 200 && status == STINT_ERR_PENDING; turn++)
        status = stint_batch_next (batch, 50, &result);
    cr_assert_eq (status, STINT_ERR_UNREACHABLE);
    batch_end (&fake, client, batch);
}
