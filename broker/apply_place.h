//  apply_place: where a task stands: in a lane, at a worker, behind its order, among the
//  ended SPDX-License-Identifier: MPL-2.0
//
//  For the functions that apply records. Each moves a task to another state, which is legal
//  or nothing happens, and keeps lists, counts and deadlines as they have to be.

#ifndef BROKER_APPLY_PLACE_H
#define BROKER_APPLY_PLACE_H

#include "core_state.h"

//  Takes a task off whatever list its state has it on.
void place_unlink (core_t *core, uint32_t slot);

//  Moves a task to another state. False when that is not legal: a broken journal.
bool place_move (core_t *core, uint32_t slot, uint64_t state);

//  Lets a task wait, ready or delayed, or blocks it when another one of its order is before
//  it.
bool place_wait (core_t *core, uint32_t slot, uint64_t state);

//  Lets a task run, as the current one of its order.
bool place_run (core_t *core, uint32_t slot);

//  A task has ended: the next one of its order need not wait for it any more.
void place_unblock (core_t *core, uint32_t slot);

//  Puts a task where its full record says that it was. Whether it is blocked follows from
//  those of its order that are there.
void place_bring (core_t *core, uint32_t slot, uint64_t state);

#endif
