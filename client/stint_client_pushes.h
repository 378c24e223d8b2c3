//  stint_client_pushes: the pushes of one producer that were not answered yet
//  SPDX-License-Identifier: MPL-2.0
//
//  PROTOCOL.md, section 4: tasks are numbered, at most 8 pushes are unanswered, and each is
//  kept as it was sent until it is answered. A new session sends all of them again, in
//  order (go back N, as Kafka's idempotent producer does). After FULL nothing is sent for
//  as long as the broker said, and then everything from the refused one on.
//
//  A sequence number is used again only when it is certain that no broker has taken it: a
//  push that was sent once and refused. Otherwise a new producer begins at 1.
//
//  Pushes belong to a batch, or are single: a single one is alone here.

#ifndef STINT_CLIENT_PUSHES_H
#define STINT_CLIENT_PUSHES_H

#include "stint_client_dealer.h"

#define STINT_PUSHES_MAX 8

typedef struct {
    stint_packet_t *packet;  //  As it is sent
    uint64_t request;        //  Its number
    uint64_t sequence;       //  Of its first task
    uint64_t batch;          //  Of its tasks; 0 when it is a single push
    uint64_t id;             //  Of its first task, once accepted
    uint32_t count;          //  Tasks
    uint32_t sends;          //  How often it was sent
    uint32_t expected;       //  Answers to come, to those of this session
    bool accepted;           //  It was answered, but one before it was not
} stint_push_t;

typedef struct {
    uint64_t producer;                     //  Who numbers the tasks
    uint64_t sequence;                     //  Of the next task
    stint_push_t ring [STINT_PUSHES_MAX];  //  Those from head to tail, modulo its length
    uint64_t head;                         //  The oldest unanswered push
    uint64_t tail;                         //  Where the next one goes
    uint64_t cursor;                       //  The next one to send, from head to tail
    uint64_t session;                      //  The dealer's, in which those before were sent
    int64_t again_at;                      //  Nothing is sent before this; 0 for no wait
    int64_t answered_at;                   //  When the last answer came
    bool full;                             //  The last answer was FULL
    char text [256];                       //  What the last refusal said

    stint_packet_t *single;        //  The last single push, until its caller was told
    stint_status_t single_status;  //  STINT_ERR_PENDING while it is unanswered
    uint64_t single_id;            //  Number of its task
    bool single_sent;              //  It was handed to a connection at least once

    uint64_t batch;               //  The batch that is followed
    uint64_t batch_accepted;      //  Tasks of it that were accepted
    stint_status_t batch_status;  //  STINT_OK, or why its pushes were refused for good
} stint_pushes_t;

//  Begins with a new producer.
void stint_pushes_start (stint_pushes_t *self, int64_t now);

//  Forgets everything.
void stint_pushes_stop (stint_pushes_t *self, stint_dealer_t *dealer);

//  Follows another batch from now on.
void stint_pushes_follow (stint_pushes_t *self, uint64_t batch);

//  Returns how many pushes are unanswered.
size_t stint_pushes_unanswered (const stint_pushes_t *self);

//  Returns true when a push of a batch may be added: there is room, and no single push.
bool stint_pushes_room (const stint_pushes_t *self);

//  Adds a push of count tasks, packed one after another in elements, to a batch or, when
//  batch is 0, as a single push. Takes the packet: frame 0 is there and becomes the header,
//  the others are payload frames. It leaves with stint_pushes_send.
void stint_pushes_add (stint_pushes_t *self, stint_packet_t *packet, uint64_t request,
                       stint_bytes_t group, uint64_t batch, stint_bytes_t elements,
                       uint32_t count, int64_t now);

//  Sends what is to be sent now. Returns when more is to be sent, or INT64_MAX.
int64_t stint_pushes_send (stint_pushes_t *self, stint_dealer_t *dealer, int64_t now);

//  Takes in an ACCEPTED, FULL or ERROR. Returns false when it answers no push of ours.
bool stint_pushes_answer (stint_pushes_t *self, stint_dealer_t *dealer,
                          const stint_message_t *message, int64_t now);

//  Returns true when there is a single push whose caller was not told how it ended, which
//  was not refused, and it is of this group and task.
bool stint_pushes_is_single (const stint_pushes_t *self, stint_bytes_t group,
                             const stint_item_t *task);

//  Forgets the single push: its caller was told. One that was never sent is taken back.
void stint_pushes_told (stint_pushes_t *self, stint_dealer_t *dealer);

//  Copies a text from the broker; what cannot be printed becomes a question mark.
void stint_pushes_copy_text (char *to, size_t size, stint_bytes_t text);

#endif
