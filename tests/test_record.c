//  test_record: what is written is read again, to the byte, and nonsense is refused
//  SPDX-License-Identifier: MPL-2.0

#include "record.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN "tests/golden/records.hex"

static stint_bytes_t
s_text (const char *text)
{
    return (stint_bytes_t){(const uint8_t *) text, strlen (text)};
}

//  A record of a kind, all of whose members have values of their own.

static record_t
s_record (record_kind_t kind)
{
    record_t record = {
        .kind = kind,
        .id = 4711,
        .fence = (uint64_t) 3 << 40 | 17,
        .further = 9,
        .producer = 0xfedcba9876543210u,
        .sequence = 70000,
        .batch = 12,
        .group = 3,
        .number = 200,
        .position = 65,
        .state = STINT_DEAD,
        .attempts = 5,
        .failures = 4,
        .lost = 1,
        .pushed = 300,
        .done = 60,
        .dead = 2,
        .cancelled = 3,
        .again = 1,
        .level = 7200000,
        .key_level = 3600000,
        .at = 1700000000000,
        .until = 1700000060000,
        .name = s_text ("bread"),
        .payload = s_text ("flour and water"),
        .result = s_text ("a loaf"),
        .settings = {{1000, 1 << 20, 5, 250, 60000, 86400000, 40, 3, 1, 1, 2, 9000, 36000,
                      20, 600, 5}},
        .by = s_text ("ann"),
        .schedule = {{241, 2, 1, 1700000070000, 1700000050000, 4700, 8, 9, 1}},
        .terms = {.list = {7, 3, 30000, 60000, 90000}},
        .recent_count = 2};
    record.terms.key = s_text ("ann");
    record.terms.order = s_text ("cart 5");
    record.recent [0] = (record_push_t){69000, 3000, 1000};
    record.recent [1] = (record_push_t){70000, 4000, 1};
    return record;
}

//  A PUSH of three tasks: one is delayed, one is empty.

static stint_message_t
s_push (stint_writer_t *out, uint64_t delay)
{
    stint_wire_begin (out, STP_PUSH, 5);
    stint_wire_number (out, 'r', 1);
    stint_wire_text (out, 'g', "bread");
    stint_wire_number (out, 'p', 1);
    stint_wire_number (out, 's', 1);
    size_t where = stint_wire_list (out);
    stint_wire_put (out, STP_PUSH, &(stint_item_t){.body = s_text ("flour")});
    stint_wire_put (out, STP_PUSH,
                    &(stint_item_t){.body = s_text ("salt"), .delay = delay});
    stint_wire_put (out, STP_PUSH, &(stint_item_t){0});
    stint_write_array_close (out, where, 3);
    stint_bytes_t frame = stint_writer_bytes (out);
    stint_message_t message;
    cr_assert_eq (stint_wire_decode (&message, &frame, 1), STINT_WIRE_OK);
    return message;
}

//  Writes a record and returns its bytes, which live as long as the journal.

static stint_bytes_t
s_write (journal_t *journal, record_t *record)
{
    stint_writer_t out = {NULL, 0, 0};
    stint_message_t message = s_push (&out, 9000);
    bool pushed = record->kind == RECORD_PUSHED;
    size_t before = journal_begin (journal, 0)->size;
    cr_assert (record_write (record, journal, pushed ? &message : NULL));
    size_t after = journal_begin (journal, 0)->size;
    stint_writer_clear (&out);
    return (stint_bytes_t){journal_open_data (journal) + before, after - before};
}

static bool
s_same (stint_bytes_t one, stint_bytes_t other)
{
    return one.size == other.size && memcmp (one.data, other.data, one.size) == 0;
}

static record_t
s_read (stint_bytes_t bytes)
{
    record_t record;
    stint_reader_t reader = stint_reader_of (bytes);
    cr_assert_eq (record_read (&record, &reader), 1);
    record_t none;
    cr_assert_eq (record_read (&none, &reader), 0);
    return record;
}

Test (record, every_kind_comes_back_as_it_was_written)
{
    journal_t *journal = journal_new (0);
    for (record_kind_t kind = RECORD_GROUP; kind <= RECORD_TIMETABLE_RUN; kind++) {
        record_t written = s_record (kind);
        stint_bytes_t bytes = s_write (journal, &written);
        record_t read = s_read (bytes);
        cr_assert_eq (read.kind, kind);

        //  What is read and written again has the same bytes, so nothing was lost
        if (kind == RECORD_PUSHED || kind == RECORD_TIMETABLE_RUN)
            continue;
        char copy [1024];
        memcpy (copy, bytes.data, bytes.size);
        stint_bytes_t again = s_write (journal, &read);
        cr_assert (s_same ((stint_bytes_t){(uint8_t *) copy, bytes.size}, again), "%s",
                   record_name (kind));
    }
    journal_destroy (&journal);
}

