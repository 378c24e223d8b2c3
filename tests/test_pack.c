//  test_pack: bounded msgpack agrees with msgpack-c, and nothing can make it run away
//  SPDX-License-Identifier: MPL-2.0

#include "stint_pack.h"

#include <criterion/criterion.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ITEMS 100000

static stint_bytes_t
s_octets (const char *octets, size_t size)
{
    return (stint_bytes_t){(const uint8_t *) octets, size};
}

#define BYTES(literal) s_octets (literal, sizeof literal - 1)

//  Numbers of a linear congruential generator (Knuth, MMIX). The seed is printed, and
//  taken from SEED.

static uint64_t
s_seed (void)
{
    uint64_t seed = 0;
    const char *text = getenv ("SEED");
    if (text)
        seed = strtoull (text, NULL, 10);
    else
        cr_assert_eq (getrandom (&seed, sizeof seed, 0), (ssize_t) sizeof seed);
    cr_log_info ("SEED=%llu", (unsigned long long) seed);
    return seed;
}

static uint64_t
s_chance (uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

Test (pack, numbers_come_back_whatever_their_size)
{
    static const uint64_t numbers [] = {0,          1,          127,       128,
                                        255,        256,        65535,     65536,
                                        UINT32_MAX, 1ull << 32, INT64_MAX, UINT64_MAX};
    stint_writer_t writer = {NULL, 0, 0};
    for (size_t index = 0; index < sizeof numbers / sizeof numbers [0]; index++)
        stint_write_number (&writer, numbers [index]);
    stint_reader_t reader = stint_reader_of (stint_writer_bytes (&writer));
    for (size_t index = 0; index < sizeof numbers / sizeof numbers [0]; index++) {
        cr_assert_eq (stint_read_type (&reader), STINT_TYPE_NUMBER);
        cr_assert_eq (stint_read_number (&reader), numbers [index]);
    }
    cr_assert (!reader.bad);
    cr_assert_eq (stint_read_type (&reader), STINT_TYPE_NONE);
    stint_writer_clear (&writer);
}

Test (pack, signed_numbers_come_back_whatever_their_size)
{
    static const int64_t numbers [] = {
        0,         -1,        -32,           -33,       -128,
        -129,      INT16_MIN, INT16_MIN - 1, INT32_MIN, INT32_MIN - 1ll,
        INT64_MIN, INT64_MAX};
    stint_writer_t writer = {NULL, 0, 0};
    for (size_t index = 0; index < sizeof numbers / sizeof numbers [0]; index++)
        stint_write_signed (&writer, numbers [index]);
    stint_reader_t reader = stint_reader_of (stint_writer_bytes (&writer));
    for (size_t index = 0; index < sizeof numbers / sizeof numbers [0]; index++)
        cr_assert_eq (stint_read_signed (&reader), numbers [index]);
    cr_assert (!reader.bad);
    stint_writer_clear (&writer);
}

Test (pack, a_number_out_of_range_is_bad_and_zero)
{
    stint_reader_t reader = stint_reader_of (BYTES ("\xff\x07"));
    cr_assert_eq (stint_read_number (&reader), 0);
    cr_assert (reader.bad);
    cr_assert_eq (stint_read_number (&reader), 7);
    reader = stint_reader_of (BYTES ("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"));
    cr_assert_eq (stint_read_signed (&reader), 0);
    cr_assert (reader.bad);
}

Test (pack, everything_else_comes_back_too)
{
    stint_writer_t writer = {NULL, 0, 0};
    stint_write_map (&writer, 3);
    stint_write_text (&writer, "answer");
    stint_write_boolean (&writer, true);
    stint_write_text (&writer, "");
    stint_write_nil (&writer);
    stint_write_bytes (&writer, BYTES ("\0\1\2"));
    size_t list = stint_write_array_open (&writer);
    stint_write_boolean (&writer, false);
    stint_write_bytes (&writer, (stint_bytes_t){NULL, 0});
    stint_write_array_close (&writer, list, 2);
    cr_assert (stint_pack_valid (stint_writer_bytes (&writer), 9));
    cr_assert (!stint_pack_valid (stint_writer_bytes (&writer), 8));

    stint_reader_t reader = stint_reader_of (stint_writer_bytes (&writer));
    cr_assert_eq (stint_read_map (&reader), 3);
    cr_assert_eq (stint_read_bytes (&reader).size, 6);
    cr_assert (stint_read_boolean (&reader));
    cr_assert_eq (stint_read_bytes (&reader).size, 0);
    cr_assert_eq (stint_read_type (&reader), STINT_TYPE_NIL);
    cr_assert_eq (stint_read_skip (&reader).size, 1);
    stint_bytes_t bytes = stint_read_bytes (&reader);
    cr_assert_eq (bytes.size, 3);
    cr_assert_eq (memcmp (bytes.data, "\0\1\2", 3), 0);
    cr_assert_eq (stint_read_array (&reader), 2);
    cr_assert (!stint_read_boolean (&reader));
    cr_assert_eq (stint_read_bytes (&reader).size, 0);
    cr_assert (!reader.bad);
    stint_writer_clear (&writer);
}

Test (pack, long_bytes_and_lists_come_back)
{
    static const size_t sizes [] = {31, 32, 255, 256, 65535, 65536, 300000};
    uint8_t *data = calloc (1, 300000);
    stint_writer_t writer = {NULL, 0, 0};
    for (size_t index = 0; index < sizeof sizes / sizeof sizes [0]; index++) {
        writer.size = 0;
        stint_write_array (&writer, 2);
        stint_write_bytes (&writer, (stint_bytes_t){data, sizes [index]});
        stint_write_string (&writer, (stint_bytes_t){data, sizes [index]});
        cr_assert (stint_pack_valid (stint_writer_bytes (&writer), 3));
        stint_reader_t reader = stint_reader_of (stint_writer_bytes (&writer));
        cr_assert_eq (stint_read_array (&reader), 2);
        cr_assert_eq (stint_read_type (&reader), STINT_TYPE_BYTES);
        cr_assert_eq (stint_read_bytes (&reader).size, sizes [index]);
        cr_assert_eq (stint_read_type (&reader), STINT_TYPE_TEXT);
        cr_assert_eq (stint_read_bytes (&reader).size, sizes [index]);
        cr_assert (!reader.bad);
    }
    stint_writer_clear (&writer);
    free (data);
}

Test (pack, a_value_of_another_type_is_passed_over_and_bad)
{
    stint_reader_t reader = stint_reader_of (BYTES ("\x93\x92\x01\xa1x\x02\x03"));
    cr_assert_eq (stint_read_array (&reader), 3);
    cr_assert_eq (stint_read_number (&reader), 0);  //  It is a list of two
    cr_assert (reader.bad);
    cr_assert_eq (stint_read_number (&reader), 2);
    cr_assert_eq (stint_read_bytes (&reader).size, 0);
    cr_assert_eq (stint_read_number (&reader), 0);  //  The end
    cr_assert_eq (stint_read_map (&reader), 0);
    cr_assert (!stint_read_boolean (&reader));
    cr_assert_eq (stint_read_skip (&reader).size, 0);
}

Test (pack, nothing_is_not_a_value)
{
    cr_assert (!stint_pack_valid ((stint_bytes_t){NULL, 0}, ITEMS));
    cr_assert (!stint_pack_valid (BYTES ("\xc1"), ITEMS));
    cr_assert (!stint_pack_valid (BYTES ("\xc0\xc0"), ITEMS));
    cr_assert (stint_pack_valid (BYTES ("\xc0"), ITEMS));
    cr_assert (!stint_pack_valid (BYTES ("\xc0"), 0));
}

Test (pack, containers_nest_eight_deep_and_no_deeper)
{
    cr_assert (stint_pack_valid (BYTES ("\x91\x91\x91\x91\x91\x91\x91\x90"), ITEMS));
    cr_assert (!stint_pack_valid (BYTES ("\x91\x91\x91\x91\x91\x91\x91\x91\x90"), ITEMS));
    cr_assert (!stint_pack_valid (BYTES ("\x91\x91\x91\x91\x91\x91\x91\x91\x80"), ITEMS));
    cr_assert (stint_pack_valid (BYTES ("\x91\x91\x91\x91\x91\x91\x91\x91\xc0"), ITEMS));
}

Test (pack, bombs_are_refused)
{
    //  Few bytes that announce much; nested, msgpack-c would reserve 496 GiB for such
    cr_assert (!stint_pack_valid (BYTES ("\xdd\xff\xff\xff\xff"), ITEMS));
    cr_assert (!stint_pack_valid (BYTES ("\xdf\xff\xff\xff\xff"), ITEMS));
    cr_assert (!stint_pack_valid (BYTES ("\xdf\x80\x00\x00\x00\x01\x01"), ITEMS));
    cr_assert (!stint_pack_valid (BYTES ("\xc6\xff\xff\xff\xff"), ITEMS));
    cr_assert (!stint_pack_valid (BYTES ("\xdb\xff\xff\xff\xffx"), ITEMS));
    cr_assert (!stint_pack_valid (BYTES ("\xc9\xff\xff\xff\xff\x01"), ITEMS));
    uint8_t bomb [155];
    for (size_t index = 0; index < sizeof bomb; index += 5)
        memcpy (bomb + index, "\xdd\x0f\xff\xff\xff", 5);
    cr_assert (!stint_pack_valid ((stint_bytes_t){bomb, sizeof bomb}, ITEMS));
    memset (bomb, 0x91, sizeof bomb);
    cr_assert (!stint_pack_valid ((stint_bytes_t){bomb, sizeof bomb}, ITEMS));
}

Test (pack, every_form_that_is_cut_is_refused)
{
    static const uint8_t value [20] = {0};
    for (unsigned octet = 0; octet < 256; octet++) {
        uint8_t whole [20];
        memcpy (whole, value, sizeof whole);
        whole [0] = (uint8_t) octet;
        size_t size = 1;
        while (size < sizeof whole
               && !stint_pack_valid ((stint_bytes_t){whole, size}, ITEMS))
            size++;
        for (size_t cut = 0; cut < size; cut++)
            cr_assert (!stint_pack_valid ((stint_bytes_t){whole, cut}, ITEMS));
        stint_reader_t reader = stint_reader_of ((stint_bytes_t){whole, size});
        cr_assert_leq (stint_read_skip (&reader).size, size);
    }
}

//  Appends a random value, at most so deep, often broken.

static void
s_write_random (stint_writer_t *writer, uint64_t *state, unsigned depth)
{
    static const uint8_t forms [] = {0xc0, 0xc2, 0xc3, 0xc4, 0xc5, 0xc7, 0xca, 0xcb, 0xcc,
                                     0xcd, 0xce, 0xcf, 0xd0, 0xd3, 0xd4, 0xd8, 0xd9, 0xda};
    uint64_t choice = s_chance (state) % 16;
    uint32_t count = (uint32_t) (s_chance (state) % 4);
    if (choice < 4 && depth < STINT_PACK_DEPTH) {
        if (choice < 2)
            stint_write_array (writer, count);
        else
            stint_write_map (writer, count);
        for (uint32_t index = 0; index < (choice < 2 ? count : count * 2); index++)
            s_write_random (writer, state, depth + 1);
        return;
    }
    uint8_t octets [24];
    for (size_t index = 0; index < sizeof octets; index++)
        octets [index] =
            (uint8_t) (s_chance (state) % 8 ? s_chance (state) % 4 : s_chance (state));
    if (choice < 10)
        octets [0] = forms [s_chance (state) % sizeof forms];
    size_t size = 1;
    while (size < sizeof octets && !stint_pack_valid ((stint_bytes_t){octets, size}, 1))
        size++;
    stint_write_raw (writer, (stint_bytes_t){octets, size});
}

//  Returns how many containers within containers there are.

static unsigned
s_depth (const msgpack_object *value)
{
    unsigned deepest = 0;
    if (value->type == MSGPACK_OBJECT_ARRAY) {
        for (uint32_t index = 0; index < value->via.array.size; index++) {
            unsigned depth = s_depth (&value->via.array.ptr [index]);
            deepest = depth > deepest ? depth : deepest;
        }
        return deepest + 1;
    }
    if (value->type != MSGPACK_OBJECT_MAP)
        return 0;
    for (uint32_t index = 0; index < value->via.map.size; index++) {
        unsigned key = s_depth (&value->via.map.ptr [index].key);
        unsigned depth = s_depth (&value->via.map.ptr [index].val);
        deepest = key > deepest ? key : deepest;
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

//  What msgpack-c says of the same bytes: one value that takes them all. It accepts deeper
//  values than we do, so the depth is looked at here.

static bool
s_msgpack_valid (stint_bytes_t bytes)
{
    msgpack_unpacked result;
    msgpack_unpacked_init (&result);
    size_t offset = 0;
    msgpack_unpack_return status =
        msgpack_unpack_next (&result, (const char *) bytes.data, bytes.size, &offset);
    bool valid = (status == MSGPACK_UNPACK_SUCCESS || status == MSGPACK_UNPACK_EXTRA_BYTES)
                 && offset == bytes.size && s_depth (&result.data) <= STINT_PACK_DEPTH;
    msgpack_unpacked_destroy (&result);
    return valid;
}

Test (pack, agrees_with_msgpack_c_on_random_bytes)
{
    uint64_t seed = s_seed ();
    stint_writer_t writer = {NULL, 0, 0};
    unsigned valid = 0;
    for (int round = 0; round < 200000; round++) {
        writer.size = 0;
        s_write_random (&writer, &seed, 0);
        if (s_chance (&seed) % 3 == 0)
            writer.data [s_chance (&seed) % writer.size] = (uint8_t) s_chance (&seed);
        if (s_chance (&seed) % 4 == 0)
            writer.size -= s_chance (&seed) % writer.size;
        stint_bytes_t bytes = stint_writer_bytes (&writer);
        bool ours = stint_pack_valid (bytes, ITEMS);

        //  A broken count could make msgpack-c reserve gigabytes, so it is asked for more
        //  than we accept only when the value is small
        if (!ours && memchr (bytes.data, 0xdd, bytes.size))
            continue;
        if (!ours && memchr (bytes.data, 0xdf, bytes.size))
            continue;
        cr_assert_eq (ours, s_msgpack_valid (bytes), "round %d, %zu bytes", round,
                      bytes.size);
        valid += ours;
        stint_reader_t reader = stint_reader_of (bytes);
        size_t taken = stint_read_skip (&reader).size;
        cr_assert (!ours || (taken == bytes.size && !reader.bad));
        cr_assert_leq (taken, bytes.size);
    }
    cr_assert_gt (valid, 50000);
    stint_writer_clear (&writer);
}
