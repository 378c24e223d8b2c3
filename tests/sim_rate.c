//  sim_rate: in no span more tasks of a group or of a key begin than its rate allows
//  SPDX-License-Identifier: MPL-2.0

#include "sim_terms.h"

#include "sim_truth.h"

#include <string.h>

#define STARTS 64      //  That are remembered of a group, and of each key
#define TOKEN 3600000  //  A rate is by the hour, and a span in milliseconds

//  The last tasks that were given out under one limit: of a group, or of one of its keys.

typedef struct {
    uint64_t hourly;          //  The limit
    uint64_t burst;           //  and its burst
    uint32_t count;           //  Starts that are remembered; the newest is the last
    int64_t at [STARTS];      //  When they were
    uint64_t block [STARTS];  //  Where they are recorded, at the latest
} s_starts_t;

static s_starts_t s_starts [SIM_GROUPS + 2][SIM_NAMES];

static void
s_note (s_starts_t *starts, int64_t now, uint64_t block)
{
    if (starts->count == STARTS) {
        starts->count--;
        memmove (starts->at, starts->at + 1, starts->count * sizeof *starts->at);
        memmove (starts->block, starts->block + 1, starts->count * sizeof *starts->block);
    }
    starts->at [starts->count] = now;
    starts->block [starts->count++] = block;
}

//  Counts a start, and holds each span that ends now against the limit. That begins anew
//  when it changes.

static void
s_judge (sim_t *self, s_starts_t *starts, uint64_t hourly, uint64_t burst, uint64_t id)
{
    uint64_t most = burst ? burst : hourly / 3600 > 1 ? hourly / 3600 : 1;
    if (starts->hourly != hourly || starts->burst != most)
        *starts = (s_starts_t){.hourly = hourly, .burst = most};
    if (hourly == 0)
        return;
    s_note (starts, self->broker.now, journal_open (self->broker.journal));
    for (uint64_t count = 1; count <= starts->count; count++) {
        int64_t span = self->broker.now - starts->at [starts->count - count];
        sim_check (self, count * TOKEN <= most * TOKEN + (uint64_t) span * hourly, "S12",
                   "task %lu is the start %lu in %ld ms, of %lu an hour and a burst of %lu",
                   id, count, span, hourly, most);
    }
}

void
sim_rate_given (sim_t *self, const sim_truth_t *truth, const reply_t *reply)
{
    record_settings_t settings = groups_settings (&self->broker.core->groups, reply->group);
    s_starts_t *of_group = s_starts [reply->group];
    uint32_t key = truth->terms.key;
    s_judge (self, &of_group [0], settings.rate, settings.burst, reply->id);
    if (key)
        s_judge (self, &of_group [key], settings.key_rate, settings.key_burst, reply->id);
}

void
sim_rate_forget (void)
{
    memset (s_starts, 0, sizeof s_starts);
}

static void
s_cut (s_starts_t *starts, uint64_t block)
{
    while (starts->count > 0 && starts->block [starts->count - 1] > block)
        starts->count--;
}

//  Nobody knows of starts that are not in the journal.

void
sim_rate_recovered (const sim_t *self)
{
    if (self->disk.epoch <= 1)
        sim_rate_forget ();
    for (size_t group = 0; group < SIM_GROUPS + 2; group++) {
        for (size_t key = 0; key < SIM_NAMES; key++)
            s_cut (&s_starts [group][key], self->disk.durable);
    }
}