Test (record, a_kept_task_brings_all_of_a_task)
{
    journal_t *journal = journal_new (0);
    record_t written = s_record (RECORD_KEPT_TASK);
    record_t read = s_read (s_write (journal, &written));
    cr_assert_eq (read.id, 4711);
    cr_assert_eq (read.fence, written.fence);
    cr_assert_eq (read.group, 3);
    cr_assert_eq (read.batch, 12);
    cr_assert_eq (read.number, 200);
    cr_assert_eq (read.at, written.at);
    cr_assert_eq (read.until, written.until);
    cr_assert_eq (read.state, STINT_DEAD);
    cr_assert_eq (read.attempts, 5);
    cr_assert_eq (read.failures, 4);
    cr_assert_eq (read.lost, 1);
    cr_assert_eq (read.position, 65);
    cr_assert (s_same (read.payload, s_text ("flour and water")));
    cr_assert (s_same (read.result, s_text ("a loaf")));
    journal_destroy (&journal);
}

Test (record, a_run_of_a_schedule_brings_one_task)
{
    journal_t *journal = journal_new (0);
    record_t written = s_record (RECORD_TIMETABLE_RUN);
    record_t read = s_read (s_write (journal, &written));
    record_item_t item;
    cr_assert_eq (read.item_count, 1);
    cr_assert (record_next (&read, &item));
    cr_assert (s_same (item.payload, s_text ("flour and water")));
    cr_assert_not (item.own);
    cr_assert_not (record_next (&read, &item));
    cr_assert_eq (read.terms.priority, 7);
    cr_assert_eq (read.schedule.ran, 1700000050000);
    cr_assert_eq (read.schedule.cut, 1);
    journal_destroy (&journal);
}

Test (record, the_tasks_of_a_push_come_with_their_delays)
{
    static const char *const bodies [] = {"flour", "salt", ""};
    static const int64_t delays [] = {0, 9000, 0};
    journal_t *journal = journal_new (0);
    record_t written = s_record (RECORD_PUSHED);
    record_t read = s_read (s_write (journal, &written));
    cr_assert_eq (read.item_count, 3);
    cr_assert_eq (read.producer, written.producer);
    record_item_t item;
    for (size_t index = 0; index < 3; index++) {
        cr_assert (record_next (&read, &item));
        cr_assert (s_same (item.payload, s_text (bodies [index])));
        cr_assert_eq (item.delay, delays [index]);
    }
    cr_assert_not (record_next (&read, &item));
    journal_destroy (&journal);
}

Test (record, a_push_with_an_endless_delay_leaves_nothing_behind)
{
    journal_t *journal = journal_new (0);
    stint_writer_t out = {NULL, 0, 0};
    stint_message_t message = s_push (&out, RECORD_SPAN_MAX + 1);
    record_t record = s_record (RECORD_PUSHED);
    cr_assert_not (record_write (&record, journal, &message));
    cr_assert_eq (journal_gate (journal), 0);
    stint_writer_clear (&out);
    journal_destroy (&journal);
}

Test (record, every_kind_has_a_name)
{
    for (record_kind_t kind = RECORD_GROUP; kind <= RECORD_TIMETABLE_RUN; kind++)
        cr_assert_str_neq (record_name (kind), "?");
    cr_assert_str_eq (record_name (RECORD_DONE), "DONE");
    cr_assert_str_eq (record_name ((record_kind_t) 0), "?");
    cr_assert_str_eq (record_name ((record_kind_t) 99), "?");
}

Test (record, settings_that_are_zero_are_not_taken_over)
{
    record_settings_t own = {{1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 9, 10, 11, 12, 13, 14}};
    record_settings_merge (&own, &(record_settings_t){.backoff = 9});
    cr_assert (record_settings_equal (
        &own, &(record_settings_t){{1, 2, 3, 9, 5, 6, 7, 8, 0, 0, 9, 10, 11, 12, 13, 14}}));
    cr_assert_not (record_settings_equal (
        &own, &(record_settings_t){{1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 9, 10, 11, 12, 13, 14}}));
}

//  ---------------------------------------------------------------------------------
//  The bytes of every kind, one line each. With GOLDEN=write in the environment they are
//  written anew, which breaks every store there is.

static void
s_hex (char *text, stint_bytes_t bytes)
{
    for (size_t index = 0; index < bytes.size; index++)
        snprintf (text + index * 2, 3, "%02x", bytes.data [index]);
}

Test (record, the_bytes_of_every_kind_are_what_they_always_were)
{
    const char *writes = getenv ("GOLDEN");
    FILE *file = fopen (GOLDEN, writes ? "w" : "r");
    cr_assert (file, "cannot open %s", GOLDEN);
    journal_t *journal = journal_new (0);
    for (record_kind_t kind = RECORD_GROUP; kind <= RECORD_TIMETABLE_RUN; kind++) {
        char hex [2048];
        char name [32];
        char golden [2048];
        record_t record = s_record (kind);
        s_hex (hex, s_write (journal, &record));
        if (writes)
            fprintf (file, "%s %s\n", record_name (kind), hex);
        else {
            cr_assert_eq (fscanf (file, "%31s %2047s", name, golden), 2);
            cr_assert_str_eq (name, record_name (kind));
            cr_assert_str_eq (hex, golden);
        }
    }
    fclose (file);
    journal_destroy (&journal);
}

