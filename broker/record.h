//  record: the durable changes, and their bytes in the journal
//  SPDX-License-Identifier: MPL-2.0
//
//  A record says what became of something, never how that was decided: delays are points
//  in time, chance has been drawn. It is one msgpack array that begins with its kind;
//  elements that are missing at its end are zero, so a record may grow. Applying a record
//  to something that is not there does nothing, because a copy forward may have taken the
//  thing out of the trimmed part of the log and put it further down as a KEPT record. Only
//  DONE and CANCELLED bring the task back if need be: with DONE the payload is let go, and
//  with it the block of the push. What ends a task, or takes that back, counts for its
//  batch in any case.

#ifndef BROKER_RECORD_H
#define BROKER_RECORD_H

#include "journal.h"
#include "record_schedule.h"
#include "record_settings.h"
#include "stint_wire.h"
#include "terms.h"

#include <stddef.h>
#include <string.h>

#define RECORD_RECENT 8   //  Pushes that are remembered of a producer
#define RECORD_STARTS 16  //  Attempts that one record begins at most

typedef enum {
    RECORD_GROUP = 1,       //  A group is there, with these settings
    RECORD_GROUP_GONE,      //  A group was removed
    RECORD_PUSHED,          //  Tasks were added by one push
    RECORD_STARTED,         //  Attempts began, of tasks in a row, with fences in a row
    RECORD_DONE,            //  An attempt ended well, with this result
    RECORD_FAILED,          //  An attempt ended otherwise; the task waits, or is dead
    RECORD_RETURNED,        //  An attempt was handed back unstarted
    RECORD_CANCELLED,       //  A task was cancelled
    RECORD_COLLECTED,       //  Outcomes of a batch up to a cursor are forgotten
    RECORD_DROPPED,         //  An ended task is forgotten
    RECORD_BATCH,           //  A batch was opened
    RECORD_BATCH_GONE,      //  A batch is forgotten
    RECORD_PRODUCER_GONE,   //  A producer is forgotten
    RECORD_WORKER,          //  A worker is there
    RECORD_WORKER_GONE,     //  A worker left
    RECORD_KEPT_TASK,       //  All of a task, copied forward
    RECORD_KEPT_BATCH,      //  All of a batch
    RECORD_KEPT_PRODUCER,   //  All of a producer
    RECORD_CLOSED,          //  The broker stopped in good order
    RECORD_RETRIED,         //  A task that had ended in this state waits again
    RECORD_RATE,            //  Buckets of a group and of a key, as they are from now on
    RECORD_TIMETABLE,       //  All of a schedule
    RECORD_TIMETABLE_GONE,  //  A schedule was removed
    RECORD_TIMETABLE_RUN    //  A schedule has run: its task was added
} record_kind_t;

//  One of the last pushes of a producer.

typedef struct {
    uint64_t sequence;  //  Of its first task
    uint64_t id;        //  Of its first task
    uint32_t count;     //  Tasks
} record_push_t;

//  Any record. Which members a kind uses is told by record.c's table of layouts.

typedef struct {
    record_kind_t kind;
    uint64_t id;                 //  Task; first of several; batch; worker's own number
    uint64_t fence;              //  Attempt; first of several
    uint64_t further;            //  RECORD_STARTED: attempts behind the first
    uint64_t producer;           //  Who pushed
    uint64_t sequence;           //  Of the first task of a push
    uint64_t batch;              //  0: none
    uint64_t group;              //  Number of the group
    uint64_t number;             //  Place in the batch of the task, of a push's first task
    uint64_t position;           //  Place among the batch's ended tasks, or the cursor
    uint64_t state;              //  A stint_state_t
    uint64_t attempts;           //  Attempts begun
    uint64_t failures;           //  Of these, those that count against the task
    uint64_t lost;               //  Of these, those that were lost with their worker
    uint64_t pushed;             //  Counters of a batch: tasks pushed into it,
    uint64_t done;               //  ended well,
    uint64_t dead;               //  ended dead,
    uint64_t cancelled;          //  ended cancelled,
    uint64_t again;              //  ends taken back
    uint64_t level;              //  Of the bucket of a group, as it was at its time; and
    uint64_t key_level;          //  of that of a key: see rate.h
    int64_t at;                  //  When
    int64_t until;               //  When it may run again, or when an ended one may go; in
                                 //  RECORD_GROUP the time of its bucket
    stint_bytes_t name;          //  Of a group, batch, worker, schedule
    stint_bytes_t payload;       //  In RECORD_KEPT_TASK, and of a schedule's tasks
    stint_bytes_t result;        //  Result, text of the last failure, why a group stands,
                                 //  when a schedule runs
    stint_reader_t items;        //  RECORD_PUSHED: bodies, or [body, delay, terms]
    uint32_t item_count;         //  How many
    uint64_t recent_count;       //  How many of recent
    record_settings_t settings;  //  Of a group
    stint_bytes_t by;  //  Who stopped it or set a schedule; in RECORD_RATE the key
    record_schedule_t schedule;            //  Of a schedule
    record_push_t recent [RECORD_RECENT];  //  Of a producer
    terms_t terms;      //  Of a task, or of those of a push that have none of their own
    const char *fault;  //  Why the tasks of a push were not written, for people
} record_t;

//  Makes a record of a task that asks for nothing. The members of others are most of a
//  record, and are not touched.
static inline void
record_clear (record_t *self, record_kind_t kind)
{
    memset (self, 0, offsetof (record_t, recent_count));
    self->kind = kind;
}

//  Writes a record into the journal, and makes its bytes and items point there. Items of
//  RECORD_PUSHED come from the message; false, and nothing written, when it is malformed or
//  asks for what is not to be had.
bool record_write (record_t *self, journal_t *journal, stint_message_t *message);

//  Reads the next record of a block. Returns 1, 0 at the end, -1 when it is broken.
int record_read (record_t *self, stint_reader_t *reader);

//  A task of a RECORD_PUSHED.

typedef struct {
    stint_bytes_t payload;
    int64_t delay;  //  Milliseconds
    bool own;       //  It has terms of its own
    terms_t terms;  //  These
} record_item_t;

//  Takes the next one. Returns false at the end.
bool record_next (record_t *self, record_item_t *item);

//  Returns the name of a kind, for logs and dumps. "?" when it has none.
const char *record_name (record_kind_t kind);

#endif
