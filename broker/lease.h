//  lease: who holds which attempt, and what becomes of it when it ends
//  SPDX-License-Identifier: MPL-2.0
//
//  A lease lives as long as the worker's heartbeats do; there is no clock for a single
//  task. The fence of an attempt only grows, over restarts too: epoch and counter. Only
//  the attempt whose fence matches may record anything (Kleppmann's fencing tokens).

#ifndef BROKER_LEASE_H
#define BROKER_LEASE_H

#include "core_state.h"

//  How an attempt ended that did not end well.

typedef enum {
    LEASE_RETRY = 1,    //  The handler failed
    LEASE_LATER = 2,    //  The handler asked for another time; no attempt is used up
    LEASE_REFUSED = 3,  //  The handler says that it would never work
    LEASE_LOST = 4      //  The worker is gone
} lease_end_t;

//  Gives waiting tasks to a session, at most RECORD_STARTS: the task, and those that have
//  the next numbers. Records the attempts.
void lease_start (core_t *core, int64_t now, uint32_t task, uint32_t count,
                  uint32_t session);

//  Ends an attempt well.
void lease_done (core_t *core, int64_t now, uint32_t task, stint_bytes_t result);

//  Ends an attempt otherwise: the task waits for its back-off, or for delay_ms when that
//  is not zero, or is dead. The text is cut at STINT_ERROR_MAX.
void lease_fail (core_t *core, int64_t now, uint32_t task, lease_end_t end,
                 uint64_t delay_ms, stint_bytes_t text);

//  Takes an attempt back as if it had not been given.
void lease_return (core_t *core, uint32_t task);

//  Cancels a task that has not ended, and takes it away from the worker that has it. The
//  text says why, for people; it may be empty.
void lease_cancel (core_t *core, int64_t now, uint32_t task, const char *text,
                   effects_t *out);

//  Cancels a task whose time is over.
void lease_expire (core_t *core, int64_t now, uint32_t task, effects_t *out);

//  Lets a task that is dead or cancelled wait again. It must have its payload still.
void lease_retry (core_t *core, int64_t now, uint32_t task);

//  Lets a session have the attempt that it says it holds. False when the attempt is not,
//  or no longer, to be had: the session is to be told STALE.
bool lease_adopt (core_t *core, int64_t now, uint32_t session, uint64_t id, uint64_t fence);

//  Returns true when the attempt ended with this fence and nothing has happened since: a
//  result that comes again is not stale.
bool lease_ended (const core_t *core, uint64_t id, uint64_t fence);

#endif
