//  reorder: the tasks of a map that are on their way, let out in the order they went in
//  SPDX-License-Identifier: MPL-2.0
//
//  Holds at most `window` tasks, and results of at most `held_max` bytes that have to wait
//  for an earlier one: so memory stays flat however many tasks pass through.

#ifndef CLIENT_REORDER_H
#define CLIENT_REORDER_H

#include "stint_client.h"

#define REORDER_LABEL_SIZE 64  //  Bytes of a task's label, with the final null

typedef struct reorder reorder_t;

//  A task that has ended.

typedef struct {
    uint64_t number;       //  Its place, from 1
    uint64_t id;           //  The broker's number for it
    uint32_t attempts;     //  Attempts that were used
    stint_state_t state;   //  STINT_DONE, STINT_DEAD or STINT_CANCELLED
    stint_bytes_t result;  //  The result, or for a dead task the last error's text
    const char *label;     //  As it came with reorder_push
} reorder_task_t;

//  Creates one for a window of 1 task or more. Unordered, tasks are let out as they end.
//  Aborts when memory runs out.
reorder_t *reorder_new (size_t window, size_t held_max, bool ordered);

//  Destroys it and sets the caller's pointer to null.
void reorder_destroy (reorder_t **self_p);

//  Returns true when no more may be pushed for now.
bool reorder_full (const reorder_t *self);

//  Returns how many tasks were pushed and have not been let out.
size_t reorder_count (const reorder_t *self);

//  Adds the next task, and returns its place. Must not be full. Copies the label, which is
//  for people and may be cut.
uint64_t reorder_push (reorder_t *self, const char *label);

//  Notes that the task at a place has ended. Returns false, and does nothing, when no task
//  waits there for its end. Copies.
bool reorder_end (reorder_t *self, uint64_t number, const stint_result_t *result);

//  Returns the next task that may be let out, or null. It is valid until the next call.
const reorder_task_t *reorder_take (reorder_t *self);

#endif
