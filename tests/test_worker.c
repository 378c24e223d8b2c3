//  test_worker: what a worker's caller sees, and what the broker sees of it
//  SPDX-License-Identifier: MPL-2.0

#include "puppet.h"
#include "stint_worker.h"

#include <criterion/criterion.h>
#include <czmq.h>
#include <poll.h>
#include <pthread.h>

static stint_worker_t *
s_worker (const puppet_t *broker, uint32_t capacity)
{
    stint_worker_t *worker = stint_worker_new (puppet_endpoint (broker));
    cr_assert_eq (stint_worker_serve (worker, "work"), STINT_OK);
    stint_worker_set_capacity (worker, capacity);
    stint_worker_start (worker);
    return worker;
}

static bool
s_is (stint_bytes_t bytes, const char *text)
{
    return bytes.size == strlen (text) && memcmp (bytes.data, text, bytes.size) == 0;
}

static stint_attempt_t *
s_next (stint_worker_t *worker)
{
    stint_attempt_t *attempt = stint_worker_next (worker, PUPPET_WAIT_MS);
    cr_assert (attempt, "no task came");
    return attempt;
}

//  Runs a worker in a thread of its own, so that the test can be the broker meanwhile.

typedef struct {
    const puppet_t *broker;  //  Only its endpoint is read
    uint32_t capacity;       //  Of the worker
    int finish;              //  Tasks to do before it leaves
    pthread_t thread;        //  Where it runs
} s_leaver_t;

static void *
s_leave (void *argument)
{
    s_leaver_t *self = argument;
    stint_worker_t *worker = s_worker (self->broker, self->capacity);
    for (int count = 0; count < self->finish; count++) {
        stint_attempt_t *attempt = s_next (worker);
        stint_attempt_done (&attempt, stint_bytes_of ("done"));
    }
    stint_worker_destroy (&worker);
    return NULL;
}

Test (worker, says_ready_with_groups_capacity_name_and_number)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = stint_worker_new (puppet_endpoint (broker));
    cr_assert_eq (stint_worker_serve (worker, "resize"), STINT_OK);
    cr_assert_eq (stint_worker_serve (worker, "mail"), STINT_OK);
    cr_assert_eq (stint_worker_serve (worker, "mail"), STINT_OK);
    cr_assert_eq (stint_worker_serve (worker, "not a name"), STINT_ERR_INVALID);
    stint_worker_set_name (worker, "desk/1");
    stint_worker_set_capacity (worker, 7);
    stint_worker_start (worker);

    stint_message_t *ready = puppet_expect (broker, STP_READY);
    cr_assert_neq (ready->worker, 0);
    cr_assert_eq (ready->count, 7);
    cr_assert (s_is (ready->name, "desk/1"));
    stint_bytes_t group;
    cr_assert (stint_wire_next_group (ready, &group) && s_is (group, "resize"));
    cr_assert (stint_wire_next_group (ready, &group) && s_is (group, "mail"));
    cr_assert (!stint_wire_next_group (ready, &group));
    cr_assert_eq (ready->list_count, 0);
    cr_assert (!stint_worker_connected (worker));
    puppet_accept (broker, ready->request, 1000, 3);
    int64_t until = zclock_mono () + PUPPET_WAIT_MS;
    while (!stint_worker_connected (worker))
        cr_assert (zclock_mono () < until);
    cr_assert_str_eq (stint_worker_error (worker), "");
    stint_worker_destroy (&worker);
    puppet_expect (broker, STP_CREDIT);
    puppet_expect (broker, STP_BYE);
    puppet_destroy (&broker);
}

Test (worker, serves_at_most_sixteen_groups)
{
    stint_worker_t *worker = stint_worker_new ("ipc://@stint-test-nobody");
    char name [16];
    for (int index = 0; index < STINT_GROUPS_MAX; index++) {
        snprintf (name, sizeof name, "g%d", index);
        cr_assert_eq (stint_worker_serve (worker, name), STINT_OK);
    }
    cr_assert_eq (stint_worker_serve (worker, "more"), STINT_ERR_INVALID);
    stint_worker_destroy (&worker);
}

