//  core_state: all that the core holds, for the pure modules that make up the core
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_CORE_STATE_H
#define BROKER_CORE_STATE_H

#include "batch.h"
#include "core.h"
#include "group_lanes.h"
#include "producer.h"
#include "roster.h"
#include "session.h"
#include "task.h"
#include "task_note.h"
#include "timetable.h"

#define CORE_LOST_MAX 16         //  Workers that a task may be lost with until it is dead
#define CORE_RETRY_AFTER_MS 100  //  What FULL tells
#define CORE_SWEEP_MS 1000       //  Between two looks at what is old
#define CORE_PRODUCER_IDLE_MS 3600000  //  How long a silent producer is remembered
#define CORE_WINDOW_MAX 65536          //  Most outcomes ahead of a cursor

//  Somebody waits for the end of one task.

typedef struct {
    uint64_t id;        //  The task; 0 when the slot is free
    uint64_t request;   //  Number of the request
    uint32_t session;   //  Who waits
    stint_node_t node;  //  Among all watches, or among those to be told
    uint32_t link;      //  Next free slot
} watch_t;

STINT_LIST_DEFINE (watch_list, watch_t, node);
STINT_POOL_DEFINE (watch_pool, watch_t, link);

struct core {
    //  Durable: all of this is rebuilt by the journal
    tasks_t tasks;
    groups_t groups;
    batches_t batches;
    producers_t producers;
    roster_t roster;
    timetable_t timetable;
    uint64_t next_id;  //  Number of the next task
    bool closed;       //  The journal ends with RECORD_CLOSED

    //  Of this life
    journal_t *journal;     //  Where records go
    core_limits_t limits;   //  As configured
    sessions_t sessions;    //  Connected peers
    task_list_t orphans;    //  Running tasks whose worker has not come back yet
    int64_t orphans_until;  //  When they are given up
    int64_t unread_since;   //  Words of peers wait to be taken; CORE_NEVER: none do
    bool awaiting;          //  Nothing is given out yet: workers are awaited until then
    int64_t started_at;     //  When this life began
    bool draining;          //  Nothing new is taken or given out
    uint64_t epoch;         //  This life of the broker
    uint64_t attempts;      //  Attempts begun in it; with the epoch it makes the fence
    uint64_t known_id;      //  Tasks below this number were there before the epoch
    uint64_t chance;        //  State of the random numbers
    int64_t swept_at;       //  Last look at what is old
    uint32_t sweep_group;   //  Where the next look begins
    task_notes_t notes;     //  How far running attempts are
    watch_pool_t watches;   //  Who waits for single tasks
    watch_list_t watching;  //  Those whose task has not ended
    watch_list_t told;      //  Those who are to be told
    stint_writer_t state;   //  The answer to a QUERY
    core_totals_t totals;   //  Counters since the start

    //  Where the record lies that is being applied
    uint64_t at_block;       //  Its block
    const uint8_t *at_data;  //  First byte of that block
    uint32_t at_session;     //  Who the attempt goes to that is being started, 0: nobody
    int64_t replayed_until;  //  Time of the last block replayed
    bool replaying;          //  Recovery
};

//  The fence of an attempt: the epoch, and a count within it.

static inline uint64_t
core_fence (uint64_t epoch, uint64_t count)
{
    return epoch << 40 | count;
}

#endif
