//  mutate_values: changes msgpack value by value, so that most of it stays msgpack
//  SPDX-License-Identifier: MPL-2.0

#include "fuzz.h"
#include "stint_pack.h"

#include <string.h>

#define VALUES_MAX 512  //  Values of an input that are looked at

//  A few values that are worth a try in the place of any other.

typedef struct {
    const char *bytes;
    size_t size;
} s_value_t;

static const s_value_t s_values [] = {
    {"\x00", 1},
    {"\x01", 1},
    {"\xc0", 1},
    {"\xc3", 1},
    {"\xff", 1},
    {"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9},
    {"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9},
    {"\xce\x00\x01\x00\x00", 5},
    {"\xa1g", 2},
    {"\xa1t", 2},
    {"\xa3ping", 4},
    {"\xc4\x00", 2},
    {"\xc4\x01x", 3},
    {"\x90", 1},
    {"\x80", 1},
    {"\x92\x01\x02", 3},
    {"\x94\x01\x02\x03\xc4\x01x", 7},
    {"\x95\x01\x01\x04\x01\xc4\x01x", 8},
    {"\xd9\x03you", 5},
    {"\xca\x00\x00\x00\x00", 5},
    {"\xd4\x05x", 3},
    {"\xdd\x00\x00\x00\x01\x01", 6},
    {"\xdd\xff\xff\xff\xff", 5},
    {"\xdf\x00\x00\x00\x01\xa1r\x01", 8},
};

static const s_value_t *
s_value (size_t number)
{
    return &s_values [number % (sizeof s_values / sizeof s_values [0])];
}

static const uint8_t s_commands [] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x21,
                                      0x22, 0x23, 0x24, 0x41, 0x42, 0x61, 0x62,
                                      0x63, 0x64, 0x65, 0x66, 0x67, 0x68};

static uint32_t
s_next (uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

//  Returns how many bytes a value takes that starts there: of a container only its head.

static size_t
s_head_size (const uint8_t *at, size_t left)
{
    size_t items = 1;
    if ((*at >= 0x80 && *at < 0xa0))
        return 1;
    if (*at >= 0xdc && *at < 0xe0)
        return *at % 2 == 0 ? 3 : 5;
    return stint_pack_measure ((stint_bytes_t){at, left}, 0, &items);
}

//  Finds where the values of an input begin, as long as it is msgpack.

static size_t
s_find (const uint8_t *data, size_t size, size_t *places)
{
    size_t at = size > 5 && memcmp (data, "STP", 3) == 0 ? 5 : 0;
    size_t count = 0;
    while (at < size && count < VALUES_MAX) {
        size_t length = s_head_size (data + at, size - at);
        if (length == 0 || length > size - at)
            break;
        places [count++] = at;
        at += length;
    }
    return count;
}

//  Puts bytes in the place of others. Returns the new size, or the old one when there is
//  no room.

static size_t
s_splice (uint8_t *data, size_t size, size_t size_max, size_t at, size_t out,
          const void *bytes, size_t in)
{
    if (size - out + in > size_max)
        return size;
    memmove (data + at + in, data + at + out, size - at - out);
    memcpy (data + at, bytes, in);
    return size - out + in;
}

//  Adds a value to the container whose head stands there, if that is a short one.

static size_t
s_insert (uint8_t *data, size_t size, size_t size_max, size_t at, size_t value)
{
    if (data [at] < 0x80 || data [at] >= 0xa0 || (data [at] & 0x0f) == 0x0f)
        return size;
    uint8_t bytes [32];
    size_t length = 0;
    if (data [at] < 0x90) {
        bytes [length++] = 0xa1;
        bytes [length++] = (uint8_t) ('a' + value % 26);
    }
    memcpy (bytes + length, s_value (value)->bytes, s_value (value)->size);
    length += s_value (value)->size;
    size_t after = s_splice (data, size, size_max, at + 1, 0, bytes, length);
    data [at] = (uint8_t) (data [at] + (after > size));
    return after;
}

size_t
LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    size_t places [VALUES_MAX];
    uint32_t state = seed | 1;
    size_t count = size > 1 ? s_find (data, size - 1, places) : 0;
    uint32_t what = s_next (&state) % 8;
    if (count == 0 || what < 4)
        return LLVMFuzzerMutate (data, size, size_max);
    size_t at = places [s_next (&state) % count];
    size_t value = s_next (&state);
    if (what == 4 && size > 5) {
        data [4] = s_commands [value % sizeof s_commands];
        return size;
    }
    if (what == 5)
        return s_insert (data, size, size_max, at, value);
    size_t length = s_head_size (data + at, size - at);
    if (what == 6)
        return s_splice (data, size, size_max, at, length, s_value (value)->bytes,
                         s_value (value)->size);
    uint8_t copy [256];
    size_t from = places [value % count];
    size_t taken = s_head_size (data + from, size - from);
    if (taken > sizeof copy)
        return size;
    memcpy (copy, data + from, taken);
    return s_splice (data, size, size_max, at, length, copy, taken);
}
