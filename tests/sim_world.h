//  sim_world: who and what there is in a simulated world
//  SPDX-License-Identifier: MPL-2.0

#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "sim.h"
#include "sim_disk.h"

#define SIM_UP 32     //  Most messages on their way to the broker on one connection
#define SIM_DOWN 128  //  and back
#define SIM_HELD 64   //  Most attempts that a worker holds
#define SIM_PUSHES 8  //  Most pushes of a producer that are not answered

//  A connection. When its peer leaves it, what is on its way to the broker still arrives.

typedef struct {
    uint64_t number;        //  Another one for each connection; 0: there is none
    uint32_t session;       //  At the broker; 0 before its first message arrives
    bool left;              //  The peer has left it
    bool queued;            //  Its first message has arrived at the broker's door
    int64_t cut_from [2];   //  Nothing gets through from then on, to the broker and back,
    int64_t cut_until [2];  //  and everything again from then
    uint32_t up_first;      //  Number of the first message on its way to the broker
    uint32_t up_there;      //  Number behind the last that has arrived
    uint32_t up_next;       //  Number behind the last
    uint32_t down_first;    //  The same for those on their way back
    uint32_t down_next;
    sim_message_t up [SIM_UP];
    sim_said_t down [SIM_DOWN];
} sim_link_t;

typedef struct {
    uint64_t sequence;  //  Of its first task
    uint32_t count;     //  Tasks
    uint32_t truth;     //  The first one
    uint8_t group;      //  Name
    uint64_t batch;     //  Number, or 0
    uint64_t delay;     //  Of its tasks
    sim_terms_t terms;  //  Likewise
    bool refused;       //  It was told FULL, or an error
    bool answered;      //  It was accepted
    uint64_t id;        //  as these
} sim_push_t;

typedef struct {
    uint64_t id;                     //  As a producer
    uint64_t next;                   //  Sequence number of the next push
    sim_push_t pushes [SIM_PUSHES];  //  The last ones, a ring by number
    uint64_t pushed;                 //  Number of the next
    int64_t resend_at;               //  When to push again what was not answered; 0: not
    int64_t last_at;                 //  Broker's time of its last accepted push
    uint64_t batch;                  //  That it collects; 0 when not known
    uint8_t batch_name;              //  Its name and group
    uint64_t cursor;                 //  Outcomes up to here were acknowledged
    uint64_t received;               //  and these have come
    uint64_t request;                //  Of its COLLECT; 0 when there is none
    bool fresh;                      //  No outcome has come since that
    uint64_t number;                 //  Connection that the last one came on
    uint32_t turn;                   //  and how often the batch had changed hands
} sim_client_t;

typedef struct {
    uint64_t id;       //  Task
    uint64_t fence;    //  Attempt
    uint32_t truth;    //  Which task that is
    uint32_t verdict;  //  What it comes to
    uint64_t delay;    //  of a result that says one
    int64_t due_at;    //  When it is done
    uint64_t request;  //  Of the message with its result; 0 before that
} sim_attempt_t;

typedef struct {
    uint64_t id;                    //  The worker's own number
    uint32_t capacity;              //  Most tasks that it holds, as it said last
    uint8_t groups;                 //  That it serves
    bool refused;                   //  What it said last was
    bool draining;                  //  It was told to leave when it holds nothing
    uint64_t ready;                 //  Request of its last READY; 0: not accepted yet
    sim_attempt_t held [SIM_HELD];  //  What it holds
    uint32_t held_count;            //  How much
    sim_attempt_t gone;             //  One that it does not hold any more, to lie about
} sim_worker_t;

typedef struct {
    uint32_t link;         //  Its connection; the other one is link ^ 1
    int64_t heard_at;      //  When it heard the broker last
    int64_t beat_us;       //  Between two beats, as it was told last
    int64_t paused_until;  //  It is stopped
    bool silent;           //  It does not beat
    uint64_t requests;     //  Number of the last request
    uint64_t chance;       //  For what it does in answer to others
    sim_client_t client;
    sim_worker_t worker;
} sim_peer_t;

typedef struct {
    core_t *core;                //  Null when the broker is down
    journal_t *journal;          //  The core's
    effects_t effects;           //  Of the turn
    int64_t offset;              //  From the world's to the broker's clock, in milliseconds
    int64_t now;                 //  Of the turn
    int64_t waits_at;            //  When the last turn ended
    int64_t wake_at;             //  When the turn should begin at the latest
    int64_t stop_at;             //  Draining until then; CORE_NEVER when not
    uint64_t closing;            //  Block that has to be durable before it goes; 0: it runs
    bool wrote;                  //  Something was appended in this life
    uint32_t crash_in;           //  Crash at this place from now; 0: not
    bool crash_moving;           //  Crash when a block is copied forward
    bool notes_full;             //  There was no room for another note in this life
    uint32_t crash_replay;       //  Blocks of a replay until the crash; 0: not
    uint32_t replay_crashes;     //  In a row
    uint32_t inbox [SIM_LINKS];  //  Links with messages at the door
    uint32_t inbox_count;
    sim_session_t sessions [SIM_LEASES + 1];
    uint64_t first_given [SIM_GROUPS + 2][SIM_LANES];  //  Last first attempt in this life
    sim_said_t *waits;  //  Answers that wait for the disk, a ring
    uint64_t waits_first;
    uint64_t waits_next;
    sim_said_t *ready;  //  Those that do not, until the turn ends
    uint32_t ready_count;
} sim_broker_t;

#endif