Test (worker, turns_a_task_into_a_result)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (broker, 1);
    puppet_welcome (broker, 1000, 3);
    puppet_tasks (broker, 5, 5);
    stint_attempt_t *attempt = s_next (worker);
    cr_assert_eq (stint_attempt_id (attempt), 5);
    cr_assert_eq (stint_attempt_fence (attempt), 105);
    cr_assert_eq (stint_attempt_number (attempt), 1);
    cr_assert_str_eq (stint_attempt_group (attempt), "work");
    cr_assert (s_is (stint_attempt_payload (attempt), "5"));
    cr_assert (!stint_attempt_cancelled (attempt));
    stint_attempt_done (&attempt, stint_bytes_of ("five"));
    cr_assert_null (attempt);

    stint_message_t *result = puppet_expect (broker, STP_RESULT);
    stint_item_t item;
    cr_assert (stint_wire_next (result, &item));
    cr_assert_eq (item.id, 5);
    cr_assert_eq (item.fence, 105);
    cr_assert_eq (item.verdict, 0);
    cr_assert (s_is (item.body, "five"));
    cr_assert (!stint_wire_next (result, &item));
    puppet_accept (broker, result->request, 0, 0);
    cr_assert_null (stint_worker_next (worker, 0));
    stint_worker_destroy (&worker);
    puppet_await (broker, STP_BYE);
    puppet_destroy (&broker);
}

Test (worker, a_new_name_is_told_with_the_next_ready)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (broker, 1);
    puppet_welcome (broker, 1000, 3);
    stint_worker_set_name (worker, "other");
    stint_worker_set_capacity (worker, 2);
    puppet_expect (broker, STP_CREDIT);
    puppet_bare (broker, STP_BYE);
    cr_assert (s_is (puppet_expect (broker, STP_READY)->name, "other"));
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker, a_failure_carries_verdict_delay_and_the_start_of_its_text)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (broker, 1);
    puppet_welcome (broker, 1000, 3);
    puppet_tasks (broker, 1, 1);
    stint_attempt_t *attempt = s_next (worker);
    static const uint8_t text [STINT_ERROR_MAX + 500] = "because";
    stint_attempt_fail (&attempt, STINT_LATER, 2500, (stint_bytes_t){text, sizeof text});

    stint_message_t *result = puppet_expect (broker, STP_RESULT);
    stint_item_t item;
    cr_assert (stint_wire_next (result, &item));
    cr_assert_eq (item.verdict, STINT_LATER);
    cr_assert_eq (item.delay, 2500);
    cr_assert_eq (item.body.size, STINT_ERROR_MAX);
    cr_assert_eq (memcmp (item.body.data, text, item.body.size), 0);
    puppet_accept (broker, result->request, 0, 0);
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker, large_payloads_and_results_travel_in_frames_of_their_own)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (broker, 2);
    puppet_welcome (broker, 1000, 3);
    size_t size = 300000;
    uint8_t *payload = zmalloc (size);
    for (size_t index = 0; index < size; index++)
        payload [index] = (uint8_t) (index * 7);
    stint_writer_t writer = {NULL, 0, 0};
    stint_wire_begin (&writer, STP_TASK, 2);
    stint_wire_text (&writer, 'g', "work");
    size_t list = stint_wire_list (&writer);
    stint_item_t large = {
        .id = 1, .fence = 2, .number = 3, .body = {payload, size}, .frame = 1};
    stint_wire_put (&writer, STP_TASK, &large);
    stint_write_array_close (&writer, list, 1);
    stint_bytes_t frames [] = {stint_writer_bytes (&writer), large.body};
    puppet_send (broker, frames, 2);

    stint_attempt_t *attempt = s_next (worker);
    stint_bytes_t got = stint_attempt_payload (attempt);
    cr_assert_eq (got.size, size);
    cr_assert_eq (memcmp (got.data, payload, size), 0);
    stint_attempt_done (&attempt, got);
    stint_message_t *result = puppet_expect (broker, STP_RESULT);
    cr_assert_eq (result->frame_count, 1);
    stint_item_t item;
    cr_assert (stint_wire_next (result, &item));
    cr_assert_eq (item.body.size, size);
    cr_assert_eq (memcmp (item.body.data, payload, size), 0);
    puppet_accept (broker, result->request, 0, 0);
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
    stint_writer_clear (&writer);
    free (payload);
}

