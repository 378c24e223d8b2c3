//  test_containers: lists, heaps, indexes and pools, against simple models of them
//  SPDX-License-Identifier: MPL-2.0

#include "stint_heap.h"
#include "stint_index.h"
#include "stint_list.h"
#include "stint_pool.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENTS 60
#define STEPS 20000

typedef struct {
    stint_node_t node;  //  In a list
    int64_t when;       //  Key of the heap
    uint32_t place;     //  In the heap
    uint64_t name;      //  Key of the index
    uint32_t link;      //  Next free slot
    bool there;         //  In the model
} element_t;

STINT_LIST_DEFINE (line, element_t, node);
STINT_HEAP_DEFINE (alarms, element_t, when, place);
STINT_INDEX_DEFINE (known, element_t, name, stint_index_next);
STINT_INDEX_DEFINE (mixed, element_t, name, stint_index_mix);
STINT_POOL_DEFINE (elements, element_t, link);

static element_t s_pool [ELEMENTS + 1];
static uint64_t s_seed;
static uint64_t s_state;

static void
s_begin (void)
{
    const char *given = getenv ("SEED");
    s_seed = s_state = given ? strtoull (given, NULL, 10) : 20240229;
    memset (s_pool, 0, sizeof s_pool);
}

//  Criterion reports every single assertion, so only those that fail are made.

static void
s_check (bool condition, const char *text)
{
    if (!condition)
        cr_assert_fail ("%s (SEED=%" PRIu64 ")", text, s_seed);
}

static uint64_t
s_random (uint64_t limit)
{
    s_state += 0x9e3779b97f4a7c15u;
    return stint_index_mix (s_state) % limit;
}

TestSuite (containers, .init = s_begin);

//  ---------------------------------------------------------------------------------
//  Lists

typedef struct {
    uint32_t slots [ELEMENTS];  //  In order
    uint32_t count;             //  How many
} model_t;

static uint32_t
s_find (const model_t *model, uint32_t slot)
{
    uint32_t at = 0;
    while (at < model->count && model->slots [at] != slot)
        at++;
    return at;
}

static void
s_insert (model_t *model, uint32_t at, uint32_t slot)
{
    memmove (model->slots + at + 1, model->slots + at, (model->count - at) * sizeof slot);
    model->slots [at] = slot;
    model->count++;
}

static void
s_remove (model_t *model, uint32_t slot)
{
    uint32_t at = s_find (model, slot);
    model->count--;
    memmove (model->slots + at, model->slots + at + 1, (model->count - at) * sizeof slot);
}

static void
s_compare (const line_t *line, const model_t *model)
{
    s_check (line->count == model->count, "another length");
    uint32_t slot = line->head;
    uint32_t before = 0;
    for (uint32_t at = 0; at < model->count; at++) {
        s_check (slot == model->slots [at], "another order");
        s_check (s_pool [slot].node.prev == before, "another way back");
        before = slot;
        slot = s_pool [slot].node.next;
    }
    s_check (slot == 0 && line->tail == before, "another end");
}

Test (containers, a_list_keeps_its_order)
{
    line_t line = {0};
    model_t model = {.count = 0};
    for (uint32_t slot = 1; slot <= ELEMENTS; slot++)
        line_init (s_pool, slot);
    for (int step = 0; step < STEPS; step++) {
        uint32_t slot = 1 + (uint32_t) s_random (ELEMENTS);
        bool linked = s_find (&model, slot) < model.count;
        s_check (line_linked (s_pool, slot) == linked, "linked or not");
        if (s_random (4) == 0) {
            line_renew (&line, s_pool, slot);
            if (linked)
                s_remove (&model, slot);
            s_insert (&model, model.count, slot);
        }
        else if (!linked && model.count > 0 && s_random (2)) {
            uint32_t at = (uint32_t) s_random (model.count);
            line_insert (&line, s_pool, slot, model.slots [at]);
            s_insert (&model, at, slot);
        }
        else if (!linked) {
            line_append (&line, s_pool, slot);
            s_insert (&model, model.count, slot);
        }
        else {
            bool rotates = s_random (2);
            s_remove (&model, slot);
            if (rotates) {
                line_rotate (&line, s_pool, slot);
                s_insert (&model, model.count, slot);
            }
            else
                line_remove (&line, s_pool, slot);
        }
        s_compare (&line, &model);
    }
}

//  ---------------------------------------------------------------------------------
//  Heaps

static void
s_check_heap (const stint_heap_t *heap)
{
    int64_t least = INT64_MAX;
    uint32_t count = 0;
    for (uint32_t slot = 1; slot <= ELEMENTS; slot++) {
        if (!s_pool [slot].there)
            continue;
        count++;
        least = s_pool [slot].when < least ? s_pool [slot].when : least;
        s_check (heap->slots [s_pool [slot].place] == slot, "another place");
    }
    s_check (heap->count == count, "another count");
    s_check (count == 0 || s_pool [heap->slots [0]].when == least, "not the least");
}

