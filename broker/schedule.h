//  schedule: which ready task goes to which waiting worker
//  SPDX-License-Identifier: MPL-2.0
//
//  Within a group the lanes of the highest priority go first and take turns, one for each
//  key; within a lane tasks go in order. Workers that have room take turns, one task each,
//  so that few tasks spread over many workers. At a worker its groups take turns (weighted
//  round robin): however much waits in one of them, another one has its share of each
//  worker that serves both. What it costs does not depend on how many groups, workers or
//  tasks there are.

#ifndef BROKER_SCHEDULE_H
#define BROKER_SCHEDULE_H

#include "core_state.h"

#define SCHEDULE_QUANTUM 64  //  Tasks that a group gives out before the next one's turn

//  A group's turn at a worker is so many tasks for each unit of its weight: one for small
//  workers, an eighth of what a large one holds, so that messages have many.
#define SCHEDULE_TURN_PART 8
#define SCHEDULE_TURN_MAX 64

//  Gives out tasks while there are workers for them and room for replies. Returns true
//  when there is more to do.
bool schedule_run (core_t *core, int64_t now, effects_t *out);

#endif
