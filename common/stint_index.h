//  stint_index: finds an element of a pool by a 64-bit key, in four bytes an entry
//  SPDX-License-Identifier: MPL-2.0
//
//  Open addressing with linear probing and no tombstones (Knuth, TAOCP 6.4, algorithms L
//  and R). The table holds slots only; the key is read from the element. Among many
//  elements that is a look far away, so an entry also has two bits that say how far from
//  its home it is: nearly all that are not sought are told from these.
//
//  STINT_INDEX_DEFINE (name, type, key, hash) makes the functions; `hash` turns a key into
//  64 bits: stint_index_next for numbers that we gave out ourselves, stint_index_mix for
//  numbers that others choose.

#ifndef STINT_INDEX_H
#define STINT_INDEX_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define STINT_INDEX_SLOT ((UINT32_C (1) << 30) - 1)  //  Bits of an entry; the highest slot
#define STINT_INDEX_FAR 3  //  Places from its home, or more: the element has to be asked

typedef struct {
    uint32_t *entries;  //  0 is empty
    uint64_t mask;      //  Size of the table less one
    uint32_t count;     //  Elements in it
    uint64_t salt;      //  Mixed into the hash, so that nobody can choose what collides
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
    if (!self->entries)
        abort ();
}

static inline void
stint_index_clear (stint_index_t *self)
{
    free (self->entries);
    self->entries = NULL;
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

//  An entry that is so many places from its home, or further than that can be told.

static inline uint32_t
stint_index_entry (uint32_t slot, uint64_t distance)
{
    return slot
           | (uint32_t) (distance < STINT_INDEX_FAR ? distance : STINT_INDEX_FAR) << 30;
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
        uint32_t entry;                                                                    \
        for (uint64_t distance = 0; (entry = index->entries [at]) != 0; distance++) {      \
            uint32_t slot = entry & STINT_INDEX_SLOT;                                      \
            if (entry == stint_index_entry (slot, distance) && pool [slot].key == value)   \
                return slot;                                                               \
            at = (at + 1) & index->mask;                                                   \
        }                                                                                  \
        return 0;                                                                          \
    }                                                                                      \
    /*  Brings the place of that key into the cache.  */                                   \
    __attribute__ ((unused)) static inline void name##_expect (const stint_index_t *index, \
                                                               uint64_t value)             \
    {                                                                                      \
        __builtin_prefetch (&index->entries [name##_home (index, value)], 1);              \
    }                                                                                      \
    static inline void name##_put (stint_index_t *index, const type *pool, uint32_t slot)  \
    {                                                                                      \
        uint64_t at = name##_home (index, pool [slot].key), distance = 0;                  \
        assert (index->count < index->mask && slot <= STINT_INDEX_SLOT);                   \
        for (; index->entries [at]; distance++)                                            \
            at = (at + 1) & index->mask;                                                   \
        index->entries [at] = stint_index_entry (slot, distance);                          \
        index->count++;                                                                    \
    }                                                                                      \
    static inline void name##_drop (stint_index_t *index, const type *pool, uint32_t slot) \
    {                                                                                      \
        uint64_t at = name##_home (index, pool [slot].key);                                \
        while ((index->entries [at] & STINT_INDEX_SLOT) != slot) {                         \
            assert (index->entries [at]);                                                  \
            at = (at + 1) & index->mask;                                                   \
        }                                                                                  \
        uint64_t gap = at;                                                                 \
        for (at = (at + 1) & index->mask; index->entries [at];                             \
             at = (at + 1) & index->mask) {                                                \
            uint32_t moved = index->entries [at] & STINT_INDEX_SLOT;                       \
            uint64_t distance = index->entries [at] >> 30;                                 \
            uint64_t nearer = (at - gap) & index->mask;                                    \
            if (distance == STINT_INDEX_FAR)                                               \
                distance = (at - name##_home (index, pool [moved].key)) & index->mask;     \
            if (distance >= nearer) {                                                      \
                index->entries [gap] = stint_index_entry (moved, distance - nearer);       \
                gap = at;                                                                  \
            }                                                                              \
        }                                                                                  \
        index->entries [gap] = 0;                                                          \
        index->count--;                                                                    \
    }                                                                                      \
    typedef stint_index_t name##_t

#endif
