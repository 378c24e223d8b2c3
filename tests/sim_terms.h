//  sim_terms: what tasks of a simulated world ask for, and that they get it
//  SPDX-License-Identifier: MPL-2.0

#ifndef SIM_TERMS_H
#define SIM_TERMS_H

#include "sim_run.h"

//  Draws what the tasks of a push ask for, which is nothing for most.
sim_terms_t sim_terms_draw (const sim_t *self, uint64_t *chance, uint64_t delay);

//  Returns true when anything is asked for; packs it as a message has it, until the next
//  call.
bool sim_terms_any (const sim_terms_t *terms);
stint_bytes_t sim_terms_write (const sim_terms_t *terms);

//  A task was given out by the core; it leaves for a worker.
void sim_terms_given (sim_t *self, const sim_truth_t *truth, const reply_t *reply);
void sim_terms_leaves (sim_t *self, const reply_t *reply);

//  The core has run: nothing is there whose time is over. A broker has recovered: no order
//  was turned round.
void sim_terms_run (sim_t *self);
void sim_terms_recovered (sim_t *self);

//  A task was given out by the core; a group was removed; a broker has recovered:
//  sim_rate.c
void sim_rate_given (sim_t *self, const sim_truth_t *truth, const reply_t *reply);
void sim_rate_forget (void);
void sim_rate_recovered (const sim_t *self);

#endif
