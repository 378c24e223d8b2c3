//  sim_peer: the players of a simulated world, and what goes wrong around them
//  SPDX-License-Identifier: MPL-2.0

#ifndef SIM_PEER_H
#define SIM_PEER_H

#include "sim_truth.h"

//  An actor does what its turn is; a player begins, connects, beats, hears.
void sim_act (sim_t *self, uint32_t actor);
void sim_peer_begin (sim_t *self, uint32_t peer);
void sim_peer_join (sim_t *self, uint32_t peer);
void sim_peer_beat (sim_t *self, uint32_t peer);
void sim_peer_hear (sim_t *self, uint32_t peer, const sim_said_t *said);
void sim_client_begin (sim_t *self, uint32_t peer);
void sim_client_act (sim_t *self, uint32_t peer, uint64_t *chance);
void sim_client_join (sim_t *self, uint32_t peer);
void sim_client_hear (sim_t *self, uint32_t peer, const sim_said_t *said);
void sim_client_forget (sim_t *self, uint32_t peer);
void sim_client_resend (sim_t *self, uint32_t peer);
void sim_client_collect (sim_t *self, uint32_t peer, uint64_t *chance);
void sim_worker_begin (sim_t *self, uint32_t peer);
void sim_worker_act (sim_t *self, uint32_t peer, uint64_t *chance);
void sim_worker_join (sim_t *self, uint32_t peer);
void sim_worker_hear (sim_t *self, uint32_t peer, const sim_said_t *said);
bool sim_worker_should_join (const sim_t *self, uint32_t peer);
void sim_worker_done (sim_t *self, uint32_t peer);
void sim_nemesis_act (sim_t *self, uint32_t actor, uint64_t *chance);
void sim_nemesis_heal (sim_t *self);

#endif
