//  sim_worker: workers of a simulated world: good ones, slow ones, dead ones, liars
//  SPDX-License-Identifier: MPL-2.0

#include "sim_peer.h"

#define UNREACHED 1000  //  Attempts that are not begun while a message is on its way

static sim_worker_t *
s_worker (sim_t *self, uint32_t peer)
{
    return &self->peers [peer].worker;
}

//  ---------------------------------------------------------------------------------
//  What it holds

static void
s_next_work (sim_t *self, uint32_t peer)
{
    const sim_worker_t *worker = s_worker (self, peer);
    int64_t at = CORE_NEVER;
    for (uint32_t index = 0; index < worker->held_count; index++) {
        const sim_attempt_t *held = &worker->held [index];
        if (!held->request && held->due_at < at)
            at = held->due_at;
    }
    sim_set (self, SIM_AT_WORK + peer, at);
}

static void
s_drop (sim_t *self, uint32_t peer, uint32_t index)
{
    sim_worker_t *worker = s_worker (self, peer);
    worker->gone = worker->held [index];
    worker->held [index] = worker->held [--worker->held_count];
}

static void
s_drop_attempt (sim_t *self, uint32_t peer, uint64_t id, uint64_t fence)
{
    const sim_worker_t *worker = s_worker (self, peer);
    for (uint32_t index = 0; index < worker->held_count; index++) {
        if (worker->held [index].id == id && worker->held [index].fence == fence)
            s_drop (self, peer, index--);
    }
    s_next_work (self, peer);
}

//  Says how far some attempts are; those whose result is on its way too.

static void
s_tell (sim_t *self, uint32_t peer, uint64_t *chance)
{
    const sim_worker_t *worker = s_worker (self, peer);
    sim_message_t message = {.command = STP_PROGRESS};
    for (uint32_t index = 0; index < worker->held_count; index++) {
        if (message.item_count == SIM_ITEMS || sim_random (chance, 3) == 0)
            continue;
        sim_item_t *item = &message.items [message.item_count++];
        item->id = worker->held [index].id;
        item->fence = worker->held [index].fence;
        item->verdict = (uint32_t) sim_random (chance, STINT_NOTE_DONE + 1);
    }
    if (message.item_count > 0)
        sim_link_send (self, peer, &message);
}

static void
s_hear_task (sim_t *self, uint32_t peer, const sim_said_t *said)
{
    sim_peer_t *me = &self->peers [peer];
    sim_worker_t *worker = &me->worker;
    if (worker->held_count == SIM_HELD) {
        sim_worker_begin (self, peer);
        sim_peer_join (self, peer);
        return;
    }
    sim_attempt_t *held = &worker->held [worker->held_count++];
    *held = (sim_attempt_t){.id = said->reply.id, .fence = said->reply.fence};
    held->truth = (uint32_t) said->body.of;
    held->due_at = self->now + (int64_t) sim_around (&me->chance, self->plan.work_us);
    if (!self->calm && sim_random (&me->chance, 100) < self->plan.fails) {
        held->verdict = 1 + (uint32_t) (sim_random (&me->chance, 8) * 3 / 8);
        if (sim_random (&me->chance, 4) == 0)
            held->delay = 1 + sim_random (&me->chance, 3000);
    }
    if (!self->calm && sim_random (&me->chance, 12) == 0)
        s_tell (self, peer, &me->chance);
    s_next_work (self, peer);
}

//  ---------------------------------------------------------------------------------
//  What it says

//  Returns the groups that there are, for workers that leave nothing undone in the end.

static uint8_t
s_all_groups (const sim_t *self)
{
    uint32_t groups = 0;
    for (uint32_t index = 0; index < SIM_GROUPS && self->broker.core; index++) {
        stint_bytes_t name = stint_bytes_of (sim_groups [index]);
        if (groups_find (&self->broker.core->groups, name))
            groups |= 1u << index;
    }
    return (uint8_t) (groups ? groups : 1);
}

bool
sim_worker_should_join (const sim_t *self, uint32_t peer)
{
    const sim_worker_t *worker = &self->peers [peer].worker;
    return worker->refused || (self->calm && s_all_groups (self) & ~worker->groups);
}

