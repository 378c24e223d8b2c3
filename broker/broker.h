//  broker: the turn: sockets, core, journal and store brought together
//  SPDX-License-Identifier: MPL-2.0
//
//  A turn: read the clock once, let the core decide on at most 256 messages, append the
//  records, send what may leave. A broker belongs to one thread. Programs and tests may
//  embed one; stint-broker is a main around it.

#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include "core.h"
#include "store.h"

typedef struct broker broker_t;

//  A group that is there from the start.

typedef struct {
    const char *name;            //  Its name
    record_settings_t settings;  //  0 is the default
} broker_group_t;

typedef struct {
    core_limits_t limits;          //  Of everything that is held
    const store_engine_t *engine;  //  Which store
    store_options_t store;         //  And where
    const char *const *endpoints;  //  To listen on: ipc:// and tcp://
    size_t endpoint_count;         //  How many, at least one
    bool insecure;                 //  tcp without keys, on the loopback
    const broker_group_t *groups;  //  That are there from the start
    size_t group_count;            //  How many
    int64_t drain_ms;              //  How long to wait for running tasks at a stop
    uint64_t seed;                 //  For jitter and hashing
} broker_options_t;

//  What whoever runs a broker wants of it.

typedef enum {
    BROKER_GO_ON,   //  Nothing
    BROKER_RELOAD,  //  New defaults were set; log it
    BROKER_DRAIN,   //  Stop when nothing is running any more, or drain_ms is over
    BROKER_STOP     //  Stop now
} broker_command_t;

//  Is called when the descriptor given to broker_run is readable. Takes what is there.
typedef broker_command_t (broker_control_fn) (broker_t *broker, void *argument);

//  Opens the store, recovers what is in it, and listens. Null when that is not possible:
//  error then holds one line that says what, where and what to do, and code the exit code
//  (64 usage, 69 the address is taken, 74 disk, 78 the store is not ours to use).
broker_t *broker_new (const broker_options_t *options, char *error, size_t error_size,
                      int *code);

//  Closes everything; what was appended is durable or the store has failed. Sets the
//  caller's pointer to null.
void broker_destroy (broker_t **self_p);

//  Runs until it is told to stop. Returns the exit code: 0, or 74 after a disk error, of
//  which it has logged one line.
int broker_run (broker_t *self, int control_fd, broker_control_fn *control, void *argument);

//  Changes the defaults of groups while it runs; from a control function.
void broker_set_defaults (broker_t *self, const record_settings_t *defaults);

//  Returns the ROUTER, for a test that reads its settings back.
void *broker_socket (const broker_t *self);

//  Returns the endpoint that it listens on, with the port that was chosen for tcp "*".
const char *broker_endpoint (const broker_t *self, size_t index);

//  Returns what the core has counted.
core_totals_t broker_totals (const broker_t *self);

#endif
