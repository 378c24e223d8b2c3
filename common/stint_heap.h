//  stint_heap: a typed intrusive binary heap of elements that live in a pool, least first
//  SPDX-License-Identifier: MPL-2.0
//
//  STINT_HEAP_DEFINE (name, type, key, position) makes functions for heaps of `type`
//  ordered by its member or members `key`; `position` is a uint32_t member where an element
//  keeps its place, so that it can be taken out from the middle. Elements that come in
//  order cost one comparison; the array grows by doubling.

#ifndef STINT_HEAP_H
#define STINT_HEAP_H

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct {
    uint32_t *slots;    //  Of the elements; the first is the least
    uint32_t count;     //  Elements
    uint32_t capacity;  //  Elements that slots has room for
} stint_heap_t;

//  Makes room for one more element. Aborts when memory runs out.

static inline void
stint_heap_grow (stint_heap_t *self)
{
    if (self->count < self->capacity)
        return;
    self->capacity = self->capacity ? self->capacity * 2 : 64;
    self->slots = realloc (self->slots, self->capacity * sizeof *self->slots);
    if (!self->slots)
        abort ();
}

#define STINT_HEAP_DEFINE(name, type, key, position)                                       \
    static inline void name##_place (stint_heap_t *heap, type *pool, uint32_t at,          \
                                     uint32_t slot)                                        \
    {                                                                                      \
        heap->slots [at] = slot;                                                           \
        pool [slot].position = at;                                                         \
    }                                                                                      \
    static inline void name##_up (stint_heap_t *heap, type *pool, uint32_t at)             \
    {                                                                                      \
        uint32_t slot = heap->slots [at];                                                  \
        while (at > 0 && pool [slot].key < pool [heap->slots [(at - 1) / 2]].key) {        \
            name##_place (heap, pool, at, heap->slots [(at - 1) / 2]);                     \
            at = (at - 1) / 2;                                                             \
        }                                                                                  \
        name##_place (heap, pool, at, slot);                                               \
    }                                                                                      \
    static inline void name##_down (stint_heap_t *heap, type *pool, uint32_t at)           \
    {                                                                                      \
        uint32_t slot = heap->slots [at];                                                  \
        for (uint32_t child = at * 2 + 1; child < heap->count; child = at * 2 + 1) {       \
            if (child + 1 < heap->count                                                    \
                && pool [heap->slots [child + 1]].key < pool [heap->slots [child]].key)    \
                child++;                                                                   \
            if (pool [slot].key <= pool [heap->slots [child]].key)                         \
                break;                                                                     \
            name##_place (heap, pool, at, heap->slots [child]);                            \
            at = child;                                                                    \
        }                                                                                  \
        name##_place (heap, pool, at, slot);                                               \
    }                                                                                      \
    static inline void name##_push (stint_heap_t *heap, type *pool, uint32_t slot)         \
    {                                                                                      \
        stint_heap_grow (heap);                                                            \
        heap->slots [heap->count++] = slot;                                                \
        name##_up (heap, pool, heap->count - 1);                                           \
    }                                                                                      \
    static inline void name##_remove (stint_heap_t *heap, type *pool, uint32_t slot)       \
    {                                                                                      \
        uint32_t at = pool [slot].position;                                                \
        assert (at < heap->count && heap->slots [at] == slot);                             \
        uint32_t last = heap->slots [--heap->count];                                       \
        if (last == slot)                                                                  \
            return;                                                                        \
        name##_place (heap, pool, at, last);                                               \
        name##_up (heap, pool, at);                                                        \
        name##_down (heap, pool, pool [last].position);                                    \
    }                                                                                      \
    typedef stint_heap_t name##_t

#endif