//  ---------------------------------------------------------------------------------
//  What is broken

static int
s_read_all (const uint8_t *data, size_t size)
{
    //  A copy of its own, so that reading one byte too many is found
    uint8_t *copy = malloc (size + 1);
    memcpy (copy + 1, data, size);
    stint_reader_t reader = stint_reader_of ((stint_bytes_t){copy + 1, size});
    record_t record;
    int more = record_read (&record, &reader);
    record_item_t item;
    while (more == 1 && record_next (&record, &item)) {
        if (item.payload.size > size)
            cr_assert_fail ("a body that is larger than its record");
    }
    free (copy);
    return more;
}

Test (record, a_record_that_is_cut_is_refused)
{
    journal_t *journal = journal_new (0);
    for (record_kind_t kind = RECORD_GROUP; kind <= RECORD_TIMETABLE_RUN; kind++) {
        record_t record = s_record (kind);
        stint_bytes_t bytes = s_write (journal, &record);
        for (size_t size = 1; size < bytes.size; size++)
            cr_assert_eq (s_read_all (bytes.data, size), -1, "%s cut at %zu",
                          record_name (kind), size);
    }
    journal_destroy (&journal);
}

Test (record, a_byte_that_was_changed_crashes_nothing)
{
    journal_t *journal = journal_new (0);
    uint8_t copy [1024];
    for (record_kind_t kind = RECORD_GROUP; kind <= RECORD_TIMETABLE_RUN; kind++) {
        record_t record = s_record (kind);
        stint_bytes_t bytes = s_write (journal, &record);
        memcpy (copy, bytes.data, bytes.size);
        for (size_t index = 0; index < bytes.size; index++) {
            for (int value = 0; value < 256; value += 7) {
                copy [index] = (uint8_t) (bytes.data [index] ^ value);
                s_read_all (copy, bytes.size);
            }
            copy [index] = bytes.data [index];
        }
    }
    journal_destroy (&journal);
}

Test (record, what_announces_more_than_there_is_ends_at_once)
{
    static const uint8_t settings [] = {0x94, 0x01, 0x01, 0xa1, 'x',
                                        0xdd, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t items [] = {0x99, 0x03, 1,    1,    1,    1,    1,
                                     1,    1,    0xdd, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t values [] = {0xdd, 0xff, 0xff, 0xff, 0xff, 0x02, 0x01};
    static const uint8_t recent [] = {0x95, 0x12, 1, 1, 1, 0x94, 1, 1, 1, 1};
    static const uint8_t many [] = {0x95, 0x12, 1, 1, 1, 0xdc, 0, 27, 1, 1};
    static const uint8_t kind [] = {0x92, 0xcf, 0, 0, 0, 1, 0, 0, 0, 2, 1};
    static const uint8_t none [] = {0x90};
    static const uint8_t scalar [] = {0x05};
    cr_assert_eq (s_read_all (settings, sizeof settings), -1);
    cr_assert_eq (s_read_all (items, sizeof items), -1);
    cr_assert_eq (s_read_all (values, sizeof values), -1);
    cr_assert_eq (s_read_all (recent, sizeof recent), -1);
    cr_assert_eq (s_read_all (many, sizeof many), -1);
    cr_assert_eq (s_read_all (kind, sizeof kind), -1);
    cr_assert_eq (s_read_all (none, sizeof none), -1);
    cr_assert_eq (s_read_all (scalar, sizeof scalar), -1);
}

Test (record, elements_that_are_missing_are_zero_and_further_ones_are_passed_over)
{
    static const uint8_t few [] = {0x92, RECORD_STARTED, 9};
    static const uint8_t more [] = {0x94, RECORD_DROPPED, 9, 0xa1, 'x', 0x92, 1, 2};
    static const uint8_t settings [] = {
        0x94, RECORD_GROUP, 1, 0xa1, 'x', 0x9b, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 11};
    static const uint8_t older [] = {0x94, RECORD_GROUP, 1, 0xa1, 'x', 0x96, 1, 2, 3, 4, 5,
                                     6};
    record_t record = s_read ((stint_bytes_t){few, sizeof few});
    cr_assert_eq (record.id, 9);
    cr_assert_eq (record.fence, 0);
    record = s_read ((stint_bytes_t){more, sizeof more});
    cr_assert_eq (record.id, 9);
    record = s_read ((stint_bytes_t){settings, sizeof settings});
    cr_assert_eq (record.settings.keep_results, 6);
    cr_assert_eq (record.settings.paused, 1);
    cr_assert_eq (record.settings.draining, 1);
    cr_assert_eq (record.by.size, 0);
    record = s_read ((stint_bytes_t){older, sizeof older});
    cr_assert_eq (record.settings.keep_results, 6);
    cr_assert_eq (record.settings.max_running, 0);
    cr_assert_eq (record.settings.paused, 0);
}
