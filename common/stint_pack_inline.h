//  stint_pack_inline: what stint_pack reads and writes in place; included by stint_pack.h
//  SPDX-License-Identifier: MPL-2.0
//
//  Most values are numbers in one octet, numbers of tasks and attempts in five or nine, and
//  short bodies. A function call for each was a tenth of what a client and a worker do.
//  Everything else goes to the long way, in stint_pack.c.

#ifndef STINT_PACK_INLINE_H
#define STINT_PACK_INLINE_H

#include <endian.h>
#include <string.h>

uint64_t stint_read_long_number (stint_reader_t *self);
stint_bytes_t stint_read_long_bytes (stint_reader_t *self);
uint32_t stint_read_long_array (stint_reader_t *self);
void stint_write_long_number (stint_writer_t *self, uint64_t value);
void stint_write_long_array (stint_writer_t *self, uint32_t count);

static inline bool
stint_read_is_short (const stint_reader_t *self)
{
    return self->at < self->end && *self->at == 0xc4;
}

static inline uint64_t
stint_read_number (stint_reader_t *self)
{
    if (self->end - self->at < 9)
        return stint_read_long_number (self);
    if (*self->at < 0x80)
        return *self->at++;
    if (*self->at == 0xce) {
        uint32_t number;
        memcpy (&number, self->at + 1, sizeof number);
        self->at += 5;
        return be32toh (number);
    }
    if (*self->at == 0xcf) {
        uint64_t number;
        memcpy (&number, self->at + 1, sizeof number);
        self->at += 9;
        return be64toh (number);
    }
    return stint_read_long_number (self);
}

static inline stint_bytes_t
stint_read_bytes (stint_reader_t *self)
{
    if (self->end - self->at < 2 || self->at [0] != 0xc4
        || self->end - self->at - 2 < self->at [1])
        return stint_read_long_bytes (self);
    stint_bytes_t bytes = {self->at + 2, self->at [1]};
    self->at += 2 + bytes.size;
    return bytes;
}

static inline uint32_t
stint_read_array (stint_reader_t *self)
{
    if (self->at < self->end && (*self->at & 0xf0) == 0x90)
        return *self->at++ & 0x0f;
    return stint_read_long_array (self);
}

static inline void
stint_write_number (stint_writer_t *self, uint64_t value)
{
    if (self->capacity - self->size < 9 || (value >= 0x80 && value <= UINT16_MAX)) {
        stint_write_long_number (self, value);
        return;
    }
    uint8_t *at = self->data + self->size;
    if (value < 0x80) {
        *at = (uint8_t) value;
        self->size++;
    }
    else if (value <= UINT32_MAX) {
        uint32_t number = htobe32 ((uint32_t) value);
        *at = 0xce;
        memcpy (at + 1, &number, sizeof number);
        self->size += 5;
    }
    else {
        uint64_t number = htobe64 (value);
        *at = 0xcf;
        memcpy (at + 1, &number, sizeof number);
        self->size += 9;
    }
}

static inline void
stint_write_array (stint_writer_t *self, uint32_t count)
{
    if (count < 16 && self->size < self->capacity)
        self->data [self->size++] = (uint8_t) (0x90 | count);
    else
        stint_write_long_array (self, count);
}

#endif
