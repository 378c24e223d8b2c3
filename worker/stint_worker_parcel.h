//  stint_worker_parcel: what travels between the two threads of a worker
//  SPDX-License-Identifier: MPL-2.0
//
//  The caller's thread and the link's thread share nothing; they send each other notes over
//  an inproc PAIR. A note is a few words by value; what it points to changes hands with it.
//  The one exception is the slot for results that wait: either side may take what is in it
//  by an atomic exchange, so that results leave on time even while a handler runs for ever.

#ifndef STINT_WORKER_PARCEL_H
#define STINT_WORKER_PARCEL_H

#include "stint_wire.h"
#include "stint_worker_held.h"

#include <stdatomic.h>
#include <zmq.h>

typedef enum {
    //  From the caller to the link
    STINT_NOTE_RESULTS,   //  pointer: a sealed stint_outbox_t
    STINT_NOTE_WAITING,   //  Results wait in the slot; look there in a moment
    STINT_NOTE_RETURN,    //  pointer: stint_refs_t of attempts that are given back
    STINT_NOTE_CAPACITY,  //  number: tasks to hold from now on

    //  From the link to the caller
    STINT_NOTE_TASKS,   //  pointer: a stint_parcel_t
    STINT_NOTE_LOST,    //  pointer: stint_refs_t of attempts that are not ours any more;
                        //  number: how many of them were refused as stale
    STINT_NOTE_STATUS,  //  number: 1 when connected; pointer: text of why not
    STINT_NOTE_BACKLOG  //  number: tasks in the groups that the worker serves
} stint_note_kind_t;

typedef struct {
    stint_note_kind_t kind;  //  What it is about
    uint64_t number;         //  As the kind says
    void *pointer;           //  As the kind says; owned by the receiver
} stint_note_t;

//  Sends a note. Never waits: what is under way is bounded by the credit of the worker.
void stint_note_send (void *pair, stint_note_kind_t kind, uint64_t number, void *pointer);

//  Receives a note without waiting. Returns false when there is none.
bool stint_note_receive (void *pair, stint_note_t *note);

//  Frees what a note points to, for one that nobody wants to read any more.
void stint_note_discard (stint_note_t *note);

//  Makes a list to be sent with a note. It is freed with stint_refs_destroy.
stint_refs_t *stint_refs_new (void);
void stint_refs_destroy (stint_refs_t **self_p);

//  ---------------------------------------------------------------------------------
//  A TASK message. Payloads stay in its frames until the last of its attempts has ended.

typedef struct stint_parcel {
    struct stint_parcel *next;         //  In the caller's queue
    stint_message_t message;           //  Decoded; its list stands at the next element
    char group [STINT_GROUP_MAX + 1];  //  Name of the group
    uint64_t serial;                   //  Counts the parcels that the caller has received
    uint32_t users;                    //  Attempts that point into it, and the queue
    size_t frame_count;                //  How many frames
    stint_bytes_t *bytes;              //  The frames, as stint_wire sees them
    zmq_msg_t frames [];               //  The frames
} stint_parcel_t;

//  Moves the frames into a new parcel, undecoded, with one user.
stint_parcel_t *stint_parcel_new (zmq_msg_t *frames, size_t frame_count);
void stint_parcel_destroy (stint_parcel_t **self_p);

//  ---------------------------------------------------------------------------------
//  A RESULT message that is being packed, waits to be sent, or waits for its
//  acknowledgement. Large results are frames of their own, and never copied again.

#define STINT_OUTBOX_FRAMES 256  //  Most payload frames in one

typedef struct stint_outbox {
    struct stint_outbox *next;  //  In the link's list
    uint64_t request;           //  Number of the request
    stint_refs_t refs;          //  The attempts whose results these are
    stint_writer_t writer;      //  The header, until it is sealed
    size_t list_at;             //  Where the header's list was opened
    size_t bytes;               //  Of header and payloads
    int64_t since;              //  When the first result came, on the caller's clock
    bool told;                  //  The link knows that it waits in the slot
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
