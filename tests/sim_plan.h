//  sim_plan: how a simulated world is made, and how large one may be
//  SPDX-License-Identifier: MPL-2.0

#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include "core_state.h"

#define SIM_PEERS 14                //  Most clients and workers
#define SIM_LINKS (SIM_PEERS * 2)   //  A connection, and the one before it
#define SIM_ITEMS 6                 //  Most elements of a list that a player sends
#define SIM_ACTORS 20               //  Players and nemeses
#define SIM_ACTS 4096               //  Most acts of an actor that can be left out
#define SIM_TRUTHS 1024             //  Most tasks that are pushed in a world
#define SIM_GROUPS 4                //  Names of groups that players know
#define SIM_PAUSED 8                //  The setting that stops a group,
#define SIM_DRAINING 9              //  and the one that lets it take no tasks
#define SIM_LEASES 64               //  Most sessions
#define SIM_NAMES 4                 //  Keys and orders that tasks ask for, none included
#define SIM_LANES (10 * SIM_NAMES)  //  Of a group: priorities and keys
#define SIM_ACKED 256               //  Batches that are told apart

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
    uint32_t terms;                //  Of a hundred pushes, those that ask for something
    uint32_t lies;                 //  Of a hundred acts of a worker, lies
    uint32_t events;               //  After these all is healed
    bool atomic;                   //  A commit is all there after a crash, or not at all
    bool sleeps;                   //  Everybody may sleep for an hour
    bool digests;                  //  Each seal notes the digest
    bool faults [SIM_ACTORS];      //  Which nemeses there are
} sim_plan_t;

#endif
