//  core_fixture: a core with a fake disk and a simulated clock, spoken to in STP/1
//  SPDX-License-Identifier: MPL-2.0
//
//  A rig is what the broker's shell is to the core, without sockets: messages are built and
//  decoded as on the wire, replies that have to be durable wait for the fake disk, sealed
//  blocks go to that disk with the digest of the core at that moment. The disk can lose
//  what was not durable; then the rest is replayed into a new core.

#ifndef CORE_FIXTURE_H
#define CORE_FIXTURE_H

#include "core_state.h"
#include "must.h"

#define rig_check must

typedef struct {
    uint8_t *data;    //  The block; null when it was trimmed
    size_t size;      //  Its bytes
    uint64_t digest;  //  Of the core when it was sealed; 0 when others were sealed with it
} rig_block_t;

//  Something that the core said.

typedef struct {
    reply_t reply;  //  As the core gave it; its text and fields are gone
    char *body;     //  Of TASK and OUTCOME, with a null behind it; code of ERROR, fields
    size_t size;    //  Bytes of the body
    uint64_t gate;  //  Block that has to be durable
    uint32_t peer;  //  To whom: a slot may have another owner by then
} rig_said_t;

typedef struct {
    core_t *core;              //  The core; replaced at a crash
    core_limits_t limits;      //  Of each core
    uint64_t slack;            //  Of each journal
    uint64_t epoch;            //  Of this core
    int64_t now;               //  Time
    uint64_t chance;           //  State of the random numbers
    bool keeps_up;             //  The disk is always at once durable
    rig_block_t *blocks;       //  The disk, by number
    uint64_t sealed;           //  Last block that was sealed
    uint64_t durable;          //  Last block that is durable
    uint64_t trimmed;          //  Last block that was trimmed
    uint64_t fence;            //  The last that was given out, by any core
    uint64_t room;             //  Blocks that there is room for
    rig_said_t *waits;         //  Said, and waits for the disk
    size_t waits_count;        //  How many
    rig_said_t *said;          //  Said and not looked at yet
    size_t said_count;         //  How many
    rig_said_t last;           //  What rig_hear returned last
    uint32_t peers [256];      //  How often each session was opened
    uint64_t gates [256];      //  What the last outcome that had to wait has waited for
    effects_t *effects;        //  Of the turn
    stint_writer_t header;     //  Of the message that is built
    stint_bytes_t frames [8];  //  Its payload frames
    size_t frame_count;        //  How many
    size_t list;               //  Where its list is
    uint32_t list_count;       //  Elements of the list
} rig_t;

//  Limits that are small, with heartbeats of 1000 ms of which 3 may be missed.
core_limits_t rig_limits (void);

//  Makes a rig whose disk keeps up; null limits are rig_limits.
rig_t *rig_new (const core_limits_t *limits);
void rig_destroy (rig_t **self_p);

//  Returns the next random number: below limit, or any when that is 0.
uint64_t rig_random (rig_t *self, uint64_t limit);

//  Builds a message field by field (fields says how many), with a list, and sends it.
void rig_begin (rig_t *self, stp_command_t command, uint32_t fields);
void rig_number (rig_t *self, char letter, uint64_t value);
void rig_text (rig_t *self, char letter, const char *text);
void rig_groups (rig_t *self, const char *const *groups, uint32_t count);
void rig_list (rig_t *self);
void rig_item (rig_t *self, stp_command_t command, const stint_item_t *item);
void rig_send (rig_t *self, uint32_t session);

//  Opens a session, and takes the greeting away.
uint32_t rig_open (rig_t *self);

//  Runs the core until it has nothing to do, copies forward, seals and commits if the disk
//  keeps up. rig_pass lets time pass first.
void rig_turn (rig_t *self);
void rig_pass (rig_t *self, int64_t span_ms);

//  Seals the open block; makes blocks up to a number durable.
void rig_seal (rig_t *self);
void rig_commit (rig_t *self, uint64_t number);

//  Loses all blocks above a number, which is at least the durable one, and replays the
//  others into a new core, which is recovered. The digest must be that of the seal.
void rig_crash (rig_t *self, uint64_t number);

//  Returns the next thing said to a session, or to any when it is 0, of that command, or
//  of any when it is 0, and forgets it; null when there is none. Valid until the next call.
const rig_said_t *rig_hear (rig_t *self, uint32_t session, stp_command_t command);

//  Forgets all that was said.
void rig_deaf (rig_t *self);

//  ---------------------------------------------------------------------------------
//  Whole messages. Each is sent, and a turn is run.

//  Pushes count tasks with the body, numbered by the producer from sequence.
void rig_push (rig_t *self, uint32_t session, const char *group, uint64_t sequence,
               uint32_t count, const char *body);

//  As a worker: the four fields of a READY of so many; ready for a group, with claims; a
//  result; a command with a list.
void rig_begin_ready (rig_t *self, uint32_t fields, uint64_t worker, const char *group,
                      uint64_t credit);
void rig_ready (rig_t *self, uint32_t session, uint64_t worker, const char *group,
                uint64_t credit);
void rig_claim (rig_t *self, uint32_t session, uint64_t worker, const char *group,
                uint64_t credit, uint64_t id, uint64_t fence);
void rig_result (rig_t *self, uint32_t session, uint64_t id, uint64_t fence,
                 uint32_t verdict, const char *body, uint64_t delay);

//  As a worker of "bread": joins; beats; takes the next task, which has to be this one, and
//  returns its fence; is given nothing.
uint32_t rig_worker (rig_t *self, uint64_t worker, uint64_t credit);
void rig_beat (rig_t *self, uint32_t session);
uint64_t rig_given (rig_t *self, uint32_t session, uint64_t id);
void rig_given_nothing (rig_t *self, uint32_t session);

//  As a client: one command with one or two numbers, named by their letters.
void rig_ask (rig_t *self, uint32_t session, stp_command_t command, const char *letters,
              uint64_t one, uint64_t other, uint64_t third);

//  Sets one setting of a group.
void rig_set (rig_t *self, uint32_t session, const char *group, const char *setting,
              uint64_t value);

//  Returns the task of that number; null when it is not there.
const task_t *rig_task (const rig_t *self, uint64_t id);

//  Fails the test when the core's tables, lists, counts and the journal's accounts do not
//  agree with each other.
void core_audit (const core_t *core);

#endif
