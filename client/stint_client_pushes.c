//  stint_client_pushes: the pushes of one producer that were not answered yet
//  SPDX-License-Identifier: MPL-2.0

#include "stint_client_pushes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

//  The broker forgets a producer after an hour of silence; a new one begins before that.
#define PRODUCER_MS (30 * 60 * 1000)

//  A FULL that names no sensible wait.
#define FULL_MIN_MS 1
#define FULL_MAX_MS 60000

//  Before sending again after `sequence` alone, which no broker should say for long.
#define SEQUENCE_MS 10

static void
s_new_producer (stint_pushes_t *self)
{
    self->producer = stint_dealer_random ();
    self->sequence = 1;
}

void
stint_pushes_start (stint_pushes_t *self, int64_t now)
{
    memset (self, 0, sizeof *self);
    self->answered_at = now;
    s_new_producer (self);
}

static stint_push_t *
s_push (stint_pushes_t *self, uint64_t place)
{
    return &self->ring [place % STINT_PUSHES_MAX];
}

//  Takes the oldest push out.

static void
s_pop (stint_pushes_t *self, stint_dealer_t *dealer)
{
    stint_push_t *push = s_push (self, self->head++);
    if (self->cursor < self->head)
        self->cursor = self->head;
    if (push->batch == 0) {
        stint_dealer_release (dealer, &self->single);
        self->single = push->packet;
        self->single_id = push->id;
    }
    else
        stint_dealer_release (dealer, &push->packet);
    push->packet = NULL;
}

static void
s_drop_all (stint_pushes_t *self, stint_dealer_t *dealer)
{
    while (self->head < self->tail)
        s_pop (self, dealer);
    self->again_at = 0;
    self->full = false;
}

void
stint_pushes_stop (stint_pushes_t *self, stint_dealer_t *dealer)
{
    s_drop_all (self, dealer);
    stint_dealer_release (dealer, &self->single);
}

void
stint_pushes_follow (stint_pushes_t *self, uint64_t batch)
{
    self->batch = batch;
    self->batch_accepted = 0;
    self->batch_status = STINT_OK;
}

size_t
stint_pushes_unanswered (const stint_pushes_t *self)
{
    return (size_t) (self->tail - self->head);
}

static bool
s_holds_single (const stint_pushes_t *self)
{
    return self->head < self->tail && self->ring [self->head % STINT_PUSHES_MAX].batch == 0;
}

bool
stint_pushes_room (const stint_pushes_t *self)
{
    return stint_pushes_unanswered (self) < STINT_PUSHES_MAX && !s_holds_single (self);
}

//  Writes the header and what makes the push one of ours: PUSH r g p s [b] t, the list
//  last.

static void
s_write_header (const stint_pushes_t *self, const stint_push_t *push, stint_bytes_t group,
                stint_bytes_t elements)
{
    stint_writer_t out = {NULL, 0, 0};
    stint_wire_begin (&out, STP_PUSH, push->batch ? 6 : 5);
    stint_wire_number (&out, 'r', push->request);
    stint_wire_string (&out, 'g', group);
    stint_wire_number (&out, 'p', self->producer);
    stint_wire_number (&out, 's', push->sequence);
    if (push->batch)
        stint_wire_number (&out, 'b', push->batch);
    stint_wire_field (&out, 't');
    stint_write_array (&out, push->count);
    stint_packet_head (push->packet, stint_writer_bytes (&out), elements);
    stint_writer_clear (&out);
}

