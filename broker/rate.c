//  rate: how many things may begin in a time: a bucket of tokens
//  SPDX-License-Identifier: MPL-2.0

#include "rate.h"

#include "stint_index.h"

rate_limit_t
rate_limit (uint64_t hourly, uint64_t burst)
{
    if (hourly == 0)
        return (rate_limit_t){0};
    uint64_t second = hourly >= 3600 ? hourly / 3600 : 1;
    return (rate_limit_t){hourly, burst ? burst : second};
}

//  Never more than all tokens are missing: a burst that was made smaller is no debt.

static uint64_t
s_missing (const rate_t *self, rate_limit_t limit)
{
    uint64_t most = limit.burst * RATE_TOKEN;
    return self->level < most ? self->level : most;
}

uint64_t
rate_level (const rate_t *self, rate_limit_t limit, int64_t now)
{
    uint64_t missing = s_missing (self, limit);
    uint64_t span = now > self->at ? (uint64_t) (now - self->at) : 0;
    if (limit.hourly == 0 || span > missing / limit.hourly)
        return 0;
    return missing - span * limit.hourly;
}

uint64_t
rate_tokens (const rate_t *self, rate_limit_t limit, int64_t now)
{
    if (limit.hourly == 0)
        return UINT64_MAX;
    return (limit.burst * RATE_TOKEN - rate_level (self, limit, now)) / RATE_TOKEN;
}

int64_t
rate_next (const rate_t *self, rate_limit_t limit)
{
    uint64_t missing = s_missing (self, limit);
    uint64_t most = limit.hourly > 0 ? (limit.burst - 1) * RATE_TOKEN : missing;
    if (missing <= most)
        return self->at;
    return self->at + (int64_t) ((missing - most + limit.hourly - 1) / limit.hourly);
}

uint64_t
rate_digest (const rate_t *self, uint64_t digest)
{
    if (self->level == 0)
        return digest;
    return stint_index_mix (stint_index_mix (digest ^ (uint64_t) self->at) ^ self->level);
}
