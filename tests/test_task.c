//  test_task: the table of legal transitions, the pool, and what a digest sees
//  SPDX-License-Identifier: MPL-2.0

#include "task.h"

#include <criterion/criterion.h>

Test (task, may_only_go_where_the_picture_of_its_life_says)
{
    //  Columns: delayed, ready, running, done, dead, cancelled, blocked
    static const char *const rows [] = {
        "yyyyyyy",  //  new: pushed, or brought back by a record
        "nyynnyy",  //  delayed
        "nnynnyy",  //  ready
        "yyyyyyy",  //  running
        "nnnnnnn",  //  done
        "nynnnny",  //  dead
        "nynnnny",  //  cancelled
        "yyynnyn",  //  blocked
    };
    for (unsigned from = 0; from < TASK_STATES; from++) {
        for (unsigned to = STINT_DELAYED; to < TASK_STATES; to++)
            cr_assert_eq (task_may ((uint8_t) from, (uint8_t) to),
                          rows [from][to - 1] == 'y', "%u to %u", from, to);
    }
}

Test (task, has_ended_when_done_dead_or_cancelled)
{
    cr_assert_not (task_ended (STINT_DELAYED));
    cr_assert_not (task_ended (STINT_READY));
    cr_assert_not (task_ended (STINT_RUNNING));
    cr_assert (task_ended (STINT_DONE));
    cr_assert (task_ended (STINT_DEAD));
    cr_assert (task_ended (STINT_CANCELLED));
    cr_assert_not (task_ended (STINT_BLOCKED));
}

Test (task, is_found_by_its_number_until_it_is_forgotten)
{
    tasks_t tasks;
    tasks_init (&tasks, 100);
    for (uint64_t id = 1; id <= 100; id++)
        cr_assert_eq (tasks.tasks.pool [tasks_add (&tasks, id * 1000003)].id, id * 1000003);
    for (uint64_t id = 1; id <= 100; id += 2)
        tasks_remove (&tasks, tasks_find (&tasks, id * 1000003));
    for (uint64_t id = 1; id <= 100; id++)
        cr_assert_eq (tasks_find (&tasks, id * 1000003) != 0, id % 2 == 0);
    cr_assert_eq (tasks_find (&tasks, 0), 0);
    tasks_clear (&tasks);
}

Test (task, numbers_of_tasks_that_are_gone_are_passed_over)
{
    const uint64_t ids [] = {7, 50000000, 50000001, 200000000, 3000000000};
    const uint64_t end = 200000009;
    tasks_t tasks;
    tasks_init (&tasks, 5);
    for (size_t index = 0; index < 5; index++)
        tasks_add (&tasks, ids [index]);
    tasks_remove (&tasks, tasks_find (&tasks, ids [2]));
    uint64_t looked = 0;
    uint64_t found = 0;
    for (uint64_t id = tasks_skip (&tasks, 1, end); id < end;
         id = tasks_skip (&tasks, id + 1, end)) {
        looked++;
        found += tasks_find (&tasks, id) != 0;
    }
    cr_assert_eq (found, 3);
    cr_assert (looked < 300000);
    for (size_t index = 0; index < 5; index++) {
        if (index != 2)
            tasks_remove (&tasks, tasks_find (&tasks, ids [index]));
    }
    cr_assert_eq (tasks_skip (&tasks, 1, end), end);
    cr_assert_eq (tasks_skip (&tasks, end, end), end);
    tasks_clear (&tasks);
}

Test (task, takes_at_most_128_bytes_with_its_place_in_the_index)
{
    tasks_t tasks;
    tasks_init (&tasks, 1 << 20);
    uint64_t index = (tasks.index.mask + 1) * sizeof (uint32_t);
    cr_assert_leq (sizeof (task_t) + index / (1 << 20), 128);
    tasks_clear (&tasks);
}

//  A store of ten thousand tasks that wait from before two crashes, and a thousand that
//  come and go far above them: neither finding nor forgetting one may have to look far.

Test (task, numbers_far_apart_do_not_crowd_the_index)
{
    enum {
        OLD = 30000,
        YOUNG = 30000
    };
    tasks_t tasks;
    tasks_init (&tasks, 1 << 16);
    for (uint64_t id = 1; id <= OLD; id++)
        tasks_add (&tasks, id);
    for (uint64_t id = 1; id <= YOUNG; id++)
        tasks_add (&tasks, id + ((uint64_t) 1 << 20));
    uint64_t longest = 0;
    uint64_t run = 0;
    for (uint64_t at = 0; at <= tasks.index.mask; at++) {
        run = tasks.index.entries [at] ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    cr_assert_lt (longest, 2000, "%lu places in a row are taken", longest);
    tasks_clear (&tasks);
}

Test (task, a_digest_sees_all_that_is_durable)
{
    task_t task = {.id = 5, .fence = 6, .at = 7, .group = 2, .number = 3, .attempts = 1};
    task.state = STINT_READY;
    task.payload.size = 9;
    uint64_t digest = task_digest (&task, 4, 0);
    cr_assert_neq (task_digest (&task, 5, 0), digest);
    cr_assert_neq (task_digest (&task, 4, 1), digest);
    task_t other = task;
    other.fence++;
    cr_assert_neq (task_digest (&other, 4, 0), digest);
    other = task;
    other.lost++;
    cr_assert_neq (task_digest (&other, 4, 0), digest);
    other = task;
    other.result.size++;
    cr_assert_neq (task_digest (&other, 4, 0), digest);

    //  Where bytes lie, and that time went by, no record tells
    other = task;
    other.state = STINT_DELAYED;
    other.payload.block = 77;
    other.batch = 8;
    other.holder = 3;
    cr_assert_eq (task_digest (&other, 4, 0), digest);
    task.state = STINT_DONE;
    other = task;
    other.holder = 3;
    cr_assert_neq (task_digest (&other, 4, 0), task_digest (&task, 4, 0));
}

Test (task, a_guess_finds_nothing_that_is_not_there)
{
    tasks_t tasks;
    tasks_init (&tasks, 4);
    uint32_t one = tasks_add (&tasks, 17);
    uint32_t other = tasks_add (&tasks, 18);
    tasks.guess = other;
    cr_assert_eq (tasks_find (&tasks, 17), one);
    cr_assert_eq (tasks_find (&tasks, 18), other);
    tasks_remove (&tasks, other);
    cr_assert_eq (tasks_find (&tasks, 18), 0);
    cr_assert_eq (tasks_find (&tasks, 0), 0);
    cr_assert_eq (tasks_find (&tasks, 17), one);
    tasks_clear (&tasks);
}
