//  stint_worker: takes tasks from a broker, runs them, and hands back their results
//  SPDX-License-Identifier: MPL-2.0
//
//  A worker belongs to the thread that made it. A thread of its own, inside, keeps the
//  heartbeats going (Paranoid Pirate, ZeroMQ RFC 6) while the caller works, reconnects
//  on a new socket with back-off and jitter when the broker is gone, keeps results until
//  the broker has made them durable, and claims what it holds when the broker is back.
//  A task may therefore run for as long as it likes.

#ifndef STINT_WORKER_H
#define STINT_WORKER_H

#include "stint.h"

typedef struct stint_worker stint_worker_t;
typedef struct stint_attempt stint_attempt_t;

//  How an attempt that did not succeed is to be judged.

typedef enum {
    STINT_RETRY = 1,  //  Uses up an attempt; runs again after the back-off
    STINT_LATER = 2,  //  Uses up no attempt; runs again after the back-off or the delay
    STINT_REFUSE = 3  //  Dead at once: it would never work
} stint_verdict_t;

//  Does one task. Ends the attempt with stint_attempt_done or stint_attempt_fail before
//  it returns; an attempt that was not ended is failed with STINT_RETRY.
typedef void (stint_worker_fn) (stint_attempt_t *attempt, void *argument);

//  Creates a worker of the broker at endpoint ("ipc://..." or "tcp://..."). Does not wait
//  for the broker. Copies. Aborts when memory runs out.
STINT_EXPORT stint_worker_t *stint_worker_new (const char *endpoint);

//  Says goodbye, waits at most five seconds for results to become durable, hands back
//  what was not started, and sets the caller's pointer to null.
STINT_EXPORT void stint_worker_destroy (stint_worker_t **self_p);

//  Adds a group to serve, at most 16; before the first stint_worker_start. Copies.
//  STINT_ERR_INVALID: not a group's name, or too many.
STINT_EXPORT stint_status_t stint_worker_serve (stint_worker_t *self, const char *group);

//  Sets the name shown to people, at most 64 bytes; the default is host/pid.
STINT_EXPORT void stint_worker_set_name (stint_worker_t *self, const char *name);

//  Sets how many tasks the worker will hold at once, running and waiting inside it; 1 to
//  65536, default 1. Small quick tasks want hundreds, long ones want one a slot. May be
//  changed at any time; zero stops new tasks (a drain).
STINT_EXPORT void stint_worker_set_capacity (stint_worker_t *self, uint32_t tasks);

//  Connects. Called by the first stint_worker_next when the caller did not.
STINT_EXPORT void stint_worker_start (stint_worker_t *self);

//  Returns the next attempt, or null when none came within timeout_ms (-1 waits for
//  ever) or when the worker was told to stop or to drain. The attempt belongs to the caller
//  until it is ended. Results that are waiting to be sent leave before this call waits.
STINT_EXPORT stint_attempt_t *stint_worker_next (stint_worker_t *self, int timeout_ms);

//  Returns a descriptor that is readable when stint_worker_next or stint_attempt_cancelled
//  may have news, for a caller with a poll loop of its own. Edge-triggered as ZMQ_FD is:
//  call stint_worker_next (self, 0) until it returns null before waiting again.
STINT_EXPORT int stint_worker_fd (stint_worker_t *self);

//  Runs the handler for each task, one at a time, until stint_worker_stop, or until the
//  broker tells the worker to drain. Returns STINT_OK then.
STINT_EXPORT stint_status_t stint_worker_run (stint_worker_t *self,
                                              stint_worker_fn *handler, void *argument);

//  Makes stint_worker_run and stint_worker_next return. May be called from a signal
//  handler and from any thread.
STINT_EXPORT void stint_worker_stop (stint_worker_t *self);

//  Returns true once the broker has told the worker to drain: stint_worker_next returns
//  null from then on, and has handed back what was not begun. Whoever has ended its
//  attempts destroys the worker and leaves. stint_worker_next finds it out.
STINT_EXPORT bool stint_worker_draining (const stint_worker_t *self);

//  Returns true while the broker answers.
STINT_EXPORT bool stint_worker_connected (stint_worker_t *self);

//  Returns what the worker knows of why it is not connected, "" when it is. Valid until
//  the next call on this worker.
STINT_EXPORT const char *stint_worker_error (stint_worker_t *self);

//  Returns how many attempts were refused as stale since the worker was made.
STINT_EXPORT uint64_t stint_worker_stale (stint_worker_t *self);

//  Returns how many tasks wait or run in the groups that this worker serves, as the broker
//  said with its last heartbeat; 0 until it did, and while it does not answer.
STINT_EXPORT uint64_t stint_worker_backlog (stint_worker_t *self);

//  Returns the number of the task.
STINT_EXPORT uint64_t stint_attempt_id (const stint_attempt_t *self);

//  Returns the fence of this attempt: a later attempt, even after a restart of the
//  broker, has a higher number.
STINT_EXPORT uint64_t stint_attempt_fence (const stint_attempt_t *self);

//  Returns which attempt of the task this is, from 1.
STINT_EXPORT uint32_t stint_attempt_number (const stint_attempt_t *self);

//  Returns how many milliseconds the attempt may run, as its task or group has it; 0 for
//  ever. A handler keeps to that by itself: nobody can end it from outside.
STINT_EXPORT int64_t stint_attempt_time_limit (const stint_attempt_t *self);

//  Returns the group of the task. Valid until the attempt ends.
STINT_EXPORT const char *stint_attempt_group (const stint_attempt_t *self);

//  Returns the payload of the task. Valid until the attempt ends.
STINT_EXPORT stint_bytes_t stint_attempt_payload (const stint_attempt_t *self);

//  Returns true when the task was cancelled or the attempt lost its lease: whatever it
//  comes to will be refused, so it may be given up.
STINT_EXPORT bool stint_attempt_cancelled (stint_attempt_t *self);

//  Says how far the attempt is, for people: done from 0 to 1, and a text whose first 128
//  bytes are kept, null for none. The broker shows what an attempt said last while it runs.
//  It is told at most once a second, also when the caller goes away to work, and of changes
//  only; so this may be called as often as there is something to say. Copies.
STINT_EXPORT void stint_attempt_progress (stint_attempt_t *self, double done,
                                          const char *text);

//  Ends the attempt with its result, at most 64 MiB. Copies. Sets the pointer to null.
STINT_EXPORT void stint_attempt_done (stint_attempt_t **self_p, stint_bytes_t result);

//  Ends the attempt without success. The text says why, for people; its first 16 KiB are
//  kept. delay_ms, when not zero, replaces the back-off. Copies. Sets the pointer to null.
STINT_EXPORT void stint_attempt_fail (stint_attempt_t **self_p, stint_verdict_t verdict,
                                      int64_t delay_ms, stint_bytes_t text);

//  Hands the task back as if it had never been given: no attempt is used up. Sets the
//  pointer to null.
STINT_EXPORT void stint_attempt_return (stint_attempt_t **self_p);

#endif
