//  test_wire: every command comes back as it went, and broken ones are found out
//  SPDX-License-Identifier: MPL-2.0

#include "stint_wire.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static stint_writer_t s_writer;  //  Criterion runs each test in a process of its own

static stint_wire_status_t
s_decode (stint_message_t *message)
{
    static stint_bytes_t header;
    header = stint_writer_bytes (&s_writer);
    return stint_wire_decode (message, &header, 1);
}

static bool
s_is (stint_bytes_t bytes, const char *text)
{
    return bytes.size == strlen (text) && memcmp (bytes.data, text, bytes.size) == 0;
}

//  Decodes a header whose map is given in octets.

static stint_wire_status_t
s_decode_map (stint_message_t *message, stp_command_t command, const char *map, size_t size)
{
    uint8_t start [5] = {'S', 'T', 'P', 1, (uint8_t) command};
    s_writer.size = 0;
    stint_write_raw (&s_writer, (stint_bytes_t){start, sizeof start});
    stint_write_raw (&s_writer, (stint_bytes_t){(const uint8_t *) map, size});
    return s_decode (message);
}

#define DECODE(message, command, map) s_decode_map (message, command, map, sizeof map - 1)

Test (wire, every_number_field_comes_back)
{
    static const char letters [] = "rpsbwickaduyzxl";
    stint_wire_begin (&s_writer, STP_ACCEPTED, sizeof letters - 1);
    for (size_t index = 0; index < sizeof letters - 1; index++)
        stint_wire_number (&s_writer, letters [index], UINT64_MAX - index);
    stint_message_t message;
    cr_assert_eq (s_decode (&message), STINT_WIRE_OK);
    const uint64_t values [] = {message.request, message.producer,  message.sequence,
                                message.batch,   message.worker,    message.id,
                                message.count,   message.cursor,    message.after,
                                message.delay,   message.heartbeat, message.liveness,
                                message.backlog, message.state,     message.bytes};
    for (size_t index = 0; index < sizeof letters - 1; index++) {
        cr_assert_eq (values [index], UINT64_MAX - index, "%c", letters [index]);
        cr_assert (stint_wire_has (&message, letters [index]));
    }
    cr_assert (!stint_wire_has (&message, 'g'));
}

Test (wire, every_text_field_comes_back)
{
    stint_wire_begin (&s_writer, STP_ERROR, 5);
    stint_wire_text (&s_writer, 'g', "resize");
    stint_wire_text (&s_writer, 'n', "desk/1");
    stint_wire_text (&s_writer, 'o', "set");
    stint_wire_text (&s_writer, 'e', "malformed");
    stint_wire_string (&s_writer, 'm', stint_bytes_of ("no"));
    stint_message_t message;
    cr_assert_eq (s_decode (&message), STINT_WIRE_OK);
    cr_assert (s_is (message.group, "resize"));
    cr_assert (s_is (message.name, "desk/1"));
    cr_assert (s_is (message.operation, "set"));
    cr_assert (s_is (message.error, "malformed"));
    cr_assert (s_is (message.text, "no"));
}

Test (wire, a_map_stays_packed)
{
    stint_wire_begin (&s_writer, STP_STATE, 2);
    stint_wire_number (&s_writer, 'r', 1);
    stint_wire_field (&s_writer, 'f');
    stint_write_map (&s_writer, 1);
    stint_write_text (&s_writer, "epoch");
    stint_write_number (&s_writer, 9);
    stint_message_t message;
    cr_assert_eq (s_decode (&message), STINT_WIRE_OK);
    stint_reader_t reader = stint_reader_of (message.fields);
    cr_assert_eq (stint_read_map (&reader), 1);
    cr_assert (s_is (stint_read_bytes (&reader), "epoch"));
    cr_assert_eq (stint_read_number (&reader), 9);
    cr_assert_eq (reader.at, reader.end);
}

//  Writes a message of that command with three elements, large numbers in all places, and
//  whatever else the command needs.

static void
s_write_list (stp_command_t command, const stint_item_t *item)
{
    stint_wire_begin (&s_writer, command, 8);
    static const char numbers [] = "rpswc";
    for (const char *letter = numbers; *letter; letter++)
        stint_wire_number (&s_writer, *letter, 7);
    stint_wire_text (&s_writer, 'g', "work");
    stint_wire_field (&s_writer, 'h');
    stint_write_array (&s_writer, 1);
    stint_write_text (&s_writer, "work");
    size_t list = stint_wire_list (&s_writer);
    for (int count = 0; count < 3; count++)
        stint_wire_put (&s_writer, command, item);
    stint_write_array_close (&s_writer, list, 3);
}