void
stint_pushes_add (stint_pushes_t *self, stint_packet_t *packet, uint64_t request,
                  stint_bytes_t group, uint64_t batch, stint_bytes_t elements,
                  uint32_t count, int64_t now)
{
    assert (stint_pushes_unanswered (self) < STINT_PUSHES_MAX);
    assert (batch != 0 || stint_pushes_unanswered (self) == 0);
    if (stint_pushes_unanswered (self) == 0 && now - self->answered_at > PRODUCER_MS)
        s_new_producer (self);
    if (stint_pushes_unanswered (self) == 0)
        self->answered_at = now;

    stint_push_t *push = s_push (self, self->tail++);
    memset (push, 0, sizeof *push);
    push->packet = packet;
    push->request = request;
    push->sequence = self->sequence;
    push->batch = batch;
    push->count = count;
    self->sequence += count;
    if (batch == 0) {
        self->single_status = STINT_ERR_PENDING;
        self->single_sent = false;
    }
    s_write_header (self, push, group, elements);
}

int64_t
stint_pushes_send (stint_pushes_t *self, stint_dealer_t *dealer, int64_t now)
{
    if (dealer->up && self->session != dealer->session) {
        self->session = dealer->session;
        self->cursor = self->head;
        self->again_at = 0;
        for (uint64_t place = self->head; place < self->tail; place++)
            s_push (self, place)->expected = 0;
    }
    if (now < self->again_at)
        return self->again_at;
    self->again_at = 0;
    while (self->cursor < self->tail) {
        stint_push_t *push = s_push (self, self->cursor);
        if (!push->accepted) {
            if (!stint_dealer_send (dealer, push->packet))
                break;
            push->sends++;
            push->expected++;
            if (push->batch == 0)
                self->single_sent = true;
        }
        self->cursor++;
    }
    return INT64_MAX;
}

//  ---------------------------------------------------------------------------------
//  Answers

void
stint_pushes_copy_text (char *to, size_t size, stint_bytes_t text)
{
    size_t length = text.size < size - 1 ? text.size : size - 1;
    for (size_t index = 0; index < length; index++) {
        uint8_t letter = text.data [index];
        to [index] = letter < 0x20 || letter == 0x7f ? '?' : (char) letter;
    }
    to [length] = '\0';
}

static void
s_on_accepted (stint_pushes_t *self, stint_dealer_t *dealer, stint_push_t *push,
               const stint_message_t *message)
{
    if (message->count != push->count)
        return;  //  Not an answer to this; its own may still come
    push->accepted = true;
    push->id = message->id;
    self->full = false;
    while (self->head < self->tail && s_push (self, self->head)->accepted) {
        const stint_push_t *first = s_push (self, self->head);
        if (first->batch == 0)
            self->single_status = STINT_OK;
        else if (first->batch == self->batch)
            self->batch_accepted += first->count;
        s_pop (self, dealer);
    }
}

//  The push, and with it all behind it, will not be done. Its number may be used again
//  when nobody can have taken it.

static void
s_refuse (stint_pushes_t *self, stint_dealer_t *dealer, const stint_push_t *push,
          stint_status_t status)
{
    bool once = push->sends == 1 && stint_pushes_unanswered (self) == 1;
    uint64_t sequence = push->sequence;
    if (push->batch == 0)
        self->single_status = status;
    else if (push->batch == self->batch)
        self->batch_status = status;
    s_drop_all (self, dealer);
    if (once && (status == STINT_ERR_FULL || status == STINT_ERR_INVALID))
        self->sequence = sequence;
    else
        s_new_producer (self);
}

static void
s_on_full (stint_pushes_t *self, stint_dealer_t *dealer, stint_push_t *push, uint64_t place,
           const stint_message_t *message, int64_t now)
{
    stint_pushes_copy_text (self->text, sizeof self->text, message->text);
    if (push->batch == 0) {
        s_refuse (self, dealer, push, STINT_ERR_FULL);
        return;
    }
    uint64_t wait = message->delay;
    wait = wait < FULL_MIN_MS ? FULL_MIN_MS : wait > FULL_MAX_MS ? FULL_MAX_MS : wait;
    self->full = true;
    self->again_at = now + (int64_t) wait;
    if (self->cursor > place)
        self->cursor = place;
}

