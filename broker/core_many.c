//  core_many: what the core does with CANCEL, RETRY and DROP: to one task, or to many
//  SPDX-License-Identifier: MPL-2.0
//
//  Many tasks are those of a group, perhaps in one state or of one batch. They are looked
//  up in order of their numbers, as for a list of tasks, and as many as one event may take;
//  the answer says how far that was, and the client asks again from there.

#include "apply.h"
#include "core_events.h"
#include "lease.h"

#define MANY_MAX 256           //  Most tasks that one request is carried out for
#define LOOKUPS_MAX (1 << 17)  //  Numbers looked up for one request

#define S(state) (1u << STINT_##state)

//  The states of the tasks that a command is for.

static unsigned
s_states (stp_command_t command)
{
    if (command == STP_RETRY)
        return S (DEAD) | S (CANCELLED);
    if (command == STP_DROP)
        return S (DONE) | S (DEAD) | S (CANCELLED);
    return S (DELAYED) | S (READY) | S (RUNNING) | S (BLOCKED);
}

//  Returns true when the command can be carried out for the task. A task may be tried
//  again only with its payload, which brokers of before did not keep of a cancelled one.

static bool
s_may (const task_t *task, stp_command_t command, unsigned states)
{
    return (states & 1u << task->state) != 0
           && (command != STP_RETRY || task->payload.block > 0);
}

static void
s_carry_out (core_t *core, int64_t now, uint32_t slot, stp_command_t command,
             effects_t *out)
{
    const task_t *task = &core->tasks.tasks.pool [slot];
    if (command == STP_RETRY)
        lease_retry (core, now, slot);
    else if (command == STP_DROP) {
        record_t record = {.kind = RECORD_DROPPED, .id = task->id};
        apply_now (core, &record, NULL);
    }
    else
        lease_cancel (core, now, slot, "", out);
}

static void
s_accept (effects_t *out, uint32_t session, uint64_t request, uint64_t count, uint64_t id,
          effects_many_t many)
{
    reply_t *reply = core_accepted (out, session, request);
    reply->count = count;
    reply->id = id;
    reply->state = (uint8_t) many;
}

//  ---------------------------------------------------------------------------------
//  One task

//  Returns true when the task is already what the command would make of it.

static bool
s_is_so (const task_t *task, stp_command_t command)
{
    if (command == STP_CANCEL)
        return task->state == STINT_CANCELLED;
    return command == STP_RETRY && !task_ended (task->state);
}

static void
s_refuse (uint32_t session, const stint_message_t *message, const task_t *task,
          effects_t *out)
{
    if (message->command == STP_DROP)
        core_error (out, session, message->request, "invalid",
                    "the task has not ended: cancel it before it is dropped");
    else if (message->command == STP_CANCEL)
        core_error (out, session, message->request, "ended", "the task has ended already");
    else if (task->state == STINT_DONE)
        core_error (out, session, message->request, "ended",
                    "the task has ended well: only a dead or cancelled one is tried again");
    else
        core_error (out, session, message->request, "invalid",
                    "the task was cancelled by an older broker, which let go of its "
                    "payload: push it again");
}

static void
s_on_one (core_t *core, int64_t now, uint32_t session, const stint_message_t *message,
          effects_t *out)
{
    stp_command_t command = message->command;
    uint32_t slot = tasks_find (&core->tasks, message->id);
    if (!slot) {
        core_error (out, session, message->request, "unknown", "no such task");
        return;
    }
    const task_t *task = &core->tasks.tasks.pool [slot];
    bool may = s_may (task, command, s_states (command));
    if (!may && !s_is_so (task, command)) {
        s_refuse (session, message, task, out);
        return;
    }
    if (may)
        s_carry_out (core, now, slot, command, out);
    s_accept (out, session, message->request, may, message->id, EFFECTS_ALL);
}

//  ---------------------------------------------------------------------------------
//  Many tasks

typedef struct {
    uint32_t group;   //  Slot of the group
    uint32_t batch;   //  Slot of the batch, 0 for any or none
    unsigned states;  //  A bit a state
} s_choice_t;

//  Reads what is selected. Returns false after it has answered what is wrong.

static bool
s_choose (const core_t *core, uint32_t session, const stint_message_t *message,
          s_choice_t *choice, effects_t *out)
{
    choice->states = s_states (message->command);
    if (message->state >= TASK_STATES
        || (message->state && !(choice->states & 1u << message->state))) {
        core_error (out, session, message->request, "invalid",
                    "x is a state in which this cannot be done to a task");
        return false;
    }
    if (message->state)
        choice->states = 1u << message->state;
    choice->group = groups_find (&core->groups, message->group);
    choice->batch = batches_find (&core->batches, message->batch);
    if (!choice->group || (message->batch && !choice->batch)) {
        core_error (out, session, message->request, "unknown",
                    choice->group ? "no such batch" : "no such group");
        return false;
    }
    return true;
}

static bool
s_chosen (const task_t *task, stp_command_t command, const s_choice_t *choice)
{
    return task->group == choice->group && (!choice->batch || task->batch == choice->batch)
           && s_may (task, command, choice->states);
}

static void
s_on_all (core_t *core, int64_t now, uint32_t session, const stint_message_t *message,
          effects_t *out)
{
    s_choice_t choice;
    if (!s_choose (core, session, message, &choice, out))
        return;
    uint64_t end = core->next_id;
    uint64_t after = message->after < end ? message->after : end - 1;
    uint64_t id = tasks_skip (&core->tasks, after + 1, end);
    uint64_t done = 0;
    for (int count = 0; id < end && done < MANY_MAX && count < LOOKUPS_MAX; count++) {
        uint32_t slot = tasks_find (&core->tasks, id);
        id = tasks_skip (&core->tasks, id + 1, end);
        if (!slot || !s_chosen (&core->tasks.tasks.pool [slot], message->command, &choice))
            continue;
        s_carry_out (core, now, slot, message->command, out);
        done++;
    }
    s_accept (out, session, message->request, done, id - 1,
              id < end ? EFFECTS_MORE : EFFECTS_ALL);
}

void
core_on_many (core_t *core, int64_t now, uint32_t session, const stint_message_t *message,
              effects_t *out)
{
    if (stint_wire_has (message, 'i'))
        s_on_one (core, now, session, message, out);
    else if (stint_wire_has (message, 'g'))
        s_on_all (core, now, session, message, out);
    else
        core_error (out, session, message->request, "invalid",
                    "it names neither a task, with i, nor a group, with g");
}
