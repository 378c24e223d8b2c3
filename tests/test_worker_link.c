//  test_worker_link: a worker whose broker falls silent, goes, comes back or misbehaves
//  SPDX-License-Identifier: MPL-2.0

#include "puppet.h"
#include "stint_worker.h"
#include "stint_worker_held.h"

#include <criterion/criterion.h>
#include <czmq.h>

static stint_worker_t *
s_worker (const char *endpoint, uint32_t capacity)
{
    stint_worker_t *worker = stint_worker_new (endpoint);
    cr_assert_eq (stint_worker_serve (worker, "work"), STINT_OK);
    stint_worker_set_capacity (worker, capacity);
    stint_worker_start (worker);
    return worker;
}

static stint_attempt_t *
s_next (stint_worker_t *worker)
{
    stint_attempt_t *attempt = stint_worker_next (worker, PUPPET_WAIT_MS);
    cr_assert (attempt, "no task came");
    return attempt;
}

//  Waits until the worker says an error with these words.

static void
s_wait_for_error (stint_worker_t *worker, const char *words)
{
    int64_t until = zclock_mono () + PUPPET_WAIT_MS;
    while (!strstr (stint_worker_error (worker), words))
        cr_assert (zclock_mono () < until, "\"%s\" instead of \"%s\"",
                   stint_worker_error (worker), words);
    cr_assert (!stint_worker_connected (worker));
}

//  Returns which task and fence the message's next element names; 0 when there is none.

static uint64_t
s_element (stint_message_t *message, uint64_t *fence)
{
    stint_item_t item;
    if (!stint_wire_next (message, &item))
        return 0;
    *fence = item.fence;
    return item.id;
}

Test (worker_link, silence_ends_in_a_new_socket_with_claims_and_results)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (puppet_endpoint (broker), 4);
    stint_message_t *ready = puppet_await (broker, STP_READY);
    uint64_t number = ready->worker;
    puppet_accept (broker, ready->request, 200, 3);
    puppet_tasks (broker, 1, 2);
    stint_attempt_t *attempt = s_next (worker);
    stint_attempt_done (&attempt, stint_bytes_of ("one"));
    uint64_t request = puppet_await (broker, STP_RESULT)->request;
    uint64_t peer = puppet_peer (broker);

    //  From here the broker says nothing, until a READY comes from another socket
    ready = puppet_await (broker, STP_READY);
    cr_assert_neq (puppet_peer (broker), peer);
    cr_assert_eq (ready->worker, number);
    cr_assert_eq (ready->count, 4);
    cr_assert_eq (ready->list_count, 2);
    uint64_t fence = 0;
    uint64_t seen = 0;
    for (uint64_t id; (id = s_element (ready, &fence)) != 0; seen += id)
        cr_assert_eq (fence, 100 + id);
    cr_assert_eq (seen, 1 + 2);
    uint64_t ready_request = ready->request;
    stint_message_t *result = puppet_expect (broker, STP_RESULT);
    cr_assert_eq (result->request, request);
    cr_assert_eq (s_element (result, &fence), 1);
    puppet_accept (broker, ready_request, 1000, 1000);
    puppet_accept (broker, request, 0, 0);

    //  The attempt that was held all the time goes on
    attempt = s_next (worker);
    cr_assert_eq (stint_attempt_id (attempt), 2);
    stint_attempt_done (&attempt, stint_bytes_of ("two"));
    puppet_accept (broker, puppet_expect (broker, STP_RESULT)->request, 0, 0);
    stint_worker_destroy (&worker);
    puppet_await (broker, STP_BYE);
    puppet_destroy (&broker);
}

