//  stint_client: pushes tasks to a broker and brings back their results
//  SPDX-License-Identifier: MPL-2.0

#include "stint_client_self.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 5000

//  Messages that one turn takes in at most, so that deadlines are kept in a flood.
#define TURN_MAX 64

stint_client_t *
stint_client_new (const char *endpoint)
{
    assert (endpoint);
    stint_client_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    stint_dealer_start (&self->dealer, endpoint);
    stint_pushes_start (&self->pushes, stint_dealer_now ());
    self->timeout_ms = TIMEOUT_MS;
    return self;
}

void
stint_client_destroy (stint_client_t **self_p)
{
    assert (self_p);
    stint_client_t *self = *self_p;
    if (!self)
        return;
    assert (!self->batch);
    stint_dealer_release (&self->dealer, &self->answer);
    stint_pushes_stop (&self->pushes, &self->dealer);
    stint_dealer_stop (&self->dealer);
    stint_writer_clear (&self->out);
    stint_writer_clear (&self->terms);
    free (self);
    *self_p = NULL;
}

void
stint_client_set_timeout (stint_client_t *self, int timeout_ms)
{
    assert (timeout_ms >= -1);
    self->timeout_ms = timeout_ms;
}

const char *
stint_client_error (const stint_client_t *self)
{
    return self->error;
}

//  ---------------------------------------------------------------------------------
//  Failures

stint_status_t
stint_client_fail (stint_client_t *self, stint_status_t status, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (self->error, sizeof self->error, format, arguments);
    va_end (arguments);
    return status;
}

stint_status_t
stint_client_bad_name (stint_client_t *self, const char *name)
{
    char text [2 * STINT_GROUP_MAX];
    stint_pushes_copy_text (text, sizeof text, stint_bytes_of (name));
    return stint_client_fail (self, STINT_ERR_INVALID,
                              "\"%s\" is not a name: 1 to %d of A-Z a-z 0-9 . _ -, "
                              "not beginning with . or -",
                              text, STINT_GROUP_MAX);
}

static const char *
s_span (int64_t ms, char *text, size_t size)
{
    if (ms < 1000)
        snprintf (text, size, "%lld ms", (long long) ms);
    else
        snprintf (text, size, "%lld s", (long long) ((ms + 500) / 1000));
    return text;
}

stint_status_t
stint_client_late (stint_client_t *self, bool sent)
{
    stint_dealer_t *dealer = &self->dealer;
    char span [32];
    s_span (stint_dealer_now () - self->begun_at, span, sizeof span);
    stint_status_t status;
    const char *cause = stint_dealer_cause (dealer, &status);
    if (!dealer->alive || !sent)
        return stint_client_fail (self, status, "%s, tried for %s", cause, span);
    return stint_client_fail (self, STINT_ERR_TIMEOUT,
                              "no answer from the broker at %s within %s%s%s; "
                              "whether it was done is unknown",
                              dealer->endpoint, span, dealer->up ? "" : "; ",
                              dealer->up ? "" : cause);
}

//  Keeps the text of an answer that refuses, FULL or ERROR.

static stint_status_t
s_refuse (stint_client_t *self, const stint_message_t *message)
{
    char text [256];
    stint_pushes_copy_text (text, sizeof text, message->text);
    if (message->command == STP_FULL)
        return stint_client_fail (self, STINT_ERR_FULL, "%s",
                                  text [0] ? text : stint_strerror (STINT_ERR_FULL));
    char code [32];
    stint_pushes_copy_text (code, sizeof code, message->error);
    return stint_client_fail (self, stint_dealer_refusal (message->error),
                              "the broker refused it: %s (%s)", text, code);
}

//  ---------------------------------------------------------------------------------
//  The turn

static bool
s_is (stint_bytes_t text, const char *word)
{
    return text.size == strlen (word) && memcmp (text.data, word, text.size) == 0;
}

//  Takes in an ACCEPTED, STATE, FULL, ERROR or OUTCOME. Returns true when it keeps the
//  packet.

