//  task_note: what running attempts said last of how far they are
//  SPDX-License-Identifier: MPL-2.0
//
//  Of this life only, and no part of a task: most attempts never say a word. The table is
//  bounded; when it is full, the note that was not renewed for longest goes. A note goes
//  with its attempt.

#ifndef BROKER_TASK_NOTE_H
#define BROKER_TASK_NOTE_H

#include "stint_index.h"
#include "stint_list.h"
#include "stint_note.h"
#include "stint_pool.h"
#include "stint_wire.h"

typedef struct {
    uint64_t id;                 //  The task; 0 when the slot is free
    uint64_t fence;              //  The attempt
    int64_t at;                  //  When it said so
    stint_node_t node;           //  By that time
    uint16_t done;               //  Thousandths, up to STINT_NOTE_DONE
    uint8_t size;                //  Of the text
    char text [STINT_NOTE_MAX];  //  For people
} task_note_t;

STINT_LIST_DEFINE (task_note_list, task_note_t, node);
STINT_POOL_DEFINE (task_note_pool, task_note_t, node.next);
STINT_INDEX_DEFINE (task_note_index, task_note_t, id, stint_index_next);

typedef struct {
    task_note_pool_t notes;    //  All of them
    task_note_index_t index;   //  By task
    task_note_list_t by_time;  //  The one that goes first is the head
} task_notes_t;

//  Reserves room for that many; memory is touched as they come. With none, nothing is kept.
void task_notes_init (task_notes_t *self, uint32_t capacity);
void task_notes_clear (task_notes_t *self);

//  Keeps what a running attempt says, in place of what it said before: an element of
//  PROGRESS, within its limits. Copies.
void task_notes_put (task_notes_t *self, int64_t now, const stint_item_t *said);

//  Returns the note of a task's running attempt, or null. Valid until the next put or
//  forget.
const task_note_t *task_notes_find (const task_notes_t *self, uint64_t id);

//  Forgets the note of a task whose attempt has ended, if there is one.
void task_notes_forget (task_notes_t *self, uint64_t id);

#endif
