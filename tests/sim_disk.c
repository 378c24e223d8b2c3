//  sim_disk: a simulated engine: what a crash leaves of blocks that were not synced
//  SPDX-License-Identifier: MPL-2.0

#include "sim_disk.h"

#include "sim.h"

#include <stdlib.h>
#include <string.h>

void
sim_disk_clear (sim_disk_t *self)
{
    size_t behind = offsetof (sim_disk_t, trimmed);
    memset ((uint8_t *) self + behind, 0, sizeof *self - behind);
}

void
sim_disk_append (sim_disk_t *self, uint64_t number, stint_bytes_t bytes)
{
    assert (number == self->appended + 1);
    assert (number - self->trimmed < SIM_BLOCKS);
    sim_block_t *block = sim_disk_block (self, number);
    if (block->room < bytes.size) {
        free (block->data);
        block->room = bytes.size * 2;
        block->data = malloc (block->room);
        assert (block->data);
    }
    memcpy (block->data, bytes.data, bytes.size);
    block->size = bytes.size;
    block->digest = 0;
    block->flip = 0;
    self->appended = number;
}

bool
sim_disk_begin (sim_disk_t *self)
{
    if (self->committing || self->failed || self->appended == self->confirmed)
        return false;
    self->committing = self->appended;
    self->commit_trim = self->wanted;
    return true;
}

static void
s_land (sim_disk_t *self, uint64_t number)
{
    self->durable = number;
    self->trimmed = self->commit_trim;
    if (self->flipped && self->flipped <= self->trimmed)
        self->flipped = 0;
}

void
sim_disk_end (sim_disk_t *self, int64_t now, uint64_t *chance)
{
    sim_trouble_t trouble = self->trouble;
    if (now >= self->trouble_until)
        self->trouble = SIM_DISK_WELL;
    if (trouble == SIM_DISK_WELL) {
        s_land (self, self->committing);
        self->confirmed = self->durable;
    }
    else {
        self->failed = true;
        uint64_t count = self->committing - self->durable;
        if (trouble == SIM_DISK_FSYNC && sim_random (chance, 3) > 0)
            s_land (self, self->durable + sim_random (chance, count + 1));
    }
    self->committing = 0;
}

void
sim_disk_crash (sim_disk_t *self, uint64_t *chance, bool torn)
{
    uint64_t count = self->appended - self->durable;
    self->damaged = self->hole = false;
    if (self->failed)
        count = 0;
    uint64_t kept = sim_random (chance, count + 1);
    if (self->atomic)
        kept = self->committing && kept > 0 ? self->committing - self->durable : 0;
    self->damaged = torn && kept < count;
    self->hole = self->damaged && count - kept > 1 && sim_random (chance, 4) == 0;
    if (self->committing && self->durable + kept >= self->committing)
        s_land (self, self->durable + kept);
    else
        self->durable += kept;
    self->damage = sim_random (chance, 0);
    if (!self->damaged)
        self->appended = self->durable;
    self->wanted = self->trimmed;
    self->confirmed = self->durable;
    self->committing = 0;
    self->failed = self->unreadable = false;
}

static uint8_t *
s_scratch (size_t size)
{
    static uint8_t *scratch;
    static size_t room;
    if (size > room) {
        free (scratch);
        room = size * 2;
        scratch = malloc (room);
        assert (scratch);
    }
    return scratch;
}

stint_bytes_t
sim_disk_read (sim_disk_t *self, uint64_t number)
{
    const sim_block_t *block = sim_disk_block (self, number);
    if (!block->flip)
        return (stint_bytes_t){block->data, block->size};
    uint8_t *copy = s_scratch (block->size);
    memcpy (copy, block->data, block->size);
    uint32_t bit = (block->flip - 1) % (uint32_t) (block->size * 8);
    copy [bit / 8] ^= (uint8_t) (1u << bit % 8);
    return (stint_bytes_t){copy, block->size};
}

//  Cut short, or with zeros or something else from some octet on.

stint_bytes_t
sim_disk_damaged (sim_disk_t *self)
{
    const sim_block_t *block = sim_disk_block (self, self->durable + 1);
    uint8_t *copy = s_scratch (block->size);
    memcpy (copy, block->data, block->size);
    size_t from = (size_t) (self->damage >> 8) % block->size;
    if (self->damage % 3 == 0)
        return (stint_bytes_t){copy, from};
    memset (copy + from, self->damage % 3 == 1 ? 0 : 0xa5, block->size - from);
    if (memcmp (copy, block->data, block->size) == 0)
        copy [from] ^= 1;
    return (stint_bytes_t){copy, block->size};
}
