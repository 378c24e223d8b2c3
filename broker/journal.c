//  journal: the sequence of records, written into blocks that an engine makes durable
//  SPDX-License-Identifier: MPL-2.0

#include "journal.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SPARES_MAX 8  //  Memory of blocks that is kept for the next ones
#define MOVES_MAX 64  //  Trims that wait for a durable block; more are merged

struct journal_memory {
    atomic_uint users;  //  The journal, and messages on their way
    size_t capacity;    //  Bytes of data
    uint8_t data [];    //  The block
};

typedef struct {
    journal_memory_t *memory;  //  Null when it left memory
    size_t size;               //  Bytes, with the header
    int64_t live;              //  Bytes in it that are needed
} s_block_t;

typedef struct {
    uint64_t number;  //  Blocks up to here are not needed
    uint64_t gate;    //  once this one is durable
} s_move_t;

struct journal {
    s_block_t *blocks;           //  Those that are kept, in order, used as a ring
    uint64_t capacity;           //  Of the ring, a power of two
    uint64_t first;              //  Number of the oldest block
    uint64_t next;               //  Number of the open block; not in the ring yet
    uint64_t taken;              //  Last block that was handed to the engine
    uint64_t durable;            //  Last block that is durable
    uint64_t epoch;              //  Of the writer
    int64_t now;                 //  For the header
    uint64_t next_id;            //  For the header
    uint64_t bytes;              //  Of all blocks
    uint64_t leaving;            //  Of those that go when the moves are durable
    uint64_t slack;              //  Bytes of garbage that are never worth a copy
    int64_t live;                //  Of all blocks
    uint64_t memory;             //  Bytes of blocks in memory that are durable
    uint64_t memory_max;         //  Most of those
    uint64_t waiting;            //  Bytes of sealed blocks that are not durable
    journal_memory_t *open;      //  Memory of the open block
    stint_writer_t writer;       //  Over the open block
    int64_t open_live;           //  Live bytes of the open block
    s_move_t moves [MOVES_MAX];  //  Trims to come, in order
    size_t move_count;           //  How many
    journal_memory_t *spares [SPARES_MAX];  //  Of the usual size, to be used again
    size_t spare_count;                     //  How many
    bool sums;                              //  Blocks get their checksums
};

static journal_memory_t *
s_memory_new (size_t size)
{
    journal_memory_t *memory = malloc (sizeof *memory + size);
    if (!memory)
        abort ();
    atomic_init (&memory->users, 1);
    memory->capacity = size;
    return memory;
}

void
journal_release (journal_memory_t *memory)
{
    if (memory && atomic_fetch_sub (&memory->users, 1) == 1)
        free (memory);
}

journal_t *
journal_new (uint64_t memory_max)
{
    journal_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->memory_max = memory_max;
    self->sums = true;
    self->slack = JOURNAL_SLACK;
    self->first = self->next = 1;
    return self;
}

void
journal_set_slack (journal_t *self, uint64_t slack)
{
    self->slack = slack;
}

void
journal_destroy (journal_t **self_p)
{
    journal_t *self = *self_p;
    if (!self)
        return;
    for (uint64_t number = self->first; number < self->next; number++)
        journal_release (self->blocks [number & (self->capacity - 1)].memory);
    journal_release (self->open);
    while (self->spare_count > 0)
        journal_release (self->spares [--self->spare_count]);
    free (self->blocks);
    free (self);
    *self_p = NULL;
}

static s_block_t *
s_block (const journal_t *self, uint64_t number)
{
    assert (number >= self->first && number < self->next);
    return &self->blocks [number & (self->capacity - 1)];
}

//  Adds a block at the end of the ring.

