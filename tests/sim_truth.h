//  sim_truth: what the world knows of each task, and holds the broker to
//  SPDX-License-Identifier: MPL-2.0

#ifndef SIM_TRUTH_H
#define SIM_TRUTH_H

#include "sim_run.h"

//  Notes that a task is pushed. Returns its truth.
uint32_t sim_truth_push (sim_t *self, const sim_push_t *push);

//  Returns the truth of the task of that number, or null.
sim_truth_t *sim_truth_of (sim_t *self, uint64_t id);

//  Gives a task its number.
void sim_truth_name (sim_t *self, uint32_t truth, uint64_t id);

//  Before and behind a message that the core takes.
void sim_truth_before (sim_t *self, const sim_message_t *message, uint32_t session);
void sim_truth_after (sim_t *self, const sim_message_t *message, uint32_t session);

//  The same for CANCEL, RETRY and DROP: sim_many.c
void sim_many_before (sim_t *self, const sim_message_t *message);
void sim_many_after (sim_t *self, const sim_message_t *message);

//  Notes rare events: around a message, and around a run of the core.
void sim_notice_before (sim_t *self, const sim_message_t *message, uint32_t session);
void sim_notice_after (sim_t *self, const sim_message_t *message, uint32_t session);
void sim_notice_run (sim_t *self, bool after);

//  A reply as the core gives it; and when it leaves.
void sim_truth_said (sim_t *self, sim_said_t *said, bool running);
void sim_truth_leaves (sim_t *self, const sim_said_t *said);

//  Somebody was told that a task has ended.
void sim_truth_told (sim_t *self, uint64_t id, uint8_t state, uint64_t fence,
                     uint32_t nonce);

//  A worker was told that its result is recorded. Which words of it, when it said several,
//  is seen later.
void sim_truth_recorded (sim_t *self, uint64_t id, uint64_t fence);

//  Returns true when tasks whose time is over are about to be forgotten: look before.
bool sim_truth_drops (const sim_t *self);

//  Looks at the core's tables: nothing that was accepted is lost, and what has ended stays.
void sim_truth_look (sim_t *self);

//  As that, and at all that the core's tables, lists, counts and accounts have to agree on.
void sim_truth_audit (sim_t *self);

//  Returns the task of that number as the core has it, or null.
const task_t *sim_task (const sim_t *self, uint64_t id);

//  A broker has recovered: whose attempts have to go on.
void sim_truth_recovered (sim_t *self);

//  The core is about to run. When workers had time enough to come back, it gives up their
//  attempts now: nobody has to be let go on any more, not even when a stall that is
//  forgiven later moves that time on.
void sim_truth_gives_up (sim_t *self);

//  A task was given out; the core has run. Limits, pauses and shares of groups are kept.
void sim_share_given (sim_t *self, const reply_t *reply);
void sim_share_run (sim_t *self);

//  A PROGRESS was taken; the notes as they stand; a broker begins without any; an answer to
//  a QUERY shows some.
void sim_note_taken (sim_t *self, const sim_message_t *message);
void sim_note_audit (sim_t *self);
void sim_note_forget (sim_t *self);
void sim_note_shown (sim_t *self, stint_bytes_t answer);
//  Around a run of the core, which has nothing left to do when it is done: what is said to
//  stand in the way of a task does, and of one that can start, nothing is.
void sim_explain_before (sim_t *self);
void sim_explain_after (sim_t *self, bool done);

//  Returns null when all is at its end, or what is not.
const char *sim_truth_left (sim_t *self);

#endif
