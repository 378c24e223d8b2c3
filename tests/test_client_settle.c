//  test_client_settle: when the client acknowledges the outcomes of its batch
//  SPDX-License-Identifier: MPL-2.0

#include "batch_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

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

static void
s_script_window (fake_t *fake)
{
    batch_open_answer (fake, 10000, 0);
    uint64_t request = fake->last.request;
    fake_outcomes (fake, BATCH, 1, 1024);
    fake_outcomes (fake, BATCH, 1025, 1324);
    fake_expect (fake, STP_COLLECT);
    fake_assert (fake->last.cursor >= 1024 && fake->last.cursor < 1324);
    fake_assert (fake->last.request == request);  //  Another one would begin again
}

Test (client_settle, an_eighth_of_a_window_is_acknowledged_while_more_is_there)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    fake_start (&fake, s_script_window);
    batch_open (&fake, "album", 5000, &client, &batch);
    s_take (batch, 1, 1324);
    batch_end (&fake, client, batch);
}

static void
s_script_mebibyte (fake_t *fake)
{
    static uint8_t result [700000];
    batch_open_answer (fake, 1002, 0);
    stint_wire_begin (&fake->out, STP_OUTCOME, 3);
    stint_wire_number (&fake->out, 'b', BATCH);
    stint_wire_number (&fake->out, 'k', 2);
    size_t list = stint_wire_list (&fake->out);
    for (uint32_t number = 1; number <= 2; number++) {
        stint_item_t item = {.id = number,
                             .number = number,
                             .verdict = STINT_DONE,
                             .body = {result, sizeof result},
                             .frame = number};
        stint_wire_put (&fake->out, STP_OUTCOME, &item);
    }
    stint_write_array_close (&fake->out, list, 2);
    stint_bytes_t body = {result, sizeof result};
    stint_bytes_t frames [] = {stint_writer_bytes (&fake->out), body, body};
    fake_send (fake, frames, 3);
    fake_outcomes (fake, BATCH, 3, 1002);
    fake_expect (fake, STP_COLLECT);
    fake_assert (fake->last.count > 1);
    fake_assert (fake->last.cursor >= 2 && fake->last.cursor < 1002);
}

Test (client_settle, a_mebibyte_of_results_is_acknowledged_while_more_is_there)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    stint_result_t result;
    fake_start (&fake, s_script_mebibyte);
    batch_open (&fake, "album", 5000, &client, &batch);
    cr_assert_eq (stint_batch_next (batch, 5000, &result), STINT_OK);
    cr_assert_eq (result.result.size, 700000);
    cr_assert_eq (stint_batch_next (batch, 5000, &result), STINT_OK);
    s_take (batch, 3, 1002);
    batch_end (&fake, client, batch);
}

//  A COLLECT that is late on an old connection takes the outcomes away from the client.

static void
s_script_forgetful (fake_t *fake)
{
    batch_open_answer (fake, 2, 0);
    fake_greet (fake, 50, 100);
    uint64_t request = fake->last.request;
    fake_expect (fake, STP_COLLECT);
    fake_assert (fake->last.request == request && fake->last.cursor == 0);
    fake_outcomes (fake, BATCH, 1, 1);
    fake_expect (fake, STP_COLLECT);
    fake_assert (fake->last.request == request && fake->last.cursor == 1);
    fake_expect (fake, STP_COLLECT);
    fake_outcomes (fake, BATCH, 2, 2);
}

Test (client_settle, who_waits_reminds_the_broker_of_it)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    fake_start (&fake, s_script_forgetful);
    batch_open (&fake, "album", 5000, &client, &batch);
    s_take (batch, 1, 2);
    batch_end (&fake, client, batch);
}

static void
s_script_behind (fake_t *fake)
{
    batch_open_answer (fake, 100, 0);
    for (int time = 1; time <= 3; time++) {
        fake_outcomes (fake, BATCH, 51, 60);
        if (time < 3)
            fake_expect (fake, STP_COLLECT);
    }
}

Test (client_settle, outcomes_that_another_client_has_collected_end_the_batch)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    stint_result_t result;
    fake_start (&fake, s_script_behind);
    batch_open (&fake, "album", 5000, &client, &batch);
    cr_assert_eq (stint_batch_next (batch, 10000, &result), STINT_ERR_INVALID);
    cr_assert (strstr (stint_client_error (client), "another client has collected"));
    batch_end (&fake, client, batch);
}
