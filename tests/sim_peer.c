//  sim_peer: what all players of a simulated world have in common
//  SPDX-License-Identifier: MPL-2.0

#include "sim_peer.h"

void
sim_peer_begin (sim_t *self, uint32_t index)
{
    sim_peer_t *peer = &self->peers [index];
    *peer = (sim_peer_t){.link = index * 2};
    peer->beat_us = (int64_t) self->plan.limits.heartbeat_ms * 1000;
    peer->chance = stint_index_mix (self->plan.seed ^ (uint64_t) (index + 1) << 48);
    sim_link_break (self, index * 2);
    sim_link_break (self, index * 2 + 1);
    self->links [index * 2 + 1].left = true;
    if (index < self->plan.clients)
        sim_client_begin (self, index);
    else
        sim_worker_begin (self, index);
}

//  Begins anew on a connection of its own.

void
sim_peer_join (sim_t *self, uint32_t index)
{
    sim_link_open (self, index);
    self->peers [index].silent = false;
    if (index < self->plan.clients)
        sim_client_join (self, index);
    else
        sim_worker_join (self, index);
}

//  The broker was not heard in time, or it is time for a beat.

void
sim_peer_beat (sim_t *self, uint32_t index)
{
    sim_peer_t *peer = &self->peers [index];
    sim_set (self, SIM_AT_BEAT + index, self->now + peer->beat_us);
    if (peer->silent)
        return;
    if (self->now - peer->heard_at > peer->beat_us * self->plan.limits.liveness) {
        sim_story (self, "player", index, "misses the broker");
        sim_peer_join (self, index);
        return;
    }
    if (index >= self->plan.clients && sim_worker_should_join (self, index)) {
        sim_peer_join (self, index);
        return;
    }
    sim_link_send (self, index, &(sim_message_t){.command = STP_HEARTBEAT});
    sim_client_t *client = &peer->client;
    if (client->resend_at && self->now >= client->resend_at)
        sim_client_resend (self, index);
}

//  The broker names how often to beat: its beats may be more often from now on, or ours.

static void
s_take_pace (sim_t *self, uint32_t index, int64_t beat_us)
{
    sim_peer_t *peer = &self->peers [index];
    if (beat_us < peer->beat_us)
        sim_set (self, SIM_AT_BEAT + index, self->now + beat_us);
    peer->beat_us = beat_us;
}

void
sim_peer_hear (sim_t *self, uint32_t index, const sim_said_t *said)
{
    sim_peer_t *peer = &self->peers [index];
    if (self->tracing)
        sim_tell_said (self, said);
    peer->heard_at = self->now;
    if (said->reply.command == STP_HEARTBEAT && said->reply.state)
        s_take_pace (self, index, (int64_t) said->reply.delay_ms * 1000);
    if (said->reply.command == STP_BYE) {
        sim_peer_join (self, index);
        return;
    }
    if (index < self->plan.clients)
        sim_client_hear (self, index, said);
    else
        sim_worker_hear (self, index, said);
}

void
sim_act (sim_t *self, uint32_t actor)
{
    uint32_t number = self->acts [actor]++;
    uint64_t chance = stint_index_mix (self->plan.seed ^ (uint64_t) actor << 40 ^ number);
    uint64_t wait = 1 + sim_around (&chance, self->plan.act_us [actor]);
    sim_set (self, SIM_AT_ACT + actor, self->now + (int64_t) wait);
    if (number < SIM_ACTS && self->muted [actor][number / 8] & 1u << number % 8)
        return;
    if (actor >= SIM_PEERS)
        sim_nemesis_act (self, actor, &chance);
    else if (self->peers [actor].paused_until > self->now)
        return;
    else if (actor < self->plan.clients)
        sim_client_act (self, actor, &chance);
    else
        sim_worker_act (self, actor, &chance);
}
