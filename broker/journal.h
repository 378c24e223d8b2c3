//  journal: the sequence of records, written into blocks that an engine makes durable
//  SPDX-License-Identifier: MPL-2.0
//
//  Pure: it owns the memory of blocks and knows what in them is still live; it never reads
//  or writes a disk. The broker hands sealed blocks to an engine (store.h) and says what
//  became durable.
//
//  A block, all numbers little-endian:
//
//      octet  size  what
//          0     8  "STINTBL1"
//          8     8  number of the block, from 1 without gaps
//         16     8  epoch of the broker that wrote it
//         24     8  time when it was sealed, in milliseconds of the broker's clock
//         32     8  lowest task number that was not given out yet
//         40     8  size of the block in bytes, with this header
//         48     8  XXH3 of all octets before this one and all behind it
//         56        records, one msgpack array each (record.h)
//
//  Space comes back by copying forward: when the blocks hold more than twice of what is
//  live in them, the oldest block's live records are written again into the open block,
//  and once those are durable the oldest block may go. However old a task is, a byte is
//  thus copied at most once for each byte of garbage that goes.

#ifndef BROKER_JOURNAL_H
#define BROKER_JOURNAL_H

#include "stint_pack.h"

#define JOURNAL_HEADER 56                  //  Bytes before the first record
#define JOURNAL_BLOCK ((size_t) 1 << 20)   //  Bytes after which a block is sealed
#define JOURNAL_SLACK ((size_t) 32 << 20)  //  Bytes of garbage that are never worth a copy
#define JOURNAL_OVERHEAD 64  //  Bytes that a live thing counts besides its own

//  Where bytes lie in the journal.

typedef struct {
    uint64_t block;   //  0: nowhere
    uint32_t offset;  //  From the beginning of the block
    uint32_t size;    //  Bytes
} journal_place_t;

typedef struct {
    uint64_t number;  //  From the header of a block
    uint64_t epoch;
    int64_t time;
    uint64_t next_id;
} journal_header_t;

typedef struct journal journal_t;

//  The memory of one block, which may outlive it while a message that quotes it is on its
//  way. journal_release may be called from any thread.
typedef struct journal_memory journal_memory_t;

//  Creates a journal that keeps at most that many bytes of durable blocks in memory. How
//  many bytes of garbage are never worth a copy is JOURNAL_SLACK, until set otherwise.
//  Destroying it nulls the caller's pointer.
journal_t *journal_new (uint64_t memory_max);
void journal_set_slack (journal_t *self, uint64_t slack);
void journal_destroy (journal_t **self_p);

//  Checks one block: its header, its size, its sum. Returns null when it is well, or what
//  is wrong with it, for people.
const char *journal_check (stint_bytes_t block, journal_header_t *header);

//  Takes over a block of before, at a recovery: in order, and before anything is written.
void journal_adopt (journal_t *self, uint64_t number, size_t size);

//  Leaves checksums out: for an engine that keeps blocks in memory only.
void journal_forgo_sums (journal_t *self);

//  Begins the epoch that records are of from now on.
void journal_start (journal_t *self, uint64_t epoch);

//  Returns a writer with room for size more bytes in the open block; seals that block and
//  opens another when there is no room. The caller writes one record and calls
//  journal_end. The bytes stay where they were written.
stint_writer_t *journal_begin (journal_t *self, size_t size);
void journal_end (journal_t *self);

//  Returns the number of the open block.
uint64_t journal_open (const journal_t *self);

//  Returns the first byte of the open block. Valid until the next journal_begin.
const uint8_t *journal_open_data (const journal_t *self);

//  Returns the number of the last block that holds a record: what has to be durable before
//  anybody may be told of what was written so far.
uint64_t journal_gate (const journal_t *self);

//  Seals the open block if it holds anything. Done by journal_begin when it must be.
void journal_seal (journal_t *self, int64_t now, uint64_t next_id);

//  Notes what the header of a block that seals by itself says.
void journal_mark (journal_t *self, int64_t now, uint64_t next_id);

//  Takes the next sealed block that was not taken yet. The bytes stay until the block is
//  durable. Returns false when there is none.
bool journal_take (journal_t *self, uint64_t *number, stint_bytes_t *block);

//  Notes that blocks up to this one are durable; returns true when this one is.
void journal_durable (journal_t *self, uint64_t number);
bool journal_is_durable (const journal_t *self, uint64_t number);

//  Counts bytes of a block as live, or no longer so.
void journal_hold (journal_t *self, journal_place_t place);
void journal_drop (journal_t *self, journal_place_t place);

//  Returns bytes of a block if they are in memory, otherwise null data: then the engine
//  has them. Valid until the next journal_durable, or as long as its memory is held.
stint_bytes_t journal_bytes (const journal_t *self, journal_place_t place);

//  Brings a durable block back into memory, from the bytes that the engine read; they are
//  copied, and others leave memory if need be. Returns null, or what is wrong with the
//  block, for people.
const char *journal_load (journal_t *self, uint64_t number, stint_bytes_t block);

//  Returns the size of a block in bytes.
size_t journal_size (const journal_t *self, uint64_t number);

//  Holds the memory that the place lies in; null when it is not in memory.
journal_memory_t *journal_keep (const journal_t *self, journal_place_t place);
void journal_release (journal_memory_t *memory);

//  Returns the number of the oldest block if it should be copied forward now, otherwise 0.
//  Blocks with nothing live are let go without, but for the newest: see journal_moved.
uint64_t journal_oldest (journal_t *self);

bool journal_empty (const journal_t *self, uint64_t number);  //  It holds nothing live

//  Notes that the block that journal_oldest named may go once what is written is durable.
void journal_moved (journal_t *self, uint64_t number);

//  Returns the block up to which the engine may trim, and forgets them; 0 for none.
uint64_t journal_trim (journal_t *self);

//  How much there is.
typedef struct {
    uint64_t blocks;   //  That are kept
    uint64_t bytes;    //  Of these
    uint64_t live;     //  Of these bytes, those that are needed
    uint64_t memory;   //  Bytes of durable blocks in memory
    uint64_t waiting;  //  Bytes sealed or open that are not durable yet
} journal_totals_t;

journal_totals_t journal_totals (const journal_t *self);
uint64_t journal_behind (const journal_t *self);  //  Bytes sealed that are not durable yet

#endif
