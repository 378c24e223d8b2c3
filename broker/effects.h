//  effects: what the core wants to be said, to whom, and whether it has to wait
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_EFFECTS_H
#define BROKER_EFFECTS_H

#include "journal.h"
#include "stint_wire.h"

#define EFFECTS_MAX 16384   //  Replies that a turn may come to before the shell takes them
#define EFFECTS_EVENT 4200  //  Most replies of one event: a full list, and an answer

//  One thing to say. Replies to one session keep their order among those that wait, and
//  among those that do not.

typedef struct {
    stp_command_t command;  //  Which; STP_BYE ends the session
    bool durable;           //  Not before what was written so far is durable
    uint32_t session;       //  To whom
    uint32_t group;         //  TASK: slot of the group
    uint64_t request;       //  Number of the request that it answers, 0 for none
    uint64_t id;            //  Task
    uint64_t fence;         //  Attempt
    uint64_t number;        //  TASK: number of the attempt. OUTCOME: place in the batch
    uint64_t state;         //  OUTCOME: a stint_state_t
    uint64_t attempts;      //  OUTCOME: attempts begun
    uint64_t count;         //  ACCEPTED: tasks. HEARTBEAT: backlog
    uint64_t batch;         //  ACCEPTED, OUTCOME: number of the batch
    uint64_t cursor;        //  ACCEPTED, OUTCOME: cursor of the batch
    uint64_t sequence;      //  ERROR: sequence number that is expected
    uint64_t delay_ms;      //  FULL: when to try again
    journal_place_t place;  //  TASK, OUTCOME: where the body lies
    const char *code;       //  ERROR
    const char *text;       //  ERROR, FULL: for people
    stint_bytes_t fields;   //  STATE: a packed map, valid until the next event
} reply_t;

typedef struct {
    reply_t replies [EFFECTS_MAX];
    size_t count;
} effects_t;

//  Returns room for one more reply, all zeros but for these.

static inline reply_t *
effects_add (effects_t *self, stp_command_t command, uint32_t session)
{
    reply_t *reply = &self->replies [self->count++];
    *reply = (reply_t){.command = command, .session = session};
    return reply;
}

//  Returns how many more replies fit.

static inline size_t
effects_room (const effects_t *self)
{
    return EFFECTS_MAX - self->count;
}

#endif
