//  stint_client_results: the results of a batch, as they come and as the caller takes them
//  SPDX-License-Identifier: MPL-2.0

#include "stint_client_batch.h"

#include <assert.h>

#define BROKEN "the broker sent an outcome that is none"

//  Outcomes that begin behind what has come, so many times in a row: the broker does not
//  have the ones before any more.
#define GAPS_MAX 3

//  Some outcomes are missing: asks again, on a new connection.

static void
s_miss (stint_batch_t *self)
{
    if (++self->gaps == GAPS_MAX)
        stint_batch_fail (self, STINT_ERR_INVALID,
                          "another client has collected results of it");
    stint_dealer_lose (&self->client->dealer);
}

//  The cursor of a message tells where its outcomes stand. Those that have come before,
//  over a connection that is gone, are passed over.

bool
stint_batch_outcome (stint_batch_t *self, stint_packet_t *packet)
{
    stint_message_t *message = &packet->message;
    uint64_t count = message->list_count;
    uint64_t after = message->cursor;
    if (!stint_wire_has (message, 'k') || count == 0 || after < count
        || after <= self->received)
        return false;
    uint64_t before = after - count;
    if (before > self->received) {
        s_miss (self);
        return false;
    }
    for (; before < self->received; before++) {
        stint_item_t item;
        if (!stint_wire_next (message, &item)) {
            stint_batch_fail (self, STINT_ERR_PROTOCOL, BROKEN);
            return false;
        }
    }
    self->received = after;
    if (message->again > self->again)
        self->again = message->again;
    self->settle_at = 0;
    self->remind_at = 0;
    self->gaps = 0;
    packet->next = NULL;
    if (self->first)
        self->last->next = packet;
    else
        self->first = packet;
    self->last = packet;
    return true;
}

//  ---------------------------------------------------------------------------------
//  The caller's side

//  The caller has finished with what it was given; messages that are used up can go.

static void
s_finish (stint_batch_t *self)
{
    if (self->finished != self->returned)
        self->finished_bytes += self->returned_bytes;
    self->finished = self->returned;
    while (self->first && self->first->message.list_count == 0) {
        stint_packet_t *packet = self->first;
        self->first = packet->next;
        stint_dealer_release (&self->client->dealer, &packet);
    }
}

static bool
s_over (const stint_batch_t *self)
{
    return self->waiting == 0 && stint_pushes_unanswered (&self->client->pushes) == 0
           && self->returned >= stint_batch_places (self);
}

static bool
s_has_outcome (void *argument)
{
    const stint_batch_t *self = argument;
    return self->first || self->failed != STINT_OK
           || self->client->pushes.batch_status != STINT_OK || s_over (self);
}

//  A place is empty because its task was tried again, or is gone.

static stint_status_t
s_pass_empty (stint_batch_t *self)
{
    self->returned++;
    self->returned_bytes = 0;
    if (++self->empty <= self->again)
        return STINT_ERR_PENDING;
    stint_batch_fail (self, STINT_ERR_INVALID,
                      "results of it are gone: they were dropped, or kept for the group's "
                      "keep_results and not collected");
    return stint_batch_state (self);
}

//  Takes the next outcome of the oldest message. STINT_ERR_PENDING: the place was empty.

static stint_status_t
s_take (stint_batch_t *self, stint_result_t *result)
{
    stint_item_t item;
    bool taken = stint_wire_next (&self->first->message, &item);
    if (taken && item.id == 0 && item.verdict == 0)
        return s_pass_empty (self);
    if (!taken || item.verdict < STINT_DONE || item.verdict > STINT_CANCELLED) {
        stint_batch_fail (self, STINT_ERR_PROTOCOL, BROKEN);
        return stint_batch_state (self);
    }
    *result = (stint_result_t){item.id, item.number, item.attempts,
                               (stint_state_t) item.verdict, item.body};
    self->returned++;
    self->returned_bytes = item.body.size;
    self->ended [item.verdict]++;
    return STINT_OK;
}

//  Takes the next outcome that has come. STINT_ERR_PENDING: there is none.

static stint_status_t
s_take_there (stint_batch_t *self, stint_result_t *result)
{
    s_finish (self);
    while (self->first && self->failed == STINT_OK) {
        stint_batch_glance (self, false);
        stint_status_t status = s_take (self, result);
        if (status != STINT_ERR_PENDING)
            return status;
        s_finish (self);
    }
    stint_status_t status = stint_batch_state (self);
    return status == STINT_OK ? STINT_ERR_PENDING : status;
}

//  Waits for the next outcome. STINT_ERR_NOT_FOUND: all have come.

static stint_status_t
s_wait_for (stint_batch_t *self, int64_t deadline, stint_result_t *result)
{
    stint_status_t status = STINT_ERR_PENDING;
    while (status == STINT_ERR_PENDING) {
        status = stint_client_until (self->client, s_has_outcome, self, deadline);
        if (status != STINT_OK)
            return status;
        status = self->first ? s_take_there (self, result) : stint_batch_state (self);
        if (status == STINT_OK && !self->first)
            return STINT_ERR_NOT_FOUND;
    }
    return status;
}

stint_status_t
stint_batch_next (stint_batch_t *self, int timeout_ms, stint_result_t *result)
{
    assert (self && result);
    stint_client_t *client = self->client;
    stint_status_t status = s_take_there (self, result);
    if (status != STINT_ERR_PENDING)
        return status;

    int64_t deadline = stint_client_begin (client, timeout_ms);
    if (self->settle_at == 0)
        self->settle_at = client->begun_at + SETTLE_MS;
    self->urgent = timeout_ms != 0;
    status = s_wait_for (self, deadline, result);
    self->urgent = false;
    if (status == STINT_ERR_PENDING && timeout_ms != 0 && !client->dealer.up)
        return stint_client_late (client, false);
    if (status == STINT_ERR_PENDING)
        return stint_client_fail (client, status, "no task of batch %s has ended",
                                  self->name);
    if (status != STINT_ERR_NOT_FOUND || !s_over (self))
        return status;
    if (self->finished != self->acknowledged)
        stint_batch_ask (self, WINDOW);
    return stint_client_fail (client, STINT_ERR_NOT_FOUND,
                              "every task of batch %s has ended", self->name);
}
