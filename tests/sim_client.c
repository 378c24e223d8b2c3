//  sim_client: clients that push, cancel, wait, collect and ask, in a simulated world
//  SPDX-License-Identifier: MPL-2.0

#include "sim_peer.h"
#include "sim_schedule.h"
#include "sim_terms.h"

#include <string.h>

//  A request's number says what it was for.

enum {
    FOR_PUSH = 1,
    FOR_CANCEL,
    FOR_WATCH,
    FOR_BATCH,
    FOR_COLLECT,
    FOR_OTHER
};

#define REQUEST(kind, what) ((uint64_t) (kind) << 56 | (what))
#define KIND(request) ((request) >> 56)
#define WHAT(request) ((request) & (((uint64_t) 1 << 56) - 1))

//  That of a push names its producer too.

#define PUSH(producer, sequence) REQUEST (FOR_PUSH, (producer) << 28 | (sequence))

static sim_client_t *
s_client (sim_t *self, uint32_t peer)
{
    return &self->peers [peer].client;
}

//  ---------------------------------------------------------------------------------
//  Pushes

static void
s_send_push (sim_t *self, uint32_t peer, const sim_push_t *push)
{
    const sim_client_t *client = s_client (self, peer);
    sim_message_t message = {.command = STP_PUSH, .group = push->group};
    message.request = PUSH (client->id, push->sequence);
    message.producer = client->id;
    message.sequence = push->sequence;
    message.batch = push->batch;
    message.terms = push->terms;
    for (uint32_t index = 0; index < push->count; index++) {
        sim_item_t *item = &message.items [message.item_count++];
        item->delay = push->delay;
        item->body = (sim_body_t){push->truth + index, 0, 0, 1};
    }
    sim_link_send (self, peer, &message);
}

//  Pushes again, in order, what was not answered.

void
sim_client_resend (sim_t *self, uint32_t peer)
{
    sim_client_t *client = s_client (self, peer);
    client->resend_at = 0;
    uint64_t first = client->pushed > SIM_PUSHES ? client->pushed - SIM_PUSHES : 0;
    for (uint64_t number = first; number < client->pushed; number++) {
        sim_push_t *push = &client->pushes [number % SIM_PUSHES];
        if (!push->answered)
            s_send_push (self, peer, push);
    }
}

static void
s_push (sim_t *self, uint32_t peer, uint64_t *chance)
{
    sim_client_t *client = s_client (self, peer);
    const sim_push_t *oldest = &client->pushes [client->pushed % SIM_PUSHES];
    uint32_t count = 1 + (uint32_t) sim_random (chance, SIM_ITEMS);
    if (self->calm || self->truth_count + count > SIM_TRUTHS
        || (client->pushed >= SIM_PUSHES && !oldest->answered))
        return;
    sim_push_t *push = &client->pushes [client->pushed++ % SIM_PUSHES];
    *push = (sim_push_t){.sequence = client->next, .count = count};
    push->group = (uint8_t) sim_random (chance, SIM_GROUPS);
    push->batch = sim_random (chance, 2) ? client->batch : 0;
    if (sim_random (chance, 100) < self->plan.delays)
        push->delay = 1 + sim_random (chance, 4000);
    push->terms = sim_terms_draw (self, chance, push->delay);
    push->truth = self->truth_count;
    for (uint32_t index = 0; index < count; index++)
        sim_truth_push (self, push);
    client->next += count;
    s_send_push (self, peer, push);
}

//  Pushes one of the last ones again, or one that is not the next.

static void
s_push_oddly (sim_t *self, uint32_t peer, uint64_t *chance)
{
    const sim_client_t *client = s_client (self, peer);
    if (client->pushed == 0)
        return;
    uint64_t back = 1 + sim_random (chance, client->pushed < 8 ? client->pushed : 8);
    sim_push_t push = client->pushes [(client->pushed - back) % SIM_PUSHES];
    if (sim_random (chance, 3) == 0 || push.sequence == 1)
        push.sequence = client->next + 100000 + sim_random (chance, 9);
    s_send_push (self, peer, &push);
}

static sim_push_t *
s_push_of (sim_client_t *client, uint64_t request)
{
    for (uint32_t index = 0; index < SIM_PUSHES; index++) {
        if (client->pushes [index].count > 0
            && PUSH (client->id, client->pushes [index].sequence) == request)
            return &client->pushes [index];
    }
    return NULL;
}

