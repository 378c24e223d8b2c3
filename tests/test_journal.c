//  test_journal: blocks, their checksums, what is live in them, and what may go
//  SPDX-License-Identifier: MPL-2.0

#include "core_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static journal_t *s_journal;

static void
s_begin (void)
{
    s_journal = journal_new (1 << 20);
    journal_start (s_journal, 3);
    journal_mark (s_journal, 1000, 7);
}

static void
s_end (void)
{
    journal_destroy (&s_journal);
}

TestSuite (journal, .init = s_begin, .fini = s_end);

//  Writes bytes as a record would be, and holds them.

static journal_place_t
s_write (size_t size, char letter)
{
    stint_writer_t *out = journal_begin (s_journal, size);
    journal_place_t place = {journal_open (s_journal), (uint32_t) out->size,
                             (uint32_t) size};
    memset (out->data + out->size, letter, size);
    out->size += size;
    journal_end (s_journal);
    journal_hold (s_journal, place);
    return place;
}

//  Seals and takes the next block; the bytes live until it is durable.

static stint_bytes_t
s_seal (uint64_t number)
{
    uint64_t taken;
    stint_bytes_t block;
    journal_seal (s_journal, 1000, 7);
    cr_assert (journal_take (s_journal, &taken, &block));
    cr_assert_eq (taken, number);
    return block;
}

//  One block of that many bytes, durable at once.

static journal_place_t
s_block (size_t size)
{
    journal_place_t place = s_write (size, 'x');
    s_seal (place.block);
    journal_durable (s_journal, place.block);
    return place;
}

//  ---------------------------------------------------------------------------------
//  Blocks

Test (journal, a_block_says_who_wrote_it_and_when)
{
    s_write (10, 'x');
    stint_bytes_t block = s_seal (1);
    journal_header_t header;
    cr_assert_null (journal_check (block, &header));
    cr_assert_eq (header.number, 1);
    cr_assert_eq (header.epoch, 3);
    cr_assert_eq (header.time, 1000);
    cr_assert_eq (header.next_id, 7);
    cr_assert_eq (block.size, JOURNAL_HEADER + 10);
}

Test (journal, no_bit_of_a_block_may_change)
{
    s_write (100, 'x');
    stint_bytes_t block = s_seal (1);
    uint8_t *copy = malloc (block.size);
    memcpy (copy, block.data, block.size);
    journal_header_t header;
    for (size_t bit = 0; bit < block.size * 8; bit++) {
        copy [bit / 8] ^= (uint8_t) (1u << bit % 8);
        if (!journal_check ((stint_bytes_t){copy, block.size}, &header))
            cr_assert_fail ("bit %zu", bit);
        copy [bit / 8] ^= (uint8_t) (1u << bit % 8);
    }
    free (copy);
}

Test (journal, a_block_that_is_torn_or_longer_is_refused)
{
    s_write (100, 'x');
    stint_bytes_t block = s_seal (1);
    uint8_t *copy = calloc (1, block.size + 1);
    memcpy (copy, block.data, block.size);
    journal_header_t header;
    for (size_t size = 0; size < block.size; size++) {
        if (!journal_check ((stint_bytes_t){copy, size}, &header))
            cr_assert_fail ("%zu bytes", size);
    }
    cr_assert (journal_check ((stint_bytes_t){copy, block.size + 1}, &header));
    copy [7] = '2';
    cr_assert (
        strstr (journal_check ((stint_bytes_t){copy, block.size}, &header), "version"));
    free (copy);
}

Test (journal, nothing_is_sealed_when_nothing_was_written)
{
    journal_begin (s_journal, 50);
    journal_seal (s_journal, 1000, 7);
    uint64_t number;
    stint_bytes_t block;
    cr_assert_not (journal_take (s_journal, &number, &block));
    cr_assert_eq (journal_gate (s_journal), 0);
    s_write (1, 'x');
    cr_assert_eq (journal_gate (s_journal), 1);
    s_seal (1);
    cr_assert_eq (journal_gate (s_journal), 1);
}