//  Says what it is and what it holds; in several messages if need be.

void
sim_worker_join (sim_t *self, uint32_t peer)
{
    sim_peer_t *me = &self->peers [peer];
    sim_worker_t *worker = &me->worker;
    if (self->calm)
        worker->groups = s_all_groups (self);
    else if (worker->refused || sim_random (&me->chance, 4) == 0)
        worker->groups = (uint8_t) (1 + sim_random (&me->chance, 15));
    worker->refused = false;
    worker->capacity = 1 + (uint32_t) sim_random (&me->chance, 16);
    if (worker->draining)
        worker->capacity = 0;
    uint32_t index = 0;
    do {
        sim_message_t message = {.command = STP_READY, .id = worker->id};
        message.groups = worker->groups;
        message.count = worker->capacity;
        message.cursor = sim_random (&me->chance, 4) ? 1 << 20 : 60;
        message.request = ++me->requests;
        message.sequence = index;
        while (index < worker->held_count && message.item_count < SIM_ITEMS) {
            sim_attempt_t *held = &worker->held [index++];
            held->request = 0;
            sim_item_t *item = &message.items [message.item_count++];
            item->id = held->id;
            item->fence = held->fence;
        }
        message.more = index < worker->held_count;
        worker->ready = message.request;
        sim_link_send (self, peer, &message);
    } while (index < worker->held_count);
    s_next_work (self, peer);
}

static sim_item_t
s_item (const sim_attempt_t *held)
{
    sim_item_t item = {.id = held->id, .fence = held->fence, .delay = held->delay};
    item.verdict = held->verdict;
    item.body = (sim_body_t){held->id, held->fence, 0, 1};
    return item;
}

//  Sends the results of the attempts that are done.

void
sim_worker_done (sim_t *self, uint32_t peer)
{
    sim_peer_t *me = &self->peers [peer];
    sim_worker_t *worker = &me->worker;
    if (me->paused_until > self->now) {
        sim_set (self, SIM_AT_WORK + peer, me->paused_until);
        return;
    }
    if (!self->calm && sim_random (&me->chance, 24) == 0)
        s_tell (self, peer, &me->chance);
    sim_message_t message = {.command = STP_RESULT, .request = ++me->requests};
    for (uint32_t index = 0; index < worker->held_count; index++) {
        sim_attempt_t *held = &worker->held [index];
        if (held->request || held->due_at > self->now || message.item_count == SIM_ITEMS)
            continue;
        held->request = message.request;
        message.items [message.item_count++] = s_item (held);
    }
    if (message.item_count > 0)
        sim_link_send (self, peer, &message);
    s_next_work (self, peer);
}

//  A result with another fence, of another's task, again, or of what is over. The next
//  fence could come true: one in 10^9 events was the liar's own next attempt.

static void
s_lie (sim_t *self, uint32_t peer, uint64_t *chance)
{
    const sim_worker_t *worker = s_worker (self, peer);
    const sim_worker_t *other = s_worker (
        self, self->plan.clients + (uint32_t) sim_random (chance, self->plan.workers));
    sim_attempt_t about = worker->gone;
    uint64_t how = sim_random (chance, 4);
    if (how == 0 && worker->held_count > 0) {
        about = worker->held [sim_random (chance, worker->held_count)];
        about.fence += sim_random (chance, 2) ? UNREACHED : UINT64_MAX;
    }
    else if (how == 1 && other->held_count > 0 && other != worker)
        about = other->held [sim_random (chance, other->held_count)];
    else if (how == 2 && worker->held_count > 0) {
        about = worker->held [sim_random (chance, worker->held_count)];
        if (!about.request)
            return;
    }
    if (!about.id)
        return;
    static const stp_command_t commands [] = {STP_RESULT, STP_RESULT, STP_RETURN,
                                              STP_PROGRESS};
    sim_message_t message = {.command = commands [sim_random (chance, 4)]};
    message.request = ++self->peers [peer].requests;
    message.item_count = 1;
    message.items [0] = s_item (&about);
    message.items [0].body.nonce = 1 + (uint32_t) (++self->nonces % 1000000);
    if (how == 2)
        message.command = STP_RESULT;
    sim_link_send (self, peer, &message);
}

