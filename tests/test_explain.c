//  test_explain: each thing that holds tasks is told, and nothing else
//  SPDX-License-Identifier: MPL-2.0

#include "core_fixture.h"
#include "explain.h"
#include "explain_words.h"

#include <criterion/criterion.h>

static rig_t *s_rig;
static uint32_t s_client;
static char s_gates [256];  //  Names of all gates of the last answer, with a blank behind
static char s_text [1024];  //  Sentence of the first one
static uint64_t s_start;    //  When it starts at the earliest
static uint64_t s_ahead;    //  Tasks before it in line

static void
s_begin (void)
{
    s_rig = rig_new (NULL);
    s_client = rig_open (s_rig);
}

static void
s_end (void)
{
    core_audit (s_rig->core);
    rig_destroy (&s_rig);
}

TestSuite (explain, .init = s_begin, .fini = s_end);

//  Reads a gate: its name behind those before, its sentence when it is the first.

static void
s_read_gate (stint_reader_t *reader)
{
    uint32_t pairs = stint_read_map (reader);
    for (uint32_t pair = 0; pair < pairs; pair++) {
        stint_bytes_t key = stint_read_bytes (reader);
        bool gate = key.size == 4 && memcmp (key.data, "gate", 4) == 0;
        bool text = key.size == 4 && memcmp (key.data, "text", 4) == 0;
        if (!gate && !text) {
            stint_read_skip (reader);
            continue;
        }
        stint_bytes_t value = stint_read_bytes (reader);
        char *to = gate ? s_gates + strlen (s_gates) : s_text;
        if (gate || !*s_text) {
            memcpy (to, value.data, value.size);
            to [value.size] = gate ? ' ' : 0;
            to [value.size + gate] = 0;
        }
    }
}

static void
s_read (stint_bytes_t map)
{
    cr_assert (stint_pack_valid (map, 10000));
    stint_reader_t reader = stint_reader_of (map);
    s_gates [0] = s_text [0] = 0;
    uint32_t pairs = stint_read_map (&reader);
    for (uint32_t pair = 0; pair < pairs; pair++) {
        stint_bytes_t key = stint_read_bytes (&reader);
        if (key.size == 5 && memcmp (key.data, "gates", 5) == 0) {
            for (uint32_t left = stint_read_array (&reader); left > 0; left--)
                s_read_gate (&reader);
        }
        else if (key.size == 5 && memcmp (key.data, "start", 5) == 0)
            s_start = stint_read_number (&reader);
        else if (key.size == 5 && memcmp (key.data, "ahead", 5) == 0)
            s_ahead = stint_read_number (&reader);
        else
            stint_read_skip (&reader);
    }
    cr_assert (!reader.bad && reader.at == reader.end);
}

//  Asks about a task, or about "bread" when id is 0, and checks the gates and the sentence
//  of the first; a null text is not looked at.

static void
s_expect (uint64_t id, const char *gates, const char *text)
{
    rig_deaf (s_rig);
    rig_begin (s_rig, STP_QUERY, 3);
    rig_number (s_rig, 'r', 3);
    rig_text (s_rig, 'o', "explain");
    if (id)
        rig_number (s_rig, 'i', id);
    else
        rig_text (s_rig, 'g', "bread");
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    const rig_said_t *said = rig_hear (s_rig, s_client, STP_STATE);
    cr_assert (said);
    s_read ((stint_bytes_t){(const uint8_t *) said->body, said->size});
    cr_assert_str_eq (s_gates, gates);
    if (text)
        cr_assert_str_eq (s_text, text);
}

//  Opens a worker of "bread" with a name.

static uint32_t
s_worker (uint64_t number, const char *name, uint64_t credit)
{
    uint32_t session = rig_open (s_rig);
    rig_begin_ready (s_rig, 5, number, "bread", credit);
    rig_text (s_rig, 'n', name);
    rig_send (s_rig, session);
    rig_turn (s_rig);
    return session;
}

Test (explain, a_group_without_workers_and_when_the_last_one_was_heard)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    s_expect (1, "no_worker ", "no worker serves the group");
    uint32_t worker = s_worker (5, "beta/1", 0);
    s_expect (1, "no_worker ",
              "1 worker serves the group and takes no tasks: it drains or pauses");
    rig_ask (s_rig, worker, STP_BYE, "", 0, 0, 0);
    worker = s_worker (6, "beta/2", 1);
    rig_given (s_rig, worker, 1);
    rig_ask (s_rig, worker, STP_BYE, "", 0, 0, 0);
    rig_pass (s_rig, 252000);
    s_client = rig_open (s_rig);
    s_expect (1, "no_worker ",
              "no worker serves the group; the last one, beta/2, was heard 4 min 12 s ago");
}

