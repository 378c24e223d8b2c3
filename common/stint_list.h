//  stint_list: typed intrusive lists of elements that live in a pool
//  SPDX-License-Identifier: MPL-2.0
//
//  An element is named by its slot, its place in the pool; slot 0 is nobody. Four bytes a
//  link instead of eight is what keeps ten million tasks small. STINT_LIST_DEFINE (name,
//  type, node) makes functions for lists of `type` linked through its member `node`. An
//  element that is on no list points to itself, so putting it on two lists, or taking it
//  off none, is a bug that asserts.

#ifndef STINT_LIST_H
#define STINT_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t next;  //  Slot of the next element, 0 at the end, own slot when on no list
    uint32_t prev;  //  Slot of the one before, 0 at the beginning
} stint_node_t;

typedef struct {
    uint32_t head;   //  First slot, 0 when empty
    uint32_t tail;   //  Last slot, 0 when empty
    uint32_t count;  //  Elements
} stint_list_t;

#define STINT_LIST_DEFINE(name, type, node)                                                \
    static inline void name##_init (type *pool, uint32_t slot)                             \
    {                                                                                      \
        pool [slot].node = (stint_node_t){slot, 0};                                        \
    }                                                                                      \
    static inline bool name##_linked (const type *pool, uint32_t slot)                     \
    {                                                                                      \
        return pool [slot].node.next != slot;                                              \
    }                                                                                      \
    /*  Puts an element before another one; before 0 is at the end.  */                    \
    static inline void name##_insert (stint_list_t *list, type *pool, uint32_t slot,       \
                                      uint32_t before)                                     \
    {                                                                                      \
        assert (slot && !name##_linked (pool, slot));                                      \
        uint32_t prev = before ? pool [before].node.prev : list->tail;                     \
        pool [slot].node = (stint_node_t){before, prev};                                   \
        *(prev ? &pool [prev].node.next : &list->head) = slot;                             \
        *(before ? &pool [before].node.prev : &list->tail) = slot;                         \
        list->count++;                                                                     \
    }                                                                                      \
    static inline void name##_append (stint_list_t *list, type *pool, uint32_t slot)       \
    {                                                                                      \
        name##_insert (list, pool, slot, 0);                                               \
    }                                                                                      \
    static inline void name##_remove (stint_list_t *list, type *pool, uint32_t slot)       \
    {                                                                                      \
        assert (list->count > 0 && name##_linked (pool, slot));                            \
        stint_node_t at = pool [slot].node;                                                \
        *(at.prev ? &pool [at.prev].node.next : &list->head) = at.next;                    \
        *(at.next ? &pool [at.next].node.prev : &list->tail) = at.prev;                    \
        name##_init (pool, slot);                                                          \
        list->count--;                                                                     \
    }                                                                                      \
    /*  Moves an element that is on the list to its end.  */                               \
    static inline void name##_rotate (stint_list_t *list, type *pool, uint32_t slot)       \
    {                                                                                      \
        if (list->tail != slot) {                                                          \
            name##_remove (list, pool, slot);                                              \
            name##_append (list, pool, slot);                                              \
        }                                                                                  \
    }                                                                                      \
    /*  Puts an element at the end, whether it is on the list or on none.  */              \
    static inline void name##_renew (stint_list_t *list, type *pool, uint32_t slot)        \
    {                                                                                      \
        if (name##_linked (pool, slot))                                                    \
            name##_remove (list, pool, slot);                                              \
        name##_append (list, pool, slot);                                                  \
    }                                                                                      \
    typedef stint_list_t name##_t

#endif
