//  record_schedule: how far a schedule has come, as its records have it
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_RECORD_SCHEDULE_H
#define BROKER_RECORD_SCHEDULE_H

#include <stdint.h>

//  What becomes of runs that were missed.

typedef enum {
    RECORD_MISSED_SKIP,  //  Nothing
    RECORD_MISSED_ONCE,  //  One task for all of them
    RECORD_MISSED_ALL,   //  A task for each
    RECORD_MISSED_WAYS
} record_missed_t;

//  How far a schedule has come, in this order in the journal.

#define RECORD_SCHEDULE 9

typedef union {
    struct {
        uint64_t zone;    //  Twice the minutes from UTC, and one more when behind it
        uint64_t missed;  //  A record_missed_t
        uint64_t paused;  //  1: it does not run
        uint64_t from;    //  Its runs up to this point in time were dealt with
        uint64_t ran;     //  Time of the run that pushed last; 0: there was none
        uint64_t task;    //  and the number of its task
        uint64_t runs;    //  Runs that pushed a task
        uint64_t passed;  //  Runs that were missed and pushed none
        uint64_t cut;     //  How often so many were missed that they were not counted
    };
    uint64_t list [RECORD_SCHEDULE];  //  The same
} record_schedule_t;

#endif
