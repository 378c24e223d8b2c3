//  test_core_query: what the core says about itself
//  SPDX-License-Identifier: MPL-2.0

#include "core_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static rig_t *s_rig;
static uint32_t s_client;
static uint32_t s_worker;
static char *s_answer;        //  The last one
static stint_reader_t s_map;  //  At its first key
static uint32_t s_pairs;      //  How many it has

//  A worker that has done task 1, runs task 2, and has lost nothing; task 3 is delayed,
//  task 4 waits in another group.

static void
s_begin (void)
{
    s_rig = rig_new (NULL);
    s_client = rig_open (s_rig);
    s_worker = rig_open (s_rig);
    rig_begin (s_rig, STP_READY, 5);
    rig_number (s_rig, 'r', 1);
    rig_number (s_rig, 'w', 5);
    rig_number (s_rig, 'c', 1);
    rig_text (s_rig, 'n', "baker");
    rig_groups (s_rig, &(const char *){"bread"}, 1);
    rig_send (s_rig, s_worker);
    rig_turn (s_rig);
    rig_push (s_rig, s_client, "bread", 1, 3, "flour");
    uint64_t fence = rig_hear (s_rig, s_worker, STP_TASK)->reply.fence;
    rig_result (s_rig, s_worker, 1, fence, 0, "a loaf", 0);
    rig_push (s_rig, s_client, "cheese", 4, 1, "milk");
    rig_deaf (s_rig);
    s_rig->now += 500;
}

static void
s_end (void)
{
    free (s_answer);
    core_audit (s_rig->core);
    rig_destroy (&s_rig);
}

TestSuite (core_query, .init = s_begin, .fini = s_end);

static void
s_read (stint_bytes_t bytes)
{
    s_map = stint_reader_of (bytes);
    s_pairs = stint_read_map (&s_map);
}

static void
s_take_answer (void)
{
    const rig_said_t *said = rig_hear (s_rig, s_client, 0);
    cr_assert (said);
    cr_assert_eq (said->reply.command, STP_STATE, "%s", said->body);
    free (s_answer);
    s_answer = malloc (said->size);
    cr_assert (s_answer);
    memcpy (s_answer, said->body, said->size);
    stint_bytes_t bytes = {(uint8_t *) s_answer, said->size};
    cr_assert (stint_pack_valid (bytes, 100000));
    s_read (bytes);
}

static void
s_ask (const char *what)
{
    rig_begin (s_rig, STP_QUERY, 2);
    rig_number (s_rig, 'r', 3);
    rig_text (s_rig, 'o', what);
    rig_send (s_rig, s_client);
}

//  Returns a reader at the value of a name of the map that is read.

static stint_reader_t
s_at (const char *name)
{
    stint_reader_t reader = s_map;
    for (uint32_t pair = 0; pair < s_pairs; pair++) {
        stint_bytes_t key = stint_read_bytes (&reader);
        if (key.size == strlen (name) && memcmp (key.data, name, key.size) == 0)
            return reader;
        stint_read_skip (&reader);
    }
    cr_assert_fail ("there is no %s", name);
    return reader;
}

static uint64_t
s_number (const char *name)
{
    stint_reader_t reader = s_at (name);
    uint64_t number = stint_read_number (&reader);
    cr_assert_not (reader.bad);
    return number;
}

static bool
s_says (const char *name, const char *text)
{
    stint_reader_t reader = s_at (name);
    stint_bytes_t value = stint_read_bytes (&reader);
    return value.size == strlen (text) && memcmp (value.data, text, value.size) == 0;
}

//  Goes into the row of a list; returns how many rows there are.

static uint32_t
s_row (const char *name, uint32_t row)
{
    stint_reader_t reader = s_at (name);
    uint32_t rows = stint_read_array (&reader);
    for (uint32_t index = 0; index < row && index < rows; index++)
        stint_read_skip (&reader);
    if (row < rows) {
        s_map = reader;
        s_pairs = stint_read_map (&s_map);
    }
    return rows;
}

Test (core_query, ping)
{
    s_ask ("ping");
    s_take_answer ();
    cr_assert (s_says ("version", STINT_VERSION));
    cr_assert_eq (s_number ("epoch"), 1);
    cr_assert_eq (s_number ("uptime"), 500);
}

Test (core_query, status_has_the_store_and_the_groups)
{
    s_ask ("status");
    s_take_answer ();
    cr_assert_eq (s_number ("tasks"), 4);
    cr_assert_eq (s_number ("sessions"), 2);
    cr_assert_eq (s_number ("workers"), 1);
    stint_reader_t map = s_map;
    uint32_t pairs = s_pairs;
    s_map = s_at ("store");
    s_pairs = stint_read_map (&s_map);
    cr_assert_gt (s_number ("blocks"), 0);
    cr_assert_gt (s_number ("bytes"), s_number ("blocks") * JOURNAL_HEADER);
    cr_assert_gt (s_number ("live"), 0);
    s_number ("memory");
    s_map = map;
    s_pairs = pairs;
    cr_assert_eq (s_row ("groups", 0), 2);
}

