//  stint_pack: bounded msgpack: a validator, a reader that cannot run away, a writer
//  SPDX-License-Identifier: MPL-2.0

#include "stint_pack.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

//  ---------------------------------------------------------------------------------
//  Reading. One value starts with a head: its first octet and, for some, a number behind
//  it, which is a value, a length in bytes, or a count of elements.

typedef struct {
    stint_type_t type;  //  What starts here; NONE when it is broken
    uint64_t number;    //  The integer, the length in bytes, or the count
    bool negative;      //  The integer is below zero and number holds its two's complement
    size_t size;        //  Bytes the head takes
} s_head_t;

static inline uint64_t
s_big_endian (const uint8_t *at, size_t size)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (size) {
        case 1:
            return at [0];
        case 2:
            memcpy (&two, at, 2);
            return be16toh (two);
        case 4:
            memcpy (&four, at, 4);
            return be32toh (four);
        case 8:
            memcpy (&eight, at, 8);
            return be64toh (eight);
        default:
            return 0;
    }
}

static inline int64_t
s_sign_extend (uint64_t value, size_t size)
{
    unsigned shift = (unsigned) (64 - size * 8);
    return (int64_t) (value << shift) >> shift;
}

//  The forms from 0xc0 to 0xdf: kind, bytes of the number behind the first octet, and for
//  extensions of fixed length the length of their data with its type octet.

static const struct {
    uint8_t type;   //  A stint_type_t
    uint8_t width;  //  Bytes of the number that follows
    uint8_t fixed;  //  Length, when no number tells it
} s_forms [32] = {
    {STINT_TYPE_NIL, 0, 0},        {STINT_TYPE_NONE, 0, 0},
    {STINT_TYPE_BOOLEAN, 0, 0},    {STINT_TYPE_BOOLEAN, 0, 0},
    {STINT_TYPE_BYTES, 1, 0},      {STINT_TYPE_BYTES, 2, 0},
    {STINT_TYPE_BYTES, 4, 0},      {STINT_TYPE_EXTENSION, 1, 1},
    {STINT_TYPE_EXTENSION, 2, 1},  {STINT_TYPE_EXTENSION, 4, 1},
    {STINT_TYPE_REAL, 0, 4},       {STINT_TYPE_REAL, 0, 8},
    {STINT_TYPE_NUMBER, 1, 0},     {STINT_TYPE_NUMBER, 2, 0},
    {STINT_TYPE_NUMBER, 4, 0},     {STINT_TYPE_NUMBER, 8, 0},
    {STINT_TYPE_NUMBER, 1, 1},     {STINT_TYPE_NUMBER, 2, 1},
    {STINT_TYPE_NUMBER, 4, 1},     {STINT_TYPE_NUMBER, 8, 1},
    {STINT_TYPE_EXTENSION, 0, 2},  {STINT_TYPE_EXTENSION, 0, 3},
    {STINT_TYPE_EXTENSION, 0, 5},  {STINT_TYPE_EXTENSION, 0, 9},
    {STINT_TYPE_EXTENSION, 0, 17}, {STINT_TYPE_TEXT, 1, 0},
    {STINT_TYPE_TEXT, 2, 0},       {STINT_TYPE_TEXT, 4, 0},
    {STINT_TYPE_ARRAY, 2, 0},      {STINT_TYPE_ARRAY, 4, 0},
    {STINT_TYPE_MAP, 2, 0},        {STINT_TYPE_MAP, 4, 0},
};

static inline s_head_t
s_long_head (const uint8_t *at, size_t left)
{
    uint8_t form = at [0] & 0x1f;
    s_head_t head = {(stint_type_t) s_forms [form].type, 0, false, 1};
    size_t width = s_forms [form].width;
    if (1 + width > left)
        return (s_head_t){STINT_TYPE_NONE, 0, false, 0};

    head.number = s_big_endian (at + 1, width);
    head.size += width;
    if (head.type == STINT_TYPE_NUMBER && s_forms [form].fixed) {
        int64_t value = s_sign_extend (head.number, width);
        head.number = (uint64_t) value;
        head.negative = value < 0;
    }
    else
        head.number += s_forms [form].fixed;
    if (head.type == STINT_TYPE_BOOLEAN)
        head.number = at [0] & 1;
    return head;
}

