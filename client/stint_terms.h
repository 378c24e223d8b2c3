//  stint_terms: what tasks may ask for besides their payload
//  SPDX-License-Identifier: MPL-2.0

#ifndef STINT_TERMS_H
#define STINT_TERMS_H

#include "stint.h"

//  Zero and null ask for nothing. Times are milliseconds. What is out of its range, or
//  contradicts itself, is refused by the broker, which says what.

typedef struct {
    int64_t delay;         //  It does not begin before that long after its push
    int64_t priority;      //  1 to 9, otherwise 5: higher ones begin first in their group
    int64_t max_attempts;  //  Failures until it is dead, instead of its group's
    int64_t time_limit;    //  That long an attempt may run, instead of its group's
    int64_t expires;   //  It is cancelled when it has not begun that long after its push
    int64_t deadline;  //  It is cancelled when it has not ended that long after its push
    const char *key;   //  At most 64 bytes: tasks of different keys take turns, and at most
                       //  key_running of one key run at once, which is a setting of groups
    const char *order;  //  At most 64 bytes: tasks of one order in a group run one after
                        //  the other, as they were pushed
} stint_terms_t;

#endif