static void
s_add (journal_t *self, s_block_t block)
{
    uint64_t count = self->next - self->first;
    if (count == self->capacity) {
        uint64_t capacity = self->capacity ? self->capacity * 2 : 64;
        s_block_t *blocks = calloc (capacity, sizeof *blocks);
        if (!blocks)
            abort ();
        for (uint64_t number = self->first; number < self->next; number++)
            blocks [number & (capacity - 1)] = *s_block (self, number);
        free (self->blocks);
        self->blocks = blocks;
        self->capacity = capacity;
    }
    self->blocks [self->next & (self->capacity - 1)] = block;
    self->next++;
    self->bytes += block.size;
}

//  ---------------------------------------------------------------------------------
//  The form of a block

static void
s_put (uint8_t *at, uint64_t value)
{
    for (size_t index = 0; index < 8; index++)
        at [index] = (uint8_t) (value >> (8 * index));
}

static uint64_t
s_get (const uint8_t *at)
{
    uint64_t value = 0;
    for (size_t index = 8; index > 0; index--)
        value = value << 8 | at [index - 1];
    return value;
}

static uint64_t
s_sum (const uint8_t *block, size_t size)
{
    uint64_t before = XXH3_64bits (block, 48);
    return XXH3_64bits_withSeed (block + JOURNAL_HEADER, size - JOURNAL_HEADER, before);
}

const char *
journal_check (stint_bytes_t block, journal_header_t *header)
{
    if (block.size < JOURNAL_HEADER)
        return "it is shorter than its header";
    if (memcmp (block.data, "STINTBL", 7) != 0)
        return "it does not begin as a block of stint does";
    if (block.data [7] != '1')
        return "it was written by another version of stint";
    if (s_get (block.data + 40) != block.size)
        return "its size is not what its header says";
    if (s_get (block.data + 48) != s_sum (block.data, block.size))
        return "its checksum is wrong";
    *header =
        (journal_header_t){s_get (block.data + 8), s_get (block.data + 16),
                           (int64_t) s_get (block.data + 24), s_get (block.data + 32)};
    return NULL;
}

static void
s_close_header (const journal_t *self, uint8_t *block, size_t size)
{
    memcpy (block, "STINTBL1", 8);
    s_put (block + 8, self->next);
    s_put (block + 16, self->epoch);
    s_put (block + 24, (uint64_t) self->now);
    s_put (block + 32, self->next_id);
    s_put (block + 40, size);
    s_put (block + 48, self->sums ? s_sum (block, size) : 0);
}

//  ---------------------------------------------------------------------------------
//  Writing

void
journal_adopt (journal_t *self, uint64_t number, size_t size)
{
    assert (!self->open);
    if (self->next == self->first)
        self->first = self->next = number;
    assert (number == self->next);
    s_add (self, (s_block_t){NULL, size, 0});
    self->taken = self->durable = number;
}

void
journal_start (journal_t *self, uint64_t epoch)
{
    self->epoch = epoch;
}

void
journal_forgo_sums (journal_t *self)
{
    self->sums = false;
}

void
journal_mark (journal_t *self, int64_t now, uint64_t next_id)
{
    self->now = now;
    self->next_id = next_id;
}

static void
s_open (journal_t *self, size_t size)
{
    size_t capacity = JOURNAL_BLOCK;
    if (size + JOURNAL_HEADER > capacity)
        capacity = size + JOURNAL_HEADER;
    if (capacity == JOURNAL_BLOCK && self->spare_count > 0)
        self->open = self->spares [--self->spare_count];
    else
        self->open = s_memory_new (capacity);
    self->writer = (stint_writer_t){self->open->data, JOURNAL_HEADER, capacity};
    self->open_live = 0;
}

//  Lets go of memory, but keeps some of the usual size: fresh pages are dear.

static void
s_recycle (journal_t *self, journal_memory_t *memory)
{
    if (memory->capacity == JOURNAL_BLOCK && self->spare_count < SPARES_MAX
        && atomic_load (&memory->users) == 1)
        self->spares [self->spare_count++] = memory;
    else
        journal_release (memory);
}

