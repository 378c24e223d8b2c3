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

//  Returns the monotonic clock in microseconds, for what is shorter than a millisecond.
int64_t broker_clock_us (void);

#define BROKER_STALL_MS 500  //  A turn that late is a stall of our own

//  Returns for how many milliseconds peers could not be heard and are not to blame; 0 when
//  it was no stall. The last turn took from began to waits_at, the next one was to begin at
//  wake_at at the latest and begins now. Whoever wakes too late may have stood still since
//  waits_at, with words at the door that are older than wake_at: all of that counts.

static inline int64_t
broker_clock_stalled (int64_t began, int64_t waits_at, int64_t wake_at, int64_t now)
{
    int64_t turn = waits_at - began;
    int64_t late = now > wake_at ? now - wake_at : 0;
    if (turn + late <= BROKER_STALL_MS)
        return 0;
    return late > 0 ? now - began : turn;
}

#endif
