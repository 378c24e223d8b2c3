//  sim_link: connections: order is kept on each, and nothing else is sure
//  SPDX-License-Identifier: MPL-2.0
//
//  As ZeroMQ has it: a message arrives whole and behind those sent before it, or the
//  connection has broken and all behind it is lost. What a peer had not yet handed to the
//  kernel goes to the next broker that answers there, unless the peer closed its socket.

#include "sim_peer.h"

static int64_t
s_later (sim_t *self, uint64_t mean)
{
    return self->now + (int64_t) sim_around (&self->chance, mean);
}

void
sim_link_open (sim_t *self, uint32_t peer)
{
    sim_link_t *old = &self->links [self->peers [peer].link];
    old->left = true;
    old->down_next = old->down_first = 0;
    sim_set (self, SIM_AT_DOWN + self->peers [peer].link, CORE_NEVER);
    if (old->up_next > old->up_first && sim_random (&self->chance, 3) == 0)
        sim_link_break (self, self->peers [peer].link);

    uint32_t which = self->peers [peer].link ^= 1;
    sim_link_t *link = &self->links [which];
    sim_link_break (self, which);
    link->left = false;
    self->peers [peer].heard_at = self->now;
}

//  All that is on the link is lost; what comes behind it comes as from a new peer.

void
sim_link_break (sim_t *self, uint32_t index)
{
    sim_link_t *link = &self->links [index];
    sim_broker_t *broker = &self->broker;
    link->number = ++self->connections;
    link->session = 0;
    link->queued = false;
    link->up_next = link->up_first = link->up_there = 0;
    link->down_next = link->down_first = 0;
    for (uint32_t at = 0; at < broker->inbox_count; at++) {
        if (broker->inbox [at] == index)
            broker->inbox [at--] = broker->inbox [--broker->inbox_count];
    }
    sim_set (self, SIM_AT_UP + index, CORE_NEVER);
    sim_set (self, SIM_AT_DOWN + index, CORE_NEVER);
}

void
sim_link_send (sim_t *self, uint32_t peer, const sim_message_t *message)
{
    uint32_t index = self->peers [peer].link;
    sim_link_t *link = &self->links [index];
    if (self->tracing)
        sim_tell_message (self, peer, message);
    if (link->up_next - link->up_first == SIM_UP) {
        sim_link_break (self, index);
        return;
    }
    link->up [link->up_next % SIM_UP] = *message;
    link->up [link->up_next++ % SIM_UP].sent_at = self->now;
    if (link->up_next - link->up_there == 1)
        sim_set (self, SIM_AT_UP + index, s_later (self, self->plan.link_us));
}

bool
sim_link_say (sim_t *self, const sim_said_t *said)
{
    sim_link_t *link = &self->links [said->link];
    if (link->number != said->number || link->left
        || link->down_next - link->down_first == SIM_DOWN)
        return false;
    link->down [link->down_next++ % SIM_DOWN] = *said;
    if (link->down_next - link->down_first == 1)
        sim_set (self, SIM_AT_DOWN + said->link, s_later (self, self->plan.link_us));
    return true;
}

static bool
s_is_cut (sim_t *self, uint32_t index, uint32_t way, uint32_t timer)
{
    const sim_link_t *link = &self->links [index];
    if (self->now < link->cut_from [way] || self->now >= link->cut_until [way])
        return false;
    sim_set (self, timer, link->cut_until [way]);
    return true;
}

//  A message stands at the broker's door. While there is no broker it stays with its peer.

void
sim_link_arrive (sim_t *self, uint32_t index)
{
    sim_link_t *link = &self->links [index];
    sim_broker_t *broker = &self->broker;
    if (s_is_cut (self, index, 0, SIM_AT_UP + index))
        return;
    if (!broker->core || broker->closing) {
        int64_t start = self->at [SIM_AT_START];
        int64_t at = start == CORE_NEVER ? self->now + 100000 : start;
        sim_set (self, SIM_AT_UP + index, at + (int64_t) sim_random (&self->chance, 2000));
        return;
    }
    link->up_there++;
    if (!link->queued) {
        link->queued = true;
        broker->inbox [broker->inbox_count++] = index;
    }
    bool more = link->up_there < link->up_next;
    sim_set (self, SIM_AT_UP + index,
             more ? s_later (self, self->plan.link_us / 8) : CORE_NEVER);
    if (self->at [SIM_AT_TURN] > self->now + self->plan.turn_us)
        sim_set (self, SIM_AT_TURN, self->now + self->plan.turn_us);
}

void
sim_link_deliver (sim_t *self, uint32_t index)
{
    sim_link_t *link = &self->links [index];
    const sim_peer_t *peer = &self->peers [index / 2];
    if (s_is_cut (self, index, 1, SIM_AT_DOWN + index))
        return;
    if (peer->paused_until > self->now) {
        sim_set (self, SIM_AT_DOWN + index, peer->paused_until);
        return;
    }
    const sim_said_t said = link->down [link->down_first++ % SIM_DOWN];
    bool more = link->down_first < link->down_next;
    sim_set (self, SIM_AT_DOWN + index,
             more ? s_later (self, self->plan.link_us / 8) : CORE_NEVER);
    self->counts.events++;
    self->world_events++;
    sim_peer_hear (self, index / 2, &said);
}

//  The broker is gone. What had left its peer is lost, what had left the broker arrives or
//  does not; each link goes on as another connection, but for one that its peer has closed:
//  it does not linger.

void
sim_link_crash (sim_t *self)
{
    for (uint32_t index = 0; index < self->peer_count * 2; index++) {
        sim_link_t *link = &self->links [index];
        uint32_t sent = link->up_next - link->up_first;
        if (sent > 0)
            link->up_first += (uint32_t) sim_random (&self->chance, sent + 1);
        if (link->up_first < link->up_there)
            link->up_first = link->up_there;
        if (link->left)
            link->up_first = link->up_next;
        link->up_there = link->up_first;
        uint32_t back = link->down_next - link->down_first;
        if (back > 0)
            link->down_next -= (uint32_t) sim_random (&self->chance, back + 1);
        link->number = ++self->connections;
        link->session = 0;
        link->queued = false;
        bool up = link->up_next > link->up_first;
        bool down = link->down_next > link->down_first;
        if (!up)
            sim_set (self, SIM_AT_UP + index, CORE_NEVER);
        else if (self->at [SIM_AT_UP + index] == CORE_NEVER)
            sim_set (self, SIM_AT_UP + index, self->now + 1000);
        if (!down)
            sim_set (self, SIM_AT_DOWN + index, CORE_NEVER);
    }
    self->broker.inbox_count = 0;
}
