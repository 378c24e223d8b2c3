//  reorder: the tasks of a map that are on their way, let out in the order they went in
//  SPDX-License-Identifier: MPL-2.0
//
//  Entries stand in an array of the window's size and never move. A table of chains finds
//  the entry of a place; free entries, and those that may be let out unordered, are
//  chained through the same link.

#include "reorder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define KEPT_MAX 65536  //  A buffer larger than this is freed rather than used again

typedef struct {
    uint64_t number;                  //  Its place, from 1
    uint64_t id;                      //  The broker's number for it
    uint8_t *data;                    //  A copy of the result, if it has ended
    size_t size;                      //  Bytes of it
    size_t capacity;                  //  Bytes there is room for
    uint32_t next;                    //  In its chain, NONE at its end
    uint32_t next_ended;              //  In the chain of those that may be let out
    uint32_t attempts;                //  As in the result
    stint_state_t state;              //  As in the result
    bool ended;                       //  Has ended
    char label [REORDER_LABEL_SIZE];  //  For people
} entry_t;

struct reorder {
    bool ordered;         //  Lets out in the order of the places
    size_t window;        //  Most entries in use
    size_t held_max;      //  Most bytes of results that wait
    size_t held;          //  Bytes of results that wait
    size_t count;         //  Entries in use
    uint64_t pushed;      //  Last place that was given
    uint64_t taken;       //  Ordered: last place that was let out
    entry_t *entries;     //  As many as the first window
    size_t entries_size;  //  How many these are
    uint32_t *chains;     //  First entry of each chain
    size_t mask;          //  Chains less one; a power of two less one
    uint32_t free;        //  First free entry
    uint32_t ended_head;  //  Unordered: first that may be let out
    uint32_t ended_tail;  //  Unordered: the last of them
    uint32_t out;         //  The entry that was let out last, NONE before that
    reorder_task_t task;  //  What reorder_take returned
};

reorder_t *
reorder_new (size_t window, size_t held_max, bool ordered)
{
    assert (window > 0 && window < NONE / 2);
    reorder_t *self = calloc (1, sizeof *self);
    assert (self);
    size_t chains = 1;
    while (chains < window)
        chains *= 2;
    self->entries = calloc (window, sizeof *self->entries);
    self->chains = malloc (chains * sizeof *self->chains);
    assert (self->entries && self->chains);
    for (size_t at = 0; at < window; at++)
        self->entries [at].next = at + 1 < window ? (uint32_t) (at + 1) : NONE;
    for (size_t at = 0; at < chains; at++)
        self->chains [at] = NONE;
    self->ordered = ordered;
    self->window = window;
    self->held_max = held_max;
    self->entries_size = window;
    self->mask = chains - 1;
    self->ended_head = NONE;
    self->out = NONE;
    return self;
}

void
reorder_destroy (reorder_t **self_p)
{
    assert (self_p);
    reorder_t *self = *self_p;
    if (!self)
        return;

    for (size_t at = 0; at < self->entries_size; at++)
        free (self->entries [at].data);
    free (self->entries);
    free (self->chains);
    free (self);
    *self_p = NULL;
}

bool
reorder_full (const reorder_t *self)
{
    return self->count >= self->window || self->held >= self->held_max;
}

size_t
reorder_count (const reorder_t *self)
{
    return self->count;
}

//  Gives back the entry that was let out last.

static void
s_release (reorder_t *self)
{
    if (self->out == NONE)
        return;

    entry_t *entry = &self->entries [self->out];
    if (entry->capacity > KEPT_MAX) {
        free (entry->data);
        entry->data = NULL;
        entry->capacity = 0;
    }
    entry->next = self->free;
    self->free = self->out;
    self->out = NONE;
}

uint64_t
reorder_push (reorder_t *self, const char *label)
{
    assert (!reorder_full (self));
    s_release (self);
    uint32_t at = self->free;
    assert (at != NONE);
    entry_t *entry = &self->entries [at];
    self->free = entry->next;
    entry->number = ++self->pushed;
    entry->ended = false;
    size_t size = strnlen (label, REORDER_LABEL_SIZE - 1);
    memcpy (entry->label, label, size);
    entry->label [size] = 0;
    uint32_t *chain = &self->chains [entry->number & self->mask];
    entry->next = *chain;
    *chain = at;
    self->count++;
    return entry->number;
}

//  Returns the link that points to the entry of a place; it holds NONE when there is none.

static uint32_t *
s_link (reorder_t *self, uint64_t number)
{
    uint32_t *link = &self->chains [number & self->mask];
    while (*link != NONE && self->entries [*link].number != number)
        link = &self->entries [*link].next;
    return link;
}

static void
s_copy (entry_t *entry, stint_bytes_t bytes)
{
    if (bytes.size > entry->capacity) {
        free (entry->data);
        entry->data = malloc (bytes.size);
        assert (entry->data);
        entry->capacity = bytes.size;
    }
    if (bytes.size > 0)
        memcpy (entry->data, bytes.data, bytes.size);
    entry->size = bytes.size;
}

bool
reorder_end (reorder_t *self, uint64_t number, const stint_result_t *result)
{
    uint32_t at = *s_link (self, number);
    if (at == NONE || self->entries [at].ended)
        return false;

    entry_t *entry = &self->entries [at];
    entry->ended = true;
    entry->id = result->id;
    entry->attempts = result->attempts;
    entry->state = result->state;
    s_copy (entry, result->result);
    self->held += entry->size;
    if (!self->ordered) {
        entry->next_ended = NONE;
        if (self->ended_head == NONE)
            self->ended_head = at;
        else
            self->entries [self->ended_tail].next_ended = at;
        self->ended_tail = at;
    }
    return true;
}

//  Returns the entry that may be let out next, or NONE.

static uint32_t
s_next (reorder_t *self)
{
    if (!self->ordered)
        return self->ended_head;

    uint32_t at = *s_link (self, self->taken + 1);
    return at != NONE && self->entries [at].ended ? at : NONE;
}

const reorder_task_t *
reorder_take (reorder_t *self)
{
    s_release (self);
    uint32_t at = s_next (self);
    if (at == NONE)
        return NULL;

    entry_t *entry = &self->entries [at];
    *s_link (self, entry->number) = entry->next;
    if (!self->ordered)
        self->ended_head = entry->next_ended;
    self->taken = entry->number;
    self->held -= entry->size;
    self->count--;
    self->out = at;
    self->task = (reorder_task_t){.number = entry->number,
                                  .id = entry->id,
                                  .attempts = entry->attempts,
                                  .state = entry->state,
                                  .result = {entry->data, entry->size},
                                  .label = entry->label};
    return &self->task;
}