Test (worker, results_of_many_small_tasks_travel_together)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (broker, 4096);
    puppet_welcome (broker, 1000, 3);
    puppet_tasks (broker, 1, 2048);
    puppet_tasks (broker, 2049, 4096);
    for (uint64_t id = 1; id <= 4096; id++) {
        stint_attempt_t *attempt = s_next (worker);
        cr_assert_eq (stint_attempt_id (attempt), id);
        stint_attempt_done (&attempt, stint_bytes_of ("ok"));
    }
    cr_assert_null (stint_worker_next (worker, 0));
    uint64_t id = 1;
    int messages = 0;
    while (id <= 4096) {
        stint_message_t *result = puppet_expect (broker, STP_RESULT);
        cr_assert_leq (result->list_count, 1024);
        messages++;
        stint_item_t item;
        while (stint_wire_next (result, &item))
            cr_assert_eq (item.id, id++);
        puppet_accept (broker, result->request, 0, 0);
    }
    cr_assert_leq (messages, 1024, "%d messages for 4096 results", messages);
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker, hands_back_at_its_end_what_it_did_not_start)
{
    puppet_t *broker = puppet_new ();
    s_leaver_t leaver = {.broker = broker, .capacity = 8, .finish = 1};
    pthread_create (&leaver.thread, NULL, s_leave, &leaver);
    puppet_welcome (broker, 1000, 3);
    puppet_tasks (broker, 1, 3);

    stint_message_t *result = puppet_expect (broker, STP_RESULT);
    uint64_t request = result->request;
    stint_message_t *back = puppet_expect (broker, STP_RETURN);
    stint_item_t item;
    cr_assert (stint_wire_next (back, &item));
    cr_assert_eq (item.id, 2);
    cr_assert_eq (item.fence, 102);
    cr_assert (stint_wire_next (back, &item));
    cr_assert_eq (item.id, 3);
    cr_assert (!stint_wire_next (back, &item));
    stint_message_t *credit = puppet_expect (broker, STP_CREDIT);
    cr_assert_eq (credit->count, 0);

    //  A task that was on its way comes back too
    puppet_tasks (broker, 9, 9);
    back = puppet_expect (broker, STP_RETURN);
    cr_assert (stint_wire_next (back, &item));
    cr_assert_eq (item.id, 9);
    puppet_accept (broker, request, 0, 0);
    puppet_expect (broker, STP_BYE);
    pthread_join (leaver.thread, NULL);
    puppet_destroy (&broker);
}

Test (worker, an_attempt_can_be_handed_back)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (broker, 2);
    puppet_welcome (broker, 1000, 3);
    puppet_tasks (broker, 4, 4);
    stint_attempt_t *attempt = s_next (worker);
    stint_attempt_return (&attempt);
    cr_assert_null (attempt);
    stint_message_t *back = puppet_expect (broker, STP_RETURN);
    stint_item_t item;
    cr_assert (stint_wire_next (back, &item));
    cr_assert_eq (item.id, 4);
    cr_assert_eq (item.fence, 104);
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker, a_new_capacity_is_told_to_the_broker)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (broker, 1);
    puppet_welcome (broker, 1000, 3);
    stint_worker_set_capacity (worker, 40);
    cr_assert_eq (puppet_expect (broker, STP_CREDIT)->count, 40);
    stint_worker_set_capacity (worker, 40);
    stint_worker_set_capacity (worker, 0);
    cr_assert_eq (puppet_expect (broker, STP_CREDIT)->count, 0);
    stint_worker_set_capacity (worker, 1000000);
    cr_assert_eq (puppet_expect (broker, STP_CREDIT)->count, 65536);
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker, a_revoked_attempt_is_cancelled_and_its_result_not_sent)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (broker, 4);
    puppet_welcome (broker, 1000, 3);
    puppet_tasks (broker, 1, 3);
    stint_attempt_t *attempt = s_next (worker);
    puppet_refs (broker, STP_REVOKE, 1, 2);
    int64_t until = zclock_mono () + PUPPET_WAIT_MS;
    while (!stint_attempt_cancelled (attempt))
        cr_assert (zclock_mono () < until);
    stint_attempt_done (&attempt, stint_bytes_of ("too late"));

    //  Task 2 was revoked before it was begun, so it never comes
    attempt = s_next (worker);
    cr_assert_eq (stint_attempt_id (attempt), 3);
    cr_assert (!stint_attempt_cancelled (attempt));
    stint_attempt_done (&attempt, stint_bytes_of ("three"));
    stint_message_t *result = puppet_expect (broker, STP_RESULT);
    cr_assert_eq (result->list_count, 1);
    stint_item_t item;
    cr_assert (stint_wire_next (result, &item));
    cr_assert_eq (item.id, 3);
    cr_assert_eq (stint_worker_stale (worker), 0);
    puppet_accept (broker, result->request, 0, 0);

    //  A task of the same number may come again, with a higher fence
    puppet_tasks (broker, 2, 2);
    attempt = s_next (worker);
    cr_assert_eq (stint_attempt_id (attempt), 2);
    cr_assert (!stint_attempt_cancelled (attempt));
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker, one_that_is_told_to_drain_hands_back_what_was_not_begun_and_ends_the_rest)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (broker, 4);
    puppet_welcome (broker, 1000, 3);
    puppet_tasks (broker, 1, 3);
    stint_attempt_t *attempt = s_next (worker);
    puppet_bare (broker, STP_DRAIN);
    int64_t until = zclock_mono () + PUPPET_WAIT_MS;
    while (!stint_worker_draining (worker)) {
        stint_attempt_cancelled (attempt);
        cr_assert (zclock_mono () < until);
    }
    cr_assert_eq (puppet_await (broker, STP_CREDIT)->count, 0);
    cr_assert_null (stint_worker_next (worker, -1));
    stint_message_t *back = puppet_await (broker, STP_RETURN);
    cr_assert_eq (back->list_count, 2);

    //  One that was on its way goes back too, and no capacity is told any more
    puppet_tasks (broker, 4, 4);
    stint_worker_set_capacity (worker, 9);
    while (!puppet_heard (broker, STP_RETURN, 10))
        cr_assert_null (stint_worker_next (worker, 0));

    stint_attempt_done (&attempt, stint_bytes_of ("one"));
    cr_assert_null (stint_worker_next (worker, -1));
    stint_message_t *result = puppet_await (broker, STP_RESULT);
    stint_item_t item;
    cr_assert (stint_wire_next (result, &item));
    cr_assert_eq (item.id, 1);
    puppet_accept (broker, result->request, 0, 0);
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker, a_stale_result_is_counted_once_and_never_sent_again)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (broker, 1);
    puppet_welcome (broker, 1000, 3);
    puppet_tasks (broker, 1, 1);
    stint_attempt_t *attempt = s_next (worker);
    stint_attempt_done (&attempt, stint_bytes_of ("late"));
    uint64_t request = puppet_expect (broker, STP_RESULT)->request;
    puppet_refs (broker, STP_STALE, 1, 1);
    puppet_refs (broker, STP_STALE, 1, 1);
    puppet_accept (broker, request, 0, 0);
    puppet_bare (broker, STP_BYE);
    stint_message_t *ready = puppet_expect (broker, STP_READY);
    cr_assert_eq (ready->list_count, 0);
    puppet_accept (broker, ready->request, 1000, 3);
    cr_assert_eq (stint_worker_stale (worker), 1);
    stint_worker_destroy (&worker);
    cr_assert (!puppet_heard (broker, STP_RESULT, 0));
    puppet_destroy (&broker);
}