Test (worker_link, a_broker_that_went_is_found_again_and_what_it_refuses_is_lost)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (puppet_endpoint (broker), 4);
    puppet_welcome (broker, 1000, 1000);
    puppet_tasks (broker, 1, 2);
    stint_attempt_t *attempt = s_next (worker);
    cr_assert_eq (stint_attempt_id (attempt), 1);
    puppet_close (broker);
    s_wait_for_error (worker, "ended");
    puppet_open (broker);
    stint_message_t *ready = puppet_await (broker, STP_READY);
    cr_assert_eq (ready->list_count, 2);
    puppet_refs (broker, STP_STALE, 1, 2);
    puppet_accept (broker, ready->request, 1000, 1000);
    int64_t until = zclock_mono () + PUPPET_WAIT_MS;
    while (stint_worker_stale (worker) != 2)
        cr_assert (zclock_mono () < until);
    cr_assert (stint_attempt_cancelled (attempt));
    stint_attempt_done (&attempt, stint_bytes_of ("nobody wants it"));
    puppet_tasks (broker, 3, 3);
    attempt = s_next (worker);
    cr_assert_eq (stint_attempt_id (attempt), 3);
    stint_attempt_done (&attempt, stint_bytes_of ("three"));
    uint64_t fence = 0;
    stint_message_t *result = puppet_expect (broker, STP_RESULT);
    cr_assert_eq (s_element (result, &fence), 3);
    puppet_accept (broker, result->request, 0, 0);
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker_link, goodbye_is_answered_with_ready_and_the_results_behind_it)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (puppet_endpoint (broker), 4);
    puppet_welcome (broker, 60000, 3);
    uint64_t peer = puppet_peer (broker);
    puppet_tasks (broker, 1, 1);
    stint_attempt_t *attempt = s_next (worker);
    stint_attempt_done (&attempt, stint_bytes_of ("one"));
    uint64_t request = puppet_expect (broker, STP_RESULT)->request;
    puppet_bare (broker, STP_BYE);
    puppet_bare (broker, STP_BYE);
    stint_message_t *ready = puppet_expect (broker, STP_READY);
    cr_assert_eq (puppet_peer (broker), peer);
    cr_assert_eq (ready->list_count, 1);
    uint64_t ready_request = ready->request;
    cr_assert_eq (puppet_expect (broker, STP_RESULT)->request, request);
    puppet_accept (broker, ready_request, 60000, 3);
    puppet_accept (broker, request, 0, 0);

    //  A second goodbye so soon is a broker that does not want us: back-off, new socket
    puppet_bare (broker, STP_BYE);
    s_wait_for_error (worker, "goodbye");
    ready = puppet_await (broker, STP_READY);
    cr_assert_neq (puppet_peer (broker), peer);
    cr_assert_eq (ready->list_count, 0);
    puppet_accept (broker, ready->request, 1000, 1000);
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

static void
s_refuse (puppet_t *broker, uint64_t request, const char *code, const char *text)
{
    stint_writer_t writer = {NULL, 0, 0};
    stint_wire_begin (&writer, STP_ERROR, 3);
    stint_wire_number (&writer, 'r', request);
    stint_wire_text (&writer, 'e', code);
    stint_wire_text (&writer, 'm', text);
    stint_bytes_t frame = stint_writer_bytes (&writer);
    puppet_send (broker, &frame, 1);
    stint_writer_clear (&writer);
}

