//  timetable: schedules, which push a task at each of their times
//  SPDX-License-Identifier: MPL-2.0
//
//  A schedule has dealt with its runs up to a point in time; the first one behind that is
//  its next. All that it pushes is kept here, so that a run needs nothing from the disk.

#ifndef BROKER_TIMETABLE_H
#define BROKER_TIMETABLE_H

#include "cron.h"
#include "record.h"
#include "stint_heap.h"
#include "stint_index.h"
#include "stint_list.h"
#include "stint_pool.h"

#define TIMETABLE_BODY_MAX 4096   //  Bytes of the payload of its tasks
#define TIMETABLE_TERMS_MAX 1024  //  Bytes of their packed terms
#define TIMETABLE_CATCH_MAX 1000  //  Missed runs that are caught up with

typedef struct {
    uint64_t key;                     //  Of its name; 0 when the slot is free
    char name [STINT_GROUP_MAX + 1];  //  Unique
    char line [CRON_LINE_MAX + 1];    //  When it runs, as it was set
    char by [STINT_GROUP_MAX + 1];    //  Who set it, as they say themselves; may be empty
    cron_t cron;                      //  The line, its zone, when it was set
    uint32_t group;                   //  Slot of the group of its tasks
    record_schedule_t state;          //  The rest of what is durable
    int64_t next;                     //  Time of its next run
    int64_t wake;            //  When to look: then, or later when there was no room
    uint32_t caught;         //  Missed runs in a row that were caught up with
    uint32_t place;          //  In the heap, unless it is paused
    journal_place_t kept;    //  Where its last full record lies
    stint_node_t kept_node;  //  In the table, by that place
    uint32_t link;           //  Next free slot
    uint32_t body_size;      //  Bytes of the payload
    uint32_t terms_size;     //  Bytes of the terms
    uint8_t terms [TIMETABLE_TERMS_MAX];  //  As the journal has them
    uint8_t body [TIMETABLE_BODY_MAX];    //  The payload
} timetable_row_t;

STINT_LIST_DEFINE (timetable_kept, timetable_row_t, kept_node);
STINT_INDEX_DEFINE (timetable_index, timetable_row_t, key, stint_index_mix);
STINT_POOL_DEFINE (timetable_pool, timetable_row_t, link);
STINT_HEAP_DEFINE (timetable_wakes, timetable_row_t, wake, place);

typedef struct {
    timetable_pool_t rows;    //  By slot
    timetable_index_t index;  //  By name
    timetable_wakes_t wakes;  //  Those that are not paused, the next one first
    timetable_kept_t kept;    //  By the place of their records, oldest first
    uint64_t salt;            //  For the keys of names
} timetable_t;

void timetable_init (timetable_t *self, uint32_t capacity, uint64_t salt);
void timetable_clear (timetable_t *self);

//  Returns the slot of the schedule of that name, or 0.
uint32_t timetable_find (const timetable_t *self, stint_bytes_t name);

//  Returns null, or what is wrong with the record of a schedule, for people; fills in what
//  its line means.
const char *timetable_check (const record_t *record, cron_t *cron);

//  Makes the schedule that a record tells all of, or changes it. The record is well, and
//  there is room. Returns its slot.
uint32_t timetable_set (timetable_t *self, const record_t *record);

//  Takes over how far a schedule has come.
void timetable_advance (timetable_t *self, uint32_t slot, const record_schedule_t *state);

//  Looks at a schedule again at a later time than that of its next run.
void timetable_defer (timetable_t *self, uint32_t slot, int64_t wake);

//  Forgets a schedule.
void timetable_remove (timetable_t *self, uint32_t slot);

//  Writes all of a schedule into a record, but for its kind. What is not a number is
//  borrowed until the schedule changes.
void timetable_describe (const timetable_t *self, uint32_t slot, record_t *record);

//  Returns the slot of a schedule that pushes to the group, or 0.
uint32_t timetable_of_group (const timetable_t *self, uint32_t group);

//  Returns a hash of what is durable of all schedules.
uint64_t timetable_digest (const timetable_t *self);

#endif