Test (worker, tells_the_backlog_of_its_groups)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (broker, 1);
    puppet_welcome (broker, 1000, 3);
    cr_assert_eq (stint_worker_backlog (worker), 0);
    stint_writer_t writer = {NULL, 0, 0};
    stint_wire_begin (&writer, STP_HEARTBEAT, 1);
    stint_wire_number (&writer, 'z', 12345);
    stint_bytes_t frame = stint_writer_bytes (&writer);
    puppet_send (broker, &frame, 1);
    int64_t until = zclock_mono () + PUPPET_WAIT_MS;
    while (stint_worker_backlog (worker) != 12345)
        cr_assert (zclock_mono () < until);
    stint_writer_clear (&writer);
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker, its_descriptor_is_readable_when_a_task_comes_and_when_it_is_stopped)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (broker, 1);
    puppet_welcome (broker, 1000, 3);
    puppet_tasks (broker, 1, 1);
    struct pollfd item = {.fd = stint_worker_fd (worker), .events = POLLIN};
    stint_attempt_t *attempt = NULL;
    while (!attempt) {
        cr_assert_eq (poll (&item, 1, PUPPET_WAIT_MS), 1);
        attempt = stint_worker_next (worker, 0);
    }
    stint_attempt_return (&attempt);
    cr_assert_null (stint_worker_next (worker, 0));
    stint_worker_stop (worker);
    cr_assert_eq (poll (&item, 1, PUPPET_WAIT_MS), 1);
    cr_assert_null (stint_worker_next (worker, -1));
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker, leaves_the_signals_of_the_process_alone)
{
    struct sigaction mine = {.sa_handler = SIG_IGN};
    sigaction (SIGTERM, &mine, NULL);
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = s_worker (broker, 1);
    puppet_welcome (broker, 1000, 3);
    struct sigaction action;
    sigaction (SIGTERM, NULL, &action);
    cr_assert_eq (action.sa_handler, SIG_IGN);
    sigaction (SIGINT, NULL, &action);
    cr_assert_eq (action.sa_handler, SIG_DFL);
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

Test (worker, can_be_destroyed_before_it_has_begun)
{
    stint_worker_t *worker = stint_worker_new ("ipc://@stint-test-nobody");
    stint_worker_destroy (&worker);
    cr_assert_null (worker);
    stint_worker_destroy (&worker);
}
