//  sim_share: that groups get what they are to get of workers, and no more
//  SPDX-License-Identifier: MPL-2.0

#include "schedule.h"
#include "sim_terms.h"
#include "sim_truth.h"

#define WEIGHT_MAX 4  //  Of a group in a world

//  Returns true when a group has tasks that could be given out now, if a worker had room.

static bool
s_wants (const core_t *core, uint32_t group)
{
    return core->groups.groups.pool [group].levels != 0
           && groups_room (&core->groups, group) > 0;
}

void
sim_share_given (sim_t *self, const reply_t *reply)
{
    const core_t *core = self->broker.core;
    const group_t *group = &core->groups.groups.pool [reply->group];
    record_settings_t settings = groups_settings (&core->groups, reply->group);
    uint32_t running = group->counts [STINT_RUNNING];
    sim_check (self, !settings.paused, "S12", "task %lu of %s is given out in a pause",
               reply->id, group->name);
    sim_check (self, !settings.max_running || running <= settings.max_running, "S12",
               "%u tasks of %s run, of %lu", running, group->name, settings.max_running);
    sim_session_t *known = &self->broker.sessions [reply->session];
    if (known->streak > 0 && known->streak_group != reply->group
        && s_wants (core, known->streak_group))
        sim_seen (self, RARE_SHARED);
    known->streak = known->streak_group == reply->group ? known->streak + 1 : 1;
    known->streak_group = reply->group;
}

//  A worker has had nothing but tasks of one group for longer than two turns of the
//  greatest weight, though others wanted it all the time. Weights may change meanwhile.

static void
s_judge_streak (sim_t *self, uint32_t slot)
{
    const core_t *core = self->broker.core;
    const session_t *session = &core->sessions.sessions.pool [slot];
    const subscription_t *own = sessions_subscriptions (&core->sessions, slot);
    sim_session_t *known = &self->broker.sessions [slot];
    bool wanted = false;
    for (uint32_t index = 0; index < session->groups; index++)
        wanted |=
            own [index].group != known->streak_group && s_wants (core, own [index].group);
    if (!wanted) {
        known->streak = 0;
        return;
    }
    uint32_t part = session->capacity / SCHEDULE_TURN_PART + 1;
    sim_check (self, known->streak <= 2 * WEIGHT_MAX * part + RECORD_STARTS, "L4",
               "a worker was given %u tasks of one group, and others waited",
               known->streak);
}

void
sim_share_run (sim_t *self)
{
    const core_t *core = self->broker.core;
    for (uint32_t slot = 1; slot <= core->groups.groups.used; slot++) {
        const group_t *group = &core->groups.groups.pool [slot];
        if (group->used && group->waiting.count > 0 && group->levels != 0
            && groups_room (&core->groups, slot) == 0)
            sim_seen (self, group->settings.paused ? RARE_PAUSED
                            : group->bucket.dry    ? RARE_RATE
                                                   : RARE_RUNNING_MAX);
    }
    sim_terms_run (self);
    for (uint32_t slot = 1; slot <= core->sessions.sessions.used; slot++) {
        if (self->broker.sessions [slot].streak > 0)
            s_judge_streak (self, slot);
    }
}
