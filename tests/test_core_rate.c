//  test_core_rate: how many tasks of a group and of a key begin in a time
//  SPDX-License-Identifier: MPL-2.0

#include "core_audit.h"
#include "core_fixture.h"
#include "group_rates.h"

#include <criterion/criterion.h>
#include <stdio.h>

static rig_t *s_rig;
static uint32_t s_client;
static uint64_t s_sequence;     //  Of the next task
static stint_writer_t s_terms;  //  What it asks for

static void
s_begin (void)
{
    s_rig = rig_new (NULL);
    s_client = rig_open (s_rig);
    s_sequence = 1;
}

static void
s_end (void)
{
    core_audit (s_rig->core);
    rig_destroy (&s_rig);
    stint_writer_clear (&s_terms);
}

TestSuite (core_rate, .init = s_begin, .fini = s_end);

//  Pushes so many tasks of a key, or of none.

static void
s_push (uint32_t count, const char *key)
{
    s_terms.size = 0;
    stint_write_map (&s_terms, 1);
    stint_write_text (&s_terms, "key");
    stint_write_text (&s_terms, key);
    for (; count > 0; count--, s_sequence++) {
        rig_begin (s_rig, STP_PUSH, 5);
        rig_number (s_rig, 'r', s_sequence);
        rig_text (s_rig, 'g', "bread");
        rig_number (s_rig, 'p', 7);
        rig_number (s_rig, 's', s_sequence);
        rig_list (s_rig);
        rig_item (s_rig, STP_PUSH,
                  &(stint_item_t){.body = stint_bytes_of ("x"),
                                  .terms = stint_writer_bytes (&s_terms)});
        rig_send (s_rig, s_client);
    }
    rig_turn (s_rig);
}

//  Ends all tasks that a worker was given. Returns how many.

static uint32_t
s_do_all (uint32_t worker)
{
    uint32_t done = 0;
    const rig_said_t *said;
    while ((said = rig_hear (s_rig, worker, STP_TASK)) != NULL) {
        uint64_t id = said->reply.id, fence = said->reply.fence;
        rig_result (s_rig, worker, id, fence, 0, "result", 0);
        done++;
    }
    return done;
}

//  Lets time pass in steps, with a worker that ends all that it gets. Returns how many.

static uint32_t
s_do_for (uint32_t worker, int64_t span, int64_t step)
{
    uint32_t done = s_do_all (worker);
    for (; span > 0; span -= step) {
        rig_pass (s_rig, step);
        rig_beat (s_rig, worker);
        done += s_do_all (worker);
    }
    return done;
}

Test (core_rate, a_group_begins_its_burst_and_then_what_its_rate_says)
{
    rig_set (s_rig, s_client, "bread", "rate", 10 * 3600);
    rig_set (s_rig, s_client, "bread", "burst", 4);
    s_push (30, "");
    uint32_t worker = rig_worker (s_rig, 5, 8);
    cr_assert_eq (s_do_all (worker), 4);
    cr_assert_eq (s_do_for (worker, 1000, 50), 10);
    cr_assert_eq (s_do_for (worker, 500, 50), 5);
    core_audit (s_rig->core);
}

Test (core_rate, the_deadline_is_when_the_next_token_comes)
{
    rig_set (s_rig, s_client, "bread", "rate", 10 * 3600);
    rig_set (s_rig, s_client, "bread", "burst", 1);
    s_push (3, "");
    uint32_t worker = rig_worker (s_rig, 5, 8);
    cr_assert_eq (s_do_all (worker), 1);
    cr_assert_eq (core_deadline (s_rig->core), s_rig->now + 100);
    rig_pass (s_rig, 99);
    rig_given_nothing (s_rig, worker);
    rig_pass (s_rig, 1);
    cr_assert_eq (s_do_all (worker), 1);
}

Test (core_rate, each_key_has_a_rate_of_its_own)
{
    rig_set (s_rig, s_client, "bread", "key_rate", 3600);
    rig_set (s_rig, s_client, "bread", "key_burst", 2);
    s_push (5, "ann");
    s_push (5, "bob");
    s_push (5, "");
    uint32_t worker = rig_worker (s_rig, 5, 20);
    cr_assert_eq (s_do_all (worker), 2 + 2 + 5);
    cr_assert_eq (s_do_for (worker, 1000, 100), 2);
    cr_assert_eq (s_do_for (worker, 2000, 100), 4);
}

Test (core_rate, a_key_keeps_its_bucket_without_tasks)
{
    rig_set (s_rig, s_client, "bread", "key_rate", 60);
    uint32_t worker = rig_worker (s_rig, 5, 20);
    s_push (1, "ann");
    cr_assert_eq (s_do_all (worker), 1);
    cr_assert_eq (s_rig->core->groups.lanes.keys.count, 1);
    s_push (1, "ann");
    rig_given_nothing (s_rig, worker);
    cr_assert_eq (s_do_for (worker, 59000, 1000), 0);
    cr_assert_eq (s_do_for (worker, 1000, 1000), 1);
    cr_assert_eq (s_do_for (worker, 64000, 1000), 0);
    cr_assert_eq (s_rig->core->groups.lanes.keys.count, 0, "a full bucket is forgotten");
}

