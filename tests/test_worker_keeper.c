//  test_worker_keeper: a worker whose caller works, polls, is told to stop, or just exits
//  SPDX-License-Identifier: MPL-2.0

#include "puppet.h"
#include "stint_worker.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

//  A worker that runs in a thread of its own. Its handler does task 1 only when the gate is
//  opened, and everything else at once.

typedef struct {
    stint_worker_t *worker;  //  Made and used in the thread, stopped by the test
    const char *endpoint;    //  Of the broker
    pthread_t thread;        //  Where it runs
    pthread_mutex_t mutex;   //  For what follows
    pthread_cond_t change;   //  Something below has changed
    bool made;               //  The worker is there
    bool entered;            //  The handler of task 1 runs
    bool open;               //  It may go on
} s_runner_t;

static void
s_wait_for (s_runner_t *self, const bool *condition)
{
    pthread_mutex_lock (&self->mutex);
    while (!*condition)
        pthread_cond_wait (&self->change, &self->mutex);
    pthread_mutex_unlock (&self->mutex);
}

static void
s_announce (s_runner_t *self, bool *condition)
{
    pthread_mutex_lock (&self->mutex);
    *condition = true;
    pthread_cond_broadcast (&self->change);
    pthread_mutex_unlock (&self->mutex);
}

static void
s_handle (stint_attempt_t *attempt, void *argument)
{
    s_runner_t *self = argument;
    if (stint_attempt_id (attempt) == 1) {
        s_announce (self, &self->entered);
        s_wait_for (self, &self->open);
    }
    if (stint_attempt_id (attempt) != 13)  //  Which is forgotten
        stint_attempt_done (&attempt, stint_bytes_of ("ok"));
}

static void *
s_run (void *argument)
{
    s_runner_t *self = argument;
    self->worker = stint_worker_new (self->endpoint);
    stint_worker_serve (self->worker, "work");
    stint_worker_set_capacity (self->worker, 64);
    s_announce (self, &self->made);
    cr_assert_eq (stint_worker_run (self->worker, s_handle, self), STINT_OK);
    stint_worker_destroy (&self->worker);
    return NULL;
}

static void
s_start (s_runner_t *self, const puppet_t *broker)
{
    self->endpoint = puppet_endpoint (broker);
    pthread_mutex_init (&self->mutex, NULL);
    pthread_cond_init (&self->change, NULL);
    pthread_create (&self->thread, NULL, s_run, self);
    s_wait_for (self, &self->made);
}

static void
s_stop (s_runner_t *self)
{
    stint_worker_stop (self->worker);
    pthread_join (self->thread, NULL);
}

Test (worker_keeper, heartbeats_go_out_while_a_handler_blocks)
{
    puppet_t *broker = puppet_new ();
    s_runner_t runner = {0};
    s_start (&runner, broker);
    puppet_welcome (broker, 20, 1000);
    puppet_tasks (broker, 1, 1);
    s_wait_for (&runner, &runner.entered);
    for (int count = 0; count < 10; count++)
        cr_assert (puppet_heard (broker, STP_HEARTBEAT, PUPPET_WAIT_MS));
    s_announce (&runner, &runner.open);
    puppet_accept (broker, puppet_await (broker, STP_RESULT)->request, 0, 0);
    s_stop (&runner);
    puppet_destroy (&broker);
}

Test (worker_keeper, results_leave_while_a_long_handler_runs)
{
    puppet_t *broker = puppet_new ();
    s_runner_t runner = {0};
    s_start (&runner, broker);
    puppet_welcome (broker, 1000, 1000);
    puppet_tasks (broker, 7, 7);
    puppet_accept (broker, puppet_await (broker, STP_RESULT)->request, 0, 0);
    stint_writer_t writer = {NULL, 0, 0};
    stint_wire_begin (&writer, STP_TASK, 2);
    stint_wire_text (&writer, 'g', "work");
    size_t list = stint_wire_list (&writer);
    for (uint64_t id = 3; id >= 1; id--) {
        stint_item_t item = {.id = id, .fence = 5, .number = 1};
        stint_wire_put (&writer, STP_TASK, &item);
    }
    stint_write_array_close (&writer, list, 3);
    stint_bytes_t frame = stint_writer_bytes (&writer);
    puppet_send (broker, &frame, 1);

    //  The results of 3 and 2 come although task 1 does not end
    for (uint32_t count = 0; count < 2;) {
        stint_message_t *result = puppet_await (broker, STP_RESULT);
        count += result->list_count;
        puppet_accept (broker, result->request, 0, 0);
    }
    s_announce (&runner, &runner.open);
    puppet_accept (broker, puppet_await (broker, STP_RESULT)->request, 0, 0);
    s_stop (&runner);
    stint_writer_clear (&writer);
    puppet_destroy (&broker);
}

