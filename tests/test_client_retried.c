//  test_client_retried: a batch of which tasks are tried again while it is collected
//  SPDX-License-Identifier: MPL-2.0

#include "batch_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

//  Sends one outcome at that place, or an empty place for task 0.

static void
s_outcome (fake_t *fake, uint64_t place, uint64_t id, stint_state_t state, uint64_t again)
{
    stint_wire_begin (&fake->out, STP_OUTCOME, 4);
    stint_wire_number (&fake->out, 'b', BATCH);
    stint_wire_number (&fake->out, 'j', again);
    size_t list = stint_wire_list (&fake->out);
    stint_item_t item = {.id = id, .number = (uint32_t) id, .verdict = id ? state : 0};
    stint_wire_put (&fake->out, STP_OUTCOME, &item);
    stint_write_array_close (&fake->out, list, 1);
    stint_wire_number (&fake->out, 'k', place);
    fake_send_out (fake);
}

static void
s_expect (stint_batch_t *batch, uint64_t id, stint_state_t state)
{
    stint_result_t result;
    cr_assert_eq (stint_batch_next (batch, 8000, &result), STINT_OK);
    cr_assert_eq (result.id, id);
    cr_assert_eq (result.state, state);
}

//  Two tasks were pushed. One is dead, and told; the other's end is taken back untold.

static void
s_script_again (fake_t *fake)
{
    batch_open_answer (fake, 2, 0);
    s_outcome (fake, 1, 1, STINT_DEAD, 0);
    s_outcome (fake, 2, 0, STINT_DONE, 2);
    s_outcome (fake, 3, 1, STINT_DONE, 2);
    s_outcome (fake, 4, 2, STINT_DONE, 2);
    fake_expect (fake, STP_COLLECT);
}

Test (client_retried, the_batch_is_over_when_all_have_ended_again)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    stint_result_t result;
    fake_start (&fake, s_script_again);
    batch_open (&fake, "album", 8000, &client, &batch);
    s_expect (batch, 1, STINT_DEAD);
    s_expect (batch, 1, STINT_DONE);
    s_expect (batch, 2, STINT_DONE);
    cr_assert_eq (stint_batch_next (batch, 8000, &result), STINT_ERR_NOT_FOUND);
    batch_end (&fake, client, batch);
}

static void
s_script_gone (fake_t *fake)
{
    batch_open_answer (fake, 2, 0);
    s_outcome (fake, 1, 0, STINT_DONE, 0);
    s_outcome (fake, 2, 2, STINT_DONE, 0);
}

Test (client_retried, results_that_are_gone_are_told)
{
    fake_t fake;
    stint_client_t *client;
    stint_batch_t *batch;
    stint_result_t result;
    fake_start (&fake, s_script_gone);
    batch_open (&fake, "album", 8000, &client, &batch);
    cr_assert_eq (stint_batch_next (batch, 8000, &result), STINT_ERR_INVALID);
    cr_assert (strstr (stint_client_error (client), "results of it are gone"));
    batch_end (&fake, client, batch);
}