Test (explain, workers_that_are_full_and_how_many_are_ahead)
{
    rig_push (s_rig, s_client, "bread", 1, 6, "flour");
    uint32_t one = s_worker (5, "beta/1", 1);
    uint64_t fence = rig_given (s_rig, one, 1);
    s_expect (6, "full ", "its worker is full: 1 of 1 slot in use");
    cr_assert_eq (s_ahead, 4);
    s_worker (6, "beta/2", 2);
    s_expect (6, "full ", "all of 2 workers are full: 3 of 3 slots in use");
    cr_assert_eq (s_ahead, 2);
    rig_result (s_rig, one, 1, fence, 1, "burnt", 100);
    rig_pass (s_rig, 200);
    s_expect (1, "full ", NULL);
    cr_assert_eq (s_ahead, 0);
    s_expect (6, "full ", NULL);
    cr_assert_eq (s_ahead, 2);
}

Test (explain, a_pause_and_a_drain)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    s_worker (5, "beta/1", 0);
    rig_set (s_rig, s_client, "bread", "paused", 1);
    rig_set (s_rig, s_client, "bread", "draining", 1);
    rig_pass (s_rig, 2500);
    s_expect (1, "paused no_worker ", "the group is paused, for 2 s");
    s_expect (0, "paused draining no_worker ", NULL);
    group_note_t *note = &s_rig->core->groups.groups.pool [1].note;
    memcpy (note->by, "ann", 4);
    memcpy (note->reason, "moving disks", 13);
    s_expect (1, "paused no_worker ",
              "the group is paused by ann, for 2 s: \"moving disks\"");
    memset (note, 0, sizeof *note);
}

Test (explain, a_limit_that_is_reached)
{
    rig_push (s_rig, s_client, "bread", 1, 3, "flour");
    rig_set (s_rig, s_client, "bread", "max_running", 2);
    s_worker (5, "beta/1", 10);
    s_expect (3, "max_running ", "max_running is reached: 2 of 2 run");
    s_expect (0, "max_running ", NULL);
    rig_set (s_rig, s_client, "bread", "max_running", 4);
    s_expect (3, "running ", NULL);
    s_expect (0, "", NULL);
}

Test (explain, a_rate_and_when_the_next_token_comes)
{
    rig_set (s_rig, s_client, "bread", "rate", 30);
    rig_push (s_rig, s_client, "bread", 1, 3, "flour");
    s_worker (5, "beta/1", 10);
    s_expect (1, "running ", NULL);
    s_expect (2, "rate ", "rate: the next token comes in 2 min");
    cr_assert_eq (s_start, 120000);
    rig_pass (s_rig, 1500);
    s_expect (0, "rate ", "rate: the next token comes in 1 min 58 s");
    cr_assert_eq (s_start, 118500);
    rig_set (s_rig, s_client, "bread", "burst", 2);
    s_expect (2, "running ", NULL);
    rig_set (s_rig, s_client, "bread", "rate", 0);
    s_expect (3, "running ", NULL);
}

//  Pushes a task of a key.

static void
s_push_key (uint64_t sequence, const char *key)
{
    stint_writer_t terms = {NULL, 0, 0};
    stint_write_map (&terms, 1);
    stint_write_text (&terms, "key");
    stint_write_text (&terms, key);
    rig_begin (s_rig, STP_PUSH, 5);
    rig_number (s_rig, 'r', sequence);
    rig_text (s_rig, 'g', "bread");
    rig_number (s_rig, 'p', 7);
    rig_number (s_rig, 's', sequence);
    rig_list (s_rig);
    rig_item (s_rig, STP_PUSH,
              &(stint_item_t){.body = stint_bytes_of ("x"),
                              .terms = stint_writer_bytes (&terms)});
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    stint_writer_clear (&terms);
}

Test (explain, a_rate_of_keys_and_when_the_next_token_comes)
{
    rig_set (s_rig, s_client, "bread", "key_rate", 3600);
    s_push_key (1, "ann");
    s_push_key (2, "ann");
    s_push_key (3, "bob");
    s_push_key (4, "bob");
    s_worker (5, "beta/1", 10);
    s_expect (2, "key_rate ", "key_rate of key \"ann\": the next token comes in 1 s");
    s_expect (0, "key_rate ",
              "key_rate of each key that has tasks ready: the next token comes in 1 s");
    cr_assert_eq (s_start, 1000);
    rig_set (s_rig, s_client, "bread", "key_running", 1);
    s_expect (2, "key_running key_rate ", NULL);
    rig_pass (s_rig, 1000);
    s_expect (2, "key_running ", NULL);
    s_expect (0, "key_running ", NULL);
}

