//  stint_worker_link: the line from a worker to its broker
//  SPDX-License-Identifier: MPL-2.0
//
//  Private to stint_worker. The line owns the DEALER and all that concerns the broker: it
//  says READY, beats, notices a silent broker (Paranoid Pirate), makes new sockets with
//  back-off, claims what the worker holds, and sends results until they are acknowledged.
//  It has no thread: it belongs to whoever holds the worker's lock (stint_worker_keeper.c),
//  which is the caller whenever it is here, so that a task and its result need no thread
//  but the caller's own. libzmq allows that for sockets: a lock is a full fence.

#ifndef STINT_WORKER_LINK_H
#define STINT_WORKER_LINK_H

#include "stint_worker_parcel.h"
#include "stint_worker_word.h"

#define STINT_LINK_CONNECT_MS 10000  //  Longest wait for a connection to stand
#define STINT_LINK_LINGER_MS 1000    //  For the last messages, when the worker leaves
#define STINT_LINK_FINISH_MS 5000    //  Longest wait for acknowledgements at the end
#define STINT_LINK_CAUSE_MAX 512     //  Bytes of the text of a cause

//  What the line works for. Borrowed for its life.

typedef struct {
    const char *endpoint;                  //  Of the broker
    char (*groups) [STINT_GROUP_MAX + 1];  //  To serve
    uint32_t group_count;                  //  How many, 1 to 16
    uint64_t worker;                       //  Our number; not zero
    int watch_fd;                          //  Of epoll: the line's descriptors go there
} stint_link_settings_t;

//  What has come for the caller. It takes the tasks and the list and leaves none behind.

typedef struct {
    stint_parcel_t *first;              //  TASK messages, oldest first
    stint_parcel_t *last;               //  The newest of them
    stint_refs_t lost;                  //  Attempts that are not ours any more
    uint64_t stale;                     //  Attempts refused as stale, so far
    uint64_t backlog;                   //  Tasks that wait or run in our groups
    bool connected;                     //  The broker answers
    bool draining;                      //  It has told us to drain
    char cause [STINT_LINK_CAUSE_MAX];  //  Why it does not
    bool fresh;                         //  Something above has changed
} stint_news_t;

typedef struct stint_line stint_line_t;

//  Makes a line and begins to connect. The name, for people, and how many tasks to hold are
//  as stint_line_set_name and stint_line_set_capacity set them. Borrows the settings.
stint_line_t *stint_line_new (const stint_link_settings_t *settings, const char *name,
                              uint32_t capacity);

//  Says BYE, lets the last messages go, and sets the caller's pointer to null.
void stint_line_destroy (stint_line_t **self_p);

//  Takes in what has come and does what is due, without waiting; into the monitor it looks
//  when asked to, which is needed when its descriptor is readable. After the last turn its
//  descriptors are silent until something comes; nothing may be sent between a turn and a
//  wait, for sending may swallow what they would tell.
void stint_line_turn (stint_line_t *self, bool monitor);

//  Returns when the next turn is due, on the clock of stint_line_now.
int64_t stint_line_due (const stint_line_t *self);
int64_t stint_line_now (void);

//  Returns the descriptors that are readable when something comes; -1 while there is none.
int stint_line_dealer_fd (const stint_line_t *self);
int stint_line_monitor_fd (const stint_line_t *self);

//  Returns what has come for the caller.
stint_news_t *stint_line_news (stint_line_t *self);

//  Sends results, sealed or not. Takes the outbox.
void stint_line_results (stint_line_t *self, stint_outbox_t *outbox);

//  Gives attempts back.
void stint_line_return (stint_line_t *self, const stint_refs_t *refs);

//  Returns the words of attempts; new ones may be added.
stint_words_t *stint_line_words (stint_line_t *self);

//  Some word is new: the broker is told in a turn, not here. Returns true when that turn is
//  due sooner than the next one was.
bool stint_line_has_word (stint_line_t *self);

void stint_line_set_name (stint_line_t *self, const char *name);
void stint_line_set_capacity (stint_line_t *self, uint32_t capacity);

//  Begins the end: no more tasks. It is reached when all results were acknowledged, and at
//  the latest after STINT_LINK_FINISH_MS.
void stint_line_finish (stint_line_t *self);
bool stint_line_finished (const stint_line_t *self);

#endif
