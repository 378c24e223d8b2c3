//  puppet: a broker that does what a test of the worker tells it, message by message
//  SPDX-License-Identifier: MPL-2.0
//
//  It owns a ROUTER and talks STP/1 with one worker at a time, the last one that was heard.
//  Every wait has a deadline, after which the test fails.

#ifndef PUPPET_H
#define PUPPET_H

#include "stint_wire.h"

#define PUPPET_WAIT_MS 10000  //  Longest wait for anything
#define PUPPET_FRAMES 64      //  Most frames of a message that is kept

typedef struct puppet puppet_t;

//  Creates a broker at an ipc endpoint of its own, and binds it.
puppet_t *puppet_new (void);
void puppet_destroy (puppet_t **self_p);

//  Returns its endpoint.
const char *puppet_endpoint (const puppet_t *self);

//  Closes the socket, and binds a new one.
void puppet_close (puppet_t *self);
void puppet_open (puppet_t *self);

//  Waits for a message with that command: expect passes over heartbeats only, await over
//  everything else. The message is valid until the next call.
stint_message_t *puppet_expect (puppet_t *self, stp_command_t command);
stint_message_t *puppet_await (puppet_t *self, stp_command_t command);

//  Returns true when a message with that command came within so many milliseconds.
bool puppet_heard (puppet_t *self, stp_command_t command, int64_t timeout_ms);

//  Returns a number that changes when the peer that was heard last is another one.
uint64_t puppet_peer (puppet_t *self);

//  Sends frames as they are.
void puppet_send (puppet_t *self, const stint_bytes_t *frames, size_t count);

//  Sends ACCEPTED, with the rhythm of heartbeats when liveness is not zero.
void puppet_accept (puppet_t *self, uint64_t request, uint32_t heartbeat_ms,
                    uint32_t liveness);

//  Waits for READY and accepts it.
void puppet_welcome (puppet_t *self, uint32_t heartbeat_ms, uint32_t liveness);

//  Sends TASK with the tasks `from` to `to` of group "work": fence 100 + task, attempt 1,
//  and the task's number as payload.
void puppet_tasks (puppet_t *self, uint64_t from, uint64_t to);

//  Sends REVOKE or STALE of the attempts that puppet_tasks would send.
void puppet_refs (puppet_t *self, stp_command_t command, uint64_t from, uint64_t to);

//  Sends a command without fields.
void puppet_bare (puppet_t *self, stp_command_t command);

#endif
