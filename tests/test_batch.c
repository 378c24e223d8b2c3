//  test_batch: batches by number and name, and the order of their outcomes
//  SPDX-License-Identifier: MPL-2.0

#include "batch.h"

#include <criterion/criterion.h>

static batches_t s_batches;
static tasks_t s_tasks;

static void
s_begin (void)
{
    batches_init (&s_batches, 4, 5);
    tasks_init (&s_tasks, 50);
}

static void
s_end (void)
{
    batches_clear (&s_batches);
    tasks_clear (&s_tasks);
}

TestSuite (batch, .init = s_begin, .fini = s_end);

//  Ends a task of a batch at a place among the ended ones, with a result of ten bytes.

static uint32_t
s_ended (uint32_t batch, uint32_t place)
{
    uint32_t slot = tasks_add (&s_tasks, place);
    task_t *task = &s_tasks.tasks.pool [slot];
    task->batch = batch;
    task->holder = place;
    task->result.size = 10;
    task->state = STINT_DEAD;
    s_batches.batches.pool [batch].dead++;
    s_batches.batches.pool [batch].held++;
    batches_end (&s_batches, s_tasks.tasks.pool, slot);
    return slot;
}

//  Delivers the next place and returns it: 0 when there is none, EMPTY when it is empty.

#define EMPTY UINT32_MAX

static uint32_t
s_deliver (uint32_t batch)
{
    uint32_t slot;
    bool more = batches_deliver (&s_batches, s_tasks.tasks.pool, batch, &slot);
    batches_update (&s_batches, batch);
    return !more ? 0 : slot ? s_tasks.tasks.pool [slot].holder : EMPTY;
}

Test (batch, is_found_by_number_and_by_name_within_its_group)
{
    uint32_t slot = batches_ensure (&s_batches, 9);
    cr_assert_eq (batches_ensure (&s_batches, 9), slot);
    cr_assert_eq (s_batches.next_id, 10);
    batches_name (&s_batches, slot, 2, stint_bytes_of ("monday"));
    batches_name (&s_batches, slot, 2, stint_bytes_of ("sunday"));
    cr_assert_eq (batches_find (&s_batches, 9), slot);
    cr_assert_eq (batches_find (&s_batches, 0), 0);
    cr_assert_eq (batches_find_name (&s_batches, 2, stint_bytes_of ("monday")), slot);
    cr_assert_eq (batches_find_name (&s_batches, 3, stint_bytes_of ("monday")), 0);
    cr_assert_eq (batches_find_name (&s_batches, 2, stint_bytes_of ("sunday")), 0);
    batches_remove (&s_batches, slot);
    cr_assert_eq (batches_find (&s_batches, 9), 0);
    batches_remove (&s_batches, batches_ensure (&s_batches, 3));
    cr_assert_eq (s_batches.next_id, 10);
}

Test (batch, outcomes_that_come_out_of_order_find_their_places)
{
    static const uint32_t order [] = {4, 6, 2, 3, 7, 1, 5};
    uint32_t batch = batches_ensure (&s_batches, 1);
    for (size_t index = 0; index < 7; index++)
        s_ended (batch, order [index]);
    batches_collect (&s_batches, batch, 1, 1, 100);
    for (size_t index = 0; index < 7; index++)
        cr_assert_eq (s_deliver (batch), index + 1);
    cr_assert_eq (s_deliver (batch), 0);
}

Test (batch, has_news_only_for_a_collector_with_room)
{
    uint32_t batch = batches_ensure (&s_batches, 1);
    s_ended (batch, 1);
    s_ended (batch, 2);
    cr_assert_eq (s_batches.news.count, 0);
    batches_collect (&s_batches, batch, 3, 1, 1);
    cr_assert_eq (s_batches.news.head, batch);
    cr_assert_eq (s_deliver (batch), 1);
    cr_assert_eq (s_batches.news.count, 0);
    batches_collect (&s_batches, batch, 3, 1, 2);
    cr_assert_eq (s_batches.news.count, 1);
    batches_collect (&s_batches, batch, 0, 0, 0);
    cr_assert_eq (s_batches.news.count, 0);
    batches_collect (&s_batches, batch, 3, 1, 9);
    s_batches.batches.pool [batch].held = 0;
    batches_remove (&s_batches, batch);
    cr_assert_eq (s_batches.news.count, 0);
}

Test (batch, what_is_forgotten_is_on_its_way_no_more)
{
    uint32_t batch = batches_ensure (&s_batches, 1);
    uint32_t slots [4];
    for (uint32_t place = 1; place <= 3; place++)
        slots [place] = s_ended (batch, place);
    batches_collect (&s_batches, batch, 3, 1, 100);
    s_deliver (batch);
    s_deliver (batch);
    cr_assert_eq (s_batches.batches.pool [batch].flight, 20);
    batches_forget (&s_batches, s_tasks.tasks.pool, slots [1]);
    cr_assert_eq (s_batches.batches.pool [batch].flight, 10);
    batches_forget (&s_batches, s_tasks.tasks.pool, slots [3]);
    cr_assert_eq (s_batches.batches.pool [batch].flight, 10);
    cr_assert_eq (s_deliver (batch), EMPTY);
    cr_assert_eq (s_deliver (batch), 0);
    s_ended (batch, 4);
    cr_assert_eq (s_deliver (batch), 4);
}

Test (batch, an_end_that_is_taken_back_leaves_its_place_empty)
{
    uint32_t batch = batches_ensure (&s_batches, 1);
    const batch_t *there = &s_batches.batches.pool [batch];
    uint32_t slots [4];
    for (uint32_t place = 1; place <= 3; place++)
        slots [place] = s_ended (batch, place);
    batches_collect (&s_batches, batch, 3, 1, 100);
    cr_assert_eq (s_deliver (batch), 1);
    batches_reopen (&s_batches, s_tasks.tasks.pool, slots [1]);
    cr_assert_eq (there->flight, 0);
    batches_reopen (&s_batches, s_tasks.tasks.pool, slots [2]);
    cr_assert_eq (batch_ended (there), 1);
    cr_assert_eq (batch_places (there), 3);
    cr_assert_eq (there->held, 3);
    cr_assert_eq (s_deliver (batch), EMPTY);
    cr_assert_eq (s_deliver (batch), 3);
    cr_assert_eq (s_deliver (batch), 0);
    batches_advance (&s_batches, batch, 3);
    s_ended (batch, 4);
    cr_assert_eq (s_deliver (batch), 4);
}

Test (batch, an_end_that_was_counted_nowhere_is_taken_back_all_the_same)
{
    uint32_t batch = batches_ensure (&s_batches, 1);
    const batch_t *there = &s_batches.batches.pool [batch];
    batches_uncount (&s_batches, batch, STINT_DEAD);
    batches_uncount (&s_batches, batch, STINT_CANCELLED);
    cr_assert_eq (batch_ended (there), 0);
    cr_assert_eq (batch_places (there), 2);
}

Test (batch, counts_what_has_ended_and_a_digest_sees_it)
{
    uint32_t batch = batches_ensure (&s_batches, 1);
    uint64_t digest = batches_digest (&s_batches);
    s_batches.batches.pool [batch].done = 3;
    s_batches.batches.pool [batch].dead = 2;
    s_batches.batches.pool [batch].cancelled = 1;
    cr_assert_eq (batch_ended (&s_batches.batches.pool [batch]), 6);
    cr_assert_neq (batches_digest (&s_batches), digest);
    batches_remove (&s_batches, batch);
    cr_assert_eq (batches_digest (&s_batches), 0);
}