//  The members that a command's elements carry; the others stay zero.

static void
s_check_item (stp_command_t command, const stint_item_t *item, const stint_item_t *sent)
{
    bool task = command != STP_PUSH;
    bool fence = task && command != STP_OUTCOME;
    bool number = command == STP_TASK || command == STP_OUTCOME || command == STP_PROGRESS;
    bool verdict = command == STP_RESULT || command == STP_OUTCOME;
    bool body = command == STP_PUSH || number || verdict;
    cr_assert_eq (item->id, task ? sent->id : 0);
    cr_assert_eq (item->fence, fence ? sent->fence : 0);
    cr_assert_eq (item->number, number ? sent->number : 0);
    cr_assert_eq (item->verdict, verdict ? sent->verdict : 0);
    cr_assert_eq (item->attempts, command == STP_OUTCOME ? sent->attempts : 0);
    bool delay = command == STP_PUSH || command == STP_RESULT || command == STP_TASK;
    cr_assert_eq (item->delay, delay ? sent->delay : 0);
    cr_assert_eq (item->terms.size, command == STP_PUSH ? sent->terms.size : 0);
    cr_assert_eq (item->body.size, body ? sent->body.size : 0);
    if (body)
        cr_assert_eq (memcmp (item->body.data, sent->body.data, sent->body.size), 0);
}

static const stp_command_t s_lists [] = {STP_PUSH,   STP_TASK,   STP_RESULT,
                                         STP_READY,  STP_RETURN, STP_OUTCOME,
                                         STP_REVOKE, STP_STALE,  STP_PROGRESS};

#define LISTS (sizeof s_lists / sizeof s_lists [0])

Test (wire, the_elements_of_every_list_come_back)
{
    const stint_item_t sent = {.id = UINT64_MAX,
                               .fence = UINT64_MAX - 1,
                               .number = UINT32_MAX,
                               .verdict = 3,
                               .attempts = UINT32_MAX - 1,
                               .delay = UINT64_MAX - 2,
                               .body = stint_bytes_of ("hello")};
    for (size_t index = 0; index < LISTS; index++) {
        s_write_list (s_lists [index], &sent);
        stint_message_t message;
        cr_assert_eq (s_decode (&message), STINT_WIRE_OK);
        cr_assert_eq (message.list_count, 3);
        stint_item_t item;
        for (int count = 0; count < 3; count++) {
            cr_assert (stint_wire_next (&message, &item));
            s_check_item (s_lists [index], &item, &sent);
        }
        cr_assert (!stint_wire_next (&message, &item));
        cr_assert (!message.list.bad);
    }
}

//  Sends three large bodies that name these frames, in a message of so many payload frames,
//  and returns how many of them are understood.

static int
s_take_large (stp_command_t command, const size_t *named, size_t frame_count)
{
    static uint8_t large [3][STINT_INLINE_MAX + 1];
    stint_wire_begin (&s_writer, command, 3);
    stint_wire_number (&s_writer, 'r', 7);
    stint_wire_text (&s_writer, 'g', "work");
    size_t list = stint_wire_list (&s_writer);
    for (int index = 0; index < 3; index++) {
        stint_item_t item = {.body = {large [index], sizeof large [0]},
                             .frame = named [index]};
        stint_wire_put (&s_writer, command, &item);
    }
    stint_write_array_close (&s_writer, list, 3);
    cr_assert_lt (s_writer.size, 200);

    stint_bytes_t frames [4] = {stint_writer_bytes (&s_writer)};
    for (int index = 0; index < 3; index++)
        frames [index + 1] = (stint_bytes_t){large [index], sizeof large [0]};
    stint_message_t message;
    cr_assert_eq (stint_wire_decode (&message, frames, 1 + frame_count), STINT_WIRE_OK);
    stint_item_t item;
    int taken = 0;
    for (; stint_wire_next (&message, &item); taken++) {
        cr_assert_eq (item.body.data, large [taken]);
        cr_assert_eq (item.frame, (size_t) taken + 1);
    }
    cr_assert_eq (message.list.bad, taken < 3);
    return taken;
}

