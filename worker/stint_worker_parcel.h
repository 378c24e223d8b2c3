//  stint_worker_parcel: messages of a worker with many tasks, or many results, in each
//  SPDX-License-Identifier: MPL-2.0
//
//  A parcel belongs to the line until the caller has taken it, an outbox to the caller
//  until the line has been given it. The one exception is the slot for results that wait:
//  either side may take what is in it by an atomic exchange, so that results leave on time
//  even while a handler runs for ever.

#ifndef STINT_WORKER_PARCEL_H
#define STINT_WORKER_PARCEL_H

#include "stint_wire.h"
#include "stint_worker_held.h"

#include <stdatomic.h>
#include <zmq.h>

//  ---------------------------------------------------------------------------------
//  A TASK message. Payloads stay in its frames until the last of its attempts has ended.

typedef struct {
    uint64_t id;            //  The task
    uint64_t fence;         //  The attempt
    stint_bytes_t payload;  //  Within the frames
    uint32_t number;        //  Which attempt of the task it is
    uint32_t limit_ms;      //  How long it may run; 0 for ever
} stint_parcel_task_t;

typedef struct stint_parcel {
    struct stint_parcel *next;         //  In a queue
    char group [STINT_GROUP_MAX + 1];  //  Name of the group
    stint_parcel_task_t *tasks;        //  What is in it
    uint32_t count;                    //  How many tasks
    uint32_t begun;                    //  How many of them the caller was given
    uint64_t serial;                   //  Counts the parcels that the caller has received
    uint32_t users;                    //  Attempts that point into it, and the queue
    size_t frame_count;                //  How many frames
    zmq_msg_t frames [];               //  The frames
} stint_parcel_t;

//  Moves the frames of a TASK message into a new parcel with one user. Returns null, and
//  takes the frames all the same, when they do not hold a good one.
stint_parcel_t *stint_parcel_new (zmq_msg_t *frames, size_t frame_count);
void stint_parcel_destroy (stint_parcel_t **self_p);

//  ---------------------------------------------------------------------------------
//  A RESULT message that is being packed, waits to be sent, or waits for its
//  acknowledgement. Large results are frames of their own, and never copied again.

#define STINT_OUTBOX_FRAMES 256  //  Most payload frames in one

typedef struct stint_outbox {
    struct stint_outbox *next;  //  In the line's list
    uint64_t request;           //  Number of the request
    stint_refs_t refs;          //  The attempts whose results these are
    stint_writer_t writer;      //  The header, until it is sealed
    size_t list_at;             //  Where the header's list was opened
    size_t bytes;               //  Of header and payloads
    int64_t since;              //  When the first result came, on the caller's clock
    bool sealed;                //  The header is complete and is the first frame
    uint32_t frame_count;       //  Payload frames
    zmq_msg_t header;           //  The header, once it is sealed
    zmq_msg_t *frames;          //  Payload frames, when there are any
} stint_outbox_t;

typedef _Atomic (stint_outbox_t *) stint_outbox_slot_t;

//  Creates an empty one for that request, with room for a header of so many bytes.
stint_outbox_t *stint_outbox_new (uint64_t request, size_t header_bytes);
void stint_outbox_destroy (stint_outbox_t **self_p);

//  Appends a result. Copies the body.
void stint_outbox_put (stint_outbox_t *self, const stint_item_t *item);

//  Completes the header; nothing can be appended from now on.
void stint_outbox_seal (stint_outbox_t *self);

//  Sends it, sealed, and keeps all frames to send them again. Returns false when the socket
//  does not take it.
bool stint_outbox_send (stint_outbox_t *self, void *socket);

#endif
