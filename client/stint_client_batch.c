//  stint_client_batch: many tasks pushed as one set, their results streamed back
//  SPDX-License-Identifier: MPL-2.0
//
//  Two streams that meet in the caller's thread. Tasks are packed into an open push, which
//  leaves when it is ripe, when somebody waits for it, and, while few pushes are under way,
//  whenever a call looks after the connection: an idle client sends at once, a busy one
//  sends many tasks to a message. Outcomes are numbered by the broker's cursor; messages
//  are kept whole in a queue until the caller has had all of their results, and are
//  acknowledged (COLLECT with `k`) when that is worth a message: an eighth of a window at
//  a time, a mebibyte at a time, and when nothing else happens. Nothing is allocated for a
//  task.

#include "stint_client_batch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

//  A push with so many tasks or bytes is ripe.
#define RIPE_TASKS 1024
#define RIPE_BYTES ((size_t) 512 << 10)

//  While fewer pushes than this are unanswered, what there is leaves at once.
#define EAGER 2

//  How many calls without a look at the connection; one tick of the cheap clock is the
//  other limit.
#define GLANCE_CALLS 256

//  ---------------------------------------------------------------------------------
//  Opening and closing

//  Asks for the batch of that name: BATCH, answered by number, count and cursor.

static stint_status_t
s_ask (stint_client_t *client, const char *group, const char *name)
{
    int64_t deadline = stint_client_begin (client, client->timeout_ms);
    if (client->batch)
        return stint_client_fail (client, STINT_ERR_INVALID,
                                  "a batch is open already: one a client at a time");
    if (!stint_wire_name_valid (stint_bytes_of (group)))
        return stint_client_bad_name (client, group);
    if (!stint_wire_name_valid (stint_bytes_of (name)))
        return stint_client_bad_name (client, name);

    //  A push of this batch from before would be counted twice
    stint_status_t status = stint_client_settle (client, deadline);
    if (status != STINT_OK)
        return status;
    stint_dealer_release (&client->dealer, &client->answer);
    client->request = stint_client_number (client);
    stint_wire_begin (&client->out, STP_BATCH, 3);
    stint_wire_number (&client->out, 'r', client->request);
    stint_wire_text (&client->out, 'g', group);
    stint_wire_text (&client->out, 'n', name);
    status = stint_client_ask (client, STP_ACCEPTED, deadline);
    if (status == STINT_ERR_PENDING)
        return stint_client_late (client, client->greeting != 0);
    if (status == STINT_OK && client->answer->message.batch == 0)
        return stint_client_fail (client, STINT_ERR_PROTOCOL, "the broker named no batch");
    return status;
}

stint_batch_t *
stint_batch_open (stint_client_t *client, const char *group, const char *name)
{
    assert (client && group);
    char own [STINT_GROUP_MAX + 1];
    snprintf (own, sizeof own, "batch-%016llx",
              (unsigned long long) stint_dealer_random ());
    if (!name)
        name = own;
    if (s_ask (client, group, name) != STINT_OK)
        return NULL;

    stint_batch_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    const stint_message_t *message = &client->answer->message;
    self->client = client;
    snprintf (self->group, sizeof self->group, "%s", group);
    snprintf (self->name, sizeof self->name, "%s", name);
    self->number = message->batch;
    bool few = message->most > 0 && message->most < RIPE_TASKS;
    self->ripe = few ? (uint32_t) message->most : RIPE_TASKS;
    self->pushed = message->count;
    self->received = self->returned = self->finished = message->cursor;
    self->acknowledged = message->cursor;
    self->again = message->again;
    stint_pushes_follow (&client->pushes, self->number);
    client->batch = self;
    return self;
}

static void
s_seal (stint_batch_t *self)
{
    stint_client_t *client = self->client;
    stint_pushes_add (&client->pushes, self->open, stint_client_number (client),
                      stint_bytes_of (self->group), self->number,
                      stint_writer_bytes (&self->elements), self->waiting,
                      stint_dealer_now ());
    self->open = NULL;
    self->elements.size = 0;
    self->waiting = 0;
    self->waiting_bytes = 0;
}

//  Tells the broker what may be forgotten, and how many more may come. As long as it is the
//  same request the broker goes on; another one makes it send all again that was not
//  acknowledged, which is what a new connection needs.

