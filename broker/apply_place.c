//  apply_place: where a task stands: in a lane, at a worker, behind its order, among the
//  ended SPDX-License-Identifier: MPL-2.0

#include "apply_place.h"

#include "hold.h"

static task_t *
s_task (core_t *core, uint32_t slot)
{
    return &core->tasks.tasks.pool [slot];
}

static group_t *
s_group (core_t *core, uint32_t slot)
{
    return &core->groups.groups.pool [slot];
}

//  Takes a task off whatever list its state has it on.

void
place_unlink (core_t *core, uint32_t slot)
{
    task_t *task = s_task (core, slot);
    task_t *pool = core->tasks.tasks.pool;
    switch ((stint_state_t) task->state) {
        case STINT_DELAYED:
            task_delays_remove (&core->tasks.delays, pool, slot);
            break;
        case STINT_READY:
            groups_dequeue (&core->groups, pool, slot);
            break;
        case STINT_RUNNING:
            hold_take (core, slot);
            task_notes_forget (&core->notes, task->id);
            groups_count_running (&core->groups, task, false);
            break;
        case STINT_BLOCKED:
            task_list_remove (&groups_order (&core->groups, task)->blocked, pool, slot);
            break;
        case STINT_DONE:
        case STINT_DEAD:
        case STINT_CANCELLED:
            task_list_remove (&s_group (core, task->group)->ended, pool, slot);
            break;
        default:
            break;
    }
    s_group (core, task->group)->counts [task->state]--;
}

static void
s_link (core_t *core, uint32_t slot, uint8_t before)
{
    task_t *task = s_task (core, slot);
    task_t *pool = core->tasks.tasks.pool;
    switch ((stint_state_t) task->state) {
        case STINT_DELAYED:
            task_delays_push (&core->tasks.delays, pool, slot);
            break;
        case STINT_READY:
            groups_enqueue (&core->groups, pool, slot, before == STINT_BLOCKED);
            break;
        case STINT_RUNNING:
            hold_put (core, slot, core->at_session);
            groups_count_running (&core->groups, task, true);
            break;
        case STINT_BLOCKED:
            order_block (groups_order (&core->groups, task), pool, slot);
            break;
        case STINT_DONE:
        case STINT_DEAD:
        case STINT_CANCELLED:
            task_list_append (&s_group (core, task->group)->ended, pool, slot);
            break;
        default:
            assert (false);
    }
    s_group (core, task->group)->counts [task->state]++;
}

//  When the time of a task will be over as it is now: it has not begun, or not ended.

static int64_t
s_due (const core_t *core, const task_t *task)
{
    const terms_t *terms = &core->groups.kinds.kinds.pool [task->kind].terms;
    if (task_ended (task->state))
        return 0;
    int64_t due = terms->deadline ? task->at + (int64_t) terms->deadline : 0;
    if (terms->expires && task->attempts == 0 && task->state != STINT_RUNNING)
        due = task->at + (int64_t) terms->expires;
    return due;
}

static void
s_update_due (core_t *core, uint32_t slot)
{
    task_t *task = s_task (core, slot);
    task_t *pool = core->tasks.tasks.pool;
    int64_t due = s_due (core, task);
    if (due == task->due)
        return;
    if (task->due)
        task_dues_remove (&core->tasks.dues, pool, slot);
    task->due = due;
    if (due)
        task_dues_push (&core->tasks.dues, pool, slot);
}

//  Moves a task to another state. False when that is not legal: a broken journal.

bool
place_move (core_t *core, uint32_t slot, uint64_t state)
{
    task_t *task = s_task (core, slot);
    uint8_t before = task->state;
    if (state < STINT_DELAYED || state >= TASK_STATES
        || !task_may (before, (uint8_t) state))
        return false;
    if (before)
        place_unlink (core, slot);
    task->state = (uint8_t) state;
    s_link (core, slot, before);
    groups_update (&core->groups, task->group);
    if (task->kind)
        s_update_due (core, slot);
    return true;
}

//  ---------------------------------------------------------------------------------
//  Orders: one task of each waits or runs, the others are blocked

static bool
s_waits (const task_t *task)
{
    return task->state == STINT_READY || task->state == STINT_DELAYED;
}

//  Lets a task wait, or blocks it when another one of its order is before it. A recovery
//  may bring one later that is before those which are there.

bool
place_wait (core_t *core, uint32_t slot, uint64_t state)
{
    order_t *order = groups_order (&core->groups, s_task (core, slot));
    if (!order)
        return place_move (core, slot, state);
    uint32_t current = order->current;
    if (current && current != slot) {
        const task_t *other = s_task (core, current);
        if (!s_waits (other) || other->attempts > 0 || other->id < s_task (core, slot)->id)
            return place_move (core, slot, STINT_BLOCKED);
        place_move (core, current, STINT_BLOCKED);
    }
    order->current = slot;
    return place_move (core, slot, state);
}

//  Makes a task that runs the current one of its order, which it is but for a recovery.

bool
place_run (core_t *core, uint32_t slot)
{
    order_t *order = groups_order (&core->groups, s_task (core, slot));
    uint32_t current = order ? order->current : 0;
    if (current && current != slot && s_waits (s_task (core, current)))
        place_move (core, current, STINT_BLOCKED);
    if (order)
        order->current = slot;
    return place_move (core, slot, STINT_RUNNING);
}

//  A task has ended: the next one of its order need not wait for it any more.

void
place_unblock (core_t *core, uint32_t slot)
{
    order_t *order = groups_order (&core->groups, s_task (core, slot));
    if (!order || order->current != slot)
        return;
    order->current = order->blocked.head;
    order->gate = core->at_block;
    if (order->current)
        place_move (core, order->current,
                    s_task (core, order->current)->until > 0 ? STINT_DELAYED : STINT_READY);
}

//  Puts a task where it was. Whether it is blocked follows from those of its order that
//  are there.

void
place_bring (core_t *core, uint32_t slot, uint64_t state)
{
    if (state == STINT_BLOCKED)
        state = s_task (core, slot)->until > 0 ? STINT_DELAYED : STINT_READY;
    if (state == STINT_DELAYED || state == STINT_READY)
        place_wait (core, slot, state);
    else if (state == STINT_RUNNING)
        place_run (core, slot);
    else
        place_move (core, slot, state);
}
