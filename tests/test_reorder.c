//  Tests of reorder: tasks end in any order and are let out in their own
//  SPDX-License-Identifier: MPL-2.0

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "reorder.h"

#define GAMES 200
#define TASKS 2000

//  A small random generator (xorshift64*), so that a seed means the same everywhere.

static uint64_t
s_random (uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * UINT64_C (2685821657736338717);
}

static bool
s_end (reorder_t *reorder, uint64_t number, const char *text)
{
    stint_result_t result = {.id = number + 1000,
                             .number = (uint32_t) number,
                             .attempts = 2,
                             .state = STINT_DONE,
                             .result = stint_bytes_of (text)};
    return reorder_end (reorder, number, &result);
}

static void
s_expect (const reorder_task_t *task, uint64_t number, const char *text)
{
    cr_assert_not_null (task);
    cr_assert_eq (task->number, number);
    cr_assert_eq (task->id, number + 1000);
    cr_assert_eq (task->attempts, 2);
    cr_assert_eq (task->result.size, strlen (text));
    cr_assert (*text == 0 || memcmp (task->result.data, text, strlen (text)) == 0);
}

Test (reorder, results_wait_for_their_turn)
{
    reorder_t *reorder = reorder_new (3, 1000, true);
    cr_expect_eq (reorder_push (reorder, "one"), 1);
    cr_expect_eq (reorder_push (reorder, "two"), 2);
    cr_expect_eq (reorder_push (reorder, "three"), 3);
    cr_expect (reorder_full (reorder));
    cr_expect (s_end (reorder, 3, "THREE"));
    cr_expect (s_end (reorder, 2, "TWO"));
    cr_expect_null (reorder_take (reorder));
    cr_expect (s_end (reorder, 1, "ONE"));
    const reorder_task_t *task = reorder_take (reorder);
    s_expect (task, 1, "ONE");
    cr_expect_str_eq (task->label, "one");
    s_expect (reorder_take (reorder), 2, "TWO");
    s_expect (reorder_take (reorder), 3, "THREE");
    cr_expect_null (reorder_take (reorder));
    cr_expect_eq (reorder_count (reorder), 0);
    reorder_destroy (&reorder);
    cr_expect_null (reorder);
}

Test (reorder, unordered_tasks_are_let_out_as_they_end)
{
    reorder_t *reorder = reorder_new (2, 1000, false);
    reorder_push (reorder, "");
    for (uint64_t number = 2; number < 1000; number++) {
        cr_assert_eq (reorder_push (reorder, ""), number);
        cr_assert (s_end (reorder, number, "x"));
        s_expect (reorder_take (reorder), number, "x");
    }
    cr_expect_eq (reorder_count (reorder), 1);
    cr_expect (s_end (reorder, 1, ""));
    s_expect (reorder_take (reorder), 1, "");
    reorder_destroy (&reorder);
}

Test (reorder, what_nobody_waits_for_is_refused)
{
    reorder_t *reorder = reorder_new (4, 1000, true);
    reorder_push (reorder, "");
    cr_expect_not (s_end (reorder, 0, ""));
    cr_expect_not (s_end (reorder, 2, ""));
    cr_expect_not (s_end (reorder, 5, ""));
    cr_expect (s_end (reorder, 1, "a"));
    cr_expect_not (s_end (reorder, 1, "b"));
    s_expect (reorder_take (reorder), 1, "a");
    cr_expect_not (s_end (reorder, 1, "c"));
    reorder_destroy (&reorder);
}

Test (reorder, large_results_that_wait_stop_the_input)
{
    reorder_t *reorder = reorder_new (100, 6, true);
    for (int at = 0; at < 3; at++)
        reorder_push (reorder, "");
    s_end (reorder, 2, "abc");
    cr_expect_not (reorder_full (reorder));
    s_end (reorder, 3, "abc");
    cr_expect (reorder_full (reorder));
    s_end (reorder, 1, "");
    while (reorder_take (reorder))
        ;
    cr_expect_not (reorder_full (reorder));
    reorder_destroy (&reorder);
}

Test (reorder, a_long_label_is_cut)
{
    char label [200];
    memset (label, 'x', sizeof label);
    label [sizeof label - 1] = 0;
    reorder_t *reorder = reorder_new (1, 1000, true);
    reorder_push (reorder, label);
    s_end (reorder, 1, "");
    cr_expect_eq (strlen (reorder_take (reorder)->label), REORDER_LABEL_SIZE - 1);
    reorder_destroy (&reorder);
}

//  Pushes, ends and takes by chance; every task has to come out once, with its own result,
//  in order when ordered, and the window has to hold.

static void
s_play (uint64_t seed, bool ordered)
{
    seed |= 1;  //  The generator stays at 0
    size_t window = 1 + s_random (&seed) % 50;
    reorder_t *reorder = reorder_new (window, SIZE_MAX, ordered);
    uint64_t open [50];
    size_t open_count = 0;
    uint64_t pushed = 0;
    uint64_t taken = 0;
    uint64_t sum = 0;
    char text [32];
    while (taken < TASKS) {
        if (s_random (&seed) % 2 && pushed < TASKS && !reorder_full (reorder)) {
            open [open_count++] = reorder_push (reorder, "");
            cr_assert_eq (open [open_count - 1], ++pushed);
        }
        if (s_random (&seed) % 2 && open_count > 0) {
            size_t at = s_random (&seed) % open_count;
            snprintf (text, sizeof text, "<%" PRIu64 ">", open [at]);
            cr_assert (s_end (reorder, open [at], text));
            open [at] = open [--open_count];
        }
        if (s_random (&seed) % 4 == 0) {
            const reorder_task_t *task;
            while ((task = reorder_take (reorder))) {
                snprintf (text, sizeof text, "<%" PRIu64 ">", task->number);
                s_expect (task, task->number, text);
                taken++;
                sum += task->number;
                cr_assert (!ordered || task->number == taken);
            }
        }
        cr_assert_leq (reorder_count (reorder), window);
        cr_assert_eq (reorder_count (reorder), pushed - taken);
    }
    cr_assert_eq (sum, (uint64_t) TASKS * (TASKS + 1) / 2);
    reorder_destroy (&reorder);
}

Test (reorder, by_chance_every_task_comes_out_once)
{
    const char *text = getenv ("SEED");
    uint64_t seed = 0;
    if (text)
        seed = strtoull (text, NULL, 10);
    else
        cr_assert_eq (getrandom (&seed, sizeof seed, 0), (ssize_t) sizeof seed);
    cr_log_info ("SEED=%" PRIu64, seed);
    for (uint64_t game = 1; game <= GAMES; game++)
        s_play (seed + game * UINT64_C (11400714819323198485), game % 2);
}