Test (core_query, groups_are_counted)
{
    s_ask ("groups");
    s_take_answer ();
    cr_assert_eq (s_row ("groups", 0), 2);
    cr_assert (s_says ("group", "bread"));
    cr_assert_eq (s_number ("done"), 1);
    cr_assert_eq (s_number ("running"), 1);
    cr_assert_eq (s_number ("ready"), 1);
    cr_assert_eq (s_number ("delayed"), 0);
    cr_assert_eq (s_number ("dead") + s_number ("cancelled"), 0);
    cr_assert_eq (s_number ("bytes"), 6 + 5 + 5);
    cr_assert_eq (s_number ("oldest"), 500);
    cr_assert_eq (s_number ("workers"), 1);
    cr_assert_eq (s_number ("pushed"), 3);
    cr_assert_eq (s_number ("finished"), 1);
    cr_assert_eq (s_number ("retried") + s_number ("lost") + s_number ("stale"), 0);
    cr_assert_eq (s_number ("max_tasks"), 100000);
    cr_assert_eq (s_number ("max_attempts"), 5);
    cr_assert_eq (s_number ("backoff"), 1000);
    cr_assert_eq (s_number ("backoff_max"), 60000);
    cr_assert_eq (s_number ("keep_results"), 3600000);
    cr_assert_eq (s_number ("max_bytes"), 1 << 30);
}

Test (core_query, one_group_may_be_asked_for)
{
    rig_begin (s_rig, STP_QUERY, 3);
    rig_number (s_rig, 'r', 3);
    rig_text (s_rig, 'o', "groups");
    rig_text (s_rig, 'g', "cheese");
    rig_send (s_rig, s_client);
    s_take_answer ();
    cr_assert_eq (s_row ("groups", 0), 1);
    cr_assert (s_says ("group", "cheese"));
}

Test (core_query, counts_of_a_life_begin_with_it)
{
    rig_crash (s_rig, s_rig->sealed);
    s_client = rig_open (s_rig);
    s_ask ("groups");
    s_take_answer ();
    s_row ("groups", 0);
    cr_assert_eq (s_number ("pushed") + s_number ("finished"), 0);
    cr_assert_eq (s_number ("done"), 1);
}

Test (core_query, workers_are_listed_without_clients)
{
    s_ask ("workers");
    s_take_answer ();
    cr_assert_eq (s_row ("workers", 0), 1);
    cr_assert (s_says ("name", "baker"));
    cr_assert_eq (s_number ("worker"), 5);
    cr_assert_eq (s_number ("held"), 1);
    cr_assert_eq (s_number ("capacity"), 1);
    cr_assert_eq (s_number ("heard"), 500);
    cr_assert_eq (s_number ("done"), 1);
    stint_reader_t groups = s_at ("groups");
    cr_assert_eq (stint_read_array (&groups), 1);
}

Test (core_query, batches_are_listed_newest_first)
{
    for (int count = 0; count < 2; count++) {
        rig_begin (s_rig, STP_BATCH, 3);
        rig_number (s_rig, 'r', 1);
        rig_text (s_rig, 'g', "bread");
        rig_text (s_rig, 'n', count == 0 ? "monday" : "tuesday");
        rig_send (s_rig, s_client);
    }
    rig_turn (s_rig);
    rig_deaf (s_rig);
    s_ask ("batches");
    s_take_answer ();
    cr_assert_eq (s_row ("batches", 0), 2);
    cr_assert (s_says ("name", "tuesday"));
    cr_assert (s_says ("group", "bread"));
    cr_assert_eq (s_number ("batch"), 2);
    cr_assert_eq (s_number ("pushed") + s_number ("done") + s_number ("dead"), 0);
    cr_assert_eq (s_number ("cancelled") + s_number ("collected"), 0);
}

static void
s_ask_task (uint64_t id)
{
    rig_begin (s_rig, STP_QUERY, 3);
    rig_number (s_rig, 'r', 3);
    rig_text (s_rig, 'o', "task");
    rig_number (s_rig, 'i', id);
    rig_send (s_rig, s_client);
}

Test (core_query, a_task_is_described)
{
    s_ask_task (2);
    s_take_answer ();
    cr_assert_eq (s_number ("task"), 2);
    cr_assert (s_says ("group", "bread"));
    cr_assert (s_says ("state", "running"));
    cr_assert (s_says ("worker", "baker"));
    cr_assert_eq (s_number ("attempts"), 1);
    cr_assert_eq (s_number ("failures") + s_number ("lost") + s_number ("batch"), 0);
    cr_assert_gt (s_number ("fence"), 0);
    cr_assert_eq (s_number ("payload"), 5);
    cr_assert_eq (s_number ("result"), 0);
    cr_assert_eq (s_number ("pushed"), 500);
    s_ask_task (1);
    s_take_answer ();
    cr_assert (s_says ("state", "done"));
    cr_assert (s_says ("worker", ""));
    cr_assert_eq (s_number ("result"), 6);
}