static inline s_head_t
s_head (const uint8_t *at, const uint8_t *end)
{
    if (at >= end)
        return (s_head_t){STINT_TYPE_NONE, 0, false, 0};
    uint8_t octet = at [0];
    if (octet < 0x80)
        return (s_head_t){STINT_TYPE_NUMBER, octet, false, 1};
    if (octet < 0x90)
        return (s_head_t){STINT_TYPE_MAP, octet & 0x0f, false, 1};
    if (octet < 0xa0)
        return (s_head_t){STINT_TYPE_ARRAY, octet & 0x0f, false, 1};
    if (octet < 0xc0)
        return (s_head_t){STINT_TYPE_TEXT, octet & 0x1f, false, 1};
    if (octet < 0xe0)
        return s_long_head (at, (size_t) (end - at));
    return (s_head_t){STINT_TYPE_NUMBER, (uint64_t) (int64_t) (int8_t) octet, true, 1};
}

//  Returns how many bytes follow the head and belong to the same value, without the
//  elements of a container.

static inline uint64_t
s_body_size (const s_head_t *head)
{
    switch (head->type) {
        case STINT_TYPE_TEXT:
        case STINT_TYPE_BYTES:
        case STINT_TYPE_REAL:
        case STINT_TYPE_EXTENSION:
            return head->number;
        case STINT_TYPE_NONE:
        case STINT_TYPE_NIL:
        case STINT_TYPE_BOOLEAN:
        case STINT_TYPE_NUMBER:
        case STINT_TYPE_ARRAY:
        case STINT_TYPE_MAP:
        default:
            return 0;
    }
}

//  For the validator, by the first octet: how many bytes the value takes. When a length or
//  a count follows, as many without what it announces, what that is, and in how many bytes
//  it is told; in none when the octet's last four bits tell it. So one look is enough for
//  most values.

enum {
    SHAPE_SIZE = 0x3f,     //  Bytes
    SHAPE_LONG = 0x40,     //  A length is told
    SHAPE_ARRAY = 0x80,    //  A count of values
    SHAPE_MAP = 0xc0,      //  A count of pairs
    SHAPE_BROKEN = 0x100,  //  No value begins so
    SHAPE_KIND = 0x1c0,    //  One of these; 0 when nothing is told
    SHAPE_WIDTH = 9        //  From this bit up: bytes in which it is told
};

#define TOLD(kind, size, width) ((kind) | (size) | (width) << SHAPE_WIDTH)
#define SAME_4(shape) (shape), (shape), (shape), (shape)
#define SAME_16(shape) SAME_4 (shape), SAME_4 (shape), SAME_4 (shape), SAME_4 (shape)

static const uint16_t s_shapes [256] = {
    //  0x00: numbers
    SAME_16 (1), SAME_16 (1), SAME_16 (1), SAME_16 (1), SAME_16 (1), SAME_16 (1),
    SAME_16 (1), SAME_16 (1),
    //  0x80: maps, 0x90: arrays
    SAME_16 (TOLD (SHAPE_MAP, 1, 0)), SAME_16 (TOLD (SHAPE_ARRAY, 1, 0)),
    //  0xa0: texts
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
    25, 26, 27, 28, 29, 30, 31, 32,
    //  0xc0: nil, nothing, booleans; bytes; extensions
    1, SHAPE_BROKEN | 1, 1, 1, TOLD (SHAPE_LONG, 2, 1), TOLD (SHAPE_LONG, 3, 2),
    TOLD (SHAPE_LONG, 5, 4), TOLD (SHAPE_LONG, 3, 1), TOLD (SHAPE_LONG, 4, 2),
    TOLD (SHAPE_LONG, 6, 4),
    //  0xca: reals, numbers, numbers with a sign, extensions of fixed length
    5, 9, 2, 3, 5, 9, 2, 3, 5, 9, 3, 4, 6, 10, 18,
    //  0xd9: texts, arrays, maps
    TOLD (SHAPE_LONG, 2, 1), TOLD (SHAPE_LONG, 3, 2), TOLD (SHAPE_LONG, 5, 4),
    TOLD (SHAPE_ARRAY, 3, 2), TOLD (SHAPE_ARRAY, 5, 4), TOLD (SHAPE_MAP, 3, 2),
    TOLD (SHAPE_MAP, 5, 4),
    //  0xe0: numbers below zero
    SAME_16 (1), SAME_16 (1)};

//  Returns the length or the count that is told with the value that starts there.

static inline uint64_t
s_told (const uint8_t *at, unsigned shape)
{
    size_t width = shape >> SHAPE_WIDTH;
    if (width == 1)
        return at [1];
    return width > 0 ? s_big_endian (at + 1, width) : *at & 0x0f;
}

//  The loop inside is all there is to most values: they announce nothing. Values within a
//  container are paid for when it announces them.