static void
s_hear_accepted (sim_t *self, uint32_t peer, const reply_t *reply)
{
    sim_client_t *client = s_client (self, peer);
    sim_push_t *push = s_push_of (client, reply->request);
    if (!push || !reply->id)
        return;
    sim_check (self, !push->answered || push->id == reply->id, "S3",
               "a push is task %lu, then %lu", push->id, reply->id);
    sim_check (self, reply->count == push->count, "S3", "%lu of %u tasks accepted",
               reply->count, push->count);
    if (!push->answered) {
        self->counts.accepted += push->count;
        client->last_at = sim_broker_now (self);
    }
    push->answered = true;
    push->id = reply->id;
    for (uint32_t index = 0; index < push->count; index++) {
        sim_truth_t *truth = &self->truths [push->truth + index];
        sim_check (self, truth->id == reply->id + index, "S3",
                   "task %lu was accepted as %lu", truth->id, reply->id + index);
        truth->accepted = true;
    }
}

//  It begins as a new producer: what became of what was not answered is unknown.

static void
s_begin_again (sim_t *self, uint32_t peer)
{
    sim_client_t *client = s_client (self, peer);
    client->id = ++self->names;
    client->next = 1;
    client->pushed = 0;
    client->resend_at = client->last_at = 0;
    memset (client->pushes, 0, sizeof client->pushes);
}

//  Has nothing that it may push again.

void
sim_client_forget (sim_t *self, uint32_t peer)
{
    const sim_client_t *client = s_client (self, peer);
    for (uint32_t index = 0; index < SIM_PUSHES; index++) {
        if (client->pushes [index].count > 0 && !client->pushes [index].answered) {
            s_begin_again (self, peer);
            return;
        }
    }
}

static void
s_hear_no_producer (sim_t *self, uint32_t peer)
{
    const sim_client_t *client = s_client (self, peer);
    bool silent = self->broker.now + 60000 > client->last_at + CORE_PRODUCER_IDLE_MS;
    bool accepted = client->last_at > 0;
    sim_check (self, !accepted || silent, "S3", "a producer is forgotten early");
    if (accepted)
        s_begin_again (self, peer);
}

//  Who is told which push is the next one is told of one behind all that were accepted.

static void
s_hear_sequence (sim_t *self, uint32_t peer, uint64_t next)
{
    const sim_client_t *client = s_client (self, peer);
    for (uint32_t index = 0; index < SIM_PUSHES; index++) {
        const sim_push_t *push = &client->pushes [index];
        sim_check (self, !push->answered || next >= push->sequence + push->count, "S3",
                   "push %lu of %u tasks is accepted, and push %lu the next one",
                   push->sequence, push->count, next);
    }
}

static void
s_hear_refused_push (sim_t *self, uint32_t peer, const sim_said_t *said)
{
    sim_client_t *client = s_client (self, peer);
    sim_push_t *push = s_push_of (client, said->reply.request);
    bool own = WHAT (said->reply.request) >> 28 == client->id;
    if (said->code == 's' && own && said->reply.sequence)
        s_hear_sequence (self, peer, said->reply.sequence);
    if (said->code == 'p' && own)
        s_hear_no_producer (self, peer);
    else if (said->code == 'u' && push)
        push->batch = 0;
    if (push)
        push->refused = true;
    client->resend_at = self->now + 100000;
}

//  ---------------------------------------------------------------------------------
//  Batches

static void
s_open_batch (sim_t *self, uint32_t peer)
{
    const sim_client_t *client = s_client (self, peer);
    sim_message_t message = {.command = STP_BATCH, .request = REQUEST (FOR_BATCH, 0)};
    message.group = client->batch_name % SIM_GROUPS;
    message.setting = client->batch_name / SIM_GROUPS;
    sim_link_send (self, peer, &message);
}

static void
s_send_cursor (sim_t *self, uint32_t peer, uint64_t *chance)
{
    sim_client_t *client = s_client (self, peer);
    sim_message_t message = {.command = STP_COLLECT, .request = client->request};
    if (client->received > client->cursor && (self->calm || sim_random (chance, 2)))
        client->cursor = client->received;
    message.batch = client->batch;
    message.count = 1 + sim_random (chance, 20);
    message.cursor = client->cursor;
    sim_link_send (self, peer, &message);
}

void
sim_client_collect (sim_t *self, uint32_t peer, uint64_t *chance)
{
    sim_client_t *client = s_client (self, peer);
    if (!client->batch)
        s_open_batch (self, peer);
    else if (client->request && !client->fresh)
        s_send_cursor (self, peer, chance);
    else if (!client->request) {
        client->request = REQUEST (FOR_COLLECT, ++self->peers [peer].requests);
        client->fresh = true;
        client->number = 0;
        s_send_cursor (self, peer, chance);
    }
}