Test (journal, a_block_that_is_full_is_sealed_and_a_large_record_gets_one_of_its_own)
{
    s_write (JOURNAL_BLOCK / 2, 'a');
    journal_place_t second = s_write (JOURNAL_BLOCK / 2, 'b');
    cr_assert_eq (second.block, 2);
    journal_place_t large = s_write (3 * JOURNAL_BLOCK, 'c');
    cr_assert_eq (large.block, 3);
    cr_assert_eq (s_seal (1).size, JOURNAL_HEADER + JOURNAL_BLOCK / 2);
    s_seal (2);
    cr_assert_eq (s_seal (3).size, JOURNAL_HEADER + 3 * JOURNAL_BLOCK);

    //  An open block in which nothing stands yet makes room for a larger one
    journal_begin (s_journal, 1);
    cr_assert_eq (s_write (2 * JOURNAL_BLOCK, 'd').block, 4);
}

Test (journal, totals_tell_what_waits_for_the_disk)
{
    s_write (100, 'x');
    cr_assert_eq (journal_totals (s_journal).waiting, JOURNAL_HEADER + 100);
    cr_assert_eq (journal_totals (s_journal).bytes, 0);
    s_seal (1);
    journal_totals_t totals = journal_totals (s_journal);
    cr_assert_eq (totals.waiting, JOURNAL_HEADER + 100);
    cr_assert_eq (totals.bytes, JOURNAL_HEADER + 100);
    cr_assert_eq (totals.live, 100 + JOURNAL_OVERHEAD);
    cr_assert_eq (totals.blocks, 1);
    cr_assert_eq (totals.memory, 0);
    cr_assert_not (journal_is_durable (s_journal, 1));
    journal_durable (s_journal, 1);
    totals = journal_totals (s_journal);
    cr_assert_eq (totals.waiting, 0);
    cr_assert_eq (totals.memory, JOURNAL_HEADER + 100);
    cr_assert (journal_is_durable (s_journal, 1));
}

Test (journal, it_goes_on_behind_the_blocks_that_it_adopted)
{
    for (uint64_t number = 5; number < 100; number++)
        journal_adopt (s_journal, number, 200);
    cr_assert_eq (journal_totals (s_journal).blocks, 95);
    cr_assert_eq (journal_size (s_journal, 5), 200);
    cr_assert_eq (s_block (10).block, 100);
    cr_assert_null (journal_bytes (s_journal, (journal_place_t){7, 60, 3}).data);
}

//  ---------------------------------------------------------------------------------
//  Memory

Test (journal, bytes_are_there_from_the_open_block_to_the_durable_one)
{
    journal_place_t place = s_write (100, 'x');
    journal_place_t other = s_write (JOURNAL_BLOCK, 'y');
    cr_assert_eq (journal_bytes (s_journal, place).data [99], 'x');
    cr_assert_eq (journal_bytes (s_journal, other).data [99], 'y');
    s_seal (1);
    s_seal (2);
    cr_assert_eq (journal_bytes (s_journal, place).data [0], 'x');
    journal_durable (s_journal, 2);
    cr_assert_eq (journal_bytes (s_journal, place).data [0], 'x');
}

Test (journal, the_newest_durable_blocks_leave_memory_first)
{
    journal_place_t places [5];
    for (size_t index = 0; index < 5; index++)
        places [index] = s_block (300000);
    cr_assert (journal_bytes (s_journal, places [0]).data);
    cr_assert (journal_bytes (s_journal, places [2]).data);
    cr_assert_null (journal_bytes (s_journal, places [3]).data);
    cr_assert_null (journal_bytes (s_journal, places [4]).data);
    cr_assert_leq (journal_totals (s_journal).memory, 1 << 20);
}

