//  core_events: one function a command, for the core's front door
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_CORE_EVENTS_H
#define BROKER_CORE_EVENTS_H

#include "core_state.h"

//  From clients.
void core_on_push (core_t *core, int64_t now, uint32_t session, stint_message_t *message,
                   effects_t *out);
void core_on_batch (core_t *core, int64_t now, uint32_t session,
                    const stint_message_t *message, effects_t *out);
void core_on_collect (core_t *core, int64_t now, uint32_t session,
                      const stint_message_t *message, effects_t *out);
void core_on_group (core_t *core, int64_t now, uint32_t session,
                    const stint_message_t *message, effects_t *out);
void core_on_query (core_t *core, int64_t now, uint32_t session,
                    const stint_message_t *message, effects_t *out);

void core_on_worker (core_t *core, uint32_t session, const stint_message_t *message,
                     effects_t *out);
//  QUERY for the bytes of a task, which it answers with an OUTCOME. Returns false when it
//  asks for something else.
bool core_on_read (core_t *core, uint32_t session, const stint_message_t *message,
                   effects_t *out);

//  CANCEL, RETRY or DROP: of one task, or of those of a group that it selects.
void core_on_many (core_t *core, int64_t now, uint32_t session,
                   const stint_message_t *message, effects_t *out);

void core_on_schedule (core_t *core, int64_t now, uint32_t session,
                       stint_message_t *message, effects_t *out);

//  From workers.
void core_on_ready (core_t *core, int64_t now, uint32_t session, stint_message_t *message,
                    effects_t *out);
void core_on_credit (core_t *core, uint32_t session, const stint_message_t *message);
void core_on_result (core_t *core, int64_t now, uint32_t session, stint_message_t *message,
                     effects_t *out);
void core_on_return (core_t *core, uint32_t session, stint_message_t *message);
void core_on_progress (core_t *core, int64_t now, uint32_t session,
                       stint_message_t *message, effects_t *out);

//  From both: hands back what the session holds, and ends it.
void core_on_bye (core_t *core, uint32_t session, effects_t *out);

//  Takes back the tasks of sessions that are gone. Returns true when there are more.
bool core_take_back (core_t *core, int64_t now);

//  Returns when a peer may be missed whose time ends then: later, while words wait.
int64_t core_patience (const core_t *core, int64_t until);

//  Ends sessions that were not heard in time. Returns true when there may be more.
bool core_miss (core_t *core, int64_t now, effects_t *out);

//  Sends the heartbeats that are due. Returns true when there may be more.
bool core_beat (core_t *core, int64_t now, effects_t *out);

//  Tells everybody when both sides are to beat more often, or less often. Returns true when
//  there is more to tell.
bool core_pace (core_t *core, int64_t now, effects_t *out);

//  Returns the slot of the group of that name, which is made if it is not there; 0 when
//  there are too many.
uint32_t core_group (core_t *core, stint_bytes_t name);

//  Answers with ERROR.
void core_error (effects_t *out, uint32_t session, uint64_t request, const char *code,
                 const char *text);

//  Answers with FULL: nothing was done, and it may be tried again.
void core_full (effects_t *out, uint32_t session, uint64_t request, const char *text);

//  Answers with ACCEPTED, once all that was written so far is durable.
reply_t *core_accepted (effects_t *out, uint32_t session, uint64_t request);

//  Sends those who wait for single tasks what became of them, while there is room.
bool core_tell (core_t *core, effects_t *out);

//  Sends collectors the outcomes of their batches, while there is room.
bool core_deliver (core_t *core, effects_t *out);

//  Lets go of all that a session waits for or collects.
void core_unwatch (core_t *core, uint32_t session);

//  Pushes the tasks of schedules whose time has come. Returns true when there may be more;
//  the other returns when to look again, or CORE_NEVER.
bool core_run_schedules (core_t *core, int64_t now);
int64_t core_schedule_at (const core_t *core);

//  Forgets what is old: ended tasks and silent producers, a part at a time. Returns true
//  when there is more.
bool core_sweep (core_t *core, int64_t now);

#endif
