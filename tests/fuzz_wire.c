//  fuzz_wire: any bytes as msgpack and as a message, against msgpack-c and a plain walker
//  SPDX-License-Identifier: MPL-2.0
//
//  An input is a header frame and one octet more, which tells how many payload frames
//  follow. What the validator accepts, a walker that is written as the specification reads
//  must accept as well, and the other way round; then msgpack-c must unpack it to the same
//  values. What was decoded is written again and must be the same message.

#include "fuzz.h"
#include "stint_wire.h"

#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#define LARGE (STINT_INLINE_MAX + 1)  //  Bytes of each payload frame

static uint8_t s_large [LARGE];

//  ---------------------------------------------------------------------------------
//  The walker

static uint64_t
s_told (const uint8_t *at, size_t width)
{
    uint64_t number = 0;
    for (size_t index = 0; index < width; index++)
        number = number << 8 | at [1 + index];
    return number;
}

//  Returns the bytes that the head takes, with the data behind it, and how many values
//  follow; 0 when nothing begins so, or not all of it is there.

static size_t
s_walk_head (const uint8_t *at, size_t left, uint64_t *values)
{
    static const uint8_t fixed [] = {0, 0, 0, 0, 0, 0, 0, 0, 0,  0, 4, 8, 1, 2, 4, 8,
                                     1, 2, 4, 8, 2, 3, 5, 9, 17, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t widths [] = {0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 0, 0, 0, 0, 0, 0,
                                      0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};
    uint8_t octet = at [0];
    *values = 0;
    if (octet < 0x80 || octet >= 0xe0)
        return 1;
    if (octet < 0xa0) {
        *values = (uint64_t) (octet & 0x0f) * (octet < 0x90 ? 2 : 1);
        return 1;
    }
    if (octet < 0xc0)
        return 1 + (size_t) (octet & 0x1f);
    uint8_t form = octet & 0x1f;
    if (octet == 0xc1 || left < 1u + fixed [form] + widths [form])
        return 0;
    uint64_t number = s_told (at, widths [form]);
    if (octet >= 0xdc) {
        *values = octet >= 0xde ? number * 2 : number;
        return 1 + (size_t) widths [form];
    }
    bool extension = octet >= 0xc7 && octet <= 0xc9;
    return 1 + (size_t) widths [form] + fixed [form] + number + (extension ? 1 : 0);
}

//  Returns what follows the first value, null when it is broken.

static const uint8_t *
s_walk (const uint8_t *at, const uint8_t *end, size_t depth, size_t *items)
{
    uint64_t values;
    if (at == end || *items == 0)
        return NULL;
    --*items;
    size_t size = s_walk_head (at, (size_t) (end - at), &values);
    if (size == 0 || size > (size_t) (end - at))
        return NULL;
    bool container = (*at >= 0x80 && *at < 0xa0) || *at >= 0xdc;
    if (container && *at < 0xe0 && depth == 0)
        return NULL;
    at += size;
    if (values > (uint64_t) (end - at))
        return NULL;
    for (; values > 0 && at; values--)
        at = s_walk (at, end, depth - 1, items);
    return at;
}

//  ---------------------------------------------------------------------------------
//  The reader against msgpack-c

static void s_compare (stint_reader_t *reader, const msgpack_object *object);

static void
s_compare_bytes (stint_reader_t *reader, const char *data, size_t size)
{
    stint_bytes_t bytes = stint_read_bytes (reader);
    must (bytes.size == size, "%zu bytes, not %zu", bytes.size, size);
    must (size == 0 || memcmp (bytes.data, data, size) == 0, "other bytes");
}

static void
s_compare_number (stint_reader_t *reader, const msgpack_object *object)
{
    stint_reader_t other = *reader;
    bool negative = object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
    uint64_t number = stint_read_number (reader);
    must (reader->bad == negative, "whether a number may be below zero");
    must (number == (negative ? 0 : object->via.u64), "another number");
    int64_t with_sign = stint_read_signed (&other);
    bool large = !negative && object->via.u64 > INT64_MAX;
    must (other.bad == large && with_sign == (large ? 0 : object->via.i64),
          "another number with a sign");
    must (other.at == reader->at, "a number of two lengths");
    reader->bad = false;
}

static void
s_compare_elements (stint_reader_t *reader, const msgpack_object *object)
{
    if (object->type == MSGPACK_OBJECT_ARRAY) {
        must (stint_read_array (reader) == object->via.array.size, "another array");
        for (uint32_t index = 0; index < object->via.array.size; index++)
            s_compare (reader, &object->via.array.ptr [index]);
        return;
    }
    must (stint_read_map (reader) == object->via.map.size, "another map");
    for (uint32_t index = 0; index < object->via.map.size; index++) {
        s_compare (reader, &object->via.map.ptr [index].key);
        s_compare (reader, &object->via.map.ptr [index].val);
    }
}

//  Compares one value, and asks for it as each type that it is not: that must be noticed,
//  and pass over it.

static void
s_compare (stint_reader_t *reader, const msgpack_object *object)
{
    stint_reader_t skipped = *reader;
    stint_reader_t other = *reader;
    stint_type_t type = stint_read_type (reader);
    stint_bytes_t whole = stint_read_skip (&skipped);
    must (!skipped.bad && whole.data == reader->at, "a value cannot be passed over");
    switch (type) {
        case STINT_TYPE_NUMBER:
            s_compare_number (reader, object);
            stint_read_bytes (&other);
            break;
        case STINT_TYPE_BOOLEAN:
            must (object->type == MSGPACK_OBJECT_BOOLEAN, "no boolean");
            must (stint_read_boolean (reader) == object->via.boolean, "another boolean");
            stint_read_number (&other);
            break;
        case STINT_TYPE_TEXT:
            must (object->type == MSGPACK_OBJECT_STR, "no text");
            s_compare_bytes (reader, object->via.str.ptr, object->via.str.size);
            stint_read_signed (&other);
            break;
        case STINT_TYPE_BYTES:
            must (object->type == MSGPACK_OBJECT_BIN, "no bytes");
            s_compare_bytes (reader, object->via.bin.ptr, object->via.bin.size);
            stint_read_array (&other);
            break;
        case STINT_TYPE_ARRAY:
        case STINT_TYPE_MAP:
            s_compare_elements (reader, object);
            stint_read_boolean (&other);
            break;
        case STINT_TYPE_NIL:
        case STINT_TYPE_REAL:
        case STINT_TYPE_EXTENSION:
        case STINT_TYPE_NONE:
        default:
            must (type != STINT_TYPE_NONE, "a valid value is none");
            stint_read_skip (reader);
            stint_read_map (&other);
    }
    must (!reader->bad && reader->at == skipped.at, "a value of two lengths");
    must (other.bad && other.at == skipped.at, "a value is of a type that it is not");
}

//  ---------------------------------------------------------------------------------
//  Bytes as msgpack

//  Bytes that nobody has validated must not lead a reader out of them.

static void
s_read_wildly (stint_bytes_t bytes)
{
    stint_reader_t reader = stint_reader_of (bytes);
    for (size_t count = 0; reader.at < reader.end; count++) {
        const uint8_t *before = reader.at;
        size_t what = (count + bytes.size) % 8;
        if (what < 2)
            (what ? stint_read_array : stint_read_map) (&reader);
        else if (what < 4)
            stint_read_bytes (&reader);
        else if (what == 4)
            stint_read_signed (&reader);
        else if (what == 5)
            stint_read_boolean (&reader);
        else if (what == 6)
            stint_read_number (&reader);
        else
            stint_read_skip (&reader);
        must (reader.at > before && reader.at <= reader.end, "a reader runs away");
    }
    stint_read_skip (&reader);
    must (reader.bad && reader.at == reader.end, "there is something behind the end");
}

static void
s_try_pack (stint_bytes_t bytes)
{
    s_read_wildly (bytes);
    size_t limits [] = {STINT_LIST_MAX * 32, 3};
    bool valid = false;
    for (size_t index = 0; index < 2; index++) {
        size_t items = limits [index];
        const uint8_t *end = bytes.data + bytes.size;
        const uint8_t *after = s_walk (bytes.data, end, STINT_PACK_DEPTH, &items);
        bool expected = after == end && bytes.size > 0;
        valid = stint_pack_valid (bytes, limits [index]);
        must (valid == expected, "the validator says %d, the walker %d", valid, expected);
        size_t left = limits [index];
        size_t size = stint_pack_measure (bytes, STINT_PACK_DEPTH, &left);
        must (size == (after ? (size_t) (after - bytes.data) : 0), "another length");
        must (!after || left == items, "another number of values");
        if (!valid)
            return;
    }
}

static void
s_unpack (stint_bytes_t bytes)
{
    if (!stint_pack_valid (bytes, STINT_LIST_MAX * 32))
        return;
    msgpack_unpacked unpacked;
    msgpack_unpacked_init (&unpacked);
    size_t offset = 0;
    msgpack_unpack_return rc =
        msgpack_unpack_next (&unpacked, (const char *) bytes.data, bytes.size, &offset);
    must (rc == MSGPACK_UNPACK_SUCCESS, "msgpack-c does not unpack it: %d", (int) rc);
    must (offset == bytes.size, "msgpack-c takes %zu of %zu bytes", offset, bytes.size);
    stint_reader_t reader = stint_reader_of (bytes);
    s_compare (&reader, &unpacked.data);
    must (reader.at == reader.end, "the reader takes less than msgpack-c");
    msgpack_unpacked_destroy (&unpacked);
}

//  ---------------------------------------------------------------------------------
//  Bytes as a message

static const struct {
    char letter;
    bool text;      //  Otherwise a number
    size_t offset;  //  Of the member
} s_fields [] = {
    {'r', false, offsetof (stint_message_t, request)},
    {'p', false, offsetof (stint_message_t, producer)},
    {'s', false, offsetof (stint_message_t, sequence)},
    {'b', false, offsetof (stint_message_t, batch)},
    {'w', false, offsetof (stint_message_t, worker)},
    {'i', false, offsetof (stint_message_t, id)},
    {'c', false, offsetof (stint_message_t, count)},
    {'k', false, offsetof (stint_message_t, cursor)},
    {'a', false, offsetof (stint_message_t, after)},
    {'d', false, offsetof (stint_message_t, delay)},
    {'u', false, offsetof (stint_message_t, heartbeat)},
    {'y', false, offsetof (stint_message_t, liveness)},
    {'z', false, offsetof (stint_message_t, backlog)},
    {'x', false, offsetof (stint_message_t, state)},
    {'l', false, offsetof (stint_message_t, bytes)},
    {'v', false, offsetof (stint_message_t, most)},
    {'j', false, offsetof (stint_message_t, again)},
    {'g', true, offsetof (stint_message_t, group)},
    {'n', true, offsetof (stint_message_t, name)},
    {'o', true, offsetof (stint_message_t, operation)},
    {'e', true, offsetof (stint_message_t, error)},
    {'m', true, offsetof (stint_message_t, text)},
};

#define FIELDS (sizeof s_fields / sizeof s_fields [0])

static const void *
s_member (const stint_message_t *message, size_t field)
{
    return (const uint8_t *) message + s_fields [field].offset;
}

//  Writes what is in the message as another one. Takes its lists.

static void
s_rewrite (stint_message_t *message, stint_writer_t *out)
{
    stint_wire_begin (out, message->command, (uint32_t) __builtin_popcount (message->has));
    for (size_t field = 0; field < FIELDS; field++) {
        char letter = s_fields [field].letter;
        if (!stint_wire_has (message, letter))
            continue;
        if (s_fields [field].text)
            stint_wire_string (out, letter,
                               *(const stint_bytes_t *) s_member (message, field));
        else
            stint_wire_number (out, letter, *(const uint64_t *) s_member (message, field));
    }
    if (stint_wire_has (message, 'f')) {
        stint_wire_field (out, 'f');
        stint_write_raw (out, message->fields);
    }
    if (stint_wire_has (message, 'q')) {
        stint_wire_field (out, 'q');
        stint_write_raw (out, message->terms);
    }
    if (stint_wire_has (message, 'h')) {
        stint_bytes_t group;
        stint_wire_field (out, 'h');
        stint_write_array (out, message->groups_count);
        while (stint_wire_next_group (message, &group))
            stint_write_string (out, group);
    }
    if (stint_wire_has (message, 't')) {
        size_t list = stint_wire_list (out);
        uint32_t count = 0;
        stint_item_t item;
        for (; stint_wire_next (message, &item); count++)
            stint_wire_put (out, message->command, &item);
        stint_write_array_close (out, list, count);
    }
}

static void
s_same_items (stint_message_t *one, stint_message_t *other)
{
    must (one->list_count == other->list_count, "another number of elements");
    stint_item_t item, again;
    while (stint_wire_next (one, &item)) {
        must (stint_wire_next (other, &again), "an element is gone");
        must (item.id == again.id && item.fence == again.fence
                  && item.number == again.number && item.verdict == again.verdict
                  && item.attempts == again.attempts && item.delay == again.delay,
              "another element");
        must (item.body.size == again.body.size, "another body");
        must (item.body.size == 0
                  || memcmp (item.body.data, again.body.data, item.body.size) == 0,
              "other bytes of a body");
        must (item.terms.size == again.terms.size
                  && (item.terms.size == 0
                      || memcmp (item.terms.data, again.terms.data, item.terms.size) == 0),
              "other terms");
    }
}

static void
s_same (const stint_message_t *one, const stint_message_t *other)
{
    must (one->command == other->command && one->has == other->has, "other fields");
    for (size_t field = 0; field < FIELDS; field++) {
        const stint_bytes_t *text = s_member (one, field);
        const stint_bytes_t *again = s_member (other, field);
        if (!s_fields [field].text)
            must (*(const uint64_t *) s_member (one, field)
                      == *(const uint64_t *) s_member (other, field),
                  "another number in %c", s_fields [field].letter);
        else
            must (text->size == again->size
                      && (text->size == 0
                          || memcmp (text->data, again->data, text->size) == 0),
                  "another text in %c", s_fields [field].letter);
    }
}

//  Returns true when all lists are well formed. Bodies in the header must not be larger
//  than what is written into one, for this to be written again.

static bool
s_is_whole (stint_message_t message)
{
    stint_item_t item;
    stint_bytes_t group;
    bool rewritable = true;
    while (stint_wire_next (&message, &item))
        rewritable &= item.frame > 0 || item.body.size <= STINT_INLINE_MAX;
    while (stint_wire_next_group (&message, &group))
        must (stint_wire_name_valid (group), "a group without a name");
    return rewritable && !message.list.bad && !message.groups.bad;
}

static void
s_try_message (stint_bytes_t header, size_t payloads)
{
    stint_bytes_t frames [16] = {header};
    for (size_t index = 1; index <= payloads; index++)
        frames [index] = (stint_bytes_t){s_large, sizeof s_large};
    stint_message_t message;
    if (stint_wire_decode (&message, frames, payloads + 1) != STINT_WIRE_OK)
        return;
    must (*stint_wire_name (message.command) != '?', "a command without a name");
    size_t items = SIZE_MAX;
    const uint8_t *end = header.data + header.size;
    must (header.size == 5
              || s_walk (header.data + 5, end, STINT_PACK_DEPTH, &items) == end,
          "it is accepted and not valid");
    if (!s_is_whole (message))
        return;
    stint_writer_t out = {NULL, 0, 0};
    stint_message_t copy = message;
    s_rewrite (&copy, &out);
    stint_bytes_t again [16] = {stint_writer_bytes (&out)};
    memcpy (again + 1, frames + 1, payloads * sizeof frames [0]);
    stint_message_t written;
    must (stint_wire_decode (&written, again, payloads + 1) == STINT_WIRE_OK,
          "what was written is not understood");
    s_same (&message, &written);
    if (stint_wire_has (&message, 't'))
        s_same_items (&message, &written);
    stint_writer_clear (&out);
}

int
fuzz_wire (const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    memset (s_large, 'x', sizeof s_large);
    uint8_t *copy = fuzz_copy (data, size - 1);
    stint_bytes_t bytes = {copy, size - 1};
    size_t magic = size > 5 && memcmp (data, "STP", 3) == 0 ? 5 : 0;
    stint_bytes_t packed = {copy + magic, bytes.size - magic};
    s_try_pack (packed);
    s_unpack (packed);
    s_try_message (bytes, data [size - 1] % 8);
    free (copy);
    return 0;
}
