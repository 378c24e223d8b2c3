//  reach: says when the broker cannot be reached, once a minute, and when it answers again
//  SPDX-License-Identifier: MPL-2.0

#ifndef WORKER_REACH_H
#define WORKER_REACH_H

#include "stint_worker.h"

#define REACH_NEVER INT64_MAX

typedef struct {
    const char *endpoint;  //  For people; borrowed
    bool lost;             //  It was said
    int64_t deadline;      //  When to call again at the latest, or REACH_NEVER
} reach_t;

//  Begins in silence: a broker that answers soon is not worth a line.
reach_t reach_new (const char *endpoint);

//  Looks whether the worker is connected, and logs what is to be said about it.
void reach_turn (reach_t *self, stint_worker_t *worker, int64_t now);

#endif
