//  sim_before: what a simulated world notes before the core takes a message
//  SPDX-License-Identifier: MPL-2.0

#ifndef SIM_BEFORE_H
#define SIM_BEFORE_H

#include "sim_world.h"

//  What there was before the core took a message.

typedef struct {
    const sim_message_t *message;  //  Null when none is in hand
    size_t replies;                //  There were
    bool claims;                   //  It is a READY
    uint32_t held;                 //  Tasks that the session held
    uint32_t groups;               //  There were
    uint32_t batches;
    uint32_t producers;
    uint32_t told_ms;
    uint64_t next_batch;
    core_totals_t totals;
    struct {
        bool matches;   //  The attempt is the session's
        uint8_t state;  //  0 when the task is not there
        uint16_t attempts;
        uint16_t failures;
        uint64_t fence;
    } tasks [SIM_ITEMS];    //  Of its items, or the one that it names
    task_t chosen [256];    //  Those that CANCEL, RETRY or DROP may be for
    uint32_t chosen_count;  //  How many
} sim_before_t;

#endif