static bool
s_on_answer (stint_client_t *self, stint_packet_t *packet)
{
    const stint_message_t *message = &packet->message;
    bool error = message->command == STP_ERROR;
    if (error && s_is (message->error, "stopping")) {
        stint_dealer_lose (&self->dealer);
        return false;
    }
    if (!stint_wire_has (message, 'r')) {
        if (error)
            self->refused = s_refuse (self, message);
        return false;
    }
    if (self->request != 0 && message->request == self->request && !self->answer) {
        self->answer = packet;
        return true;
    }
    if (message->command == STP_ACCEPTED || message->command == STP_FULL || error) {
        if (!stint_pushes_answer (&self->pushes, &self->dealer, message,
                                  stint_dealer_now ())
            && error && self->batch)
            stint_batch_refused (self->batch, message);
    }
    return false;
}

static bool
s_on_message (stint_client_t *self, stint_packet_t *packet)
{
    const stint_message_t *message = &packet->message;
    switch ((int) message->command) {
        case STP_ACCEPTED:
        case STP_STATE:
        case STP_FULL:
        case STP_ERROR:
            return s_on_answer (self, packet);
        case STP_OUTCOME:
            if (!stint_wire_has (message, 'b'))
                return s_on_answer (self, packet);
            return self->batch && message->batch == stint_batch_number (self->batch)
                   && stint_batch_outcome (self->batch, packet);
        default:
            return false;  //  Not for a client
    }
}

//  Sends what is due, and returns when more is.

static int64_t
s_send (stint_client_t *self)
{
    stint_dealer_t *dealer = &self->dealer;
    int64_t now = stint_dealer_now ();
    int64_t settle_at = self->batch ? stint_batch_send (self->batch, now) : INT64_MAX;
    int64_t due = stint_pushes_send (&self->pushes, dealer, now);
    if (self->request != 0 && !self->answer && dealer->up
        && self->greeting != dealer->greeting) {
        self->sent_us = stint_dealer_now_us ();
        uint64_t greeting = dealer->greeting;
        if (stint_dealer_send_bytes (dealer, stint_writer_bytes (&self->out)))
            self->greeting = greeting;
    }
    return due < settle_at ? due : settle_at;
}

void
stint_client_turn (stint_client_t *self, int64_t until)
{
    int64_t due = s_send (self);
    stint_dealer_wait (&self->dealer, due < until ? due : until);
    for (int count = 0; count < TURN_MAX; count++) {
        stint_packet_t *packet = stint_dealer_receive (&self->dealer);
        if (!packet)
            break;
        if (!s_on_message (self, packet))
            stint_dealer_release (&self->dealer, &packet);
    }
}

int64_t
stint_client_begin (stint_client_t *self, int timeout_ms)
{
    int64_t now = stint_dealer_now ();
    self->error [0] = '\0';
    self->refused = STINT_OK;
    self->begun_at = now;
    stint_dealer_enter (&self->dealer, now);
    if (timeout_ms < 0)
        return INT64_MAX;
    stint_dealer_hurry (&self->dealer, now + timeout_ms);
    return now + timeout_ms;
}

//  Returns STINT_OK while it makes sense to go on.

static stint_status_t
s_hopeless (stint_client_t *self)
{
    const stint_dealer_t *dealer = &self->dealer;
    if (dealer->invalid)
        return stint_client_fail (self, STINT_ERR_INVALID, "cannot connect to \"%s\": %s",
                                  dealer->endpoint, dealer->cause);
    if (dealer->version != 0)
        return stint_client_fail (
            self, STINT_ERR_PROTOCOL,
            "the broker at %s speaks version %u of the protocol, this client version %u",
            dealer->endpoint, dealer->version, STINT_WIRE_VERSION);
    return self->refused;
}

stint_status_t
stint_client_until (stint_client_t *self, stint_client_done_fn *done, void *argument,
                    int64_t deadline)
{
    bool turned = false;
    while (!done (argument)) {
        stint_status_t status = s_hopeless (self);
        if (status != STINT_OK)
            return status;
        if (turned && stint_dealer_now () >= deadline)
            return STINT_ERR_PENDING;
        stint_client_turn (self, deadline);
        turned = true;
    }
    return STINT_OK;
}

uint64_t
stint_client_number (stint_client_t *self)
{
    return ++self->requests;
}

//  ---------------------------------------------------------------------------------
//  Requests

//  Begins a call with a request of its own in `out`.

static int64_t
s_begin_request (stint_client_t *self, stp_command_t command, uint32_t fields,
                 uint64_t number)
{
    stint_dealer_release (&self->dealer, &self->answer);
    stint_wire_begin (&self->out, command, fields + 1);
    stint_wire_number (&self->out, 'r', number);
    self->request = number;
    return stint_client_begin (self, self->timeout_ms);
}

