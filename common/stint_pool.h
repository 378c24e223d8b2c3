//  stint_pool: elements of one type in one piece of memory, named by their slots
//  SPDX-License-Identifier: MPL-2.0
//
//  All of the memory is reserved at the start and touched as elements come; slot 0 is
//  nobody. STINT_POOL_DEFINE (name, type, link) makes a pool of `type`; `link` is a
//  uint32_t member that free elements are linked through.

#ifndef STINT_POOL_H
#define STINT_POOL_H

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#define STINT_POOL_DEFINE(name, type, link)                                                \
    typedef struct {                                                                       \
        type *pool;        /*  Elements; the first is never used  */                       \
        uint32_t capacity; /*  Most elements at once  */                                   \
        uint32_t used;     /*  Slots that were ever used  */                               \
        uint32_t free;     /*  First of those that are free again  */                      \
        uint32_t count;    /*  Elements there are  */                                      \
    } name##_t;                                                                            \
    static inline void name##_init (name##_t *self, uint32_t capacity)                     \
    {                                                                                      \
        *self =                                                                            \
            (name##_t){calloc ((size_t) capacity + 1, sizeof (type)), capacity, 0, 0, 0};  \
        if (!self->pool)                                                                   \
            abort ();                                                                      \
    }                                                                                      \
    static inline void name##_clear (name##_t *self)                                       \
    {                                                                                      \
        free (self->pool);                                                                 \
        self->pool = NULL;                                                                 \
    }                                                                                      \
    /*  Takes a slot, all zeros, as free ones are; there must be room.  */                 \
    static inline uint32_t name##_add (name##_t *self)                                     \
    {                                                                                      \
        assert (self->count < self->capacity);                                             \
        uint32_t slot = self->free;                                                        \
        if (slot)                                                                          \
            self->free = self->pool [slot].link;                                           \
        else                                                                               \
            slot = ++self->used;                                                           \
        self->count++;                                                                     \
        self->pool [slot].link = 0;                                                        \
        /*  The next one to be taken was in no cache for a while  */                       \
        __builtin_prefetch (&self->pool [self->free], 1);                                  \
        return slot;                                                                       \
    }                                                                                      \
    static inline void name##_remove (name##_t *self, uint32_t slot)                       \
    {                                                                                      \
        self->pool [slot] = (type){0};                                                     \
        self->pool [slot].link = self->free;                                               \
        self->free = slot;                                                                 \
        self->count--;                                                                     \
    }                                                                                      \
    static_assert (sizeof (type) > 0, "ends in a semicolon")

#endif