static void
s_on_error (stint_pushes_t *self, stint_dealer_t *dealer, const stint_push_t *push,
            const stint_message_t *message)
{
    stint_pushes_copy_text (self->text, sizeof self->text, message->text);
    stint_status_t status = stint_dealer_refusal (message->error);

    //  The broker has forgotten the producer, and this push was sent before
    if (status == STINT_ERR_NOT_FOUND && push->sequence > 1 && push->sends > 1)
        status = STINT_ERR_TIMEOUT;
    s_refuse (self, dealer, push, status);
}

//  One before it is missing at the broker, and all are sent again. When the broker lacks
//  one that is not here any more, it has lost what it had accepted.

static void
s_on_sequence (stint_pushes_t *self, stint_dealer_t *dealer, const stint_push_t *push,
               const stint_message_t *message, int64_t now)
{
    bool oldest = push == s_push (self, self->head);
    if (oldest && stint_wire_has (message, 's') && message->sequence != push->sequence) {
        stint_pushes_copy_text (self->text, sizeof self->text, message->text);
        s_refuse (self, dealer, push, STINT_ERR_PROTOCOL);
        return;
    }
    self->cursor = self->head;
    if (self->again_at == 0)
        self->again_at = now + SEQUENCE_MS;
}

static bool
s_is (stint_bytes_t text, const char *word)
{
    return text.size == strlen (word) && memcmp (text.data, word, text.size) == 0;
}

bool
stint_pushes_answer (stint_pushes_t *self, stint_dealer_t *dealer,
                     const stint_message_t *message, int64_t now)
{
    uint64_t place = self->head;
    while (place < self->tail && s_push (self, place)->request != message->request)
        place++;
    if (place == self->tail)
        return false;
    stint_push_t *push = s_push (self, place);
    self->answered_at = now;
    //  A new producer whose first push was FULL is unknown to the broker: what comes behind
    //  that push is out of order, and no more than that.
    bool sequence = message->command == STP_ERROR
                    && (s_is (message->error, "sequence")
                        || (place > self->head && s_is (message->error, "unknown")));
    bool stale = push->expected > 1;
    if (push->expected > 0)
        push->expected--;

    if (message->command == STP_ACCEPTED)
        s_on_accepted (self, dealer, push, message);
    else if (push->accepted || (stale && (sequence || message->command == STP_FULL)))
        return true;  //  Of an earlier time that it was sent
    else if (message->command == STP_FULL)
        s_on_full (self, dealer, push, place, message, now);
    else if (sequence)
        s_on_sequence (self, dealer, push, message, now);
    else
        s_on_error (self, dealer, push, message);
    return true;
}

//  ---------------------------------------------------------------------------------
//  A single push whose call has ended without an answer

static bool
s_same (stint_bytes_t one, stint_bytes_t other)
{
    return one.size == other.size
           && (one.size == 0 || memcmp (one.data, other.data, one.size) == 0);
}

bool
stint_pushes_is_single (const stint_pushes_t *self, stint_bytes_t group,
                        const stint_item_t *task)
{
    stint_packet_t *packet = self->single;
    if (s_holds_single (self))
        packet = self->ring [self->head % STINT_PUSHES_MAX].packet;
    if (self->single_status != STINT_OK && self->single_status != STINT_ERR_PENDING)
        return false;
    if (!packet || stint_packet_decode (packet) != STINT_WIRE_OK)
        return false;
    stint_item_t item;
    stint_message_t *message = &packet->message;
    return stint_wire_next (message, &item) && s_same (message->group, group)
           && s_same (item.body, task->body) && s_same (item.terms, task->terms)
           && item.delay == task->delay;
}

void
stint_pushes_told (stint_pushes_t *self, stint_dealer_t *dealer)
{
    if (s_holds_single (self) && !self->single_sent) {
        uint64_t sequence = s_push (self, self->head)->sequence;
        s_drop_all (self, dealer);
        self->sequence = sequence;
    }
    if (!s_holds_single (self))
        stint_dealer_release (dealer, &self->single);
}