static void
s_hear_outcome (sim_t *self, uint32_t peer, const sim_said_t *said)
{
    sim_client_t *client = s_client (self, peer);
    const reply_t *reply = &said->reply;
    if (reply->batch != client->batch || !client->request)
        return;
    uint64_t place = reply->cursor;
    //  Its request may have gone on to another broker, or somebody else has collected in
    //  between: then it begins again
    bool again = said->number != client->number || said->turn != client->turn;
    client->number = said->number;
    client->turn = said->turn;
    //  It may have acknowledged more than has come to it on this connection
    bool next = place == client->received + 1 || place == client->cursor + 1;
    sim_check (self, again || (client->fresh ? place > client->cursor : next), "S10",
               "outcome %lu comes behind %lu", place, client->received);
    client->fresh = false;
    client->received = place;
}

static void
s_hear_batch (sim_t *self, uint32_t peer, const reply_t *reply)
{
    sim_client_t *client = s_client (self, peer);
    if (client->batch == reply->batch)
        return;
    client->batch = reply->batch;
    client->cursor = client->received = reply->cursor;
    client->request = 0;
}

//  ---------------------------------------------------------------------------------
//  The rest

//  Where a list of tasks begins. Each crash leaves a gap of numbers, which a list from the
//  beginning looks up one by one: that takes as long as a hundred worlds.

static uint64_t
s_after (const sim_t *self, uint64_t *chance)
{
    uint64_t back = sim_random (chance, 300);
    const core_t *core = self->broker.core;
    if (sim_random (chance, 5000) == 0)
        return 0;
    return core && core->next_id > back ? core->next_id - back : UINT64_MAX - back;
}

//  Returns the number of a task, which is dead or cancelled if a few tries find one.

static uint64_t
s_any_task (const sim_t *self, int tries, uint64_t *chance)
{
    const sim_truth_t *truth = &self->truths [sim_random (chance, self->truth_count)];
    while (--tries > 0 && truth->told != STINT_DEAD && truth->told != STINT_CANCELLED)
        truth = &self->truths [sim_random (chance, self->truth_count)];
    return truth->id;
}

static void
s_ask (sim_t *self, uint32_t peer, stp_command_t command, uint64_t *chance)
{
    sim_message_t message = {.command = command};
    message.request = REQUEST (FOR_OTHER, ++self->peers [peer].requests);
    if (self->truth_count > 0)
        message.id = s_any_task (self, command == STP_RETRY ? 8 : 1, chance);
    message.group = (uint8_t) sim_random (chance, SIM_GROUPS);
    if (command == STP_CANCEL)
        message.request = REQUEST (FOR_CANCEL, message.id);
    else if (command == STP_COLLECT)
        message.request = REQUEST (FOR_WATCH, message.id);
    else if (command == STP_QUERY) {
        message.setting = (uint8_t) sim_random (chance, 9);
        message.cursor = s_after (self, chance);
    }
    else if (command == STP_GROUP) {
        static const uint64_t least [] = {0, 5, 500, 1,     500, 1,     0, 1,
                                          0, 0, 0,   18000, 0,   18000, 0};
        static const uint64_t more [] = {1, 60, 20000, 3000,   100000, 6,      5, 4,
                                         2, 2,  4,     720000, 6,      360000, 4};
        message.setting = (uint8_t) (sim_random (chance, 3) ? sim_random (chance, 15) : 0);
        message.cursor = sim_random (chance, SIM_GROUPS * SIM_GROUPS);
        message.count =
            least [message.setting] + sim_random (chance, more [message.setting]);
    }
    if (message.id || command == STP_QUERY || command == STP_GROUP)
        sim_link_send (self, peer, &message);
}

//  Cancels, retries or drops the tasks of a group.

static void
s_ask_many (sim_t *self, uint32_t peer, stp_command_t command, uint64_t *chance)
{
    sim_message_t message = {.command = command, .more = true};
    message.request = REQUEST (FOR_OTHER, ++self->peers [peer].requests);
    message.group = (uint8_t) sim_random (chance, SIM_GROUPS);
    message.cursor = s_after (self, chance);
    if (sim_random (chance, 2))
        message.setting = (uint8_t) sim_random (chance, STINT_CANCELLED + 1);
    if (sim_random (chance, 4) == 0)
        message.batch = s_client (self, peer)->batch;
    sim_link_send (self, peer, &message);
}

static void
s_operate (sim_t *self, uint32_t peer, uint64_t *chance)
{
    uint64_t number = sim_random (chance, 20);
    if (number < 11)
        s_ask (self, peer, STP_RETRY, chance);
    else if (number < 15)
        s_ask_many (self, peer, STP_RETRY, chance);
    else if (number < 16)
        s_ask_many (self, peer, STP_CANCEL, chance);
    else if (number < 19)
        s_ask (self, peer, STP_DROP, chance);
    else
        s_ask_many (self, peer, STP_DROP, chance);
}

//  In the end every group has to come to its end.

