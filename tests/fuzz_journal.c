//  fuzz_journal: blocks that we did not write, into a core that recovers
//  SPDX-License-Identifier: MPL-2.0
//
//  An input that begins with 0xc1, which is no msgpack, is a block as it stands. Any other
//  is records, one msgpack value each, and a nil among them ends a block: the header and
//  the checksum are made here, so that the records are looked at. A journal may be
//  refused. With one that is accepted, whatever it says, the core goes on for hours, and
//  what it then writes must replay to the same state.

#include "core_fixture.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define BLOCKS_MAX 16

static void
s_put (uint8_t *at, uint64_t value)
{
    for (size_t index = 0; index < 8; index++)
        at [index] = (uint8_t) (value >> (8 * index));
}

//  Makes a block of records. The caller frees it.

static uint8_t *
s_block (uint64_t number, stint_bytes_t records, size_t *size)
{
    *size = JOURNAL_HEADER + records.size;
    uint8_t *block = malloc (*size);
    must (block, "no memory");
    memcpy (block, "STINTBL1", 8);
    s_put (block + 8, number);
    s_put (block + 16, 1 + number / 4);
    s_put (block + 24, 1000 * number);
    s_put (block + 32, 1);
    s_put (block + 40, *size);
    if (records.size > 0)
        memcpy (block + JOURNAL_HEADER, records.data, records.size);
    uint64_t before = XXH3_64bits (block, 48);
    s_put (block + 48, XXH3_64bits_withSeed (block + JOURNAL_HEADER, records.size, before));
    return block;
}

//  Any bytes as one block: read as they are, and with size and sum put right.

static void
s_try_raw (stint_bytes_t bytes)
{
    journal_header_t header;
    uint8_t *copy = fuzz_copy (bytes.data, bytes.size);
    journal_check ((stint_bytes_t){copy, bytes.size}, &header);
    if (bytes.size >= JOURNAL_HEADER) {
        s_put (copy + 40, bytes.size);
        uint64_t before = XXH3_64bits (copy, 48);
        s_put (copy + 48, XXH3_64bits_withSeed (copy + JOURNAL_HEADER,
                                                bytes.size - JOURNAL_HEADER, before));
        const char *fault = journal_check ((stint_bytes_t){copy, bytes.size}, &header);
        must (!fault == (memcmp (copy, "STINTBL1", 8) == 0), "checked wrongly");
    }
    free (copy);
}

//  Returns how many bytes there are before the nil that ends the block.

static size_t
s_find_end (stint_bytes_t bytes)
{
    size_t at = 0;
    while (at < bytes.size && bytes.data [at] != 0xc0) {
        size_t items = SIZE_MAX;
        stint_bytes_t left = {bytes.data + at, bytes.size - at};
        size_t size = stint_pack_measure (left, STINT_PACK_DEPTH, &items);
        if (size == 0)
            return bytes.size;
        at += size;
    }
    return at;
}

//  Lets the core go on, and replays what it has written behind the blocks that it was
//  given, as after a second restart.

static void
s_go_on (rig_t *rig)
{
    rig_turn (rig);
    uint32_t session = core_open (rig->core, rig->now);
    rig->peers [session]++;
    rig_begin (rig, STP_READY, 4);
    rig_number (rig, 'r', 1);
    rig_number (rig, 'w', 1);
    rig_number (rig, 'c', 10);
    rig_groups (rig, (const char *const []){"a", "b"}, 2);
    rig_send (rig, session);
    rig_pass (rig, 5000);
    rig_pass (rig, 3700000);
    rig_crash (rig, rig->sealed);
}

//  Puts a block on the rig's disk, and replays it.

static const char *
s_replay (rig_t *rig, stint_bytes_t records)
{
    size_t size;
    uint8_t *block = s_block (++rig->sealed, records, &size);
    rig->blocks [rig->sealed] = (rig_block_t){block, size, 0};
    rig->durable = rig->sealed;
    return core_replay (rig->core, rig->sealed, (stint_bytes_t){block, size});
}

int
fuzz_journal (const uint8_t *data, size_t size)
{
    stint_bytes_t left = {data, size};
    if (size > 0 && data [0] == 0xc1) {
        s_try_raw ((stint_bytes_t){data + 1, size - 1});
        return 0;
    }
    core_limits_t limits = rig_limits ();
    limits.tasks = 32;
    limits.groups = 4;
    limits.batches = 3;
    limits.producers = 3;
    limits.sessions = 4;
    rig_t *rig = rig_new (&limits);
    core_destroy (&rig->core);
    rig->core = core_new (&limits, 1);
    rig->slack = 2000;
    journal_set_slack (core_journal (rig->core), rig->slack);
    rig->room = BLOCKS_MAX + 1;
    rig->blocks = calloc (rig->room, sizeof *rig->blocks);
    must (rig->blocks, "no memory");
    const char *fault = NULL;
    while (!fault && left.size > 0 && rig->sealed < BLOCKS_MAX) {
        size_t end = s_find_end (left);
        fault = s_replay (rig, (stint_bytes_t){left.data, end});
        size_t taken = end < left.size ? end + 1 : end;
        left = (stint_bytes_t){left.data + taken, left.size - taken};
    }
    rig->epoch = 100;
    if (!fault && !core_recovered (rig->core, rig->now, rig->epoch))
        s_go_on (rig);
    rig_destroy (&rig);
    return 0;
}