Test (core_query, a_running_task_says_how_far_it_is)
{
    s_ask_task (2);
    s_take_answer ();
    cr_assert_eq (s_pairs, 14);
    uint64_t fence = s_number ("fence");
    rig_begin (s_rig, STP_PROGRESS, 1);
    rig_list (s_rig);
    stint_item_t item = {.id = 2, .fence = fence, .number = 405};
    item.body = stint_bytes_of ("page 4 of 10");
    rig_item (s_rig, STP_PROGRESS, &item);
    rig_send (s_rig, s_worker);
    s_rig->now += 2000;
    s_ask_task (2);
    s_take_answer ();
    cr_assert_eq (s_pairs, 17);
    cr_assert_eq (s_number ("progress"), 405);
    cr_assert (s_says ("note", "page 4 of 10"));
    cr_assert_eq (s_number ("noted"), 2000);
    s_ask ("tasks");
    s_take_answer ();
    cr_assert_eq (s_row ("tasks", 1), 4);
    cr_assert_eq (s_number ("task"), 2);
    cr_assert_eq (s_number ("progress"), 405);
    rig_result (s_rig, s_worker, 2, fence, 0, "a loaf", 0);
    rig_deaf (s_rig);
    s_ask_task (2);
    s_take_answer ();
    cr_assert_eq (s_pairs, 14);
}

Test (core_query, a_delayed_task_says_until_when)
{
    uint64_t fence = rig_task (s_rig, 2)->fence;
    rig_result (s_rig, s_worker, 2, fence, 1, "burnt", 4000);
    rig_deaf (s_rig);
    s_rig->now += 1000;
    s_ask_task (2);
    s_take_answer ();
    cr_assert (s_says ("state", "delayed"));
    cr_assert_eq (s_number ("until"), 3000);
    cr_assert_eq (s_number ("failures"), 1);
}

static uint32_t
s_ask_tasks (const char *letters, uint64_t one, uint64_t other)
{
    const uint64_t values [] = {one, other};
    rig_begin (s_rig, STP_QUERY, 2 + (uint32_t) strlen (letters));
    rig_number (s_rig, 'r', 3);
    rig_text (s_rig, 'o', "tasks");
    for (size_t index = 0; letters [index]; index++)
        rig_number (s_rig, letters [index], values [index]);
    rig_send (s_rig, s_client);
    s_take_answer ();
    return s_row ("tasks", 9999);
}

Test (core_query, tasks_are_listed_in_parts)
{
    cr_assert_eq (s_ask_tasks ("", 0, 0), 4);
    cr_assert_eq (s_number ("after"), 4);
    cr_assert_eq (s_number ("last"), 4);
    cr_assert_eq (s_ask_tasks ("c", 3, 0), 3);
    cr_assert_eq (s_number ("after"), 3);
    cr_assert_eq (s_ask_tasks ("ca", 5000, 3), 1);
    cr_assert_eq (s_ask_tasks ("a", 4, 0), 0);
    cr_assert_eq (s_ask_tasks ("a", UINT64_MAX, 0), 0);
    cr_assert_eq (s_number ("after"), 4);
    cr_assert_eq (s_ask_tasks ("x", STINT_RUNNING, 0), 1);
}

Test (core_query, a_list_of_tasks_does_not_look_without_end)
{
    for (uint64_t sequence = 5; sequence <= 12; sequence++) {
        rig_crash (s_rig, s_rig->sealed);
        rig_push (s_rig, rig_open (s_rig), "bread", sequence, 1, "x");
    }
    s_client = rig_open (s_rig);
    rig_deaf (s_rig);
    uint64_t after = 0;
    uint64_t found = 0;
    for (int asked = 0; asked < 5; asked++) {
        found += s_ask_tasks ("a", after, 0);
        after = s_number ("after");
    }
    cr_assert_eq (found, 12);
    cr_assert_eq (after, s_number ("last"));
}

Test (core_query, tasks_of_a_group_are_listed)
{
    rig_begin (s_rig, STP_QUERY, 3);
    rig_number (s_rig, 'r', 3);
    rig_text (s_rig, 'o', "tasks");
    rig_text (s_rig, 'g', "cheese");
    rig_send (s_rig, s_client);
    s_take_answer ();
    cr_assert_eq (s_row ("tasks", 0), 1);
    cr_assert_eq (s_number ("task"), 4);
}

Test (core_query, what_is_not_there_is_unknown_and_what_cannot_be_asked_is_invalid)
{
    static const char *const codes [] = {"invalid", "unknown", "unknown"};
    s_ask ("weather");
    s_ask_task (77);
    rig_begin (s_rig, STP_QUERY, 3);
    rig_number (s_rig, 'r', 3);
    rig_text (s_rig, 'o', "groups");
    rig_text (s_rig, 'g', "wine");
    rig_send (s_rig, s_client);
    for (size_t index = 0; index < 3; index++)
        cr_assert_str_eq (rig_hear (s_rig, s_client, STP_ERROR)->body, codes [index]);
}
