//  test_replay: replaying the journal gives the live state, whatever has happened
//  SPDX-License-Identifier: MPL-2.0

#include "core_story.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define STORIES 1000
#define EVENTS 400

static uint64_t s_seed;  //  Of the story that is being told

static void
s_name_seed (void)
{
    if (s_seed)
        fprintf (stderr, "test_replay: SEED=%" PRIu64 " tells this story again\n", s_seed);
}

static void
s_tell (uint64_t seed, uint64_t *crashes, uint64_t *adoptions)
{
    s_seed = seed;
    story_t *story = story_new (seed);
    for (int event = 0; event < EVENTS; event++)
        story_event (story);
    story_end (story);
    *crashes += story->crashes;
    *adoptions += story->adoptions;
    story_destroy (&story);
    s_seed = 0;
}

//  Each story is told by its seed: clients, workers, a disk that is late, and crashes. At
//  each crash the state that comes out of the journal is compared with the live one.

static void
s_tell_part (uint64_t part)
{
    const char *given = getenv ("SEED");
    uint64_t first = given ? strtoull (given, NULL, 10) : 1 + part * STORIES / 4;
    uint64_t count = given ? 1 : STORIES / 4;
    uint64_t crashes = 0;
    uint64_t adoptions = 0;
    for (uint64_t seed = first; seed < first + count; seed++)
        s_tell (seed, &crashes, &adoptions);
    if (!given)
        cr_assert (crashes > count && adoptions > count / 4);
}

Test (replay, gives_the_live_state_in_stories_1_to_250, .fini = s_name_seed)
{
    s_tell_part (0);
}

Test (replay, gives_the_live_state_in_stories_251_to_500, .fini = s_name_seed)
{
    s_tell_part (1);
}

Test (replay, gives_the_live_state_in_stories_501_to_750, .fini = s_name_seed)
{
    s_tell_part (2);
}

Test (replay, gives_the_live_state_in_stories_751_to_1000, .fini = s_name_seed)
{
    s_tell_part (3);
}