static void
s_resume (sim_t *self, uint32_t peer, uint64_t *chance)
{
    sim_message_t message = {.command = STP_GROUP, .setting = SIM_PAUSED};
    if (sim_random (chance, 2))
        message.setting = SIM_DRAINING;
    message.request = REQUEST (FOR_OTHER, ++self->peers [peer].requests);
    message.group = (uint8_t) sim_random (chance, SIM_GROUPS);
    sim_link_send (self, peer, &message);
}

//  Tells some worker to finish what it has, and to leave.

static void
s_drain_worker (sim_t *self, uint32_t peer, uint64_t *chance)
{
    uint32_t worker = (uint32_t) sim_random (chance, self->plan.workers);
    sim_message_t message = {.command = STP_WORKER};
    message.request = REQUEST (FOR_OTHER, ++self->peers [peer].requests);
    message.id = self->peers [self->plan.clients + worker].worker.id;
    sim_link_send (self, peer, &message);
}

//  Sets, stops or removes some schedule.

static void
s_schedule (sim_t *self, uint32_t peer, uint64_t *chance)
{
    sim_message_t message = sim_schedule_draw (self, chance);
    message.request = REQUEST (FOR_OTHER, ++self->peers [peer].requests);
    sim_link_send (self, peer, &message);
}

void
sim_client_act (sim_t *self, uint32_t peer, uint64_t *chance)
{
    uint64_t number = sim_random (chance, 1000);
    if (self->calm) {
        sim_client_collect (self, peer, chance);
        if (number < 100)
            sim_client_resend (self, peer);
        else if (number < 200)
            s_resume (self, peer, chance);
        else if (number < 300)
            s_schedule (self, peer, chance);
    }
    else if (number < 520)
        s_push (self, peer, chance);
    else if (number < 550)
        s_operate (self, peer, chance);
    else if (number < 600)
        s_push_oddly (self, peer, chance);
    else if (number < 620)
        sim_client_resend (self, peer);
    else if (number < 700)
        s_ask (self, peer, STP_CANCEL, chance);
    else if (number < 740)
        s_ask (self, peer, STP_COLLECT, chance);
    else if (number < 750)
        s_ask (self, peer, STP_QUERY, chance);
    else if (number < 770)
        s_ask (self, peer, STP_GROUP, chance);
    else if (number < 775)
        s_drain_worker (self, peer, chance);
    else if (number < 785)
        s_schedule (self, peer, chance);
    else if (number < 975)
        sim_client_collect (self, peer, chance);
    else if (number < 980)
        sim_link_send (self, peer, &(sim_message_t){.command = STP_PUSH, .broken = true});
    else if (number < 985)
        sim_peer_join (self, peer);
    else if (number < 990)
        sim_client_begin (self, peer);
    else if (number < 995)
        sim_link_send (self, peer, &(sim_message_t){.command = STP_BYE});
    else {
        s_client (self, peer)->batch = s_client (self, peer)->request = 0;
        s_client (self, peer)->batch_name = (uint8_t) sim_random (chance, 16);
    }
}

void
sim_client_begin (sim_t *self, uint32_t peer)
{
    sim_client_t *client = s_client (self, peer);
    *client = (sim_client_t){.id = ++self->names, .next = 1};
    client->batch_name = (uint8_t) (peer % 4);
}

void
sim_client_join (sim_t *self, uint32_t peer)
{
    sim_client_t *client = s_client (self, peer);
    client->request = 0;
    sim_client_resend (self, peer);
    if (client->batch)
        sim_client_collect (self, peer, &self->peers [peer].chance);
}

void
sim_client_hear (sim_t *self, uint32_t peer, const sim_said_t *said)
{
    const reply_t *reply = &said->reply;
    uint64_t kind = KIND (reply->request);
    bool accepted = reply->command == STP_ACCEPTED;
    bool refused = reply->command == STP_ERROR || reply->command == STP_FULL;
    if (kind == FOR_PUSH && accepted)
        s_hear_accepted (self, peer, reply);
    else if (kind == FOR_PUSH && refused)
        s_hear_refused_push (self, peer, said);
    else if (kind == FOR_CANCEL && accepted)
        sim_truth_told (self, WHAT (reply->request), STINT_CANCELLED, 0, 0);
    else if (kind == FOR_WATCH && reply->command == STP_OUTCOME) {
        sim_seen (self, RARE_WATCH);
        sim_check (self, WHAT (reply->request) == reply->id, "S4",
                   "an outcome of another task");
    }
    else if (kind == FOR_BATCH && accepted)
        s_hear_batch (self, peer, reply);
    else if (kind == FOR_COLLECT && refused)
        s_client (self, peer)->batch = s_client (self, peer)->request = 0;
    else if (reply->command == STP_OUTCOME && reply->batch)
        s_hear_outcome (self, peer, said);
}