//  A block that is much smaller than its memory moves into memory of its own size, and the
//  large one is used again: a broker with little to do makes many small blocks.

static journal_memory_t *
s_fit (journal_t *self, size_t size)
{
    journal_memory_t *memory = self->open;
    if (size > self->writer.capacity / 2 || atomic_load (&memory->users) > 1)
        return memory;
    journal_memory_t *small = s_memory_new (size);
    memcpy (small->data, memory->data, size);
    s_recycle (self, memory);
    return small;
}

static void
s_seal (journal_t *self)
{
    size_t size = self->writer.size;
    s_close_header (self, self->open->data, size);
    s_block_t block = {s_fit (self, size), size, self->open_live};
    self->open = NULL;
    self->writer = (stint_writer_t){NULL, 0, 0};
    self->open_live = 0;
    self->waiting += size;
    s_add (self, block);
}

stint_writer_t *
journal_begin (journal_t *self, size_t size)
{
    if (self->open && self->writer.capacity - self->writer.size < size) {
        if (self->writer.size > JOURNAL_HEADER)
            s_seal (self);
        else {
            journal_release (self->open);
            self->open = NULL;
        }
    }
    if (!self->open)
        s_open (self, size);
    return &self->writer;
}

void
journal_end (journal_t *self)
{
    assert (self->writer.data == self->open->data);
    assert (self->writer.size <= self->writer.capacity);
}

uint64_t
journal_open (const journal_t *self)
{
    return self->next;
}

const uint8_t *
journal_open_data (const journal_t *self)
{
    return self->open->data;
}

uint64_t
journal_gate (const journal_t *self)
{
    return self->open && self->writer.size > JOURNAL_HEADER ? self->next : self->next - 1;
}

void
journal_seal (journal_t *self, int64_t now, uint64_t next_id)
{
    journal_mark (self, now, next_id);
    if (self->open && self->writer.size > JOURNAL_HEADER)
        s_seal (self);
}

bool
journal_take (journal_t *self, uint64_t *number, stint_bytes_t *block)
{
    if (self->taken + 1 < self->first)
        self->taken = self->first - 1;
    if (self->taken + 1 >= self->next)
        return false;
    *number = ++self->taken;
    const s_block_t *taken = s_block (self, *number);
    *block = (stint_bytes_t){taken->memory->data, taken->size};
    return true;
}

//  ---------------------------------------------------------------------------------
//  Memory

static void
s_forget (journal_t *self, s_block_t *block)
{
    if (!block->memory)
        return;
    s_recycle (self, block->memory);
    block->memory = NULL;
    self->memory -= block->size;
}

//  Lets blocks leave memory until there is room: the oldest tasks are the next to be given
//  out, so the newest blocks leave first. One block stays in any case.

static void
s_evict (journal_t *self, uint64_t stays)
{
    uint64_t newest = self->durable;
    for (; self->memory > self->memory_max && newest >= self->first; newest--) {
        if (newest != stays)
            s_forget (self, s_block (self, newest));
    }
}

void
journal_durable (journal_t *self, uint64_t number)
{
    while (self->durable < number) {
        s_block_t *block = s_block (self, ++self->durable);
        self->waiting -= block->size;
        self->memory += block->size;
        if (block->live == 0)
            s_forget (self, block);
    }
    s_evict (self, 0);
}

bool
journal_is_durable (const journal_t *self, uint64_t number)
{
    return number <= self->durable;
}

const char *
journal_load (journal_t *self, uint64_t number, stint_bytes_t block)
{
    journal_header_t header;
    const char *fault = block.data ? journal_check (block, &header) : "it is not there";
    if (fault)
        return fault;
    if (header.number != number)
        return "its number is not the one it is kept under";
    s_block_t *loaded = s_block (self, number);
    loaded->memory = s_memory_new (block.size);
    memcpy (loaded->memory->data, block.data, block.size);
    self->memory += block.size;
    s_evict (self, number);
    return NULL;
}

