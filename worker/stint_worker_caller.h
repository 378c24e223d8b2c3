//  stint_worker_caller: a worker, as its sources on the caller's side of the line share it
//  SPDX-License-Identifier: MPL-2.0
//
//  Private to stint_worker, stint_worker_attempt and stint_worker_keeper.

#ifndef STINT_WORKER_CALLER_H
#define STINT_WORKER_CALLER_H

#include "stint_worker.h"
#include "stint_worker_link.h"

#include <pthread.h>

#define ATTEMPTS_CHUNK 64  //  Attempts made at a time

struct stint_attempt {
    stint_worker_t *worker;           //  Whose it is; null when it is spare
    stint_attempt_t *next;            //  In the worker's list of live or of spare ones
    stint_attempt_t *previous;        //  In the list of live ones
    stint_parcel_t *parcel;           //  The message it came in, with payload and group
    const stint_parcel_task_t *task;  //  What it is, within the parcel
    bool cancelled;                   //  Its result would be refused
    stint_word_t *word;               //  What it says of itself; null when it never did
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
    int stop_fd;                                          //  Readable when it was stopped
    int poll_fd;                                          //  Readable when there is news
    atomic_bool stopped;                                  //  stint_worker_stop was called

    //  The line and its keeper
    stint_link_settings_t settings;  //  What the line works for
    pthread_t keeper;                //  Looks after the line while the caller works
    int wake_fd;                     //  Wakes the keeper
    int news_fd;                     //  Readable when the keeper has heard something
    pthread_mutex_t lock;            //  Who holds it has the line, and all down to told
    stint_line_t *line;              //  Null before the start
    uint64_t visits;                 //  How often the caller was here
    bool waiting;                    //  The caller waits here, and looks after the line
    bool leaving;                    //  The keeper is to end
    int64_t look_at;                 //  When to look into the slot; 0 for never
    bool told;                       //  news_fd is readable

    //  The caller's own
    stint_parcel_t *first;     //  TASK messages; the first one is in hand
    stint_parcel_t *last;      //  The newest
    uint64_t serial;           //  How many of them came so far
    int64_t looked_at;         //  When we last looked for news
    stint_refs_t lost;         //  Attempts that were lost before they were begun, sorted
    uint64_t lost_until;       //  They are in parcels up to this one
    stint_chunk_t *chunks;     //  All attempts
    stint_attempt_t *spare;    //  Attempts to be used
    stint_attempt_t *live;     //  Attempts that the caller has
    stint_attempt_t *running;  //  The one whose handler runs, until it is ended
    bool connected;            //  The broker answers
    bool draining;             //  It has told us to drain
    char *error;               //  Why it does not
    uint64_t stale;            //  Attempts refused
    uint64_t backlog;          //  Tasks in our groups, as the broker says

    stint_outbox_slot_t slot;  //  Results that wait
    int64_t waits_since;       //  When the first of them was put there; 0 when none was
    bool asked;                //  The keeper was asked to look after them
    uint64_t request;          //  Number of the last RESULT
    size_t header_bytes;       //  Of the last RESULT's header
};

//  Returns the milliseconds of a clock that never goes back and is cheap rather than exact:
//  it ticks every few milliseconds.
int64_t stint_worker_clock (void);

//  Takes in what has come, without waiting.
void stint_worker_look (stint_worker_t *self);

//  Begins an attempt: the caller has it from now on.
stint_attempt_t *stint_worker_begin (stint_worker_t *self, stint_parcel_t *parcel,
                                     const stint_parcel_task_t *task);

//  Ends an attempt that the caller has, whatever it came to, and nulls the pointer.
void stint_worker_end (stint_attempt_t **attempt_p);

//  Takes one user from the parcel, and frees it after the last.
void stint_worker_release (stint_parcel_t *parcel);

//  Sends the results that wait in the slot. Has the line: the keeper, which may have them
//  in hand for a moment, has it not.
void stint_worker_flush (stint_worker_t *self);

//  The caller goes away to work, now by stint_worker_clock: results that wait in the slot
//  are sent, or the keeper is asked to look after them. Once is enough for each outbox.
void stint_worker_leave (stint_worker_t *self, int64_t now);

//  ---------------------------------------------------------------------------------
//  The keeper

//  Makes the line, and the thread that keeps it. Ends both again: stop ends the thread
//  only.
void stint_keeper_start (stint_worker_t *self);
void stint_keeper_stop (stint_worker_t *self);

//  Makes the keeper look into the slot in a moment.
void stint_keeper_ask (stint_worker_t *self);

//  Writes into an eventfd, and makes it silent again. Both may be called by anybody.
void stint_keeper_ring (int descriptor);
void stint_keeper_hush (int descriptor);

#endif
