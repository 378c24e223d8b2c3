//  core_story: clients and workers that live with a core, at random, and check its promises
//  SPDX-License-Identifier: MPL-2.0
//
//  The players know only what they were told, as over a network; what the core says is held
//  against it: an acknowledged push is never lost, nothing is given out that nobody pushed,
//  fences only grow, a recorded result stays what it is, outcomes come in order and once,
//  and a living worker's attempt survives the death of the broker.

#ifndef CORE_STORY_H
#define CORE_STORY_H

#include "core_fixture.h"

#define STORY_PRODUCERS 3
#define STORY_WORKERS 4
#define STORY_BATCHES 3
#define STORY_TASKS 4096
#define STORY_HELD 64
#define STORY_BODY 6000
#define STORY_KEPT 20000  //  Milliseconds that an ended task is kept at least

//  What the players know of a task.

typedef struct {
    uint64_t id;          //  Its number, when a push that holds it was acknowledged
    uint64_t producer;    //  Who pushed it
    uint64_t sequence;    //  Its sequence number
    int64_t at;           //  When it was pushed first
    uint64_t fence;       //  Of its last attempt
    bool ended;           //  It was seen to have ended,
    int64_t until;        //  and may be forgotten then
    uint32_t adopted_by;  //  Worker, by number, who must be let go on after a crash
} story_task_t;

//  What was told of the end of a task, which may be told before its push is acknowledged.

typedef struct {
    uint64_t id;        //  Its number
    uint8_t state;      //  How it ended
    uint64_t result;    //  Hash of the result that came with it
    uint64_t batch;     //  Its batch, if an outcome told,
    uint64_t position;  //  and its place there
} story_told_t;

typedef struct {
    uint64_t sequence;  //  Of its first task
    uint32_t count;     //  Tasks
    uint32_t group;     //  Which
    uint64_t batch;     //  Which, or 0
    uint64_t delay;     //  Of its tasks
    bool answered;      //  It was accepted
    uint64_t id;        //  as these
} story_push_t;

typedef struct {
    uint64_t id;              //  Its number
    uint32_t session;         //  Where it is connected, or 0
    uint64_t next;            //  Sequence number of its next push
    story_push_t pushes [8];  //  Its last pushes, a ring by number
    uint64_t pushed;          //  Number of its next push
} story_producer_t;

typedef struct {
    uint64_t id;        //  Task
    uint64_t fence;     //  Attempt
    uint64_t producer;  //  Who pushed it
    uint64_t sequence;  //  as this
    uint32_t verdict;   //  What it came to
    bool sent;          //  The result was sent on this connection
    uint64_t request;   //  with this number
} story_held_t;

typedef struct {
    uint64_t id;                     //  Its number
    uint32_t session;                //  Where it is connected, or 0
    bool silent;                     //  It does not send heartbeats
    story_held_t held [STORY_HELD];  //  What it holds
    uint32_t held_count;             //  How much
} story_worker_t;

typedef struct {
    uint32_t session;   //  Where its collector is connected, or 0
    uint64_t id;        //  Its number, or 0
    uint64_t cursor;    //  Outcomes up to here were acknowledged
    uint64_t received;  //  Outcomes up to here have come
    uint64_t request;   //  Of the COLLECT; 0 when there is none
    bool fresh;         //  Nothing has come since that
} story_batch_t;

typedef struct {
    rig_t *rig;                                    //  The stage
    story_task_t tasks [STORY_TASKS];              //  All that were pushed
    uint32_t task_count;                           //  How many
    story_told_t ends [STORY_TASKS];               //  All whose end was told
    uint32_t end_count;                            //  How many
    story_producer_t producers [STORY_PRODUCERS];  //  Those who push
    story_worker_t workers [STORY_WORKERS];        //  Those who work
    story_batch_t batches [STORY_BATCHES];         //  Those who collect
    uint64_t request;                              //  Number of the last request
    uint64_t producer;                             //  Number of the last producer
    bool aged;           //  Time has passed by which outcomes may be forgotten
    bool calm;           //  Nobody fails or leaves any more
    uint64_t crashes;    //  So far
    uint64_t adoptions;  //  Attempts that had to go on over a crash, and did
} story_t;

//  Begins a story, which is told by one random event after another.
story_t *story_new (uint64_t seed);
void story_destroy (story_t **self_p);
void story_event (story_t *self);

//  Brings it to its end: everybody is well, and all that was accepted has to be done.
void story_end (story_t *self);

//  ---------------------------------------------------------------------------------
//  Inside: what players do (core_players.c) and hear (core_story.c), and when
//  (core_plot.c).

extern const char *const story_groups [3];
void story_push (story_t *self);
void story_push_again (story_t *self);
void story_push_wrongly (story_t *self);
void story_repush (story_t *self, story_producer_t *producer, uint64_t from);
void story_join (story_t *self, story_worker_t *worker);
void story_work (story_t *self, story_worker_t *worker);
void story_give_back (story_t *self, story_worker_t *worker);
void story_bye (story_t *self, story_worker_t *worker);
void story_open_batch (story_t *self, uint32_t index);
void story_collect (story_t *self, uint32_t index);
void story_cancel (story_t *self);
void story_watch (story_t *self);
void story_rule (story_t *self);
void story_beat (story_t *self);

//  Writes a payload, or a result; returns the size.
size_t story_payload (char *body, uint64_t producer, uint64_t sequence);
size_t story_result (char *body, uint64_t id, uint64_t fence);

story_task_t *story_find (story_t *self, uint64_t id);

//  Hears all that was said.
void story_listen (story_t *self);

//  Looks whether nothing that was accepted is lost, and whether ends stay what they are.
void story_look (story_t *self);

//  Makes a new producer of one that was silent too long.
void story_begin_again (story_t *self, story_producer_t *producer);

#endif