Test (explain, a_delay_and_a_back_off_and_when_they_end)
{
    rig_begin (s_rig, STP_PUSH, 5);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', "bread");
    rig_number (s_rig, 'p', 9);
    rig_number (s_rig, 's', 1);
    rig_list (s_rig);
    rig_item (s_rig, STP_PUSH,
              &(stint_item_t){.delay = 5000, .body = stint_bytes_of ("flour")});
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
    uint32_t worker = s_worker (5, "beta/1", 1);
    rig_pass (s_rig, 1000);
    s_expect (1, "delayed ", "it is delayed, for 4 s more");
    cr_assert_eq (s_start, 4000);
    rig_pass (s_rig, 1000);
    rig_beat (s_rig, worker);
    rig_pass (s_rig, 2000);
    rig_beat (s_rig, worker);
    rig_pass (s_rig, 1000);
    uint64_t fence = s_rig->core->tasks.tasks.pool [1].fence;
    rig_result (s_rig, worker, 1, fence, 1, "burnt", 1500);
    s_expect (1, "backoff ", "it backs off after attempt 1, for 1 s more");
    cr_assert_eq (s_start, 1500);
}

Test (explain, where_a_task_runs_and_since_when_over_a_restart_too)
{
    rig_push (s_rig, s_client, "bread", 1, 2, "flour");
    uint32_t worker = s_worker (5, "beta/1", 1);
    uint64_t fence = rig_given (s_rig, worker, 1);
    rig_pass (s_rig, 1500);
    s_expect (1, "running ", "attempt 1 is at worker beta/1, for 1 s");
    rig_crash (s_rig, s_rig->sealed);
    s_client = rig_open (s_rig);
    rig_pass (s_rig, 500);
    s_expect (
        1, "running ",
        "attempt 1 is at a worker that is awaited since the broker's restart, for 2 s");
    s_expect (2, "no_worker awaiting ", NULL);
    s_expect (0, "no_worker awaiting ", NULL);
    worker = rig_open (s_rig);
    rig_claim (s_rig, worker, 5, "bread", 1, 1, fence);
    s_expect (1, "running ", "attempt 1 is at worker ?, for 2 s");
    s_expect (2, "full ", NULL);
}

Test (explain, how_and_when_a_task_ended)
{
    rig_set (s_rig, s_client, "bread", "keep_results", 60000);
    rig_push (s_rig, s_client, "bread", 1, 2, "flour");
    uint32_t worker = s_worker (5, "beta/1", 2);
    uint64_t fence = rig_given (s_rig, worker, 1);
    rig_result (s_rig, worker, 1, fence, 0, "a loaf", 0);
    rig_ask (s_rig, s_client, STP_CANCEL, "i", 2, 0, 0);
    rig_pass (s_rig, 2000);
    s_expect (1, "ended ",
              "it ended 2 s ago, done after 1 attempt; what it came to is kept for 58 s");
    s_expect (
        2, "ended ",
        "it ended 2 s ago, cancelled after 1 attempt; what it came to is kept for 58 s");
}

Test (explain, a_disk_that_is_behind_and_a_broker_that_stops)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    s_rig->keeps_up = false;
    s_rig->core->limits.waiting_max = 0;
    rig_set (s_rig, s_client, "bread", "paused", 1);
    rig_seal (s_rig);
    core_drain (s_rig->core);
    s_expect (1, "paused no_worker disk stopping ", NULL);
    s_rig->core->limits.waiting_max = 1 << 20;
    s_expect (1, "paused no_worker stopping ", NULL);
}

Test (explain, a_task_that_is_not_there_is_unknown)
{
    static const char letters [] = "ig";
    for (size_t index = 0; index < 2; index++) {
        rig_begin (s_rig, STP_QUERY, 3);
        rig_number (s_rig, 'r', 3);
        rig_text (s_rig, 'o', "explain");
        if (letters [index] == 'i')
            rig_number (s_rig, 'i', 99);
        else
            rig_text (s_rig, 'g', "nothing");
        rig_send (s_rig, s_client);
        const rig_said_t *said = rig_hear (s_rig, s_client, STP_ERROR);
        cr_assert (said && strcmp (said->body, "unknown") == 0);
    }
}

Test (explain, spans_and_numbers_are_words_and_what_is_too_long_is_cut)
{
    static const struct {
        uint64_t span_ms;
        const char *text;
    } spans [] = {{0, "0 ms"},           {999, "999 ms"},
                  {61000, "1 min 1 s"},  {3600000, "1 h"},
                  {90000000, "1 d 1 h"}, {UINT64_MAX, "213503982334 d 14 h"}};
    for (size_t index = 0; index < sizeof spans / sizeof spans [0]; index++) {
        words_t words = {.size = 0};
        words_span (&words, spans [index].span_ms);
        cr_assert_str_eq (words.text, spans [index].text);
    }
    words_t words = {.size = 0};
    words_count (&words, 1, "worker");
    cr_assert_str_eq (words.text, "1 worker");
    for (int count = 0; count < 500; count++)
        words_count (&words, 22, "worker");
    cr_assert_eq (words.size, sizeof words.text - 1);
    cr_assert_eq (strlen (words.text), words.size);
}
