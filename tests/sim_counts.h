//  sim_counts: what is counted in a run of the simulator
//  SPDX-License-Identifier: MPL-2.0

#ifndef SIM_COUNTS_H
#define SIM_COUNTS_H

#include "sim_rare.h"

#include <stdint.h>

//  What a broken promise did. The promises are those that checks name (sim_check).

typedef enum {
    SIM_LOST,       //  S1, S5: something that was accepted or recorded is not there
    SIM_DOUBLED,    //  S3, S4: one push is two tasks, or one task has two results
    SIM_CORRUPT,    //  S2, S14, S15: bytes or tables are not what they were, unnoticed
    SIM_OTHERWISE,  //  The rest, hangs and crashes too
    SIM_KINDS
} sim_kind_t;

//  Returns what breaking that promise does, and a word for that.
sim_kind_t sim_kind (const char *promise);
const char *sim_kind_name (sim_kind_t kind);

//  What is counted over all worlds.

typedef struct {
    uint64_t worlds;
    uint64_t events;      //  Messages to and from the core, timers, commits, crashes
    uint64_t recoveries;  //  Replays that ended in a running broker
    uint64_t crashes;     //  Ends of a broker that were not in good order
    uint64_t stops;       //  Those that were
    uint64_t replayed;    //  Blocks
    uint64_t moved_ms;    //  Simulated time
    uint64_t pushed;      //  Tasks that were pushed
    uint64_t accepted;    //  Tasks whose push was acknowledged
    uint64_t ended;       //  Tasks whose end was told
    uint64_t given;       //  Attempts
    uint64_t damaged;     //  Times that a broker was given damaged blocks to read
    uint64_t broken [SIM_KINDS];
    uint64_t rare [RARE_COUNT];
} sim_counts_t;

//  Prints all that was counted, as a table.
void sim_counts_print (const sim_counts_t *self, double seconds);

//  Prints which rare events never came. Returns how many these are.
int sim_counts_missing (const sim_counts_t *self);

//  Prints the line that says it all, behind the word.
void sim_counts_close (const sim_counts_t *self, const char *word, double seconds,
                       uint64_t seed);

#endif