Test (worker_keeper, an_attempt_that_its_handler_forgets_is_retried)
{
    puppet_t *broker = puppet_new ();
    s_runner_t runner = {0};
    s_start (&runner, broker);
    puppet_welcome (broker, 1000, 1000);
    puppet_tasks (broker, 13, 13);
    stint_message_t *result = puppet_await (broker, STP_RESULT);
    stint_item_t item;
    cr_assert (stint_wire_next (result, &item));
    cr_assert_eq (item.verdict, STINT_RETRY);
    puppet_accept (broker, result->request, 0, 0);
    s_stop (&runner);
    puppet_destroy (&broker);
}

static stint_worker_t *s_to_stop;

static void
s_on_signal (int number)
{
    (void) number;
    stint_worker_stop (s_to_stop);
}

Test (worker_keeper, a_signal_handler_may_stop_it)
{
    puppet_t *broker = puppet_new ();
    s_runner_t runner = {0};
    s_start (&runner, broker);
    puppet_welcome (broker, 1000, 1000);
    s_to_stop = runner.worker;
    struct sigaction action = {.sa_handler = s_on_signal};
    sigaction (SIGUSR1, &action, NULL);
    pthread_kill (runner.thread, SIGUSR1);
    pthread_join (runner.thread, NULL);
    puppet_destroy (&broker);
}

Test (worker_keeper, goodbye_is_heard_while_a_handler_runs)
{
    puppet_t *broker = puppet_new ();
    s_runner_t runner = {0};
    s_start (&runner, broker);
    puppet_welcome (broker, 60000, 3);
    puppet_tasks (broker, 1, 1);
    s_wait_for (&runner, &runner.entered);
    puppet_bare (broker, STP_BYE);
    stint_message_t *ready = puppet_expect (broker, STP_READY);
    cr_assert_eq (ready->list_count, 1);
    puppet_accept (broker, ready->request, 60000, 3);
    s_announce (&runner, &runner.open);
    puppet_accept (broker, puppet_await (broker, STP_RESULT)->request, 0, 0);
    s_stop (&runner);
    puppet_destroy (&broker);
}

//  What comes while results are sent must not be left lying.

Test (worker_keeper, a_task_that_comes_as_results_leave_is_taken_at_once)
{
    puppet_t *broker = puppet_new ();
    stint_worker_t *worker = stint_worker_new (puppet_endpoint (broker));
    stint_worker_serve (worker, "work");
    stint_worker_set_capacity (worker, 8);
    stint_worker_start (worker);
    puppet_welcome (broker, 60000, 3);
    struct pollfd item = {.fd = stint_worker_fd (worker), .events = POLLIN};
    uint64_t id = 1;
    puppet_tasks (broker, id, id);
    for (int round = 0; round < 300; round++) {
        stint_attempt_t *attempt;
        while (!(attempt = stint_worker_next (worker, 0)))
            cr_assert_eq (poll (&item, 1, 500), 1, "round %d", round);
        cr_assert_eq (stint_attempt_id (attempt), id);
        puppet_tasks (broker, id + 1, id + 1);
        id++;
        stint_attempt_done (&attempt, stint_bytes_of ("ok"));
    }
    stint_attempt_t *attempt = stint_worker_next (worker, PUPPET_WAIT_MS);
    cr_assert (attempt);
    stint_attempt_return (&attempt);
    for (uint64_t count = 0; count < id - 1;) {
        stint_message_t *result = puppet_await (broker, STP_RESULT);
        count += result->list_count;
        puppet_accept (broker, result->request, 0, 0);
    }
    stint_worker_destroy (&worker);
    puppet_destroy (&broker);
}

//  The child takes one task, ends it, and exits with the worker still there.

static void
s_exit_early (int input)
{
    char endpoint [128] = "";
    if (read (input, endpoint, sizeof endpoint - 1) <= 0)
        exit (1);
    static stint_worker_t *volatile worker;  //  Lives on, for the search for leaks
    worker = stint_worker_new (endpoint);
    stint_worker_serve (worker, "work");
    stint_attempt_t *attempt = stint_worker_next (worker, PUPPET_WAIT_MS);
    if (!attempt)
        exit (1);
    stint_attempt_done (&attempt, stint_bytes_of ("ok"));
    exit (stint_worker_next (worker, 0) ? 1 : 0);
}

Test (worker_keeper, a_program_may_exit_without_destroying_it)
{
    int ends [2];
    cr_assert_eq (pipe (ends), 0);
    pid_t pid = fork ();
    if (pid == 0)
        s_exit_early (ends [0]);
    puppet_t *broker = puppet_new ();
    const char *endpoint = puppet_endpoint (broker);
    cr_assert_gt (write (ends [1], endpoint, strlen (endpoint) + 1), 0);
    puppet_welcome (broker, 1000, 3);
    puppet_tasks (broker, 1, 1);
    //  Its result may be lost with it: exit () does not wait for what is on its way
    struct pollfd item = {.fd = pidfd_open (pid, 0), .events = POLLIN};
    int ended = poll (&item, 1, 5000);
    int status = -1;
    kill (pid, SIGKILL);
    waitpid (pid, &status, 0);
    cr_assert_eq (ended, 1, "exit () hangs");
    cr_assert (WIFEXITED (status) && WEXITSTATUS (status) == 0);
    close (item.fd);
    close (ends [0]);
    close (ends [1]);
    puppet_destroy (&broker);
}