void
stint_batch_ask (stint_batch_t *self, uint32_t window)
{
    stint_client_t *client = self->client;
    uint64_t greeting = client->dealer.greeting;
    stint_writer_t out = {NULL, 0, 0};
    if (self->greeting != greeting)
        self->collect = stint_client_number (client);
    stint_wire_begin (&out, STP_COLLECT, 4);
    stint_wire_number (&out, 'r', self->collect);
    stint_wire_number (&out, 'b', self->number);
    stint_wire_number (&out, 'c', window);
    stint_wire_number (&out, 'k', self->finished);
    if (stint_dealer_send_bytes (&client->dealer, stint_writer_bytes (&out))) {
        self->greeting = greeting;
        self->acknowledged = self->finished;
        self->finished_bytes = 0;
        self->remind_at = 0;
    }
    stint_writer_clear (&out);
}

void
stint_batch_close (stint_batch_t **self_p)
{
    assert (self_p);
    stint_batch_t *self = *self_p;
    if (!self)
        return;
    stint_client_t *client = self->client;
    stint_client_begin (client, 0);
    self->finished = self->returned;
    if (self->waiting > 0 && stint_pushes_room (&client->pushes))
        s_seal (self);
    if (client->dealer.up)
        stint_batch_ask (self,
                         1);  //  A window of one: the rest is not wanted here any more
    client->batch = NULL;
    stint_client_turn (client, 0);
    while (self->first) {
        stint_packet_t *packet = self->first;
        self->first = packet->next;
        stint_dealer_release (&client->dealer, &packet);
    }
    stint_dealer_release (&client->dealer, &self->open);
    stint_writer_clear (&self->elements);
    free (self);
    *self_p = NULL;
}

const char *
stint_batch_name (const stint_batch_t *self)
{
    return self->name;
}

uint64_t
stint_batch_number (const stint_batch_t *self)
{
    return self->number;
}

static uint64_t
s_pushed (const stint_batch_t *self)
{
    return self->pushed + self->client->pushes.batch_accepted;
}

//  Returns the last place that an outcome will have, by what is known now.

uint64_t
stint_batch_places (const stint_batch_t *self)
{
    return s_pushed (self) + self->again;
}

void
stint_batch_progress (stint_batch_t *self, stint_progress_t *progress)
{
    *progress = (stint_progress_t){.pushed = s_pushed (self),
                                   .done = self->ended [STINT_DONE],
                                   .dead = self->ended [STINT_DEAD],
                                   .cancelled = self->ended [STINT_CANCELLED],
                                   .collected = self->acknowledged};
}

//  ---------------------------------------------------------------------------------
//  What the client's turn calls

static bool
s_ripe (const stint_batch_t *self)
{
    return self->waiting >= self->ripe || self->waiting_bytes >= RIPE_BYTES;
}

//  Returns true when what was finished with is to be acknowledged now.

static bool
s_settles (const stint_batch_t *self, int64_t now)
{
    uint64_t finished = self->finished - self->acknowledged;
    return finished >= WINDOW / 8
           || (finished > 0
               && (self->finished_bytes > SETTLE_BYTES
                   || (self->settle_at != 0 && now >= self->settle_at)));
}

//  Returns when the broker is to be reminded of what we wait for, INT64_MAX when we wait
//  for nothing. A COLLECT from before, late on a connection that is gone, takes the
//  outcomes away from us, and nobody says so: we ask again as often as we would send a
//  heartbeat.

static int64_t
s_remind_at (stint_batch_t *self, int64_t now)
{
    if (self->received >= stint_batch_places (self))
        return INT64_MAX;
    if (self->remind_at == 0)
        self->remind_at = now + self->client->dealer.peer.heartbeat_ms;
    return self->remind_at;
}

int64_t
stint_batch_send (stint_batch_t *self, int64_t now)
{
    const stint_dealer_t *dealer = &self->client->dealer;
    stint_pushes_t *pushes = &self->client->pushes;
    bool eager = self->urgent || stint_pushes_unanswered (pushes) < EAGER;
    if (self->waiting > 0 && stint_pushes_room (pushes)
        && (s_ripe (self) || (eager && dealer->up)))
        s_seal (self);
    if (!dealer->up || self->failed != STINT_OK)
        return INT64_MAX;
    if (self->greeting != dealer->greeting || s_settles (self, now)
        || now >= s_remind_at (self, now))
        stint_batch_ask (self, WINDOW);
    if (!dealer->up)
        return INT64_MAX;
    int64_t due = s_remind_at (self, now);
    bool later = self->settle_at != 0 && self->finished != self->acknowledged;
    return later && self->settle_at < due ? self->settle_at : due;
}

void
stint_batch_fail (stint_batch_t *self, stint_status_t status, const char *text)
{
    self->failed = status;
    snprintf (self->text, sizeof self->text, "batch %s: %s", self->name, text);
}

