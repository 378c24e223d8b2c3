//  test_worker_progress: how a worker tells the broker how far its attempts are
//  SPDX-License-Identifier: MPL-2.0

#include "puppet.h"
#include "stint_note.h"
#include "stint_worker.h"

#include <criterion/criterion.h>
#include <czmq.h>
#include <math.h>
#include <pthread.h>

static puppet_t *s_broker;
static stint_worker_t *s_worker;
static stint_attempt_t *s_attempts [3];

//  A worker that has two attempts, of the tasks 1 and 2.

static void
s_begin (void)
{
    s_broker = puppet_new ();
    s_worker = stint_worker_new (puppet_endpoint (s_broker));
    cr_assert_eq (stint_worker_serve (s_worker, "work"), STINT_OK);
    stint_worker_set_capacity (s_worker, 2);
    stint_worker_start (s_worker);
    puppet_welcome (s_broker, 1000, 1000);
    puppet_tasks (s_broker, 1, 2);
    for (int task = 1; task <= 2; task++) {
        s_attempts [task] = stint_worker_next (s_worker, PUPPET_WAIT_MS);
        cr_assert (s_attempts [task], "no task came");
    }
}

static void
s_end (void)
{
    stint_worker_destroy (&s_worker);
    puppet_destroy (&s_broker);
}

TestSuite (worker_progress, .init = s_begin, .fini = s_end);

//  Waits for the next PROGRESS, while the caller does not come to the library, and returns
//  what it says of a task; false when that is nothing.

static bool
s_hear (uint64_t id, stint_item_t *item)
{
    stint_message_t *message = puppet_expect (s_broker, STP_PROGRESS);
    while (stint_wire_next (message, item)) {
        cr_assert_eq (item->fence, 100 + item->id);
        if (item->id == id)
            return true;
    }
    return false;
}

static void
s_hears (uint64_t id, uint32_t done, const char *text)
{
    stint_item_t item;
    cr_assert (s_hear (id, &item));
    cr_assert_eq (item.number, done, "%u, not %u", item.number, done);
    cr_assert_eq (item.body.size, strlen (text));
    cr_assert_eq (memcmp (item.body.data, text, strlen (text)), 0);
}

Test (worker_progress, the_broker_is_told_while_the_caller_works)
{
    stint_attempt_progress (s_attempts [1], 0.405, "page 4 of 10");
    s_hears (1, 405, "page 4 of 10");
    stint_attempt_progress (s_attempts [1], 0.4, NULL);
    s_hears (1, 400, "");
}

Test (worker_progress, the_last_word_wins_and_a_second_has_one_message)
{
    int64_t begun = zclock_mono ();
    char text [16];
    for (int step = 1; step <= 1000; step++) {
        snprintf (text, sizeof text, "step %d", step);
        stint_attempt_progress (s_attempts [1], step / 1000.0, text);
        stint_attempt_progress (s_attempts [2], 1 - step / 1000.0, text);
    }
    stint_item_t item;
    int messages = 1;
    while (!s_hear (1, &item) || item.number < 1000)
        messages++;
    int64_t took = zclock_mono () - begun;
    cr_assert_geq (took, (messages - 1) * 1000, "%d messages in %ld ms", messages,
                   (long) took);
    stint_attempt_progress (s_attempts [2], 0.5, "");
    cr_assert (s_hear (2, &item));
    cr_assert_eq (item.number, 500);
}

//  Nothing but the result comes behind what has changed nothing.

Test (worker_progress, what_was_said_already_is_not_said_again)
{
    stint_attempt_progress (s_attempts [1], 0.1, "begun");
    s_hears (1, 100, "begun");
    stint_attempt_progress (s_attempts [1], 0.1, "begun");
    cr_assert_not (puppet_heard (s_broker, STP_PROGRESS, 1200));
    stint_attempt_done (&s_attempts [1], stint_bytes_of ("one"));
    puppet_expect (s_broker, STP_RESULT);
}

Test (worker_progress, odd_values_are_mended)
{
    const double values [] = {-1, 0.9999, NAN, 7, 0.29, INFINITY};
    const uint32_t thousandths [] = {0, 999, 0, 1000, 290, 1000};
    char text [200];
    memset (text, 'x', sizeof text);
    memcpy (text + STINT_NOTE_MAX - 1, "\xc3\xa4", 3);
    for (size_t index = 0; index < 6; index++) {
        text [0] = (char) ('a' + index);
        stint_attempt_progress (s_attempts [1], values [index], text);
        stint_item_t item;
        cr_assert (s_hear (1, &item));
        cr_assert_eq (item.number, thousandths [index], "%u for %f", item.number,
                      values [index]);
        cr_assert_eq (item.body.size, STINT_NOTE_MAX - 1);
    }
}

Test (worker_progress, a_broker_that_was_away_is_told_again)
{
    stint_attempt_progress (s_attempts [1], 0.1, "begun");
    s_hears (1, 100, "begun");
    puppet_close (s_broker);
    puppet_open (s_broker);
    puppet_accept (s_broker, puppet_await (s_broker, STP_READY)->request, 1000, 1000);
    s_hears (1, 100, "begun");
}

Test (worker_progress, an_attempt_that_has_ended_or_was_cancelled_says_nothing)
{
    puppet_refs (s_broker, STP_REVOKE, 1, 1);
    int64_t until = zclock_mono () + PUPPET_WAIT_MS;
    while (!stint_attempt_cancelled (s_attempts [1]))
        cr_assert (zclock_mono () < until);
    stint_attempt_progress (s_attempts [1], 0.1, "too late");
    stint_attempt_progress (s_attempts [2], 0.1, "begun");
    stint_attempt_progress (s_attempts [2], 0.2, "more");
    stint_item_t item;
    cr_assert_not (s_hear (1, &item));
    stint_attempt_progress (s_attempts [2], 0.3, "still more");
    stint_attempt_return (&s_attempts [2]);
    cr_assert_not (puppet_heard (s_broker, STP_PROGRESS, 1200));
}
