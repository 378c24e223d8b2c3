//  schedule: which ready task goes to which waiting worker
//  SPDX-License-Identifier: MPL-2.0
//
//  Groups that have both take turns; within a group tasks go in order, and workers that
//  have room take turns, one task each, so that few tasks spread over many workers. What
//  it costs does not depend on how many groups, workers or tasks there are.

#ifndef BROKER_SCHEDULE_H
#define BROKER_SCHEDULE_H

#include "core_state.h"

#define SCHEDULE_QUANTUM 64  //  Tasks that a group gives out before the next one's turn

//  Gives out tasks while there are workers for them and room for replies. Returns true
//  when there is more to do.
bool schedule_run (core_t *core, int64_t now, effects_t *out);

#endif