Test (wire, a_large_body_is_the_number_of_its_frame)
{
    static const stp_command_t commands [] = {STP_TASK, STP_RESULT, STP_OUTCOME};
    static const size_t in_order [] = {1, 2, 3};
    static const size_t twice [] = {1, 1, 2};
    static const size_t swapped [] = {1, 3, 2};
    for (int index = 0; index < 3; index++) {
        cr_assert_eq (s_take_large (commands [index], in_order, 3), 3);
        cr_assert_eq (s_take_large (commands [index], in_order, 2), 2);
        cr_assert_eq (s_take_large (commands [index], in_order, 0), 0);
        cr_assert_eq (s_take_large (commands [index], twice, 3), 1);
        cr_assert_eq (s_take_large (commands [index], swapped, 3), 1);
    }
}

Test (wire, the_largest_body_in_the_header_stays_there)
{
    static uint8_t body [STINT_INLINE_MAX];
    const stint_item_t sent = {.body = {body, sizeof body}};
    s_write_list (STP_PUSH, &sent);
    stint_message_t message;
    stint_item_t item;
    cr_assert_eq (s_decode (&message), STINT_WIRE_OK);
    cr_assert (stint_wire_next (&message, &item));
    cr_assert_eq (item.body.size, sizeof body);
    cr_assert_eq (item.frame, 0);
}

#define PUSHED(list) "\x85\xa1r\1\xa1g\xa1w\xa1p\1\xa1s\1\xa1t" list

Test (wire, a_body_may_be_nil_text_or_bytes_and_nothing_else)
{
    stint_message_t message;
    stint_item_t item;
    cr_assert_eq (DECODE (&message, STP_PUSH, PUSHED ("\x93\xc0\xa2hi\xc4\1x")),
                  STINT_WIRE_OK);
    cr_assert (stint_wire_next (&message, &item) && item.body.size == 0);
    cr_assert (stint_wire_next (&message, &item) && s_is (item.body, "hi"));
    cr_assert (stint_wire_next (&message, &item) && s_is (item.body, "x"));
    static const char others [][3] = {"\x91\xc3", "\x91\x80", "\x91\x00", "\x91\xff"};
    for (size_t index = 0; index < 4; index++) {
        char map [32];
        size_t size = sizeof PUSHED ("") - 1;
        memcpy (map, PUSHED (""), size);
        memcpy (map + size, others [index], 2);
        cr_assert_eq (s_decode_map (&message, STP_PUSH, map, size + 2), STINT_WIRE_OK);
        cr_assert (!stint_wire_next (&message, &item));
        cr_assert (message.list.bad);
    }
}

Test (wire, missing_values_are_zero_and_further_ones_ignored)
{
    stint_message_t message;
    stint_item_t item;
    cr_assert_eq (DECODE (&message, STP_RESULT,
                          "\x82\xa1r\1\xa1t\x93\x91\5\x90\x97\1\2\3\xc0\4\x91\7\6"),
                  STINT_WIRE_OK);
    cr_assert (stint_wire_next (&message, &item));
    cr_assert_eq (item.id, 5);
    cr_assert_eq (item.fence, 0);
    cr_assert_eq (item.body.size, 0);
    cr_assert (stint_wire_next (&message, &item));
    cr_assert_eq (item.id, 0);
    cr_assert (stint_wire_next (&message, &item));
    cr_assert_eq (item.delay, 4);
    cr_assert (!stint_wire_next (&message, &item));
    cr_assert (!message.list.bad);
}

Test (wire, an_element_of_another_type_is_bad)
{
    stint_message_t message;
    stint_item_t item;
    static const char maps [][12] = {"\x81\xa1t\x91\5", "\x81\xa1t\x91\x92\xa1x\1",
                                     "\x81\xa1t\x91\x92\xff\1"};
    for (size_t index = 0; index < 3; index++) {
        cr_assert_eq (
            s_decode_map (&message, STP_RETURN, maps [index], strlen (maps [index])),
            STINT_WIRE_OK);
        cr_assert (!stint_wire_next (&message, &item));
        cr_assert (message.list.bad);
    }
}

Test (wire, names_of_groups_are_taken_one_by_one)
{
    stint_message_t message;
    stint_bytes_t group;
    const stint_item_t nothing = {.id = 1};
    s_write_list (STP_READY, &nothing);
    cr_assert_eq (s_decode (&message), STINT_WIRE_OK);
    cr_assert_eq (message.groups_count, 1);
    cr_assert (stint_wire_next_group (&message, &group) && s_is (group, "work"));
    cr_assert (!stint_wire_next_group (&message, &group));
    cr_assert (!message.groups.bad);
    cr_assert_eq (DECODE (&message, STP_READY,
                          "\x84\xa1r\1\xa1w\1\xa1"
                          "c\1\xa1h\x92\xa1x\xa1/"),
                  STINT_WIRE_OK);
    cr_assert (stint_wire_next_group (&message, &group));
    cr_assert (!stint_wire_next_group (&message, &group));
    cr_assert (message.groups.bad);
}

