//  clock: the only reader of the clock
//  SPDX-License-Identifier: MPL-2.0
//
//  Milliseconds since 1970 at the start, and from then on by the monotonic clock: the time
//  never goes back while the broker runs, whatever happens to the wall clock, and never
//  behind the last record of the journal.

#ifndef BROKER_CLOCK_H
#define BROKER_CLOCK_H

#include <stdint.h>

typedef struct {
    int64_t offset;  //  What is added to the monotonic clock
} broker_clock_t;

//  Sets the clock. It begins at the wall clock's time, or at the earliest time given when
//  that is later.
void broker_clock_set (broker_clock_t *self, int64_t earliest);

//  Returns the time in milliseconds.
int64_t broker_clock_now (const broker_clock_t *self);

#endif
