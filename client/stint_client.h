//  stint_client: pushes tasks to a broker and brings back their results
//  SPDX-License-Identifier: MPL-2.0
//
//  A client belongs to the thread that made it. It has no thread of its own: the
//  connection is looked after inside the calls. Every call ends by its deadline
//  (stint_client_set_timeout) with STINT_OK, with a definite failure, or with
//  STINT_ERR_TIMEOUT when nobody can know. Pushes are numbered (producer and sequence,
//  as in Kafka's idempotent producer), so a push that is sent again by the client, after
//  a reconnect for example, is the same task.

#ifndef STINT_CLIENT_H
#define STINT_CLIENT_H

#include "stint_terms.h"

typedef struct stint_client stint_client_t;
typedef struct stint_batch stint_batch_t;

//  What a task came to.

typedef struct {
    uint64_t id;           //  The task
    uint32_t number;       //  Its place in its batch, from 1; 0 without a batch
    uint32_t attempts;     //  Attempts that were used
    stint_state_t state;   //  STINT_DONE, STINT_DEAD or STINT_CANCELLED
    stint_bytes_t result;  //  The result; for a dead task the last error's text
} stint_result_t;

//  How far a batch has come.

typedef struct {
    uint64_t pushed;     //  Tasks accepted into it
    uint64_t running;    //  0: a client does not hear of it; ask stint_client_query
    uint64_t done;       //  Ended well, of the results returned since it was opened
    uint64_t dead;       //  Ended dead, likewise
    uint64_t cancelled;  //  Ended cancelled, likewise
    uint64_t collected;  //  Results that were acknowledged and are gone
} stint_progress_t;

//  Creates a client of the broker at endpoint ("ipc://..." or "tcp://..."). Does not wait
//  for the broker. Copies. Aborts when memory runs out.
STINT_EXPORT stint_client_t *stint_client_new (const char *endpoint);

//  Closes the connection and sets the caller's pointer to null. What was not answered
//  stays unknown.
STINT_EXPORT void stint_client_destroy (stint_client_t **self_p);

//  Sets how long each call may take. The default is 5000; -1 waits for ever.
STINT_EXPORT void stint_client_set_timeout (stint_client_t *self, int timeout_ms);

//  Sets what tasks that are pushed from now on ask for; null for nothing. Copies.
STINT_EXPORT void stint_client_set_terms (stint_client_t *self, const stint_terms_t *terms);

//  Returns a sentence about the last call that failed: what, where, and what to do. Valid
//  until the next call. "" when nothing failed.
STINT_EXPORT const char *stint_client_error (const stint_client_t *self);

//  Asks the broker for an answer. Sets how long it took, in microseconds.
STINT_EXPORT stint_status_t stint_client_ping (stint_client_t *self, int64_t *took_us);

//  Pushes one task and waits until it is durable. Sets its number. Copies.
//  STINT_ERR_FULL: a limit of the group or the broker. STINT_ERR_INVALID: a bad group
//  name, or a payload over 64 MiB. STINT_ERR_TIMEOUT: the push is kept. The same call
//  again (group and payload) takes it up and is the same task; any other push settles it
//  first: it is sent again as it was and its answer awaited.
STINT_EXPORT stint_status_t stint_client_push (stint_client_t *self, const char *group,
                                               stint_bytes_t payload, uint64_t *id);

//  Waits for the end of a task. The result belongs to the client and is valid until its
//  next call. It stays at the broker until its retention ends.
//  STINT_ERR_NOT_FOUND: no such task, or its result is gone. STINT_ERR_PENDING: it had
//  not ended when the time was over (the connection is well).
STINT_EXPORT stint_status_t stint_client_wait (stint_client_t *self, uint64_t id,
                                               stint_result_t *result);

//  Cancels a task that has not ended. STINT_OK means that it can no longer end well.
//  STINT_ERR_NOT_FOUND: no such task, or it has ended.
STINT_EXPORT stint_status_t stint_client_cancel (stint_client_t *self, uint64_t id);

//  Creates a group or changes its settings: a list of names and numbers as PROTOCOL.md
//  has them under GROUP. Settings that are not named stay as they are.
typedef struct {
    const char *name;  //  "max_tasks", "max_bytes", "max_attempts", "backoff" ...
    int64_t value;     //  Counts, bytes or milliseconds
} stint_setting_t;

STINT_EXPORT stint_status_t stint_client_group_set (stint_client_t *self, const char *group,
                                                    const stint_setting_t *settings,
                                                    size_t count);

//  Removes a group that holds no task. STINT_ERR_INVALID: it is not empty.
STINT_EXPORT stint_status_t stint_client_group_remove (stint_client_t *self,
                                                       const char *group);

//  What to ask with stint_client_query. Unused members are zero.
typedef struct {
    const char *what;     //  "status", "groups", "tasks", "explain": see PROTOCOL.md, 8
    const char *group;    //  Only this group
    const char *name;     //  For "schedules": only the one of this name
    uint64_t task;        //  For "task": its number
    uint64_t after;       //  For "tasks": only numbers above this
    uint32_t limit;       //  For "tasks": at most this many, 1 to 1000
    stint_state_t state;  //  For "tasks": only these; 0 for all
} stint_query_t;

//  Asks about the broker. The answer is one msgpack map, laid out as PROTOCOL.md says
//  under STATE; it belongs to the client and is valid until its next call. What a running
//  task said of how far it is stands in the answers to "task" and "tasks".
STINT_EXPORT stint_status_t stint_client_query (stint_client_t *self,
                                                const stint_query_t *query,
                                                stint_bytes_t *state);

//  ---------------------------------------------------------------------------------
//  Batches: many tasks pushed as one set, their results streamed back as they finish.
//  One batch a client at a time.

//  Opens the batch of that name in a group, or a new one with a name of its own when name
//  is null. Null when that failed: see stint_client_error. Belongs to the caller, who
//  destroys it before the client.
STINT_EXPORT stint_batch_t *stint_batch_open (stint_client_t *client, const char *group,
                                              const char *name);

//  Closes the client's side of it; the tasks go on. Sets the pointer to null.
STINT_EXPORT void stint_batch_close (stint_batch_t **self_p);

//  Returns the name of the batch. Valid as long as the batch.
STINT_EXPORT const char *stint_batch_name (const stint_batch_t *self);

//  Adds one task. Copies the payload and may return before it is sent: tasks leave many
//  to a message, at the latest when stint_batch_flush or stint_batch_next is called.
//  Waits while too much is unanswered, and while the group is full: whoever pushes more
//  than it holds takes results meanwhile. When it fails, this task was not added.
STINT_EXPORT stint_status_t stint_batch_push (stint_batch_t *self, stint_bytes_t payload);

//  Sends what is waiting and returns when all that was pushed is durable. When it fails,
//  what was pushed is kept and goes on being sent by later calls.
STINT_EXPORT stint_status_t stint_batch_flush (stint_batch_t *self);

//  Brings the next result, in the order in which tasks end; waits at most timeout_ms. It
//  is valid until the next call on the batch, which also acknowledges it: the broker may
//  then forget it. STINT_ERR_PENDING: none in that time. STINT_ERR_NOT_FOUND: every task
//  pushed so far has ended and been returned. STINT_ERR_UNREACHABLE: no broker now; call
//  again, nothing is lost.
STINT_EXPORT stint_status_t stint_batch_next (stint_batch_t *self, int timeout_ms,
                                              stint_result_t *result);

//  Tells how far the batch has come, without asking the broker.
STINT_EXPORT void stint_batch_progress (stint_batch_t *self, stint_progress_t *progress);

#endif
