//  test_group: the table of groups, their settings, and the line of their tasks
//  SPDX-License-Identifier: MPL-2.0

#include "group_lanes.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static groups_t s_groups;
static tasks_t s_tasks;

static void
s_begin (void)
{
    const record_settings_t defaults = {
        {1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 9, 10, 11, 12, 13, 14}};
    groups_init (&s_groups, 5, 100, &defaults, 99);
    tasks_init (&s_tasks, 100);
}

static void
s_end (void)
{
    groups_clear (&s_groups);
    tasks_clear (&s_tasks);
}

TestSuite (group, .init = s_begin, .fini = s_end);

static uint32_t
s_make (const char *name)
{
    uint32_t slot = groups_next (&s_groups);
    groups_ensure (&s_groups, slot);
    groups_name (&s_groups, slot, stint_bytes_of (name));
    return slot;
}

//  Puts a task in line that was tried so often.

static uint32_t
s_enqueue (uint64_t id, uint16_t attempts)
{
    uint32_t slot = tasks_add (&s_tasks, id);
    s_tasks.tasks.pool [slot].group = 1;
    s_tasks.tasks.pool [slot].attempts = attempts;
    groups_enqueue (&s_groups, s_tasks.tasks.pool, slot, false);
    return slot;
}

//  Takes the first in line out; returns its number, or 0.

static uint64_t
s_first (void)
{
    const group_t *group = &s_groups.groups.pool [1];
    uint32_t slot = 0;
    if (group->levels)
        slot = lane_first (&s_groups.lanes.lanes.pool [groups_next_lane (&s_groups, 1)]);
    if (slot)
        groups_dequeue (&s_groups, s_tasks.tasks.pool, slot);
    return s_tasks.tasks.pool [slot].id;
}

Test (group, is_found_by_its_name)
{
    uint32_t bread = s_make ("bread");
    uint32_t cheese = s_make ("cheese");
    cr_assert_eq (groups_find (&s_groups, stint_bytes_of ("bread")), bread);
    cr_assert_eq (groups_find (&s_groups, stint_bytes_of ("cheese")), cheese);
    cr_assert_eq (groups_find (&s_groups, stint_bytes_of ("brea")), 0);
    groups_name (&s_groups, bread, stint_bytes_of ("other"));
    cr_assert_str_eq (s_groups.groups.pool [bread].name, "bread");
}

Test (group, slots_are_used_again)
{
    static const char *const names [] = {"a", "b", "c", "d", "e"};
    for (uint32_t count = 0; count < 5; count++)
        cr_assert_eq (s_make (names [count]), count + 1);
    cr_assert_eq (groups_next (&s_groups), 0);
    groups_remove (&s_groups, 3);
    cr_assert_eq (groups_find (&s_groups, stint_bytes_of ("c")), 0);
    cr_assert_eq (s_make ("f"), 3);
}

Test (group, slots_may_be_taken_in_any_order)
{
    static const uint32_t order [] = {4, 1, 4, 5, 2};
    for (size_t index = 0; index < 5; index++)
        groups_ensure (&s_groups, order [index]);
    cr_assert_eq (s_groups.groups.count, 4);
    cr_assert_eq (groups_next (&s_groups), 3);
    groups_remove (&s_groups, 4);
    groups_ensure (&s_groups, 3);
    cr_assert_eq (groups_next (&s_groups), 4);
}

Test (group, settings_that_are_not_set_are_the_defaults)
{
    uint32_t slot = s_make ("bread");
    s_groups.groups.pool [slot].settings =
        (record_settings_t){.max_tasks = 10, .backoff_max = 50};
    record_settings_t settings = groups_settings (&s_groups, slot);
    cr_assert (record_settings_equal (
        &settings,
        &(record_settings_t){{10, 2, 3, 4, 50, 6, 7, 8, 0, 0, 9, 10, 11, 12, 13, 14}}));
    record_settings_t own = {{7, 8, 9, 10, 11, 12, 13, 14, 1, 0, 15, 16, 17, 18, 19, 20}};
    s_groups.groups.pool [slot].settings = own;
    settings = groups_settings (&s_groups, slot);
    cr_assert (record_settings_equal (&settings, &own));
}

Test (group, tasks_stand_in_order_of_their_numbers)
{
    s_make ("bread");
    for (uint64_t id = 1; id <= 4; id++)
        s_enqueue (id, 0);
    for (uint64_t id = 1; id <= 4; id++)
        cr_assert_eq (s_first (), id);
    cr_assert_eq (s_first (), 0);
}

Test (group, those_that_were_tried_go_first)
{
    s_make ("bread");
    s_enqueue (1, 0);
    s_enqueue (9, 2);
    s_enqueue (5, 1);
    cr_assert_eq (s_first (), 5);
    cr_assert_eq (s_first (), 9);
    cr_assert_eq (s_first (), 1);
}

Test (group, a_task_that_comes_late_finds_its_place)
{
    static const uint64_t order [] = {10, 20, 5, 7, 15, 30, 25, 1, 12, 8};
    static const uint64_t sorted [] = {1, 5, 7, 8, 10, 12, 15, 20, 25, 30};
    s_make ("bread");
    for (size_t index = 0; index < 10; index++)
        s_enqueue (order [index], 0);
    for (size_t index = 0; index < 10; index++)
        cr_assert_eq (s_first (), sorted [index]);
}

Test (group, a_task_may_leave_the_middle_of_the_line)
{
    s_make ("bread");
    uint32_t slots [6];
    for (uint64_t id = 1; id <= 5; id++)
        slots [id] = s_enqueue (id, id > 3);
    groups_dequeue (&s_groups, s_tasks.tasks.pool, slots [2]);
    groups_dequeue (&s_groups, s_tasks.tasks.pool, slots [5]);
    cr_assert_eq (s_first (), 4);
    cr_assert_eq (s_first (), 1);
    cr_assert_eq (s_first (), 3);
    cr_assert_eq (s_first (), 0);
}

Test (group, a_digest_sees_names_and_settings)
{
    uint64_t empty = groups_digest (&s_groups);
    uint32_t slot = s_make ("bread");
    uint64_t named = groups_digest (&s_groups);
    cr_assert_neq (empty, named);
    s_groups.groups.pool [slot].settings.backoff = 3;
    cr_assert_neq (groups_digest (&s_groups), named);
    groups_remove (&s_groups, slot);
    cr_assert_eq (groups_digest (&s_groups), empty);
}