static bool
s_answered (void *argument)
{
    return ((const stint_client_t *) argument)->answer != NULL;
}

stint_status_t
stint_client_ask (stint_client_t *self, stp_command_t command, int64_t deadline)
{
    self->greeting = 0;
    stint_status_t status = stint_client_until (self, s_answered, self, deadline);
    self->request = 0;
    if (status != STINT_OK)
        return status;
    const stint_message_t *message = &self->answer->message;
    if (message->command == STP_ERROR || message->command == STP_FULL)
        return s_refuse (self, message);
    if (message->command != command)
        return stint_client_fail (
            self, STINT_ERR_PROTOCOL, "the broker at %s answered with %s",
            self->dealer.endpoint, stint_wire_name (message->command));
    return STINT_OK;
}

//  As above; at the deadline the outcome is unknown when the request has left.

static stint_status_t
s_ask (stint_client_t *self, stp_command_t command, int64_t deadline)
{
    stint_status_t status = stint_client_ask (self, command, deadline);
    return status == STINT_ERR_PENDING ? stint_client_late (self, self->greeting != 0)
                                       : status;
}

stint_status_t
stint_client_ping (stint_client_t *self, int64_t *took_us)
{
    int64_t deadline = s_begin_request (self, STP_QUERY, 1, stint_client_number (self));
    stint_wire_text (&self->out, 'o', "ping");
    stint_status_t status = s_ask (self, STP_STATE, deadline);
    if (status == STINT_OK && took_us)
        *took_us = stint_dealer_now_us () - self->sent_us;
    return status;
}

stint_status_t
stint_client_cancel (stint_client_t *self, uint64_t id)
{
    int64_t deadline = s_begin_request (self, STP_CANCEL, 1, stint_client_number (self));
    stint_wire_number (&self->out, 'i', id);
    stint_status_t status = s_ask (self, STP_ACCEPTED, deadline);
    if (status == STINT_ERR_INVALID && self->answer
        && s_is (self->answer->message.error, "ended"))
        status = STINT_ERR_NOT_FOUND;
    return status;
}

stint_status_t
stint_client_query (stint_client_t *self, const stint_query_t *query, stint_bytes_t *state)
{
    assert (query && query->what && state);
    *state = (stint_bytes_t){NULL, 0};
    uint32_t fields = 1u + (query->group ? 1u : 0) + (query->task ? 1u : 0)
                      + (query->after ? 1u : 0) + (query->limit ? 1u : 0)
                      + (query->state ? 1u : 0) + (query->name ? 1u : 0);
    int64_t deadline =
        s_begin_request (self, STP_QUERY, fields, stint_client_number (self));
    stint_wire_text (&self->out, 'o', query->what);
    if (query->group)
        stint_wire_text (&self->out, 'g', query->group);
    if (query->name)
        stint_wire_text (&self->out, 'n', query->name);
    if (query->task)
        stint_wire_number (&self->out, 'i', query->task);
    if (query->after)
        stint_wire_number (&self->out, 'a', query->after);
    if (query->limit)
        stint_wire_number (&self->out, 'c', query->limit);
    if (query->state)
        stint_wire_number (&self->out, 'x', query->state);
    if (query->group && !stint_wire_name_valid (stint_bytes_of (query->group))) {
        self->request = 0;
        return stint_client_bad_name (self, query->group);
    }
    stint_status_t status = s_ask (self, STP_STATE, deadline);
    if (status == STINT_OK)
        *state = self->answer->message.fields;
    return status;
}

//  Takes the outcome out of the answer.

static stint_status_t
s_take_outcome (stint_client_t *self, uint64_t id, stint_result_t *result)
{
    stint_item_t item;
    if (!stint_wire_next (&self->answer->message, &item) || item.id != id
        || item.verdict < STINT_DONE || item.verdict > STINT_CANCELLED)
        return stint_client_fail (self, STINT_ERR_PROTOCOL,
                                  "the broker at %s sent an outcome that is none",
                                  self->dealer.endpoint);
    *result = (stint_result_t){item.id, item.number, item.attempts,
                               (stint_state_t) item.verdict, item.body};
    return STINT_OK;
}