Test (worker_link, a_refusal_is_told_and_tried_again)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (puppet_endpoint (broker), 4);
    stint_message_t *ready = puppet_await (broker, STP_READY);
    s_refuse (broker, ready->request, "stopping", "back at\x1b[31m five");
    s_wait_for_error (worker, "stopping: back at?[31m five");
    puppet_welcome (broker, 1000, 3);
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker_link, results_that_are_refused_are_handed_back)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (puppet_endpoint (broker), 4);
    puppet_welcome (broker, 1000, 1000);
    puppet_tasks (broker, 1, 1);
    stint_attempt_t *attempt = s_next (worker);
    stint_attempt_done (&attempt, stint_bytes_of ("one"));
    uint64_t request = puppet_expect (broker, STP_RESULT)->request;
    s_refuse (broker, request, "malformed", "no");
    uint64_t fence = 0;
    cr_assert_eq (s_element (puppet_expect (broker, STP_RETURN), &fence), 1);
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker_link, another_version_is_named)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (puppet_endpoint (broker), 1);
    puppet_await (broker, STP_READY);
    stint_bytes_t frame = {(const uint8_t *) "STP\x02\x68\x80", 6};
    puppet_send (broker, &frame, 1);
    s_wait_for_error (worker, "STP/2");
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker_link, says_why_nobody_answers)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker ("ipc:///nonesuch/broker", 1);
    s_wait_for_error (worker, "no such socket");
    stint_worker_destroy (&worker);
    worker = s_worker ("tcp://127.0.0.1:9", 1);
    s_wait_for_error (worker, "refused");
    stint_worker_destroy (&worker);
    worker = s_worker ("smoke://signals", 1);
    s_wait_for_error (worker, "not an endpoint");
    stint_worker_destroy (&worker);
    worker = s_worker ("tcp://nowhere", 1);
    s_wait_for_error (worker, "not an endpoint");
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker_link, more_claims_than_a_list_carries_take_several_messages)
{
    enum {
        HELD = 5000
    };
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (puppet_endpoint (broker), HELD);
    puppet_welcome (broker, 1000, 1000);
    for (uint64_t from = 1; from < HELD; from += 2500)
        puppet_tasks (broker, from, from + 2499);
    stint_attempt_t *attempt = NULL;
    for (int count = 0; count < HELD; count++)
        attempt = s_next (worker);
    cr_assert_eq (stint_attempt_id (attempt), HELD);
    puppet_bare (broker, STP_BYE);
    uint8_t *seen = zmalloc (HELD + 1);
    for (uint32_t claims = 0; claims < HELD;) {
        stint_message_t *ready = puppet_await (broker, STP_READY);
        claims += ready->list_count;
        cr_assert_eq (ready->state, claims < HELD ? 1 : 0);
        uint64_t fence = 0;
        for (uint64_t id; (id = s_element (ready, &fence)) != 0;)
            cr_assert_eq (++seen [id], 1);
        cr_assert (!stint_worker_connected (worker));
        puppet_accept (broker, ready->request, 1000, 1000);
    }
    int64_t until = zclock_mono () + PUPPET_WAIT_MS;
    while (!stint_worker_connected (worker))
        cr_assert (zclock_mono () < until);
    free (seen);
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

//  Numbers of a linear congruential generator (Knuth, MMIX); the seed is printed, and taken
//  from SEED.

static uint64_t
s_seed (void)
{
    const char *text = getenv ("SEED");
    uint64_t seed = text ? strtoull (text, NULL, 10) : (uint64_t) zclock_time ();
    cr_log_info ("SEED=%llu", (unsigned long long) seed);
    return seed;
}

static uint64_t
s_chance (uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static void
s_send_garbage (puppet_t *broker, uint64_t *state)
{
    uint8_t octets [64] = {'S', 'T', 'P', 1};
    for (size_t index = 4; index < sizeof octets; index++)
        octets [index] = (uint8_t) s_chance (state);
    static const uint8_t commands [] = {0x61, 0x62, 0x41, 0x65, 0x66, 0x68, 0x63, 0x01};
    if (s_chance (state) % 4)
        octets [4] = commands [s_chance (state) % sizeof commands];
    if (octets [4] == STP_BYE || octets [4] == STP_DRAIN)  //  Would be obeyed, alone
        octets [4] = 0;
    if (s_chance (state) % 8 == 0)
        octets [s_chance (state) % 4] = 'X';
    stint_bytes_t frames [3] = {{octets, s_chance (state) % sizeof octets}, {octets, 9}};
    puppet_send (broker, frames, 1 + s_chance (state) % 3);
}

static void
s_send_task (puppet_t *broker, const char *map, size_t size)
{
    uint8_t octets [256] = {'S', 'T', 'P', 1, STP_TASK};
    memcpy (octets + 5, map, size);
    stint_bytes_t frame = {octets, size + 5};
    puppet_send (broker, &frame, 1);
}

Test (worker_link, hostile_messages_are_ignored)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (puppet_endpoint (broker), 16);
    puppet_welcome (broker, 1000, 1000);
    uint64_t seed = s_seed ();
    for (int count = 0; count < 2000; count++)
        s_send_garbage (broker, &seed);
    stint_bytes_t *frames = zmalloc (1500 * sizeof *frames);
    for (size_t index = 0; index < 1500; index++)
        frames [index] = (stint_bytes_t){(const uint8_t *) "STP\1\x62", 5};
    puppet_send (broker, frames, 1500);
    free (frames);
    s_send_task (broker, "\x82\xa1g\xa4work\xa1t\x90", 10);                //  No tasks
    s_send_task (broker, "\x82\xa1g\xa4work\xa1t\x91\x94\7\7\1\5", 15);    //  No such frame
    s_send_task (broker, "\x82\xa1g\xa4work\xa1t\x91\x94\7\7\1\x93", 15);  //  Cut
    s_send_task (broker, "\x82\xa1g\xa4work\xa1t\x92\x94\7\7\1\xc0\7", 16);  //  Half good
    s_send_task (broker, "\x82\xa1g\xa4work\xa1t\x92\x92\7\7\x92\7\7",
                 16);                                             //  Twice the same
    s_send_task (broker, "\x82\xa1g\xa1/\xa1t\x91\x92\7\7", 11);  //  No group
    puppet_tasks (broker, 21, 21);
    puppet_tasks (broker, 21, 22);  //  One of them is here already
    puppet_tasks (broker, 23, 23);

    stint_attempt_t *attempt = s_next (worker);
    cr_assert_eq (stint_attempt_id (attempt), 21);
    attempt = s_next (worker);
    cr_assert_eq (stint_attempt_id (attempt), 23);
    puppet_bare (broker, STP_BYE);
    cr_assert_eq (puppet_await (broker, STP_READY)->list_count, 2);
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker_link, claims_beyond_a_list_say_how_many_came_before)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (puppet_endpoint (broker), STINT_LIST_MAX + 2);
    stint_message_t *ready = puppet_await (broker, STP_READY);
    cr_assert_not (stint_wire_has (ready, 'k'));
    puppet_accept (broker, ready->request, 1000, 1000);
    puppet_tasks (broker, 1, STINT_LIST_MAX);
    puppet_tasks (broker, STINT_LIST_MAX + 1, STINT_LIST_MAX + 2);
    cr_assert_eq (stint_attempt_id (s_next (worker)), 1);
    puppet_bare (broker, STP_BYE);
    ready = puppet_await (broker, STP_READY);
    cr_assert_eq (ready->list_count, STINT_LIST_MAX);
    cr_assert_eq (ready->state, 1);
    cr_assert_not (stint_wire_has (ready, 'k'));
    ready = puppet_expect (broker, STP_READY);
    cr_assert_eq (ready->list_count, 2);
    cr_assert_eq (ready->state, 0);
    cr_assert_eq (ready->cursor, STINT_LIST_MAX);
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker_link, the_held_set_does_what_a_table_does)
{
    enum {
        TASKS = 300,
        FENCES = 3
    };
    bool model [TASKS][FENCES] = {{false}};
    stint_held_t *held = stint_held_new ();
    uint64_t seed = s_seed ();
    uint32_t count = 0;
    for (int round = 0; round < 100000; round++) {
        uint64_t id = s_chance (&seed) % TASKS;
        uint64_t fence = s_chance (&seed) % FENCES;
        bool *known = &model [id][fence];
        if (s_chance (&seed) % 2) {
            cr_assert_eq (stint_held_add (held, id << 20, fence), !*known);
            count += !*known;
            *known = true;
        }
        else {
            cr_assert_eq (stint_held_drop (held, id << 20, fence), *known);
            count -= *known;
            *known = false;
        }
    }
    cr_assert_eq (stint_held_count (held), count);
    stint_refs_t refs = {NULL, 0, 0};
    stint_held_list (held, &refs);
    cr_assert_eq (refs.count, count);
    for (uint32_t index = 0; index < count; index++)
        cr_assert (model [refs.items [index].id >> 20][refs.items [index].fence]);
    stint_refs_clear (&refs);
    stint_held_destroy (&held);
}