Test (containers, a_heap_gives_the_least_and_lets_go_of_any)
{
    alarms_t heap = {0};
    for (int step = 0; step < STEPS; step++) {
        uint32_t slot = 1 + (uint32_t) s_random (ELEMENTS);
        if (s_pool [slot].there)
            alarms_remove (&heap, s_pool, slot);
        else {
            s_pool [slot].when = (int64_t) s_random (40) - 20;
            alarms_push (&heap, s_pool, slot);
        }
        s_pool [slot].there = !s_pool [slot].there;
        s_check_heap (&heap);
    }
    free (heap.slots);
}

Test (containers, a_heap_grows_and_empties_in_order)
{
    alarms_t heap = {0};
    element_t *pool = calloc (1001, sizeof *pool);
    for (uint32_t slot = 1; slot <= 1000; slot++) {
        pool [slot].when = (int64_t) s_random (500);
        alarms_push (&heap, pool, slot);
    }
    int64_t before = 0;
    while (heap.count > 0) {
        uint32_t slot = heap.slots [0];
        s_check (pool [slot].when >= before, "out of order");
        before = pool [slot].when;
        alarms_remove (&heap, pool, slot);
    }
    free (heap.slots);
    free (pool);
}

//  ---------------------------------------------------------------------------------
//  Indexes

//  Names are few, so that they collide and stand next to each other, also around the end of
//  the table.

Test (containers, an_index_finds_what_is_there_and_nothing_else)
{
    known_t known;
    mixed_t mixed;
    stint_index_init (&known, ELEMENTS, 0);
    stint_index_init (&mixed, ELEMENTS, 77);
    for (int step = 0; step < STEPS; step++) {
        uint32_t slot = 1 + (uint32_t) s_random (ELEMENTS);
        if (s_pool [slot].there) {
            known_drop (&known, s_pool, slot);
            mixed_drop (&mixed, s_pool, slot);
            s_pool [slot].there = false;
        }
        else {
            s_pool [slot].name = 1 + slot + (known.mask + 1) * s_random (3);
            known_put (&known, s_pool, slot);
            mixed_put (&mixed, s_pool, slot);
            s_pool [slot].there = true;
        }
        for (uint32_t other = 1; other <= ELEMENTS; other++) {
            uint32_t found = s_pool [other].there ? other : 0;
            s_check (known_find (&known, s_pool, s_pool [other].name) == found, "known");
            s_check (mixed_find (&mixed, s_pool, s_pool [other].name) == found, "mixed");
        }
        s_check (known_find (&known, s_pool, UINT64_MAX) == 0, "nobody is found");
    }
    stint_index_clear (&known);
    stint_index_clear (&mixed);
}

Test (containers, texts_that_differ_have_keys_that_differ)
{
    uint64_t empty = stint_index_text ((const uint8_t *) "", 0, 5);
    uint64_t zero = stint_index_text ((const uint8_t *) "", 1, 5);
    uint64_t zeros = stint_index_text ((const uint8_t *) "\0", 2, 5);
    cr_assert (empty != zero && zero != zeros && empty != zeros);
    cr_assert_neq (stint_index_text ((const uint8_t *) "ab", 2, 5),
                   stint_index_text ((const uint8_t *) "ba", 2, 5));
    cr_assert_neq (stint_index_text ((const uint8_t *) "ab", 2, 5),
                   stint_index_text ((const uint8_t *) "ab", 2, 6));
}

//  ---------------------------------------------------------------------------------
//  Pools

Test (containers, a_pool_gives_every_slot_once_and_empty)
{
    elements_t pool = {0};
    bool taken [ELEMENTS + 1] = {false};
    elements_init (&pool, ELEMENTS);
    for (int step = 0; step < STEPS; step++) {
        uint32_t slot = 1 + (uint32_t) s_random (ELEMENTS);
        if (taken [slot]) {
            elements_remove (&pool, slot);
            taken [slot] = false;
        }
        else if (pool.count < pool.capacity) {
            slot = elements_add (&pool);
            s_check (slot >= 1 && slot <= ELEMENTS && !taken [slot], "given twice");
            s_check (pool.pool [slot].name == 0 && pool.pool [slot].link == 0, "not empty");
            pool.pool [slot].name = slot;
            taken [slot] = true;
        }
        uint32_t count = 0;
        for (uint32_t other = 1; other <= ELEMENTS; other++)
            count += taken [other];
        s_check (count == pool.count, "another count");
    }
    elements_clear (&pool);
    cr_assert_null (pool.pool);
}