Test (journal, a_block_comes_back_into_memory_and_others_leave)
{
    uint8_t *copy = NULL;
    stint_bytes_t block = {NULL, 0};
    journal_place_t places [5];
    for (size_t index = 0; index < 5; index++) {
        places [index] = s_write (300000, (char) ('a' + index));
        block = s_seal (index + 1);
        if (index == 4) {
            copy = malloc (block.size);
            memcpy (copy, block.data, block.size);
        }
        journal_durable (s_journal, index + 1);
    }
    cr_assert_null (journal_bytes (s_journal, places [4]).data);
    stint_bytes_t stored = {copy, block.size};
    cr_assert (journal_load (s_journal, 4, stored));
    cr_assert (journal_load (s_journal, 5, (stint_bytes_t){NULL, 0}));
    cr_assert (journal_load (s_journal, 5, (stint_bytes_t){copy, 100}));
    cr_assert_null (journal_load (s_journal, 5, stored));
    cr_assert_eq (journal_bytes (s_journal, places [4]).data [7], 'e');
    cr_assert_leq (journal_totals (s_journal).memory, 1 << 20);
    free (copy);
}

Test (journal, memory_that_somebody_holds_outlives_its_block)
{
    journal_place_t place = s_block (1000);
    stint_bytes_t bytes = journal_bytes (s_journal, place);
    journal_memory_t *memory = journal_keep (s_journal, place);
    cr_assert (memory);
    journal_drop (s_journal, place);
    cr_assert_null (journal_bytes (s_journal, place).data);
    cr_assert_null (journal_keep (s_journal, place));
    for (size_t count = 0; count < 20; count++)
        s_block (1000);
    cr_assert_eq (bytes.data [999], 'x');
    journal_release (memory);
    journal_release (NULL);
    s_write (10, 'y');
    memory = journal_keep (s_journal, (journal_place_t){journal_open (s_journal), 60, 1});
    journal_durable (s_journal, 21);
    journal_destroy (&s_journal);
    journal_release (memory);
    journal_destroy (&s_journal);
}

//  ---------------------------------------------------------------------------------
//  What may go

Test (journal, a_block_in_which_nothing_is_live_may_go_when_that_is_durable)
{
    journal_place_t first = s_block (1000);
    s_block (1000);
    cr_assert_eq (journal_oldest (s_journal), 0);
    journal_drop (s_journal, first);
    cr_assert (journal_empty (s_journal, 1));
    cr_assert_eq (journal_oldest (s_journal), 1);
    s_write (1, 'x');
    journal_moved (s_journal, 1);
    cr_assert_eq (journal_oldest (s_journal), 0);
    cr_assert_eq (journal_trim (s_journal), 0);
    s_seal (3);
    cr_assert_eq (journal_trim (s_journal), 0);
    journal_durable (s_journal, 3);
    cr_assert_eq (journal_trim (s_journal), 1);
    cr_assert_eq (journal_trim (s_journal), 0);
    cr_assert_eq (journal_totals (s_journal).blocks, 2);
}

Test (journal, a_block_is_copied_forward_when_there_is_more_garbage_than_slack_and_live)
{
    journal_set_slack (s_journal, 5000);
    s_block (100);
    for (int count = 0; count < 40; count++)
        journal_drop (s_journal, s_block (200));
    uint64_t bytes = journal_totals (s_journal).bytes;
    uint64_t live = journal_totals (s_journal).live;
    cr_assert_gt (bytes, 2 * live + 5000);
    cr_assert_eq (journal_oldest (s_journal), 1);
    journal_set_slack (s_journal, 20000);
    cr_assert_eq (journal_oldest (s_journal), 0);
}

Test (journal, blocks_that_are_about_to_go_count_no_more)
{
    journal_set_slack (s_journal, 1000);
    journal_place_t places [10];
    for (size_t index = 0; index < 10; index++)
        places [index] = s_block (1000);
    for (size_t index = 1; index < 10; index += 2)
        journal_drop (s_journal, places [index]);
    journal_drop (s_journal, places [2]);
    size_t moved = 0;
    uint64_t oldest;
    while ((oldest = journal_oldest (s_journal)) != 0) {
        if (!journal_empty (s_journal, oldest)) {
            journal_drop (s_journal, places [oldest - 1]);
            s_write (1000, 'y');
            moved++;
        }
        journal_moved (s_journal, oldest);
    }
    cr_assert_lt (moved, 3);
}