static void
s_give_back (sim_t *self, uint32_t peer, uint64_t *chance)
{
    const sim_worker_t *worker = s_worker (self, peer);
    if (worker->held_count == 0)
        return;
    uint32_t index = (uint32_t) sim_random (chance, worker->held_count);
    if (worker->held [index].request)
        return;
    sim_message_t message = {.command = STP_RETURN, .item_count = 1};
    message.items [0] = s_item (&worker->held [index]);
    s_drop (self, peer, index);
    sim_link_send (self, peer, &message);
    s_next_work (self, peer);
}

//  Its process ended, and another one begins in its place.

static void
s_die (sim_t *self, uint32_t peer)
{
    sim_worker_begin (self, peer);
    sim_peer_join (self, peer);
}

void
sim_worker_act (sim_t *self, uint32_t peer, uint64_t *chance)
{
    uint64_t number = sim_random (chance, 1000);
    sim_peer_t *me = &self->peers [peer];
    if (self->calm)
        return;
    if (sim_random (chance, 100) < self->plan.lies)
        s_lie (self, peer, chance);
    else if (number < 300)
        s_give_back (self, peer, chance);
    else if (number < 600) {
        me->worker.capacity = me->worker.draining ? 0 : (uint32_t) sim_random (chance, 17);
        sim_message_t message = {.command = STP_CREDIT, .count = me->worker.capacity};
        sim_link_send (self, peer, &message);
    }
    else if (number < 650) {
        sim_link_send (self, peer, &(sim_message_t){.command = STP_BYE});
        me->worker.held_count = 0;
        s_next_work (self, peer);
    }
    else if (number < 750)
        s_die (self, peer);
    else if (number < 800)
        me->silent = true;
    else if (number < 900 || (number < 950 && me->silent))
        sim_peer_join (self, peer);
    else
        s_tell (self, peer, chance);
}

void
sim_worker_begin (sim_t *self, uint32_t peer)
{
    sim_worker_t *worker = s_worker (self, peer);
    *worker = (sim_worker_t){.id = ++self->names};
    worker->groups = (uint8_t) (1 + sim_random (&self->peers [peer].chance, 15));
    sim_set (self, SIM_AT_WORK + peer, CORE_NEVER);
}

//  ---------------------------------------------------------------------------------
//  What it hears

//  Results that were not refused before are recorded.

static void
s_hear_accepted (sim_t *self, uint32_t peer, uint64_t request)
{
    const sim_worker_t *worker = s_worker (self, peer);
    for (uint32_t index = 0; index < worker->held_count; index++) {
        const sim_attempt_t held = worker->held [index];
        if (held.request != request)
            continue;
        const sim_truth_t *truth = &self->truths [held.truth];
        if (held.verdict == 0 && truth->id == held.id)
            sim_truth_recorded (self, held.id, held.fence);
        s_drop (self, peer, index--);
    }
    s_next_work (self, peer);
}

//  It was told to drain, and leaves when nothing is left to do. Another one begins in its
//  place.

static void
s_leave_drained (sim_t *self, uint32_t peer)
{
    if (!s_worker (self, peer)->draining || s_worker (self, peer)->held_count > 0)
        return;
    sim_seen (self, RARE_WORKER_DRAINED);
    sim_link_send (self, peer, &(sim_message_t){.command = STP_BYE});
    s_die (self, peer);
}

void
sim_worker_hear (sim_t *self, uint32_t peer, const sim_said_t *said)
{
    const reply_t *reply = &said->reply;
    switch ((int) reply->command) {
        case STP_TASK:
            s_hear_task (self, peer, said);
            break;
        case STP_STALE:
        case STP_REVOKE:
            s_drop_attempt (self, peer, reply->id, reply->fence);
            break;
        case STP_ACCEPTED:
            s_hear_accepted (self, peer, reply->request);
            break;
        case STP_ERROR:
            s_worker (self, peer)->refused = true;
            break;
        case STP_DRAIN:
            s_worker (self, peer)->draining = true;
            break;
        default:
            break;
    }
    s_leave_drained (self, peer);
}