Test (wire, names_have_letters_that_everybody_can_type)
{
    static const char *const good [] = {"a", "Z9", "a.b-c_d", "_", "0"};
    static const char *const bad [] = {"", ".a", "-a", "a b", "a/b", "\xc3\xa4", "a\n"};
    for (size_t index = 0; index < 5; index++)
        cr_assert (stint_wire_name_valid (stint_bytes_of (good [index])));
    for (size_t index = 0; index < 7; index++)
        cr_assert (!stint_wire_name_valid (stint_bytes_of (bad [index])));
    char name [STINT_GROUP_MAX + 2];
    memset (name, 'x', sizeof name);
    cr_assert (stint_wire_name_valid ((stint_bytes_t){(uint8_t *) name, STINT_GROUP_MAX}));
    cr_assert (
        !stint_wire_name_valid ((stint_bytes_t){(uint8_t *) name, STINT_GROUP_MAX + 1}));
}

Test (wire, what_is_not_stp_is_foreign_and_another_version_is_told)
{
    stint_message_t message;
    stint_bytes_t frame = stint_bytes_of ("GET / HTTP/1.1");
    cr_assert_eq (stint_wire_decode (&message, &frame, 1), STINT_WIRE_FOREIGN);
    cr_assert_eq (stint_wire_decode (&message, &frame, 0), STINT_WIRE_FOREIGN);
    frame = (stint_bytes_t){NULL, 0};
    cr_assert_eq (stint_wire_decode (&message, &frame, 1), STINT_WIRE_FOREIGN);
    frame = stint_bytes_of ("STP\1");
    cr_assert_eq (stint_wire_decode (&message, &frame, 1), STINT_WIRE_FOREIGN);
    frame = stint_bytes_of ("STP\2A");
    cr_assert_eq (stint_wire_decode (&message, &frame, 1), STINT_WIRE_VERSION_BAD);
    frame = stint_bytes_of ("STP\1A");
    cr_assert_eq (stint_wire_decode (&message, &frame, 1), STINT_WIRE_OK);
    frame = stint_bytes_of ("STP\1\x7f");
    cr_assert_eq (stint_wire_decode (&message, &frame, 1), STINT_WIRE_UNKNOWN);
}

Test (wire, keys_that_nobody_knows_are_passed_over_and_none_comes_twice)
{
    stint_message_t message;
    cr_assert_eq (DECODE (&message, STP_CREDIT,
                          "\x83\xa1J\x91\1\xa4more\1\xa1"
                          "c\5"),
                  STINT_WIRE_OK);
    cr_assert_eq (message.count, 5);
    cr_assert_eq (DECODE (&message, STP_CREDIT,
                          "\x82\xa1"
                          "c\5\xa1"
                          "c\5"),
                  STINT_WIRE_MALFORMED);
    cr_assert_eq (DECODE (&message, STP_CREDIT,
                          "\x82\xa1"
                          "c\5\1\1"),
                  STINT_WIRE_MALFORMED);
    cr_assert_eq (DECODE (&message, STP_CREDIT, "\x91\5"), STINT_WIRE_MALFORMED);
    cr_assert_eq (DECODE (&message, STP_CREDIT,
                          "\x81\xa1"
                          "c\5\5"),
                  STINT_WIRE_MALFORMED);
    cr_assert_eq (DECODE (&message, STP_CREDIT,
                          "\x81\xa1"
                          "c"),
                  STINT_WIRE_MALFORMED);
    cr_assert_eq (DECODE (&message, STP_CREDIT,
                          "\x81\xa1"
                          "c\xa1"
                          "5"),
                  STINT_WIRE_MALFORMED);
    cr_assert_eq (DECODE (&message, STP_CREDIT,
                          "\x82\xa1"
                          "c\5\xa1t\x91\x92\1\1"),
                  STINT_WIRE_MALFORMED);
}

//  ---------------------------------------------------------------------------------
//  Limits

static stint_wire_status_t
s_decode_refs (uint32_t count)
{
    stint_wire_begin (&s_writer, STP_RETURN, 1);
    size_t list = stint_wire_list (&s_writer);
    const stint_item_t item = {.id = UINT64_MAX, .fence = UINT64_MAX};
    for (uint32_t index = 0; index < count; index++)
        stint_wire_put (&s_writer, STP_RETURN, &item);
    stint_write_array_close (&s_writer, list, count);
    stint_message_t message;
    return s_decode (&message);
}

