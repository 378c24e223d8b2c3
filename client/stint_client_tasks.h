//  stint_client_tasks: changes tasks at a broker: cancels, retries and drops them
//  SPDX-License-Identifier: MPL-2.0

#ifndef STINT_CLIENT_TASKS_H
#define STINT_CLIENT_TASKS_H

#include "stint_client.h"

#include <stdbool.h>

typedef enum {
    STINT_CHANGE_CANCEL,  //  What has not ended is cancelled
    STINT_CHANGE_RETRY,   //  What is dead or cancelled is ready again
    STINT_CHANGE_DROP     //  What has ended is forgotten
} stint_change_t;

//  Which tasks: one, or those of a group for which the change can be. Unused members are
//  zero.

typedef struct {
    uint64_t task;        //  This one
    const char *group;    //  Those of this group,
    uint64_t batch;       //  only those of the batch of this number,
    stint_state_t state;  //  only those in this state,
    uint64_t after;       //  and only numbers above this
} stint_selection_t;

//  What was done.

typedef struct {
    uint64_t count;  //  Tasks that were changed; 0 for one that was so already
    uint64_t after;  //  Numbers up to here were looked at
    bool more;       //  There are more above it: ask again from there
} stint_changed_t;

//  Changes tasks, in order of their numbers; of a group as many as the broker does at once.
//  When it returns STINT_OK the change is durable. It may be made again.
//  STINT_ERR_NOT_FOUND: no such task, group or batch. STINT_ERR_INVALID: this cannot be
//  done to that task, or in that state; stint_client_error says why.
STINT_EXPORT stint_status_t stint_client_change (stint_client_t *self,
                                                 stint_change_t change,
                                                 const stint_selection_t *selection,
                                                 stint_changed_t *changed);

//  Reads the payload of a task, or its result, which of one that is not done is the text of
//  its last error, if it has failed. The state is that of now; the bytes are in
//  result->result and valid until the next call of the client. Waits for nothing.
//  STINT_ERR_NOT_FOUND: no such task.
STINT_EXPORT stint_status_t stint_client_read (stint_client_t *self, uint64_t task,
                                               bool payload, stint_result_t *result);

#endif
