//  clock: the only reader of the clock
//  SPDX-License-Identifier: MPL-2.0

#include "clock.h"

#include <time.h>

//  Returns microseconds.

static int64_t
s_read (clockid_t clock)
{
    struct timespec at;
    clock_gettime (clock, &at);
    return (int64_t) at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

void
broker_clock_set (broker_clock_t *self, int64_t earliest)
{
    int64_t now = s_read (CLOCK_REALTIME) / 1000;
    if (now < earliest)
        now = earliest;
    self->offset = now - s_read (CLOCK_MONOTONIC) / 1000;
}

int64_t
broker_clock_now (const broker_clock_t *self)
{
    return s_read (CLOCK_MONOTONIC) / 1000 + self->offset;
}

int64_t
broker_clock_us (void)
{
    return s_read (CLOCK_MONOTONIC);
}
