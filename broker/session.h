//  session: a connected peer as the core sees it: its beats, its credit, what it holds
//  SPDX-License-Identifier: MPL-2.0
//
//  A session is a slot. The shell knows which socket peer it belongs to; the core does not.
//  A session becomes a worker's by READY and only by READY.

#ifndef BROKER_SESSION_H
#define BROKER_SESSION_H

#include "group.h"
#include "pace.h"

//  A worker's place in line at one of its groups. Its slot follows from the session's.

typedef struct {
    stint_node_t node;  //  In the group's waiting workers
    uint32_t group;     //  Slot of the group; 0 when not used
} subscription_t;

STINT_LIST_DEFINE (subscriptions, subscription_t, node);

typedef struct {
    int64_t heard_at;         //  When anything came from it
    int64_t sent_at;          //  When anything was sent to it
    stint_node_t heard_node;  //  Among all sessions, the one heard longest ago first
    stint_node_t sent_node;   //  Among all sessions, the next beat first
    stint_node_t gone_node;   //  Among those that left and still hold tasks
    uint64_t worker;          //  A worker's own number; 0 for a client
    char name [STINT_GROUP_MAX + 1];  //  Of a worker, for people
    uint64_t gate;                    //  Block that says that the worker is there
    uint32_t capacity;                //  Most tasks that it will hold
    uint64_t bytes_max;               //  Most bytes of payload that it will hold
    uint64_t bytes;                   //  Bytes of payload that it holds
    task_list_t held;                 //  Tasks that it runs, or has in line
    uint64_t done;                    //  Attempts that it ended well
    uint32_t groups;                  //  How many it serves
    uint32_t turn;                    //  Which of them is to have the next task
    uint32_t left;                    //  Tasks that it may have until the next one's turn
    uint32_t former;                  //  The same worker's, on an older socket; 0: none
    bool counted;                     //  Its groups count it as a worker
    bool greeted;                     //  It was sent its first beat
    bool waiting;                     //  It stands in line at its groups
    bool gone;                        //  It left; its tasks are being taken back
    bool known;                       //  It has sent more than heartbeats
    bool draining;                    //  It was told to drain: it is given nothing more
    bool attached;  //  It waits for tasks, or collects from batches, or did
    bool used;      //  The slot is taken
    uint32_t link;  //  Next free slot
} session_t;

STINT_LIST_DEFINE (session_heard, session_t, heard_node);
STINT_LIST_DEFINE (session_sent, session_t, sent_node);
STINT_LIST_DEFINE (session_gone, session_t, gone_node);
STINT_POOL_DEFINE (session_pool, session_t, link);

typedef struct {
    session_pool_t sessions;        //  By slot
    subscription_t *subscriptions;  //  STINT_GROUPS_MAX for each session
    session_heard_t heard;          //  Living ones, heard longest ago first
    session_sent_t sent;            //  Living ones, next beat first
    session_gone_t gone;            //  Those that left and still hold tasks
    uint32_t workers;               //  Living workers
    pace_t pace;                    //  How often both sides beat
    uint32_t untold;                //  While that changes: slot to be told next
} sessions_t;

void sessions_init (sessions_t *self, uint32_t capacity);
void sessions_clear (sessions_t *self);

//  Makes a session that was heard now and whose first beat is due at once: it greets the
//  peer and names our heartbeat. 0 when the table is full.
uint32_t sessions_add (sessions_t *self, int64_t now);

//  Forgets a session that holds nothing.
void sessions_remove (sessions_t *self, uint32_t slot);

//  Notes that something came from it, or goes to it.
void sessions_heard (sessions_t *self, uint32_t slot, int64_t now);
void sessions_sent (sessions_t *self, uint32_t slot, int64_t now);

//  Takes a session out of the living: no beats, no credit, nothing is given to it.
void sessions_leave (sessions_t *self, groups_t *groups, uint32_t slot);

//  Makes a session the worker of a group. Does nothing when it serves it already, and
//  returns false when it serves too many.
bool sessions_serve (sessions_t *self, groups_t *groups, uint32_t slot, uint32_t group);

//  Lets a worker stand in line at its groups if it has room, and not if it has none. One
//  that takes no tasks, because its capacity is 0, does not count as a worker. For most
//  tasks nothing changes, so that is found out first.
void sessions_change (sessions_t *self, groups_t *groups, uint32_t slot);

static inline bool
session_has_room (const session_t *self)
{
    return !self->gone && !self->draining && self->held.count < self->capacity
           && (self->bytes < self->bytes_max || self->held.count == 0);
}

static inline bool
session_counts (const session_t *self)
{
    return self->worker && self->capacity > 0 && !self->gone && !self->draining;
}

static inline void
sessions_update (sessions_t *self, groups_t *groups, uint32_t slot)
{
    const session_t *session = &self->sessions.pool [slot];
    if (session_has_room (session) != session->waiting
        || session_counts (session) != session->counted)
        sessions_change (self, groups, slot);
}

//  Returns the subscriptions of a session: STINT_GROUPS_MAX, unused ones with group 0.
subscription_t *sessions_subscriptions (const sessions_t *self, uint32_t slot);

//  Returns the session that is first in line at a group, and puts it at the end of the
//  line. There must be one.
uint32_t sessions_next (sessions_t *self, groups_t *groups, uint32_t group);

//  Returns when our next beat to it is due, and when it is missed, if nothing happens
//  before.

static inline int64_t
sessions_beat_at (const sessions_t *self, uint32_t slot)
{
    return self->sessions.pool [slot].sent_at + self->pace.beat_ms;
}

static inline int64_t
sessions_gone_at (const sessions_t *self, uint32_t slot)
{
    return self->sessions.pool [slot].heard_at + pace_patience (&self->pace);
}

//  Gives all sessions the time that the broker itself was stalled.
void sessions_forgive (sessions_t *self, int64_t stall_ms);

#endif
