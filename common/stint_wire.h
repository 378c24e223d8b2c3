//  stint_wire: STP/1, the commands that travel between clients, workers and the broker
//  SPDX-License-Identifier: MPL-2.0
//
//  PROTOCOL.md is the normative text, which a test compares with the tables in
//  stint_wire.c. A message is a header frame ("STP", version, command, one msgpack map) and
//  payload frames: one for each body over STINT_INLINE_MAX, whose number the header holds.

#ifndef STINT_WIRE_H
#define STINT_WIRE_H

#include "stint_pack.h"
#include "stint_stp.h"

//  A header's fields, whatever the command. Absent ones are zero or empty; `has` tells.

typedef struct {
    stp_command_t command;
    uint32_t has;             //  Bit per field, see stint_wire_has
    uint64_t request;         //  r: number of the request, and of its answer
    stint_bytes_t group;      //  g: a group's name
    uint64_t producer;        //  p: who numbers these pushes; not zero
    uint64_t sequence;        //  s: number of the first task in a push, from 1
    uint64_t batch;           //  b: number of a batch
    stint_bytes_t name;       //  n: name of a batch, or of a worker
    uint64_t worker;          //  w: a worker's own random number, kept over reconnects
    uint64_t id;              //  i: number of a task, or of the first of several
    uint64_t count;           //  c: a count: tasks accepted, credit, window, limit
    uint64_t cursor;          //  k: outcomes up to here are collected; claimed before
    uint64_t after;           //  a: list tasks above this number
    uint64_t delay;           //  d: milliseconds to wait before trying again
    uint64_t heartbeat;       //  u: milliseconds between heartbeats
    uint64_t liveness;        //  y: heartbeats that may be missed
    uint64_t backlog;         //  z: tasks waiting and running in a worker's groups
    uint64_t state;           //  x: a task's state
    uint64_t bytes;           //  l: bytes of payload that a worker will hold
    uint64_t most;            //  v: most tasks that one push may have
    uint64_t again;           //  j: ends of tasks of the batch that were taken back
    stint_bytes_t operation;  //  o: what to do, or what to ask
    stint_bytes_t error;      //  e: code of an error
    stint_bytes_t text;       //  m: text for people
    stint_reader_t list;      //  t: tasks, attempts, outcomes; stands at the first element
    uint32_t list_count;      //  t: how many elements
    stint_reader_t groups;    //  h: names of groups; stands at the first element
    uint32_t groups_count;    //  h: how many names
    stint_bytes_t fields;     //  f: a map, still packed
    stint_bytes_t terms;      //  q: what all tasks of a push ask for, a packed map
    uint8_t shape;            //  Of the elements of t
    const stint_bytes_t *frames;  //  Payload frames; borrowed
    size_t frame_count;           //  How many
    size_t frames_used;           //  How many of them the list has used so far
} stint_message_t;

//  Why a message was not understood.

typedef enum {
    STINT_WIRE_OK = 0,
    STINT_WIRE_FOREIGN = -1,      //  Not STP at all
    STINT_WIRE_VERSION_BAD = -2,  //  STP, but of another version
    STINT_WIRE_MALFORMED = -3,    //  STP/1, but broken or over a limit
    STINT_WIRE_UNKNOWN = -4       //  STP/1, well formed, a command nobody knows
} stint_wire_status_t;

//  One element of the list of a command that has one.

typedef struct {
    uint64_t id;          //  The task; 0 in PUSH
    uint64_t fence;       //  The attempt, in all that go to or come from a worker
    uint32_t number;      //  TASK: attempt; OUTCOME: place in the batch; PROGRESS: done
    uint32_t verdict;     //  RESULT: 0 done or a stint_verdict_t; OUTCOME: a stint_state_t
    uint32_t attempts;    //  OUTCOME: attempts used
    uint64_t delay;       //  Milliseconds. RESULT: instead of the back-off; PUSH: delay;
                          //  TASK: how long the attempt may run
    stint_bytes_t body;   //  Payload, result, or text of a failure or of progress
    size_t frame;         //  Payload frame the body came in, from 1; 0 when in the header
    stint_bytes_t terms;  //  PUSH: what the task asks for, a packed map
} stint_item_t;

//  Understands one message, header frame and payload frames, and borrows all of them:
//  checks types, limits, letters of names, frames of bodies.
stint_wire_status_t stint_wire_decode (stint_message_t *self, const stint_bytes_t *frames,
                                       size_t frame_count);

//  Returns true when the message has the field of that letter.
bool stint_wire_has (const stint_message_t *self, char letter);

//  Takes the next element of the message's list, in the shape of its command. Returns
//  false at the end of the list, and when the element is malformed; list.bad tells which.
bool stint_wire_next (stint_message_t *self, stint_item_t *item);

//  Takes the next name of a READY. Returns false at the end or when it is malformed.
bool stint_wire_next_group (stint_message_t *self, stint_bytes_t *group);

//  Returns the name of a command, for logs: "PUSH". "?" when it has none.
const char *stint_wire_name (stp_command_t command);

//  Returns true for what PROTOCOL.md, section 2, lets a group or a batch be named.
bool stint_wire_name_valid (stint_bytes_t name);

//  ---------------------------------------------------------------------------------
//  Writing, field by field; lists are opened, filled with stint_wire_put, and closed.

//  Begins a message: empties the writer and writes magic, version, command, map.
void stint_wire_begin (stint_writer_t *out, stp_command_t command, uint32_t fields);

void stint_wire_number (stint_writer_t *out, char letter, uint64_t value);
void stint_wire_string (stint_writer_t *out, char letter, stint_bytes_t value);
void stint_wire_text (stint_writer_t *out, char letter, const char *value);

//  Writes the letter of a field whose value the caller packs next.
void stint_wire_field (stint_writer_t *out, char letter);

//  Opens the list of field 't'. Returns where, for stint_write_array_close.
size_t stint_wire_list (stint_writer_t *out);

//  Appends one element in the shape of the command. With item->frame the body is that
//  payload frame, sent by the caller; a body over STINT_INLINE_MAX must be one.
void stint_wire_put (stint_writer_t *out, stp_command_t command, const stint_item_t *item);

#endif
