//  sim: a whole cluster in one process, from one seed, with every fault that we know of
//  SPDX-License-Identifier: MPL-2.0
//
//  A world is a broker's core and journal, which are the very objects of stint-broker, a
//  small model of the broker's shell around them, a disk, a network, clients and workers.
//  Time, chance and faults come from the seed, so a seed tells the same story each time.
//  What players do by themselves, faults included, are acts, each with a number and with
//  random numbers of its own: when one is left out, the others stay what they are. That
//  is how a story is made shorter.

#ifndef SIM_H
#define SIM_H

#include "sim_counts.h"
#include "sim_plan.h"

#include <setjmp.h>

//  What the tasks of a push ask for; 0 for nothing.

typedef struct {
    uint8_t priority;
    uint8_t max_attempts;
    uint8_t key;          //  Which of the names, from 1
    uint8_t order;        //  Likewise
    bool own;             //  Each task says it, not the push
    uint32_t time_limit;  //  Milliseconds
    uint32_t expires;
    uint32_t deadline;
} sim_terms_t;

//  What stands in a body: a payload of the task that is that truth, or a result.

typedef struct {
    uint64_t of;     //  Payload: truth. Result: task
    uint64_t fence;  //  Result: of the attempt; 0 for a payload
    uint32_t nonce;  //  Result: above 0 from a worker that lies
    uint32_t size;   //  Bytes; 0 for no body at all
} sim_body_t;

typedef struct {
    uint64_t id;       //  Task
    uint64_t fence;    //  Attempt
    uint64_t delay;    //  Of a push or a result
    uint32_t verdict;  //  Of a result; thousandths of a PROGRESS
    sim_body_t body;   //  Payload or result
} sim_item_t;

//  On its way to the broker.

typedef struct {
    stp_command_t command;
    uint8_t group;    //  Which of the names, from 0
    uint8_t groups;   //  READY: a bit a name
    uint8_t setting;  //  GROUP: which, from 1; 0 removes. QUERY: which operation. CANCEL,
                      //  RETRY, DROP of a group: only in that state
    bool broken;      //  Its bytes are not a message
    bool more;        //  READY: another one follows. CANCEL, RETRY, DROP: of a group
    uint32_t item_count;
    int64_t sent_at;
    uint64_t request;
    uint64_t producer;
    uint64_t sequence;
    uint64_t batch;
    uint64_t id;
    uint64_t count;
    uint64_t cursor;
    sim_terms_t terms;  //  Of a push
    sim_item_t items [SIM_ITEMS];
} sim_message_t;

//  On its way from the broker, or waiting for the disk.

typedef struct {
    reply_t reply;    //  As the core gave it; no bytes stand behind its pointers any more
    sim_body_t body;  //  Of TASK and OUTCOME
    uint64_t gate;    //  Block that has to be durable
    uint64_t number;  //  Connection
    uint32_t link;    //  to whom
    uint32_t turn;    //  OUTCOME: how often its batch had changed hands
    char code;        //  ERROR: first letter of the code, or 'p' for an unknown producer
    int64_t at;       //  When it arrives
} sim_said_t;

//  What the world knows of a task that was pushed.

typedef struct {
    uint64_t id;            //  Its number when the push was accepted; before, the last one
    bool accepted;          //  The push was accepted
    uint8_t group;          //  Name of its group
    bool settled;           //  It is gone, as it may be
    bool due;               //  Under that number its time had come once
    uint8_t ended;          //  State at the last look, if it had ended then
    bool retried;           //  Its end was taken back, and it may end another time
    bool dropped;           //  Somebody had it forgotten
    uint8_t told;           //  State that somebody was told it ended in, 0 for none
    uint32_t nonce;         //  Of the result that was told
    uint32_t given;         //  How often it was given out
    uint32_t adopter;       //  Worker, from 1, whose attempt has to go on after a restart
    uint32_t failures;      //  Failures of its attempts that were recorded
    uint64_t delay;         //  As pushed
    sim_terms_t terms;      //  Likewise
    bool begun;             //  Under that number an attempt left for a worker
    uint64_t fence;         //  Of the last attempt that was given out
    uint64_t said_fence;    //  Of the attempt that said last how far it is, in this life
    uint32_t said;          //  of the broker, and what it said
    uint64_t result_fence;  //  Of the attempt whose result was told
    uint64_t batch;         //  Where its outcome was told,
    uint64_t position;      //  and at which place
    int64_t taken_at;       //  When the broker made it, by the broker's clock
    int64_t until;          //  Of the ended task at the last look: when it may go
} sim_truth_t;

//  What the model of the shell knows of a session of the core.

typedef struct {
    uint32_t link;      //  Its connection,
    uint64_t number;    //  by number; 0 when the slot is free
    int64_t heard_at;   //  When something came from it last, stalls forgiven
    int64_t told_ms;    //  Between two beats, as it was told last
    int64_t before_ms;  //  As it was told before
    int64_t told_at;    //  When that changed
    uint64_t gate;      //  Block that the last outcome that had to wait waited for
    uint32_t streak;    //  Tasks that it was given in a row, though other groups wanted it,
    uint32_t streak_group;  //  of this group
} sim_session_t;

typedef struct sim sim_t;

//  The next random number: below limit, or any when that is 0.

static inline uint64_t
sim_random (uint64_t *state, uint64_t limit)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t number = stint_index_mix (*state);
    return limit ? (uint64_t) ((number >> 32) * limit >> 32) : number;
}

#endif
