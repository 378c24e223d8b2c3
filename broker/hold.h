//  hold: who holds which running task, and who waits for the end of which
//  SPDX-License-Identifier: MPL-2.0
//
//  What the records of attempts come to for the sessions of this life. Called when records
//  are applied, and when an attempt changes hands without one.

#ifndef BROKER_HOLD_H
#define BROKER_HOLD_H

#include "core_state.h"

//  Puts a running task among those that a session holds, or among the orphans when the
//  session is 0.
void hold_put (core_t *core, uint32_t task, uint32_t session);

//  Takes a running task from whoever holds it.
void hold_take (core_t *core, uint32_t task);

//  Moves those who wait for the task to those who are to be told of its end.
void hold_tell (core_t *core, uint32_t task);

#endif
