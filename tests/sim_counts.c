//  sim_counts: says what a run of the simulator has seen, and what it broke
//  SPDX-License-Identifier: MPL-2.0

#include "sim_counts.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *const s_rares [] = {
#define TEXT(name, text) text,
    SIM_RARE (TEXT)};

sim_kind_t
sim_kind (const char *promise)
{
    static const struct {
        char promise [4];
        sim_kind_t kind;
    } kinds [] = {{"S1", SIM_LOST},    {"S5", SIM_LOST},    {"S3", SIM_DOUBLED},
                  {"S4", SIM_DOUBLED}, {"S2", SIM_CORRUPT}, {"S14", SIM_CORRUPT},
                  {"S15", SIM_CORRUPT}};
    for (size_t index = 0; index < sizeof kinds / sizeof kinds [0]; index++) {
        if (strcmp (kinds [index].promise, promise) == 0)
            return kinds [index].kind;
    }
    return SIM_OTHERWISE;
}

const char *
sim_kind_name (sim_kind_t kind)
{
    static const char *const names [] = {"lost", "doubled", "corrupted", "otherwise"};
    return names [kind];
}

void
sim_counts_print (const sim_counts_t *self, double seconds)
{
    printf ("sometimes\n");
    for (size_t index = 0; index < RARE_COUNT; index++)
        printf ("  %-66s %12lu\n", s_rares [index], self->rare [index]);
    double years = (double) self->moved_ms / 1000 / 3600 / 24 / 365;
    printf ("worlds %lu, events %lu (%.2f million a second), simulated %.2f years\n",
            self->worlds, self->events, (double) self->events / seconds / 1e6, years);
    printf ("crashes %lu, stops in good order %lu, recoveries %lu, blocks replayed %lu\n",
            self->crashes, self->stops, self->recoveries, self->replayed);
    printf ("tasks pushed %lu, accepted %lu, attempts %lu, ends told %lu\n", self->pushed,
            self->accepted, self->given, self->ended);
}

int
sim_counts_missing (const sim_counts_t *self)
{
    int missing = 0;
    for (size_t index = 0; index < RARE_COUNT; index++) {
        if (self->rare [index] == 0) {
            printf ("sim: this never came: %s\n", s_rares [index]);
            missing++;
        }
    }
    return missing;
}

void
sim_counts_close (const sim_counts_t *self, const char *word, double seconds, uint64_t seed)
{
    printf ("sim: %s: lost %lu of %lu accepted, doubled %lu of %lu ended, "
            "silent corruption %lu of %lu damaged, broken otherwise %lu; "
            "%lu events, %lu recoveries, %.0f s, %.2f million events a second, "
            "first seed %lu\n",
            word, self->broken [SIM_LOST], self->accepted, self->broken [SIM_DOUBLED],
            self->ended, self->broken [SIM_CORRUPT], self->damaged,
            self->broken [SIM_OTHERWISE], self->events, self->recoveries, seconds,
            (double) self->events / seconds / 1e6, seed);
}
