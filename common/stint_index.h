//  stint_index: finds an element of a pool by a 64-bit key, in four bytes an entry
//  SPDX-License-Identifier: MPL-2.0
//
//  Open addressing with linear probing and no tombstones (Knuth, TAOCP 6.4, algorithms L
//  and R). The table holds slots only; the key is read from the element. STINT_INDEX_DEFINE
//  (name, type, key, hash) makes the functions; `hash` turns a key into 64 bits:
//  stint_index_next for numbers that we gave out ourselves, stint_index_mix for numbers
//  that others choose.

#ifndef STINT_INDEX_H
#define STINT_INDEX_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct {
    uint32_t *slots;  //  0 is empty
    uint64_t mask;    //  Size of the table less one
    uint32_t count;   //  Elements in it
    uint64_t salt;    //  Mixed into the hash, so that nobody can choose what collides
} stint_index_t;

//  Reserves a table that stays at most half full with that many elements. Memory is
//  touched only where elements are. Aborts when memory runs out.

static inline void
stint_index_init (stint_index_t *self, uint32_t elements, uint64_t salt)
{
    uint64_t size = 16;
    while (size / 2 < elements)
        size *= 2;
    *self = (stint_index_t){calloc (size, sizeof (uint32_t)), size - 1, 0, salt};
    if (!self->slots)
        abort ();
}

static inline void
stint_index_clear (stint_index_t *self)
{
    free (self->slots);
    self->slots = NULL;
}

//  Spreads a key over 64 bits (the finisher of splitmix64, Steele et al. 2014).

static inline uint64_t
stint_index_mix (uint64_t key)
{
    key = (key ^ key >> 30) * 0xbf58476d1ce4e5b9u;
    key = (key ^ key >> 27) * 0x94d049bb133111ebu;
    return key ^ key >> 31;
}

//  Turns a text into a key, with a salt that others cannot know.

static inline uint64_t
stint_index_text (const uint8_t *text, size_t size, uint64_t salt)
{
    uint64_t key = salt;
    for (size_t index = 0; index < size; index++)
        key = stint_index_mix (key ^ text [index]) + index;
    return key;
}

//  Sixteen numbers in a row get every second of 32 places in a row; where these lie is
//  mixed, so that numbers of long ago and those of now do not crowd each other.

static inline uint64_t
stint_index_next (uint64_t key)
{
    return stint_index_mix (key >> 4) << 5 | (key & 15) << 1;
}

#define STINT_INDEX_DEFINE(name, type, key, hash)                                          \
    static inline uint64_t name##_home (const stint_index_t *index, uint64_t value)        \
    {                                                                                      \
        return hash (value ^ index->salt) & index->mask;                                   \
    }                                                                                      \
    /*  Returns the slot of the element with that key, or 0.  */                           \
    static inline uint32_t name##_find (const stint_index_t *index, const type *pool,      \
                                        uint64_t value)                                    \
    {                                                                                      \
        uint64_t at = name##_home (index, value);                                          \
        while (index->slots [at] && pool [index->slots [at]].key != value)                 \
            at = (at + 1) & index->mask;                                                   \
        return index->slots [at];                                                          \
    }                                                                                      \
    /*  Brings the place of that key into the cache.  */                                   \
    __attribute__ ((unused)) static inline void name##_expect (const stint_index_t *index, \
                                                               uint64_t value)             \
    {                                                                                      \
        __builtin_prefetch (&index->slots [name##_home (index, value)], 1);                \
    }                                                                                      \
    static inline void name##_put (stint_index_t *index, const type *pool, uint32_t slot)  \
    {                                                                                      \
        uint64_t at = name##_home (index, pool [slot].key);                                \
        assert (index->count < index->mask);                                               \
        while (index->slots [at])                                                          \
            at = (at + 1) & index->mask;                                                   \
        index->slots [at] = slot;                                                          \
        index->count++;                                                                    \
    }                                                                                      \
    static inline void name##_drop (stint_index_t *index, const type *pool, uint32_t slot) \
    {                                                                                      \
        uint64_t at = name##_home (index, pool [slot].key);                                \
        while (index->slots [at] != slot) {                                                \
            assert (index->slots [at]);                                                    \
            at = (at + 1) & index->mask;                                                   \
        }                                                                                  \
        uint64_t gap = at;                                                                 \
        for (at = (at + 1) & index->mask; index->slots [at];                               \
             at = (at + 1) & index->mask) {                                                \
            uint64_t home = name##_home (index, pool [index->slots [at]].key);             \
            if (((at - home) & index->mask) >= ((at - gap) & index->mask)) {               \
                index->slots [gap] = index->slots [at];                                    \
                gap = at;                                                                  \
            }                                                                              \
        }                                                                                  \
        index->slots [gap] = 0;                                                            \
        index->count--;                                                                    \
    }                                                                                      \
    typedef stint_index_t name##_t

#endif