size_t
stint_pack_measure (stint_bytes_t bytes, size_t depth_max, size_t *items)
{
    assert (depth_max <= STINT_PACK_DEPTH);
    const uint8_t *at = bytes.data;
    const uint8_t *end = at + bytes.size;
    uint64_t open [STINT_PACK_DEPTH + 1];  //  Values still to come at the depths above
    uint64_t left = 1;                     //  The same at this one
    size_t depth = 0;
    if (*items == 0)
        return 0;
    size_t budget = *items - 1;

    for (;;) {
        unsigned shape = 0;
        while (left > 0) {
            if (at == end)
                return 0;
            shape = s_shapes [*at];
            if ((shape & SHAPE_SIZE) > (size_t) (end - at))
                return 0;
            left--;
            if (shape & SHAPE_KIND)
                break;
            at += shape & SHAPE_SIZE;
            shape = 0;
        }
        if (shape == 0) {
            if (depth == 0)
                break;
            left = open [--depth];
            continue;
        }
        uint64_t told = s_told (at, shape);
        unsigned kind = shape & SHAPE_KIND;
        at += shape & SHAPE_SIZE;
        if (kind == SHAPE_MAP)
            told *= 2;
        if (told > (uint64_t) (end - at) || kind == SHAPE_BROKEN)
            return 0;
        if (kind == SHAPE_LONG) {
            at += told;
            continue;
        }
        if (depth == depth_max || told > budget)
            return 0;
        budget -= told;
        open [depth++] = left;
        left = told;
    }
    *items = budget;
    return (size_t) (at - bytes.data);
}

bool
stint_pack_valid (stint_bytes_t bytes, size_t items_max)
{
    return bytes.size > 0
           && stint_pack_measure (bytes, STINT_PACK_DEPTH, &items_max) == bytes.size;
}

stint_reader_t
stint_reader_of (stint_bytes_t bytes)
{
    return (stint_reader_t){bytes.data, bytes.data + bytes.size, false};
}

stint_type_t
stint_read_type (const stint_reader_t *self)
{
    return s_head (self->at, self->end).type;
}

//  Passes over one value, with all that it contains. The bytes were validated, so this
//  ends; should they not have been, it ends at the last byte.

static void
s_skip (stint_reader_t *self)
{
    uint64_t values = 1;
    while (values > 0) {
        s_head_t head = s_head (self->at, self->end);
        uint64_t body = s_body_size (&head);
        if (head.type == STINT_TYPE_NONE
            || head.size + body > (uint64_t) (self->end - self->at)) {
            self->at = self->end;
            self->bad = true;
            return;
        }
        self->at += head.size + body;
        values--;
        if (head.type == STINT_TYPE_ARRAY)
            values += head.number;
        else if (head.type == STINT_TYPE_MAP)
            values += head.number * 2;
    }
}

//  Takes the head of a value of the type asked for; another one is passed over.

static bool
s_take (stint_reader_t *self, stint_type_t type, s_head_t *head)
{
    *head = s_head (self->at, self->end);
    if (head->type == type) {
        self->at += head->size;
        return true;
    }
    s_skip (self);
    self->bad = true;
    return false;
}

uint64_t
stint_read_long_number (stint_reader_t *self)
{
    s_head_t head;
    if (!s_take (self, STINT_TYPE_NUMBER, &head))
        return 0;
    if (head.negative) {
        self->bad = true;
        return 0;
    }
    return head.number;
}

int64_t
stint_read_signed (stint_reader_t *self)
{
    s_head_t head;
    if (!s_take (self, STINT_TYPE_NUMBER, &head))
        return 0;
    if (!head.negative && head.number > INT64_MAX) {
        self->bad = true;
        return 0;
    }
    return (int64_t) head.number;
}

bool
stint_read_boolean (stint_reader_t *self)
{
    s_head_t head;
    return s_take (self, STINT_TYPE_BOOLEAN, &head) && head.number == 1;
}

stint_bytes_t
stint_read_long_bytes (stint_reader_t *self)
{
    s_head_t head = s_head (self->at, self->end);
    uint64_t left = (uint64_t) (self->end - self->at);
    if ((head.type != STINT_TYPE_BYTES && head.type != STINT_TYPE_TEXT)
        || head.size + head.number > left) {
        s_skip (self);
        self->bad = true;
        return (stint_bytes_t){NULL, 0};
    }
    stint_bytes_t bytes = {self->at + head.size, (size_t) head.number};
    self->at += head.size + head.number;
    return bytes;
}

uint32_t
stint_read_long_array (stint_reader_t *self)
{
    s_head_t head;
    return s_take (self, STINT_TYPE_ARRAY, &head) ? (uint32_t) head.number : 0;
}

