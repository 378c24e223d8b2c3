//  sim_disk: a simulated engine: what a crash leaves of blocks that were not synced
//  SPDX-License-Identifier: MPL-2.0
//
//  As store.h promises it: blocks go in order, one commit is on its way at a time and holds
//  all that was appended before it, trims go with a commit. A crash leaves any number of
//  the blocks that were on their way, and sometimes a damaged one behind them. A disk that
//  failed never confirms anything again until it is opened anew.

#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "stint.h"

#define SIM_BLOCKS 8192  //  Most blocks between two trims, a power of two

typedef struct {
    uint8_t *data;    //  What was written; kept from world to world
    size_t size;      //  Its bytes
    size_t room;      //  Bytes there are
    uint64_t digest;  //  Of the core when it was sealed; 0 when nobody looked
    uint32_t flip;    //  Bit that is flipped, from 1; 0 for none
} sim_block_t;

typedef enum {
    SIM_DISK_WELL,
    SIM_DISK_EIO,     //  The write fails; nothing of it is there
    SIM_DISK_FSYNC,   //  The sync fails; any part of it may be there
    SIM_DISK_ENOSPC,  //  No space; nothing of it is there
} sim_trouble_t;

typedef struct {
    sim_block_t blocks [SIM_BLOCKS];  //  By number
    uint64_t trimmed;                 //  Blocks up to here are gone
    uint64_t durable;                 //  Blocks up to here survive a crash
    uint64_t confirmed;               //  Blocks up to here were said to
    uint64_t appended;                //  Blocks up to here were handed over
    uint64_t committing;    //  Blocks up to here are in the commit; 0: none is on its way
    uint64_t commit_trim;   //  Trim that goes with that commit
    uint64_t wanted;        //  Trim that was asked for
    uint64_t epoch;         //  Times that it was opened
    sim_trouble_t trouble;  //  Of the next commit
    int64_t trouble_until;  //  Every commit until then has it too
    bool failed;            //  A commit failed
    bool unreadable;        //  The next read fails
    bool damaged;           //  The block behind durable is there, but not whole
    bool hole;              //  and a whole one is behind that
    uint64_t damage;        //  Chance of how
    uint64_t flipped;       //  Block with a flipped bit; 0: none
    bool atomic;            //  A commit is all there after a crash, or not at all
} sim_disk_t;

//  Empties the disk; memory is kept.
void sim_disk_clear (sim_disk_t *self);

static inline sim_block_t *
sim_disk_block (sim_disk_t *self, uint64_t number)
{
    return &self->blocks [number & (SIM_BLOCKS - 1)];
}

//  Takes a block over: copies. The number is the next one.
void sim_disk_append (sim_disk_t *self, uint64_t number, stint_bytes_t bytes);

//  Begins a commit if there is something to commit and none is on its way. Returns true
//  when one has begun.
bool sim_disk_begin (sim_disk_t *self);

//  Ends the commit: it is durable, or the disk has failed.
void sim_disk_end (sim_disk_t *self, int64_t now, uint64_t *chance);

//  The broker is gone: chance decides what of its unsynced blocks is there.
void sim_disk_crash (sim_disk_t *self, uint64_t *chance, bool torn);

//  Returns the bytes of a block as they are read, flipped bit included; null data when it
//  cannot be read. Valid until the next call.
stint_bytes_t sim_disk_read (sim_disk_t *self, uint64_t number);

//  Returns the bytes of the damaged block behind the durable ones. Valid as above.
stint_bytes_t sim_disk_damaged (sim_disk_t *self);

#endif