bool
stint_batch_refused (stint_batch_t *self, const stint_message_t *message)
{
    if (message->request != self->collect)
        return false;
    char text [240];
    stint_pushes_copy_text (text, sizeof text, message->text);
    stint_batch_fail (self, stint_dealer_refusal (message->error), text);
    return true;
}

//  ---------------------------------------------------------------------------------
//  The caller's side

//  Returns STINT_OK while the batch goes on, or says why it does not.

stint_status_t
stint_batch_state (stint_batch_t *self)
{
    const stint_pushes_t *pushes = &self->client->pushes;
    if (self->failed == STINT_OK && pushes->batch_status != STINT_OK)
        stint_batch_fail (self, pushes->batch_status, pushes->text);
    if (self->failed != STINT_OK)
        return stint_client_fail (self->client, self->failed, "%s", self->text);
    return STINT_OK;
}

//  The time is over while something was to be pushed.

static stint_status_t
s_late (stint_batch_t *self)
{
    stint_client_t *client = self->client;
    if (client->pushes.full)
        return stint_client_fail (client, STINT_ERR_FULL, "%s", client->pushes.text);
    return stint_client_late (client, client->dealer.up);
}

//  A clock that ticks every few milliseconds and is read for each task.

static int64_t
s_coarse_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

//  Looks after the connection without waiting, when that is due.

void
stint_batch_glance (stint_batch_t *self, bool now_please)
{
    int64_t tick = s_coarse_now ();
    if (!now_please && ++self->calls < GLANCE_CALLS && tick == self->glanced_at)
        return;
    self->calls = 0;
    if (tick != self->glanced_at)
        stint_dealer_enter (&self->client->dealer, stint_dealer_now ());
    self->glanced_at = tick;
    stint_client_turn (self->client, 0);
}

static bool
s_has_room (void *argument)
{
    stint_batch_t *self = argument;
    return !s_ripe (self) || self->failed != STINT_OK
           || self->client->pushes.batch_status != STINT_OK;
}

static void
s_add (stint_batch_t *self, stint_bytes_t payload)
{
    stint_bytes_t nothing = {NULL, 0};
    if (!self->open) {
        self->open = stint_dealer_packet (&self->client->dealer);
        stint_packet_add (self->open, nothing, nothing);
    }
    bool large = payload.size > STINT_INLINE_MAX;
    stint_item_t item = stint_client_item (self->client, payload);
    item.frame = large ? self->open->count : 0;
    size_t before = self->elements.size;
    stint_wire_put (&self->elements, STP_PUSH, &item);
    self->waiting_bytes += self->elements.size - before;
    if (large) {
        stint_packet_add (self->open, payload, nothing);
        self->waiting_bytes += payload.size;
    }
    self->waiting++;
}

stint_status_t
stint_batch_push (stint_batch_t *self, stint_bytes_t payload)
{
    assert (self);
    stint_client_t *client = self->client;
    stint_status_t status = stint_batch_state (self);
    if (status != STINT_OK)
        return status;
    if (payload.size > STINT_PAYLOAD_MAX)
        return stint_client_fail (client, STINT_ERR_INVALID,
                                  "a payload of %zu bytes; the most is %zu", payload.size,
                                  STINT_PAYLOAD_MAX);
    if (s_ripe (self)) {
        int64_t deadline = stint_client_begin (client, client->timeout_ms);
        status = stint_client_until (client, s_has_room, self, deadline);
        if (status == STINT_ERR_PENDING)
            return s_late (self);
        if (status == STINT_OK)
            status = stint_batch_state (self);
        if (status != STINT_OK)
            return status;
    }
    s_add (self, payload);
    stint_batch_glance (self, s_ripe (self));
    return STINT_OK;
}

static bool
s_flushed (void *argument)
{
    const stint_batch_t *self = argument;
    return self->failed != STINT_OK || self->client->pushes.batch_status != STINT_OK
           || (self->waiting == 0 && stint_pushes_unanswered (&self->client->pushes) == 0);
}

stint_status_t
stint_batch_flush (stint_batch_t *self)
{
    assert (self);
    stint_client_t *client = self->client;
    int64_t deadline = stint_client_begin (client, client->timeout_ms);
    self->urgent = true;
    stint_status_t status = stint_client_until (client, s_flushed, self, deadline);
    self->urgent = false;
    if (status == STINT_ERR_PENDING)
        return s_late (self);
    return status == STINT_OK ? stint_batch_state (self) : status;
}
