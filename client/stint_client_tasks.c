//  stint_client_tasks: changes tasks at a broker: cancels, retries and drops them
//  SPDX-License-Identifier: MPL-2.0

#include "stint_client_tasks.h"

#include <assert.h>
#include <string.h>

#include "stint_client_self.h"

static void
s_write (stint_client_t *self, stint_change_t change, const stint_selection_t *selection)
{
    static const stp_command_t commands [] = {[STINT_CHANGE_CANCEL] = STP_CANCEL,
                                              [STINT_CHANGE_RETRY] = STP_RETRY,
                                              [STINT_CHANGE_DROP] = STP_DROP};
    uint32_t fields =
        2u + (selection->batch > 0) + (selection->state > 0) + (selection->after > 0);
    stint_wire_begin (&self->out, commands [change], selection->task ? 2 : fields);
    stint_wire_number (&self->out, 'r', self->request);
    if (selection->task) {
        stint_wire_number (&self->out, 'i', selection->task);
        return;
    }
    stint_wire_text (&self->out, 'g', selection->group);
    if (selection->batch > 0)
        stint_wire_number (&self->out, 'b', selection->batch);
    if (selection->state > 0)
        stint_wire_number (&self->out, 'x', selection->state);
    if (selection->after > 0)
        stint_wire_number (&self->out, 'a', selection->after);
}

stint_status_t
stint_client_change (stint_client_t *self, stint_change_t change,
                     const stint_selection_t *selection, stint_changed_t *changed)
{
    assert (selection && changed && (selection->task || selection->group));
    memset (changed, 0, sizeof *changed);
    int64_t deadline = stint_client_begin (self, self->timeout_ms);
    if (!selection->task && !stint_wire_name_valid (stint_bytes_of (selection->group)))
        return stint_client_bad_name (self, selection->group);
    stint_dealer_release (&self->dealer, &self->answer);
    self->request = stint_client_number (self);
    s_write (self, change, selection);
    stint_status_t status = stint_client_ask (self, STP_ACCEPTED, deadline);
    if (status == STINT_ERR_PENDING)
        return stint_client_late (self, self->greeting != 0);
    if (status != STINT_OK)
        return status;
    const stint_message_t *message = &self->answer->message;
    *changed = (stint_changed_t){message->count, message->id, message->state == 1};
    return STINT_OK;
}

stint_status_t
stint_client_read (stint_client_t *self, uint64_t task, bool payload,
                   stint_result_t *result)
{
    memset (result, 0, sizeof *result);
    int64_t deadline = stint_client_begin (self, self->timeout_ms);
    stint_dealer_release (&self->dealer, &self->answer);
    self->request = stint_client_number (self);
    stint_wire_begin (&self->out, STP_QUERY, 3);
    stint_wire_number (&self->out, 'r', self->request);
    stint_wire_text (&self->out, 'o', payload ? "payload" : "result");
    stint_wire_number (&self->out, 'i', task);
    stint_status_t status = stint_client_ask (self, STP_OUTCOME, deadline);
    if (status == STINT_ERR_PENDING)
        return stint_client_late (self, self->greeting != 0);
    if (status != STINT_OK)
        return status;
    stint_item_t item;
    if (!stint_wire_next (&self->answer->message, &item) || item.id != task
        || item.verdict < STINT_DELAYED || item.verdict > STINT_CANCELLED)
        return stint_client_fail (self, STINT_ERR_PROTOCOL,
                                  "the broker at %s sent a task that is none",
                                  self->dealer.endpoint);
    *result = (stint_result_t){item.id, item.number, item.attempts,
                               (stint_state_t) item.verdict, item.body};
    return STINT_OK;
}