Test (core_rate, a_restart_gives_no_second_burst)
{
    rig_set (s_rig, s_client, "bread", "rate", 60);
    rig_set (s_rig, s_client, "bread", "burst", 3);
    rig_set (s_rig, s_client, "bread", "key_rate", 60);
    s_push (3, "ann");
    s_push (3, "");
    uint32_t worker = rig_worker (s_rig, 5, 20);
    cr_assert_eq (s_do_all (worker), 3);
    rig_turn (s_rig);
    rig_crash (s_rig, s_rig->sealed);
    s_client = rig_open (s_rig);
    worker = rig_worker (s_rig, 5, 20);
    rig_turn (s_rig);
    cr_assert_eq (s_do_for (worker, 59000, 1000), 0);
    cr_assert_eq (s_do_for (worker, 1000, 1000), 1);
    rig_set (s_rig, s_client, "bread", "rate", 0);
    cr_assert_eq (s_do_all (worker), 1, "all that have no key, and ann waits");
    rig_set (s_rig, s_client, "bread", "key_rate", 0);
    cr_assert_eq (s_do_all (worker), 1);
}

Test (core_rate, what_is_copied_forward_is_charged_still)
{
    rig_set (s_rig, s_client, "bread", "rate", 1);
    rig_set (s_rig, s_client, "bread", "burst", 2);
    rig_set (s_rig, s_client, "bread", "key_rate", 1);
    s_push (1, "ann");
    s_push (1, "bob");
    uint32_t worker = rig_worker (s_rig, 5, 20);
    cr_assert_eq (s_do_all (worker), 2);
    rig_seal (s_rig);
    uint64_t block = s_rig->sealed;
    s_rig->slack = 0;
    journal_set_slack (core_journal (s_rig->core), 0);
    for (int count = 0; count < 200 && s_rig->trimmed < block; count++) {
        rig_set (s_rig, s_client, "stones", "backoff", (uint64_t) count + 1);
        rig_turn (s_rig);
    }
    cr_assert_geq (s_rig->trimmed, block);
    rig_crash (s_rig, s_rig->sealed);
    s_client = rig_open (s_rig);
    worker = rig_worker (s_rig, 5, 20);
    s_push (1, "ann");
    rig_given_nothing (s_rig, worker);
    rig_set (s_rig, s_client, "bread", "rate", 0);
    rig_given_nothing (s_rig, worker);
    rig_set (s_rig, s_client, "bread", "key_rate", 0);
    cr_assert_eq (s_do_all (worker), 1);
}

Test (core_rate, a_rate_is_changed_while_tasks_wait)
{
    rig_set (s_rig, s_client, "bread", "rate", 1);
    s_push (40, "");
    uint32_t worker = rig_worker (s_rig, 5, 20);
    cr_assert_eq (s_do_all (worker), 1);
    rig_set (s_rig, s_client, "bread", "burst", 1);
    rig_set (s_rig, s_client, "bread", "rate", 10 * 3600);
    cr_assert_eq (s_do_for (worker, 1000, 100), 10);
    record_settings_t defaults = s_rig->core->groups.defaults;
    rig_set (s_rig, s_client, "bread", "rate", 0);
    cr_assert_eq (s_do_all (worker), 29);
    s_push (5, "");
    cr_assert_eq (s_do_all (worker), 5);
    defaults.rate = 3600;
    core_set_defaults (s_rig->core, &defaults);
    s_push (5, "");
    rig_turn (s_rig);
    cr_assert_eq (s_do_all (worker), 0, "one has begun less than a second ago");
    cr_assert_eq (s_do_for (worker, 2000, 100), 2);
}

Test (core_rate, what_comes_back_unstarted_gives_no_token_back)
{
    rig_set (s_rig, s_client, "bread", "rate", 3600);
    s_push (2, "");
    uint32_t worker = rig_worker (s_rig, 5, 20);
    uint64_t fence = rig_given (s_rig, worker, 1);
    rig_begin (s_rig, STP_RETURN, 1);
    rig_list (s_rig);
    rig_item (s_rig, STP_RETURN, &(stint_item_t){.id = 1, .fence = fence});
    rig_send (s_rig, worker);
    rig_turn (s_rig);
    rig_given_nothing (s_rig, worker);
    rig_pass (s_rig, 1000);
    rig_given (s_rig, worker, 1);
}

Test (core_rate, other_groups_go_on_while_one_waits_for_a_token)
{
    rig_set (s_rig, s_client, "bread", "rate", 1);
    s_push (2, "");
    rig_push (s_rig, s_client, "salt", s_sequence, 5, "grain");
    uint32_t worker = rig_worker (s_rig, 5, 20);
    uint32_t other = rig_open (s_rig);
    rig_ready (s_rig, other, 6, "salt", 1);
    cr_assert_eq (s_do_all (worker), 1);
    cr_assert_eq (s_do_all (other), 5);
}

Test (core_rate, very_many_keys_take_the_place_of_each_others_buckets)
{
    rig_set (s_rig, s_client, "bread", "key_rate", 1);
    s_rig->core->groups.lanes.paced_max = 4;
    uint32_t worker = rig_worker (s_rig, 5, 20);
    for (int at = 0; at < 20; at++) {
        char key [8];
        snprintf (key, sizeof key, "k%d", at);
        s_push (1, key);
        cr_assert_eq (s_do_all (worker), 1);
        cr_assert_leq (s_rig->core->groups.lanes.kept.count, 4);
        core_audit (s_rig->core);
    }
}