Test (wire, a_list_has_at_most_4096_elements)
{
    cr_assert_eq (s_decode_refs (STINT_LIST_MAX), STINT_WIRE_OK);
    cr_assert_eq (s_decode_refs (STINT_LIST_MAX + 1), STINT_WIRE_MALFORMED);
}

Test (wire, a_full_list_may_have_elements_with_values_of_the_future)
{
    stint_wire_begin (&s_writer, STP_RESULT, 2);
    stint_wire_number (&s_writer, 'r', 1);
    size_t list = stint_wire_list (&s_writer);
    for (int index = 0; index < STINT_LIST_MAX; index++) {
        stint_write_array (&s_writer, 9);
        for (int value = 0; value < 9; value++)
            value == 3 ? stint_write_nil (&s_writer) : stint_write_number (&s_writer, 1);
    }
    stint_write_array_close (&s_writer, list, STINT_LIST_MAX);
    stint_message_t message;
    cr_assert_eq (s_decode (&message), STINT_WIRE_OK);
}

Test (wire, an_answer_may_tell_of_a_thousand_tasks)
{
    stint_wire_begin (&s_writer, STP_STATE, 2);
    stint_wire_number (&s_writer, 'r', 1);
    stint_wire_field (&s_writer, 'f');
    stint_write_map (&s_writer, 1);
    stint_write_text (&s_writer, "tasks");
    stint_write_array (&s_writer, 1000);
    for (int task = 0; task < 1000; task++) {
        stint_write_map (&s_writer, 16);
        for (int field = 0; field < 16; field++) {
            stint_write_text (&s_writer, "attempts");
            stint_write_number (&s_writer, UINT64_MAX);
        }
    }
    stint_message_t message;
    cr_assert_eq (s_decode (&message), STINT_WIRE_OK);
}

static stint_wire_status_t
s_decode_frames (size_t frame_count, size_t size)
{
    stint_bytes_t *frames = calloc (frame_count, sizeof *frames);
    uint8_t *payload = calloc (1, size);
    frames [0] = stint_bytes_of ("STP\1A");
    for (size_t index = 1; index < frame_count; index++)
        frames [index] = (stint_bytes_t){payload, size};
    stint_message_t message;
    stint_wire_status_t status = stint_wire_decode (&message, frames, frame_count);
    free (payload);
    free (frames);
    return status;
}

Test (wire, frames_are_limited_in_number_and_size)
{
    cr_assert_eq (s_decode_frames (STINT_FRAMES_MAX, 1), STINT_WIRE_OK);
    cr_assert_eq (s_decode_frames (STINT_FRAMES_MAX + 1, 1), STINT_WIRE_MALFORMED);
    cr_assert_eq (s_decode_frames (2, STINT_PAYLOAD_MAX), STINT_WIRE_OK);
    cr_assert_eq (s_decode_frames (2, STINT_PAYLOAD_MAX + 1), STINT_WIRE_MALFORMED);
}

static stint_wire_status_t
s_decode_text (size_t size)
{
    uint8_t *text = calloc (1, size);
    stint_wire_begin (&s_writer, STP_BYE, 1);
    stint_wire_string (&s_writer, 'm', (stint_bytes_t){text, size});
    free (text);
    stint_message_t message;
    return s_decode (&message);
}

Test (wire, a_header_has_at_most_a_mebibyte)
{
    size_t around = 5 + 1 + 2 + 5;  //  Magic, map, key, length
    cr_assert_eq (s_decode_text (STINT_HEADER_MAX - around), STINT_WIRE_OK);
    cr_assert_eq (s_decode_text (STINT_HEADER_MAX - around + 1), STINT_WIRE_MALFORMED);
}

Test (wire, a_worker_serves_at_most_sixteen_groups)
{
    for (uint32_t count = 15; count <= 17; count++) {
        stint_wire_begin (&s_writer, STP_READY, 4);
        stint_wire_number (&s_writer, 'r', 1);
        stint_wire_number (&s_writer, 'w', 1);
        stint_wire_number (&s_writer, 'c', 1);
        stint_wire_field (&s_writer, 'h');
        stint_write_array (&s_writer, count);
        for (uint32_t index = 0; index < count; index++)
            stint_write_text (&s_writer, "x");
        stint_message_t message;
        cr_assert_eq (s_decode (&message),
                      count > STINT_GROUPS_MAX ? STINT_WIRE_MALFORMED : STINT_WIRE_OK);
    }
}
