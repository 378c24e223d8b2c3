//  group_lanes: which lane a task stands in, and which lane of a group is next
//  SPDX-License-Identifier: MPL-2.0

#include "group_rates.h"

uint32_t
groups_open_kind (groups_t *self, uint32_t group, const terms_t *terms)
{
    uint32_t kind = kinds_open (&self->kinds, &self->lanes,
                                &self->groups.pool [group].lanes, group, terms);
    uint32_t key = self->kinds.kinds.pool [kind].key;
    //  Of a key without tasks it is not looked at when settings change
    if (self->lanes.keys.pool [key].bucket.dry)
        groups_renew_key (self, key);
    return kind;
}

void
groups_close_kind (groups_t *self, task_t *task)
{
    if (task->kind)
        kinds_close (&self->kinds, &self->lanes, &self->groups.pool [task->group].lanes,
                     task->kind);
    task->kind = 0;
}

void
groups_enqueue (groups_t *self, task_t *tasks, uint32_t task, bool early)
{
    uint32_t lane = groups_lane (self, &tasks [task]);
    lane_enqueue (&self->lanes.lanes.pool [lane], tasks, task, early);
    if (!lane_turns_linked (self->lanes.lanes.pool, lane))
        groups_update_lane (self, lane);
}

void
groups_dequeue (groups_t *self, task_t *tasks, uint32_t task)
{
    uint32_t lane = groups_lane (self, &tasks [task]);
    lane_dequeue (&self->lanes.lanes.pool [lane], tasks, task);
    if (lane_first (&self->lanes.lanes.pool [lane]) == 0)
        groups_update_lane (self, lane);
}

void
groups_update_key (groups_t *self, uint32_t key)
{
    const uint32_t *lanes = self->lanes.keys.pool [key].lanes;
    for (size_t priority = 0; priority < TERMS_PRIORITIES; priority++) {
        if (lanes [priority])
            groups_update_lane (self, lanes [priority]);
    }
}

void
groups_count_running (groups_t *self, const task_t *task, bool running)
{
    uint32_t slot = self->kinds.kinds.pool [task->kind].key;
    if (!slot)
        return;
    self->lanes.keys.pool [slot].running += running ? 1u : UINT32_MAX;
    groups_update_key (self, slot);
}

uint32_t
groups_next_lane (const groups_t *self, uint32_t slot)
{
    const group_t *group = &self->groups.pool [slot];
    assert (group->levels != 0);
    return group->turns [31 - __builtin_clz (group->levels)].head;
}

uint64_t
groups_lane_room (const groups_t *self, uint32_t lane)
{
    uint32_t key = self->lanes.lanes.pool [lane].key;
    const group_t *group = &self->groups.pool [self->lanes.lanes.pool [lane].group];
    uint64_t most = group->settings.key_running ? group->settings.key_running
                                                : self->defaults.key_running;
    uint32_t running = self->lanes.keys.pool [key].running;
    if (self->lanes.keys.pool [key].bucket.dry)
        return 0;
    if (most == 0 || !key)
        return UINT64_MAX;
    return most > running ? most - running : 0;
}

void
groups_update_lane (groups_t *self, uint32_t lane)
{
    lane_t *pool = self->lanes.lanes.pool;
    uint32_t priority = pool [lane].priority;
    group_t *group = &self->groups.pool [pool [lane].group];
    bool may = lane_first (&pool [lane]) != 0 && groups_lane_room (self, lane) > 0;
    if (may == lane_turns_linked (pool, lane))
        return;
    if (may)
        lane_turns_append (&group->turns [priority], pool, lane);
    else
        lane_turns_remove (&group->turns [priority], pool, lane);
    if (group->turns [priority].count > 0)
        group->levels |= 1u << priority;
    else
        group->levels &= ~(1u << priority);
    groups_update (self, pool [lane].group);
}

void
groups_update_lanes (groups_t *self, uint32_t slot)
{
    groups_renew_rates (self, slot);
    const lane_t *pool = self->lanes.lanes.pool;
    for (uint32_t lane = self->groups.pool [slot].lanes.head; lane;
         lane = pool [lane].group_node.next)
        groups_update_lane (self, lane);
    groups_update (self, slot);
}
