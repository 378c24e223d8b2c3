//  stint_worker_link: the thread of a worker that talks with the broker
//  SPDX-License-Identifier: MPL-2.0
//
//  Private to stint_worker. The link owns the DEALER and all that concerns the broker: it
//  says READY, beats, notices a silent broker (Paranoid Pirate), makes new sockets with
//  back-off, claims what the worker holds, and sends results until they are acknowledged.
//  The caller and the link talk in notes (stint_worker_parcel.h).

#ifndef STINT_WORKER_LINK_H
#define STINT_WORKER_LINK_H

#include "stint_worker_parcel.h"

#include <czmq.h>

#define STINT_LINK_CONNECT_MS 10000  //  Longest wait for a connection to stand
#define STINT_LINK_LINGER_MS 1000    //  For the last messages, when the worker leaves
#define STINT_LINK_FINISH_MS 5000    //  Longest wait for acknowledgements at the end
#define STINT_LINK_LOOK_MS 2         //  How long results wait in the slot

//  What the link works for. Borrowed for the life of the link, and only read, but for pair
//  and slot.

typedef struct {
    const char *endpoint;                  //  Of the broker
    const char *name;                      //  For people
    char (*groups) [STINT_GROUP_MAX + 1];  //  To serve
    uint32_t group_count;                  //  How many, 1 to 16
    uint32_t capacity;                     //  Tasks to hold at first
    uint64_t worker;                       //  Our number; not zero
    void *pair;                            //  The link's end of the notes
    stint_outbox_slot_t *slot;             //  Results that wait
} stint_link_settings_t;

//  Runs the link until its actor is destroyed; then gives acknowledgements at most
//  STINT_LINK_FINISH_MS, says BYE and returns. Argument: stint_link_settings_t. For
//  zactor_new.
void stint_link_actor (zsock_t *pipe, void *argument);

#endif
