//  stint_worker_caller: the caller's side of a worker, as its two sources share it
//  SPDX-License-Identifier: MPL-2.0
//
//  Private to stint_worker and stint_worker_attempt, which run in the caller's thread.

#ifndef STINT_WORKER_CALLER_H
#define STINT_WORKER_CALLER_H

#include "stint_worker.h"
#include "stint_worker_link.h"

#define ATTEMPTS_CHUNK 64  //  Attempts made at a time

struct stint_attempt {
    stint_worker_t *worker;     //  Whose it is; null when it is spare
    stint_attempt_t *next;      //  In the worker's list of live or of spare ones
    stint_attempt_t *previous;  //  In the list of live ones
    stint_parcel_t *parcel;     //  The message it came in, with its payload and group
    stint_item_t item;          //  Task, fence, number and payload
    bool cancelled;             //  Its result would be refused
};

//  Attempts are made in chunks, which live as long as the worker.

typedef struct stint_chunk {
    struct stint_chunk *next;                   //  Made before this one
    stint_attempt_t attempts [ATTEMPTS_CHUNK];  //  Live or spare
} stint_chunk_t;

struct stint_worker {
    char *endpoint;                                       //  Of the broker
    char name [STINT_GROUP_MAX + 1];                      //  For people
    char groups [STINT_GROUPS_MAX][STINT_GROUP_MAX + 1];  //  To serve
    uint32_t group_count;                                 //  How many
    uint32_t capacity;                                    //  Tasks to hold

    zsock_t *pair;                   //  Our end of the notes
    zsock_t *link_pair;              //  The link's end
    zactor_t *link;                  //  Its thread; null before the start
    stint_link_settings_t settings;  //  What the link works for
    int stop_fd;                     //  Readable from stint_worker_stop on
    int poll_fd;                     //  Readable when there is news
    atomic_bool stopped;             //  stint_worker_stop was called

    stint_parcel_t *first;     //  TASK messages; the first one is in hand
    stint_parcel_t *last;      //  The newest
    uint64_t serial;           //  How many of them came so far
    int64_t looked_at;         //  When we last looked for notes
    stint_refs_t lost;         //  Attempts that were lost before they were begun, sorted
    uint64_t lost_until;       //  They are in parcels up to this one
    stint_chunk_t *chunks;     //  All attempts
    stint_attempt_t *spare;    //  Attempts to be used
    stint_attempt_t *live;     //  Attempts that the caller has
    stint_attempt_t *running;  //  The one whose handler runs, until it is ended

    stint_outbox_slot_t slot;  //  Results that wait
    uint64_t request;          //  Number of the last RESULT
    size_t header_bytes;       //  Of the last RESULT's header

    bool connected;    //  The broker answers
    char *error;       //  Why it does not
    uint64_t stale;    //  Attempts refused
    uint64_t backlog;  //  Tasks in our groups, as the broker says
};

//  Returns the milliseconds of a clock that never goes back and is cheap rather than exact:
//  it ticks every few milliseconds.
int64_t stint_worker_clock (void);

//  Takes in what the link has sent, without waiting.
void stint_worker_take_notes (stint_worker_t *self);

//  Begins an attempt: the caller has it from now on.
stint_attempt_t *stint_worker_begin (stint_worker_t *self, stint_parcel_t *parcel,
                                     const stint_item_t *item);

//  Ends an attempt that the caller has, whatever it came to, and nulls the pointer.
void stint_worker_end (stint_attempt_t **attempt_p);

//  Takes one user from the parcel, and frees it after the last.
void stint_worker_release (stint_parcel_t *parcel);

//  Sends the results that wait.
void stint_worker_flush (stint_worker_t *self);

//  The caller goes away to work: results that wait in the slot are sent, or the link is
//  asked to look after them. Once is enough for each outbox.
void stint_worker_leave (stint_worker_t *self);

#endif