size_t
journal_size (const journal_t *self, uint64_t number)
{
    return s_block (self, number)->size;
}

stint_bytes_t
journal_bytes (const journal_t *self, journal_place_t place)
{
    const uint8_t *data = NULL;
    if (place.block == self->next)
        data = self->open->data;
    else if (s_block (self, place.block)->memory)
        data = s_block (self, place.block)->memory->data;
    if (!data)
        return (stint_bytes_t){NULL, place.size};
    return (stint_bytes_t){data + place.offset, place.size};
}

journal_memory_t *
journal_keep (const journal_t *self, journal_place_t place)
{
    journal_memory_t *memory =
        place.block == self->next ? self->open : s_block (self, place.block)->memory;
    if (memory)
        atomic_fetch_add (&memory->users, 1);
    return memory;
}

//  ---------------------------------------------------------------------------------
//  What is live, and what may go

void
journal_hold (journal_t *self, journal_place_t place)
{
    int64_t size = (int64_t) place.size + JOURNAL_OVERHEAD;
    self->live += size;
    if (place.block == self->next)
        self->open_live += size;
    else
        s_block (self, place.block)->live += size;
}

void
journal_drop (journal_t *self, journal_place_t place)
{
    int64_t size = (int64_t) place.size + JOURNAL_OVERHEAD;
    self->live -= size;
    if (place.block == self->next) {
        self->open_live -= size;
        assert (self->open_live >= 0);
        return;
    }
    s_block_t *block = s_block (self, place.block);
    block->live -= size;
    assert (block->live >= 0);
    if (block->live == 0 && place.block <= self->durable)
        s_forget (self, block);
}

bool
journal_empty (const journal_t *self, uint64_t number)
{
    return s_block (self, number)->live == 0;
}

uint64_t
journal_oldest (journal_t *self)
{
    uint64_t oldest = self->first;
    if (self->move_count > 0)
        oldest = self->moves [self->move_count - 1].number + 1;
    if (self->move_count == MOVES_MAX || oldest > self->durable)
        return 0;
    //  The newest block stays: it says how blocks, tasks and the time are to go on
    if (s_block (self, oldest)->live == 0)
        return oldest < journal_gate (self) ? oldest : 0;
    //  Until those that leave have left, a small store has to hold both
    if (self->leaving > self->slack)
        return 0;
    uint64_t bytes = self->bytes - self->leaving;
    return bytes > 2 * (uint64_t) self->live + self->slack ? oldest : 0;
}

void
journal_moved (journal_t *self, uint64_t number)
{
    uint64_t gate = journal_gate (self);
    self->leaving += journal_size (self, number);
    if (self->move_count > 0 && self->moves [self->move_count - 1].gate == gate) {
        self->moves [self->move_count - 1].number = number;
        return;
    }
    assert (self->move_count < MOVES_MAX);
    self->moves [self->move_count++] = (s_move_t){number, gate};
}

uint64_t
journal_trim (journal_t *self)
{
    size_t ready = 0;
    while (ready < self->move_count && self->moves [ready].gate <= self->durable)
        ready++;
    if (ready == 0)
        return 0;
    uint64_t number = self->moves [ready - 1].number;
    memmove (self->moves, self->moves + ready,
             (self->move_count - ready) * sizeof self->moves [0]);
    self->move_count -= ready;
    while (self->first <= number) {
        s_block_t *block = s_block (self, self->first);
        assert (block->live == 0);
        s_forget (self, block);
        self->bytes -= block->size;
        self->leaving -= block->size;
        self->first++;
    }
    return number;
}

uint64_t
journal_behind (const journal_t *self)
{
    return self->waiting;
}

journal_totals_t
journal_totals (const journal_t *self)
{
    uint64_t open = self->open ? self->writer.size : 0;
    return (journal_totals_t){self->next - self->first, self->bytes, (uint64_t) self->live,
                              self->memory, self->waiting + open};
}
