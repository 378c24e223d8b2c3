//  stint_worker_held: the attempts that a worker answers for, found by task and fence
//  SPDX-License-Identifier: MPL-2.0
//
//  An attempt is held from the moment its TASK arrives until its result is acknowledged, it
//  is given back, or the broker takes it away. Growing is the only thing that allocates.

#ifndef STINT_WORKER_HELD_H
#define STINT_WORKER_HELD_H

#include "stint.h"

//  How both threads of a worker name an attempt.

typedef struct {
    uint64_t id;     //  The task
    uint64_t fence;  //  The attempt
} stint_ref_t;

//  A list of attempts that grows. All zeros is an empty one.

typedef struct {
    stint_ref_t *items;  //  The attempts
    uint32_t count;      //  How many
    uint32_t capacity;   //  How many there is room for
} stint_refs_t;

//  Appends one. Aborts when memory runs out.
void stint_refs_add (stint_refs_t *self, uint64_t id, uint64_t fence);

//  Frees the list and makes it empty.
void stint_refs_clear (stint_refs_t *self);

typedef struct stint_held stint_held_t;

//  Creates an empty set. Aborts when memory runs out.
stint_held_t *stint_held_new (void);

//  Destroys the set and sets the caller's pointer to null.
void stint_held_destroy (stint_held_t **self_p);

//  Adds an attempt. Returns false, and does nothing, when it is there already.
bool stint_held_add (stint_held_t *self, uint64_t id, uint64_t fence);

//  Takes an attempt out. Returns false when it was not there.
bool stint_held_drop (stint_held_t *self, uint64_t id, uint64_t fence);

//  Returns how many attempts are held.
uint32_t stint_held_count (const stint_held_t *self);

//  Appends all of them to the list, in no particular order.
void stint_held_list (const stint_held_t *self, stint_refs_t *refs);

#endif
