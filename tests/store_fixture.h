//  store_fixture: a store in a directory of its own, with blocks that can be checked
//  SPDX-License-Identifier: MPL-2.0
//
//  A block's bytes follow from the seed and its number, so whoever knows both can tell
//  whether a block that came back is right. The seed is random, or SEED of the
//  environment; it is printed. What must hold is asserted.

#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "store.h"

typedef struct {
    const store_engine_t *engine;
    store_options_t options;   //  May be changed before store_fixture_open
    char *directory;           //  Deleted with the fixture
    uint64_t seed;             //  Of the blocks
    size_t size_max;           //  Of a block; 20 000 unless the test says otherwise
    store_t *store;            //  Null while it is closed
    uint64_t last;             //  Block appended last
    uint64_t trimmed;          //  Blocks up to here are trimmed
    bool unsure;               //  The last mark may be lost; a replay finds out
    uint8_t *blocks [100000];  //  By number: what the store borrows
    uint64_t freed;            //  Blocks up to here are null again
    char error [512];          //  Of an opening or a replay that failed
} store_fixture_t;

store_fixture_t *store_fixture_new (const store_engine_t *engine);
void store_fixture_destroy (store_fixture_t **self_p);

//  Opens the store, and stops the test when that is not possible. Try returns false.
void store_fixture_open (store_fixture_t *self);
bool store_fixture_try_open (store_fixture_t *self);
void store_fixture_close (store_fixture_t *self);

//  Replays, and checks number and bytes of each block from trimmed + 1 on. Returns the
//  last one, or what trimmed is when there is none. Appending goes on after it.
uint64_t store_fixture_replay (store_fixture_t *self);

//  Appends the next block.
void store_fixture_append (store_fixture_t *self);

//  Waits until the block is durable, or the store has failed. Returns false then.
bool store_fixture_wait (store_fixture_t *self, uint64_t number);

void store_fixture_trim (store_fixture_t *self, uint64_t number);

//  Returns size and bytes of a block; bytes are to be freed.
size_t store_fixture_block_size (const store_fixture_t *self, uint64_t number);
uint8_t *store_fixture_block (const store_fixture_t *self, uint64_t number);

//  Checks that the bytes are those of the block, from offset on.
bool store_fixture_is_block (const store_fixture_t *self, uint64_t number, size_t offset,
                             stint_bytes_t bytes);

//  Returns the path of a file of the store; valid until the next call.
const char *store_fixture_file (const store_fixture_t *self, const char *name);

//  Returns the next number of a sequence that the state, not zero, decides.
uint64_t store_fixture_random (uint64_t *state);

#endif
