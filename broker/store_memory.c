//  store_memory: an engine that keeps nothing on disk, for tests and passing work
//  SPDX-License-Identifier: MPL-2.0
//
//  A block counts as durable at once, because nobody was promised more. The engine
//  keeps the borrowed bytes themselves until they are trimmed: a ring of pointers,
//  where block n lies at n modulo its room.

#include "store.h"

#include <assert.h>
#include <stdlib.h>

#define S_ROOM_AT_START 64  //  A power of two, as every room of the ring is

struct store {
    stint_bytes_t *ring;  //  What is kept, by number modulo room
    uint64_t room;        //  Of the ring, a power of two
    uint64_t trimmed;     //  Blocks up to here are gone
    uint64_t last;        //  Number of the last block
    uint64_t size;        //  Bytes kept
    uint64_t size_max;    //  What the options allow
};

static store_t *
s_memory_open (const store_options_t *options, char *error, size_t error_size)
{
    (void) error;
    (void) error_size;
    store_t *self = calloc (1, sizeof *self);
    assert (self);
    self->room = S_ROOM_AT_START;
    self->size_max = options->size_max;
    self->ring = calloc (self->room, sizeof *self->ring);
    assert (self->ring);
    return self;
}

//  Every opening starts from nothing, so it is always the first.

static uint64_t
s_memory_epoch (const store_t *self)
{
    (void) self;
    return 1;
}

static int
s_memory_replay (store_t *self, store_replay_fn *callback, void *argument, char *error,
                 size_t error_size)
{
    (void) callback;
    (void) argument;
    (void) error;
    (void) error_size;
    assert (self->last == 0);
    return 0;
}

static void
s_memory_cut (store_t *self, uint64_t number)
{
    assert (self->last == 0 && number == 0);
}

//  Moves every block to its place in a ring of twice the room.

static void
s_grow (store_t *self)
{
    uint64_t room = self->room * 2;
    stint_bytes_t *ring = calloc (room, sizeof *ring);
    assert (ring);
    for (uint64_t number = self->trimmed + 1; number <= self->last; number++)
        ring [number & (room - 1)] = self->ring [number & (self->room - 1)];

    free (self->ring);
    self->ring = ring;
    self->room = room;
}

static void
s_memory_append (store_t *self, uint64_t number, stint_bytes_t block)
{
    assert (number == self->last + 1);
    assert (block.size > 0 && block.size <= STORE_BLOCK_MAX);
    if (self->last - self->trimmed == self->room)
        s_grow (self);

    self->ring [number & (self->room - 1)] = block;
    self->last = number;
    self->size += block.size;
}

static uint64_t
s_memory_durable (const store_t *self)
{
    return self->last;
}

static bool
s_memory_busy (const store_t *self)
{
    (void) self;
    return false;
}

static const char *
s_memory_failed (const store_t *self)
{
    (void) self;
    return NULL;
}

static int
s_memory_notify_fd (const store_t *self)
{
    (void) self;
    return -1;
}

static void
s_memory_acknowledge (store_t *self)
{
    (void) self;
}

static stint_bytes_t
s_memory_read (store_t *self, uint64_t number, size_t offset, size_t size)
{
    if (number <= self->trimmed || number > self->last)
        return (stint_bytes_t){NULL, 0};

    stint_bytes_t block = self->ring [number & (self->room - 1)];
    if (offset > block.size || size > block.size - offset)
        return (stint_bytes_t){NULL, 0};

    return (stint_bytes_t){block.data + offset, size};
}

static void
s_memory_trim (store_t *self, uint64_t number)
{
    assert (number <= self->last);
    while (self->trimmed < number) {
        self->trimmed++;
        self->size -= self->ring [self->trimmed & (self->room - 1)].size;
    }
}

//  There is no disk: these are the bytes kept, and what the options leave.

static uint64_t
s_memory_size (const store_t *self, uint64_t *free_bytes)
{
    *free_bytes = self->size < self->size_max ? self->size_max - self->size : 0;
    return self->size;
}

static void
s_memory_close (store_t **self_p)
{
    store_t *self = *self_p;
    if (!self)
        return;

    free (self->ring);
    free (self);
    *self_p = NULL;
}

const store_engine_t store_memory = {
    .name = "memory",
    .open = s_memory_open,
    .epoch = s_memory_epoch,
    .replay = s_memory_replay,
    .cut = s_memory_cut,
    .append = s_memory_append,
    .durable = s_memory_durable,
    .busy = s_memory_busy,
    .failed = s_memory_failed,
    .notify_fd = s_memory_notify_fd,
    .acknowledge = s_memory_acknowledge,
    .read = s_memory_read,
    .trim = s_memory_trim,
    .size = s_memory_size,
    .close = s_memory_close,
    .keeps = true,
    .whole = true,
};
