//  stint_pack_inline: what stint_pack reads and writes in place; included by stint_pack.h
//  SPDX-License-Identifier: MPL-2.0
//
//  Most values are numbers in one octet, numbers of tasks and attempts in five or nine, and
//  short bodies. A function call for each was a tenth of what a client and a worker do.
//  Everything else goes to the long way, in stint_pack.c.

#ifndef STINT_PACK_INLINE_H
#define STINT_PACK_INLINE_H

#include <assert.h>
#include <endian.h>
#include <string.h>

uint64_t stint_read_long_number (stint_reader_t *self);
stint_bytes_t stint_read_long_bytes (stint_reader_t *self);
uint32_t stint_read_long_array (stint_reader_t *self);
uint8_t *stint_put_short_number (uint8_t *at, uint16_t value);
uint8_t *stint_put_long_bytes (uint8_t *at, stint_bytes_t bytes);
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

//  Elements of lists are put where there is room already: what is put begins at `at`, and
//  the end of it is returned. stint_write_start makes the room, STINT_PUT_MAX for each
//  value and the bytes themselves; stint_write_stop says how far it was used.

#define STINT_PUT_MAX 9  //  Bytes of a number, or in front of bytes

static inline uint8_t *
stint_write_start (stint_writer_t *self, size_t size)
{
    if (self->capacity - self->size < size)
        stint_writer_reserve (self, size);
    return self->data + self->size;
}

static inline void
stint_write_stop (stint_writer_t *self, const uint8_t *at)
{
    self->size = (size_t) (at - self->data);
    assert (self->size <= self->capacity);
}

static inline uint8_t *
stint_put_number (uint8_t *at, uint64_t value)
{
    if (value < 0x80) {
        *at = (uint8_t) value;
        return at + 1;
    }
    if (value <= UINT16_MAX)
        return stint_put_short_number (at, (uint16_t) value);
    if (value <= UINT32_MAX) {
        uint32_t number = htobe32 ((uint32_t) value);
        *at = 0xce;
        memcpy (at + 1, &number, sizeof number);
        return at + 5;
    }
    uint64_t number = htobe64 (value);
    *at = 0xcf;
    memcpy (at + 1, &number, sizeof number);
    return at + 9;
}

static inline uint8_t *
stint_put_array (uint8_t *at, uint32_t count)
{
    assert (count < 16);
    *at = (uint8_t) (0x90 | count);
    return at + 1;
}

static inline uint8_t *
stint_put_bytes (uint8_t *at, stint_bytes_t bytes)
{
    if (bytes.size > UINT8_MAX)
        return stint_put_long_bytes (at, bytes);
    at [0] = 0xc4;
    at [1] = (uint8_t) bytes.size;
    if (bytes.size > 0)
        memcpy (at + 2, bytes.data, bytes.size);
    return at + 2 + bytes.size;
}

static inline void
stint_write_number (stint_writer_t *self, uint64_t value)
{
    if (self->capacity - self->size < STINT_PUT_MAX)
        stint_writer_reserve (self, STINT_PUT_MAX);
    self->size = (size_t) (stint_put_number (self->data + self->size, value) - self->data);
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
