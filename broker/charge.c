//  charge: what begins takes tokens of its group and key
//  SPDX-License-Identifier: MPL-2.0

#include "charge.h"

#include "apply.h"
#include "group_rates.h"

#define LOOKS 2           //  At keys, for each start: more than buckets can be made by it
#define LOOKS_SWEEP 1024  //  At keys, now and then
#define LOOKS_FULL 64     //  At keys, for one that has to make room

//  Forgets buckets among the next keys in turn: those that are full, or any.

static void
s_forget (core_t *core, int64_t now, int looks, bool any)
{
    for (; looks > 0 && core->groups.lanes.kept.count > 0; looks--) {
        uint32_t found = groups_look (&core->groups, now, any);
        const lane_key_t *key = &core->groups.lanes.keys.pool [found];
        record_t record = {.kind = RECORD_RATE, .group = key->group, .at = now};
        record.by = stint_bytes_of (key->text);
        if (found)
            apply_now (core, &record, NULL);
        if (found && any)
            return;
    }
}

//  Returns true when there is room for the bucket of a key. There is, but for when very
//  many have one; then it takes the place of another one.

static bool
s_room (core_t *core, int64_t now, uint32_t key)
{
    const lanes_t *lanes = &core->groups.lanes;
    if (lanes->keys.pool [key].bucket.level > 0)
        return true;
    if (lanes->kept.count >= lanes->paced_max)
        s_forget (core, now, LOOKS_FULL, true);
    return lanes->kept.count < lanes->paced_max;
}

void
charge_start (core_t *core, int64_t now, const task_t *task, uint32_t count)
{
    const groups_t *groups = &core->groups;
    const group_t *group = &groups->groups.pool [task->group];
    if (!group->rated)
        return;
    s_forget (core, now, LOOKS, false);
    record_t record = {.kind = RECORD_RATE, .group = task->group, .at = now};
    uint32_t key = groups->kinds.kinds.pool [task->kind].key;
    rate_limit_t limit = groups_rate (groups, task->group);
    rate_limit_t key_limit = groups_key_rate (groups, task->group);
    if (limit.hourly > 0)
        record.level = rate_level (&group->bucket, limit, now) + count * RATE_TOKEN;
    if (key && key_limit.hourly > 0 && s_room (core, now, key)) {
        const lane_key_t *row = &groups->lanes.keys.pool [key];
        record.by = stint_bytes_of (row->text);
        record.key_level = rate_level (&row->bucket, key_limit, now) + count * RATE_TOKEN;
    }
    if (record.level > 0 || record.key_level > 0)
        apply_now (core, &record, NULL);
}

void
charge_sweep (core_t *core, int64_t now)
{
    s_forget (core, now, LOOKS_SWEEP, false);
}
