//  gather: whether a commit waits for what is about to come
//  SPDX-License-Identifier: MPL-2.0

#include "gather.h"

//  Moves what is known an eighth of the way to what was seen.

static void
s_learn (int64_t *known, int64_t seen)
{
    *known = *known == 0 ? seen : *known + (seen - *known) / 8;
}

static int64_t
s_most (const gather_t *self)
{
    return self->commit_us < GATHER_MOST_US ? self->commit_us : GATHER_MOST_US;
}

//  Waiting and one commit have to be clearly less than two commits.

static bool
s_pays (const gather_t *self)
{
    return self->wait_us > 0 && self->wait_us < s_most (self) / 4 * 3;
}

//  Somebody who never comes counts like one who comes late: a single one does not outweigh
//  all that was seen before.

static void
s_somebody (gather_t *self, int64_t now_us)
{
    int64_t waited = now_us - self->since, late = 2 * s_most (self);
    s_learn (&self->wait_us, waited > late ? late + 1 : waited + 1);
    self->since = 0;
}

bool
gather_leaves (gather_t *self, int64_t now_us, bool something, bool waited, bool busy)
{
    if (!busy && self->began_at) {
        s_learn (&self->commit_us, now_us - self->began_at);
        self->began_at = 0;
    }
    if (waited && self->since)
        s_somebody (self, now_us);
    if (!something || busy)
        return false;
    if (!waited && !self->since)
        self->since = now_us;
    if (!waited && s_pays (self) && now_us < self->since + s_most (self))
        return false;
    self->began_at = now_us;
    return true;
}

int64_t
gather_until (const gather_t *self, bool something, bool busy)
{
    if (!something || busy || !self->since)
        return 0;
    return self->since + s_most (self);
}
