//  group_lanes: which lane a task stands in, and which lane of a group is next
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_GROUP_LANES_H
#define BROKER_GROUP_LANES_H

#include "group.h"

//  Makes a task one of the kind that asks for these terms; takes it out of its kind.
uint32_t groups_open_kind (groups_t *self, uint32_t group, const terms_t *terms);
void groups_close_kind (groups_t *self, task_t *task);

//  Returns the lane that a task stands in, or is to stand in.
static inline uint32_t
groups_lane (const groups_t *self, const task_t *task)
{
    return task->kind ? self->kinds.kinds.pool [task->kind].lane
                      : self->groups.pool [task->group].lane;
}

//  Returns the order that a task belongs to, or null.
static inline order_t *
groups_order (const groups_t *self, const task_t *task)
{
    uint32_t order = self->kinds.kinds.pool [task->kind].order;
    return order ? &self->kinds.orders.pool [order] : NULL;
}

//  Puts a ready task into its lane, or takes it out: see lane.h.
void groups_enqueue (groups_t *self, task_t *tasks, uint32_t task, bool early);
void groups_dequeue (groups_t *self, task_t *tasks, uint32_t task);

//  Counts a task of a key among those at workers, or no more.
void groups_count_running (groups_t *self, const task_t *task, bool running);

//  Returns the lane whose turn it is in a group that has one.
uint32_t groups_next_lane (const groups_t *self, uint32_t slot);

//  Puts a lane behind the others of its group and priority that may run.
static inline void
groups_turn_lane (groups_t *self, uint32_t lane)
{
    lane_t *pool = self->lanes.lanes.pool;
    group_t *group = &self->groups.pool [pool [lane].group];
    lane_turns_rotate (&group->turns [pool [lane].priority], pool, lane);
}

//  Returns how many tasks of a lane's key may still go to workers: key_running, less those
//  that are there, and none while the key has no token.
uint64_t groups_lane_room (const groups_t *self, uint32_t lane);

//  Links a lane among those of its group that may run, or unlinks it, as its tasks are and
//  as its key has room; and its group with it.
void groups_update_lane (groups_t *self, uint32_t lane);

//  Does so for all lanes of a key.
void groups_update_key (groups_t *self, uint32_t key);

//  Does so for all lanes of a group, whose settings have changed.
void groups_update_lanes (groups_t *self, uint32_t slot);

#endif