stint_status_t
stint_client_wait (stint_client_t *self, uint64_t id, stint_result_t *result)
{
    assert (result);
    memset (result, 0, sizeof *result);

    //  Waiting again is the same request: its answer may be on the way
    if (self->wait_id != id || self->wait_request == 0)
        self->wait_request = stint_client_number (self);
    self->wait_id = id;
    int64_t deadline = s_begin_request (self, STP_COLLECT, 1, self->wait_request);
    stint_wire_number (&self->out, 'i', id);
    stint_status_t status = stint_client_ask (self, STP_OUTCOME, deadline);
    bool sent = self->greeting != 0;
    if (status == STINT_ERR_PENDING && sent && stint_dealer_well (&self->dealer))
        return stint_client_fail (self, STINT_ERR_PENDING, "task %llu has not ended yet",
                                  (unsigned long long) id);
    if (status == STINT_ERR_PENDING)
        return stint_client_late (self, sent);
    self->wait_request = 0;
    return status == STINT_OK ? s_take_outcome (self, id, result) : status;
}

//  ---------------------------------------------------------------------------------
//  A single push

static bool
s_settled (void *argument)
{
    return stint_pushes_unanswered (&((const stint_client_t *) argument)->pushes) == 0;
}

stint_status_t
stint_client_settle (stint_client_t *self, int64_t deadline)
{
    stint_status_t status = stint_client_until (self, s_settled, self, deadline);
    if (status != STINT_ERR_PENDING)
        return status;
    if (self->pushes.full)
        return stint_client_fail (self, STINT_ERR_FULL, "%s", self->pushes.text);
    return stint_client_late (self, false);
}

static void
s_add_single (stint_client_t *self, stint_bytes_t group, stint_item_t *item)
{
    stint_bytes_t nothing = {NULL, 0};
    stint_packet_t *packet = stint_dealer_packet (&self->dealer);
    stint_packet_add (packet, nothing, nothing);
    item->frame = item->body.size > STINT_INLINE_MAX;
    if (item->frame)
        stint_packet_add (packet, item->body, nothing);
    self->out.size = 0;
    stint_wire_put (&self->out, STP_PUSH, item);
    stint_pushes_add (&self->pushes, packet, stint_client_number (self), group, 0,
                      stint_writer_bytes (&self->out), 1, self->begun_at);
}

static bool
s_single_ended (void *argument)
{
    return ((const stint_client_t *) argument)->pushes.single_status != STINT_ERR_PENDING;
}

//  Says how the single push ended, and forgets it.

static stint_status_t
s_end_single (stint_client_t *self, uint64_t *id)
{
    stint_pushes_t *pushes = &self->pushes;
    stint_pushes_told (pushes, &self->dealer);
    if (pushes->single_status == STINT_OK) {
        if (id)
            *id = pushes->single_id;
        return STINT_OK;
    }
    const char *format =
        pushes->single_status == STINT_ERR_FULL ? "%s" : "the broker refused it: %s";
    return stint_client_fail (self, pushes->single_status, format, pushes->text);
}

stint_status_t
stint_client_push (stint_client_t *self, const char *group, stint_bytes_t payload,
                   uint64_t *id)
{
    assert (group);
    stint_pushes_t *pushes = &self->pushes;
    stint_bytes_t name = stint_bytes_of (group);
    int64_t deadline = stint_client_begin (self, self->timeout_ms);
    if (!stint_wire_name_valid (name))
        return stint_client_bad_name (self, group);
    if (payload.size > STINT_PAYLOAD_MAX)
        return stint_client_fail (self, STINT_ERR_INVALID,
                                  "a payload of %zu bytes; the most is %zu", payload.size,
                                  STINT_PAYLOAD_MAX);
    stint_item_t item = stint_client_item (self, payload);
    if (!stint_pushes_is_single (pushes, name, &item)) {
        stint_status_t status = stint_client_settle (self, deadline);
        if (status != STINT_OK)
            return status;
        s_add_single (self, name, &item);
    }
    stint_status_t status = stint_client_until (self, s_single_ended, self, deadline);
    if (status == STINT_OK)
        return s_end_single (self, id);
    if (status == STINT_ERR_PENDING) {
        self->dealer.alive = self->dealer.alive || pushes->single_sent;
        status = stint_client_late (self, pushes->single_sent);
    }
    if (!pushes->single_sent)
        stint_pushes_told (pushes, &self->dealer);
    return status;
}
