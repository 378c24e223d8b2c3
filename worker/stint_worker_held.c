//  stint_worker_held: the attempts that a worker answers for, found by task and fence
//  SPDX-License-Identifier: MPL-2.0
//
//  Entries live in one array; those of a bucket are chained by index, as are the free ones.
//  A task's number chooses the bucket by its last bits: brokers count tasks up, so
//  neighbours fall into neighbouring buckets and the caches are used well. There are at
//  least as many buckets as entries.

#include "stint_worker_held.h"

#include <assert.h>
#include <stdlib.h>

#define NOBODY UINT32_MAX
#define ENTRIES_MIN 64

typedef struct {
    stint_ref_t ref;  //  The attempt
    uint32_t next;    //  Next entry of the bucket, or of the free ones
    bool used;        //  Not free
} s_entry_t;

struct stint_held {
    s_entry_t *entries;  //  A power of two of them
    uint32_t *buckets;   //  First entry of each; as many as entries
    uint32_t size;       //  How many entries and buckets there are
    uint32_t free;       //  First free entry
    uint32_t count;      //  Entries that are used
};

//  ---------------------------------------------------------------------------------
//  Lists

void
stint_refs_add (stint_refs_t *self, uint64_t id, uint64_t fence)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 16;
        self->items = realloc (self->items, self->capacity * sizeof *self->items);
        if (!self->items)
            abort ();
    }
    self->items [self->count++] = (stint_ref_t){id, fence};
}

void
stint_refs_clear (stint_refs_t *self)
{
    free (self->items);
    *self = (stint_refs_t){NULL, 0, 0};
}

//  ---------------------------------------------------------------------------------
//  The set

static uint32_t *
s_bucket (stint_held_t *self, uint64_t id)
{
    return &self->buckets [id & (self->size - 1)];
}

//  Doubles the room; entries keep their places, buckets are made anew.

static void
s_grow (stint_held_t *self)
{
    uint32_t before = self->size;
    self->size = before ? before * 2 : ENTRIES_MIN;
    self->entries = realloc (self->entries, self->size * sizeof *self->entries);
    self->buckets = realloc (self->buckets, self->size * sizeof *self->buckets);
    if (!self->entries || !self->buckets)
        abort ();
    for (uint32_t index = 0; index < self->size; index++)
        self->buckets [index] = NOBODY;
    for (uint32_t index = 0; index < before; index++) {
        s_entry_t *entry = &self->entries [index];
        uint32_t *bucket = s_bucket (self, entry->ref.id);
        entry->next = *bucket;
        *bucket = index;
    }
    for (uint32_t index = before; index < self->size; index++)
        self->entries [index] = (s_entry_t){{0, 0}, index + 1, false};
    self->entries [self->size - 1].next = NOBODY;
    self->free = before;
}

stint_held_t *
stint_held_new (void)
{
    stint_held_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    s_grow (self);
    return self;
}

void
stint_held_destroy (stint_held_t **self_p)
{
    assert (self_p);
    stint_held_t *self = *self_p;
    if (!self)
        return;
    free (self->entries);
    free (self->buckets);
    free (self);
    *self_p = NULL;
}

//  Returns the link that names the attempt's entry, or the one that ends its bucket.

static uint32_t *
s_find (stint_held_t *self, uint64_t id, uint64_t fence)
{
    uint32_t *link = s_bucket (self, id);
    while (*link != NOBODY) {
        s_entry_t *entry = &self->entries [*link];
        if (entry->ref.id == id && entry->ref.fence == fence)
            break;
        link = &entry->next;
    }
    return link;
}

bool
stint_held_add (stint_held_t *self, uint64_t id, uint64_t fence)
{
    if (*s_find (self, id, fence) != NOBODY)
        return false;
    if (self->free == NOBODY)
        s_grow (self);
    uint32_t index = self->free;
    s_entry_t *entry = &self->entries [index];
    self->free = entry->next;
    uint32_t *bucket = s_bucket (self, id);
    *entry = (s_entry_t){{id, fence}, *bucket, true};
    *bucket = index;
    self->count++;
    return true;
}

bool
stint_held_drop (stint_held_t *self, uint64_t id, uint64_t fence)
{
    uint32_t *link = s_find (self, id, fence);
    uint32_t index = *link;
    if (index == NOBODY)
        return false;
    s_entry_t *entry = &self->entries [index];
    *link = entry->next;
    *entry = (s_entry_t){{0, 0}, self->free, false};
    self->free = index;
    self->count--;
    return true;
}

uint32_t
stint_held_count (const stint_held_t *self)
{
    return self->count;
}

void
stint_held_list (const stint_held_t *self, stint_refs_t *refs)
{
    for (uint32_t index = 0; index < self->size; index++) {
        const s_entry_t *entry = &self->entries [index];
        if (entry->used)
            stint_refs_add (refs, entry->ref.id, entry->ref.fence);
    }
}
