//  rate: how many things may begin in a time: a bucket of tokens
//  SPDX-License-Identifier: MPL-2.0
//
//  The generic cell rate algorithm as a leaky bucket with a continuous state (ITU-T I.371,
//  annex A): what begins adds to the level, time takes from it, and it stands below a
//  burst. A token is so many parts that a millisecond takes exactly as many of them as the
//  rate says things an hour: all numbers are whole, so no rate drifts. In any span at most
//  burst + rate * span begin.
//
//  What is kept is the level as it was at a point in time; that does not depend on the
//  rate, which may change at any time.

#ifndef BROKER_RATE_H
#define BROKER_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_TOKEN UINT64_C (3600000)        //  Parts of a token: milliseconds of an hour
#define RATE_LEVEL_MAX (UINT64_C (1) << 62)  //  Of any level

typedef struct {
    int64_t at;      //  When the level was looked at last
    uint64_t level;  //  Parts of tokens that were missing then; 0: the bucket was full
    int64_t wake;    //  While it is dry: when the next token comes
    uint32_t place;  //  While it is dry: in a heap by that time
    bool dry;        //  There is no token, or it was not looked since
} rate_t;

//  A rate and its burst, both above 0; all zeros is none.

typedef struct {
    uint64_t hourly;  //  Things that begin in an hour
    uint64_t burst;   //  Things that may begin at once
} rate_limit_t;

//  Returns the limit of two settings: a burst of 0 is what the rate gives in a second, at
//  least 1.
rate_limit_t rate_limit (uint64_t hourly, uint64_t burst);

//  Returns the parts that are missing at a time.
uint64_t rate_level (const rate_t *self, rate_limit_t limit, int64_t now);

//  Returns how many things may begin at a time; UINT64_MAX without a limit.
uint64_t rate_tokens (const rate_t *self, rate_limit_t limit, int64_t now);

//  Returns when something may begin at the earliest; `at` when it could then.
int64_t rate_next (const rate_t *self, rate_limit_t limit);

//  Returns a hash of the durable part, on top of another one.
uint64_t rate_digest (const rate_t *self, uint64_t digest);

#endif
