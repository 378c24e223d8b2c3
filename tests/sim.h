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

#include "core_state.h"
#include "sim_rare.h"

#include <setjmp.h>

#define SIM_PEERS 14               //  Most clients and workers
#define SIM_LINKS (SIM_PEERS * 2)  //  A connection, and the one before it
#define SIM_ITEMS 6                //  Most elements of a list that a player sends
#define SIM_ACTORS 20              //  Players and nemeses
#define SIM_ACTS 4096              //  Most acts of an actor that can be left out
#define SIM_TRUTHS 1024            //  Most tasks that are pushed in a world
#define SIM_GROUPS 4               //  Names of groups that players know
#define SIM_PAUSED 8               //  The setting that stops a group
#define SIM_LEASES 64              //  Most sessions
#define SIM_ACKED 256              //  Batches that are told apart

//  Nemeses are the actors behind the players.

typedef enum {
    SIM_CRASH = SIM_PEERS,  //  The broker is killed, or stops in good order
    SIM_NET,                //  Links are cut, broken and clogged
    SIM_DISK,               //  The disk fails
    SIM_CLOCK,              //  The wall clock steps, the broker stalls
    SIM_PAUSE               //  Players are stopped, and go on later
} sim_nemesis_t;

//  How a world is made. All of it is drawn from the seed.

typedef struct {
    uint64_t seed;
    core_limits_t limits;          //  Of each core
    uint64_t slack;                //  Of each journal
    uint32_t clients;              //  Players
    uint32_t workers;              //  Players behind them
    uint32_t act_us [SIM_ACTORS];  //  Mean time between two acts; 0 for never
    uint32_t link_us;              //  Mean time of a message on its way
    uint32_t turn_us;              //  From a message's arrival to the turn
    uint32_t turn_max;             //  Messages that a turn takes
    uint32_t commit_us;            //  Mean time of a commit
    uint32_t work_us;              //  Mean time of an attempt
    uint32_t seals;                //  Of a hundred turns during a commit, those that seal
    uint32_t down_us;              //  Mean time from a crash to the next start
    uint32_t body_max;             //  Most bytes of a body behind its head
    uint32_t fails;                //  Of a hundred attempts, those that fail
    uint32_t delays;               //  Of a hundred pushes, those that are delayed
    uint32_t lies;                 //  Of a hundred acts of a worker, lies
    uint32_t events;               //  After these all is healed
    bool atomic;                   //  A commit is all there after a crash, or not at all
    bool sleeps;                   //  Everybody may sleep for an hour
    bool digests;                  //  Each seal notes the digest
    bool faults [SIM_ACTORS];      //  Which nemeses there are
} sim_plan_t;

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
    uint32_t verdict;  //  Of a result
    sim_body_t body;   //  Payload or result
} sim_item_t;

//  On its way to the broker.

typedef struct {
    stp_command_t command;
    uint8_t group;    //  Which of the names, from 0
    uint8_t groups;   //  READY: a bit a name
    uint8_t setting;  //  GROUP: which, from 1; 0 removes. QUERY: which operation
    bool broken;      //  Its bytes are not a message
    bool more;        //  READY: another one follows
    uint32_t item_count;
    int64_t sent_at;
    uint64_t request;
    uint64_t producer;
    uint64_t sequence;
    uint64_t batch;
    uint64_t id;
    uint64_t count;
    uint64_t cursor;
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