uint32_t
stint_read_map (stint_reader_t *self)
{
    s_head_t head;
    return s_take (self, STINT_TYPE_MAP, &head) ? (uint32_t) head.number : 0;
}

stint_bytes_t
stint_read_skip (stint_reader_t *self)
{
    const uint8_t *from = self->at;
    s_skip (self);
    return (stint_bytes_t){from, (size_t) (self->at - from)};
}

//  ---------------------------------------------------------------------------------
//  Writing

void
stint_writer_clear (stint_writer_t *self)
{
    free (self->data);
    *self = (stint_writer_t){NULL, 0, 0};
}

void
stint_writer_reserve (stint_writer_t *self, size_t size)
{
    if (self->capacity - self->size >= size)
        return;
    size_t capacity = self->capacity ? self->capacity : 256;
    while (capacity - self->size < size)
        capacity *= 2;
    self->data = realloc (self->data, capacity);
    if (!self->data)
        abort ();
    self->capacity = capacity;
}

stint_bytes_t
stint_writer_bytes (const stint_writer_t *self)
{
    return (stint_bytes_t){self->data, self->size};
}

static inline void
s_append (stint_writer_t *self, const void *bytes, size_t size)
{
    if (self->capacity - self->size < size)
        stint_writer_reserve (self, size);
    memcpy (self->data + self->size, bytes, size);
    self->size += size;
}

//  Msgpack-c's packer is a template. Made for our buffer it has no callback between a
//  number and its bytes, which is half of what packing a small task costs.

#define msgpack_pack_inline_func(name) static inline void s_pack##name
#define msgpack_pack_inline_func_cint(name) static inline void s_pack##name
#define msgpack_pack_inline_func_fixint(name) static inline void s_pack_fix##name
#define msgpack_pack_user stint_writer_t *
#define msgpack_pack_append_buffer(user, bytes, size) s_append ((user), (bytes), (size))

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
//  Each needs those before it
// clang-format off
#include <msgpack/timestamp.h>
#include <msgpack/pack_define.h>
#include <msgpack/pack_template.h>
// clang-format on
#pragma GCC diagnostic pop

void
stint_write_nil (stint_writer_t *self)
{
    s_pack_nil (self);
}

void
stint_write_boolean (stint_writer_t *self, bool value)
{
    if (value)
        s_pack_true (self);
    else
        s_pack_false (self);
}

void
stint_write_signed (stint_writer_t *self, int64_t value)
{
    if (value >= 0)
        stint_write_number (self, (uint64_t) value);
    else
        s_pack_int64 (self, value);
}

void
stint_write_string (stint_writer_t *self, stint_bytes_t text)
{
    s_pack_str (self, text.size);
    if (text.size > 0)
        s_append (self, text.data, text.size);
}

void
stint_write_text (stint_writer_t *self, const char *text)
{
    stint_write_string (self, (stint_bytes_t){(const uint8_t *) text, strlen (text)});
}

void
stint_write_bytes (stint_writer_t *self, stint_bytes_t bytes)
{
    uint8_t *at = stint_write_start (self, STINT_PUT_MAX + bytes.size);
    stint_write_stop (self, stint_put_bytes (at, bytes));
}

uint8_t *
stint_put_short_number (uint8_t *at, uint16_t value)
{
    stint_writer_t out = {at, 0, STINT_PUT_MAX};
    s_pack_uint16 (&out, value);
    return at + out.size;
}

uint8_t *
stint_put_long_bytes (uint8_t *at, stint_bytes_t bytes)
{
    stint_writer_t out = {at, 0, STINT_PUT_MAX + bytes.size};
    s_pack_bin (&out, bytes.size);
    stint_write_raw (&out, bytes);
    return at + out.size;
}

void
stint_write_long_array (stint_writer_t *self, uint32_t count)
{
    s_pack_array (self, count);
}

void
stint_write_map (stint_writer_t *self, uint32_t count)
{
    s_pack_map (self, count);
}

void
stint_write_raw (stint_writer_t *self, stint_bytes_t bytes)
{
    if (bytes.size > 0)
        s_append (self, bytes.data, bytes.size);
}

size_t
stint_write_array_open (stint_writer_t *self)
{
    size_t where = self->size;
    stint_write_raw (self, (stint_bytes_t){(const uint8_t *) "\xdd\0\0\0\0", 5});
    return where;
}

void
stint_write_array_close (stint_writer_t *self, size_t where, uint32_t count)
{
    assert (where + 5 <= self->size && self->data [where] == 0xdd);
    for (size_t index = 0; index < 4; index++)
        self->data [where + 1 + index] = (uint8_t) (count >> (24 - 8 * index));
}
