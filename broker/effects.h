//  effects: what the core wants to be said, to whom, and whether it has to wait
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_EFFECTS_H
#define BROKER_EFFECTS_H

#include "journal.h"
#include "stint_wire.h"

#define EFFECTS_MAX 8400    //  Replies that there is room for
#define EFFECTS_EVENT 4200  //  Most replies of one event: a full list, and an answer
#define EFFECTS_RUN 512     //  Replies after which the core lets the shell take them

//  An answer about many tasks: is there more to look at?

typedef enum {
    EFFECTS_ALL = 1,  //  No: all were looked at
    EFFECTS_MORE      //  Yes, behind the task that it names
} effects_many_t;

//  One thing to say. Replies to one session keep their order among those that wait, and
//  among those that do not. Small, because each task comes to two of them.

typedef struct {
    uint8_t command;    //  An stp_command_t; STP_BYE ends the session
    bool durable;       //  Not before what was written so far is durable
    bool patient;       //  ACCEPTED: nobody is interested in it before there are outcomes
    uint8_t state;      //  OUTCOME: a stint_state_t, 0 for an empty place. HEARTBEAT: 1
                        //  greets. ACCEPTED of many tasks: an effects_many_t
    uint16_t attempts;  //  TASK: number of the attempt. OUTCOME: attempts begun
    uint32_t session;   //  To whom
    union {
        uint32_t group;   //  TASK: slot of the group
        uint32_t number;  //  OUTCOME: place in the batch. ACCEPTED of a batch: ends that
                          //  were taken back
    };
    union {
        uint64_t request;   //  Number of the request that it answers, 0 for none
        uint64_t limit_ms;  //  TASK: how long the attempt may run, 0 for ever
        uint64_t again;     //  OUTCOME of a batch: ends that were taken back
    };
    uint64_t id;     //  Task. ACCEPTED of a batch: most tasks in one push
    uint64_t batch;  //  ACCEPTED, OUTCOME: number of the batch
    union {
        uint64_t fence;     //  TASK, REVOKE, STALE: attempt
        uint64_t cursor;    //  ACCEPTED, OUTCOME: cursor of the batch
        uint64_t sequence;  //  ERROR: sequence number that is expected
        uint64_t delay_ms;  //  FULL: when to try again. HEARTBEAT that greets, ACCEPTED
                            //  of READY: between two beats
    };
    union {
        journal_place_t place;  //  TASK, OUTCOME: where the body lies
        uint64_t count;         //  ACCEPTED: tasks. HEARTBEAT: backlog
        stint_bytes_t fields;   //  STATE: a packed map, valid until the next event
        struct {
            const char *code;  //  ERROR
            const char *text;  //  ERROR, FULL: for people
        };
    };
} reply_t;

_Static_assert(sizeof (reply_t) <= 64, "a reply fits a cache line");

typedef struct {
    reply_t replies [EFFECTS_MAX];
    size_t count;
} effects_t;

//  Returns room for one more reply, all zeros but for these.

static inline reply_t *
effects_add (effects_t *self, stp_command_t command, uint32_t session)
{
    reply_t *reply = &self->replies [self->count++];
    *reply = (reply_t){.command = (uint8_t) command, .session = session};
    return reply;
}

//  Returns how many more replies fit.

static inline size_t
effects_room (const effects_t *self)
{
    return EFFECTS_MAX - self->count;
}

//  Returns true when the shell should take the replies before the core goes on: there are
//  many, or the bytes of the last one do not outlive the next event.

static inline bool
effects_due (const effects_t *self)
{
    return self->count >= EFFECTS_RUN
           || (self->count > 0 && self->replies [self->count - 1].command == STP_STATE);
}

//  Returns true when a reply has to wait until all that was written so far is durable. An
//  outcome whose record is durable has not, unless it would overtake another: gate is the
//  block that the last outcome for that session has waited for. Who collects long after
//  the end of a task does not wait for what others do meanwhile.
bool effects_waits (const reply_t *reply, const journal_t *journal, uint64_t gate);

#endif