//  A small store has to hold the copies and what they are of.

Test (journal, what_was_copied_has_to_go_before_much_more_is)
{
    journal_set_slack (s_journal, 1500);
    journal_place_t places [4];
    for (size_t index = 0; index < 4; index++)
        places [index] = s_block (1000);
    for (int count = 0; count < 40; count++)
        journal_drop (s_journal, s_block (1000));
    for (uint64_t number = 1; number <= 2; number++) {
        cr_assert_eq (journal_oldest (s_journal), number);
        journal_drop (s_journal, places [number - 1]);
        s_write (1000, 'y');
        journal_moved (s_journal, number);
    }
    cr_assert_eq (journal_oldest (s_journal), 0);
    uint64_t last = journal_gate (s_journal);
    s_seal (last);
    journal_durable (s_journal, last);
    cr_assert_eq (journal_trim (s_journal), 2);
    cr_assert_eq (journal_oldest (s_journal), 3);
}

Test (journal, no_more_trims_wait_than_there_is_room_for)
{
    journal_place_t places [100];
    for (size_t index = 0; index < 100; index++)
        places [index] = s_block (10);
    size_t waits = 0;
    for (size_t index = 0; index < 100; index++) {
        journal_drop (s_journal, places [index]);
        uint64_t oldest = journal_oldest (s_journal);
        if (!oldest)
            break;
        waits++;
        s_write (10, 'x');
        journal_moved (s_journal, oldest);
        journal_seal (s_journal, 1, 1);
    }
    cr_assert (waits > 10 && waits < 100);
}

//  Tasks go through while one stays for ever: the store is bounded all the same.

Test (journal, one_old_task_does_not_make_the_store_grow, .init = NULL, .fini = NULL)
{
    enum {
        ROUNDS = 1000,
        TASKS = 100,
        SLACK = 200000
    };
    rig_t *rig = rig_new (NULL);
    rig->slack = SLACK;
    journal_set_slack (core_journal (rig->core), SLACK);
    uint32_t client = rig_open (rig);
    uint32_t worker = rig_open (rig);
    rig_push (rig, client, "old", 1, 1, "this one is never done");
    rig_set (rig, client, "bread", "keep_results", 1);
    rig_ready (rig, worker, 1, "bread", TASKS);
    uint64_t most = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        rig_push (rig, client, "bread", 2 + round * TASKS, TASKS, "a hundred of these");
        rig_begin (rig, STP_RESULT, 2);
        rig_number (rig, 'r', round);
        rig_list (rig);
        const rig_said_t *said;
        while ((said = rig_hear (rig, worker, STP_TASK)) != NULL)
            rig_item (rig, STP_RESULT,
                      &(stint_item_t){.id = said->reply.id,
                                      .fence = said->reply.fence,
                                      .body = stint_bytes_of ("a loaf")});
        rig_send (rig, worker);
        rig_begin (rig, STP_HEARTBEAT, 0);
        rig_send (rig, client);
        rig_pass (rig, CORE_SWEEP_MS);
        rig_deaf (rig);
        journal_totals_t totals = journal_totals (core_journal (rig->core));
        uint64_t over = totals.bytes - 2 * totals.live;
        most = totals.bytes > 2 * totals.live && over > most ? over : most;
    }
    cr_assert_eq (core_totals (rig->core).tasks, 1);
    cr_assert_leq (most, SLACK + 4 * 20000, "%lu bytes too many", most);
    cr_assert_gt (rig->trimmed, ROUNDS / 2);
    rig_crash (rig, rig->sealed);
    cr_assert_eq (rig_task (rig, 1)->state, STINT_READY);
    core_audit (rig->core);
    rig_destroy (&rig);
}
