//  tsan_parts: all that runs in more than one thread, for ThreadSanitizer to watch
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: tsan_parts FOLDER [race]
//
//  Criterion does not run under ThreadSanitizer, so this is a program of its own. A store
//  commits, trims and reads; threads log and change the level; then a broker with a store
//  on disk, workers and clients run in threads of one process, with handlers that are so
//  slow that the keeper takes over, cancelled tasks, and a stop from another thread. Each
//  part must also come to what it should. FOLDER must be there and be empty. With a second
//  word, two threads race for a number, and nothing else happens.

#include "broker.h"
#include "must.h"
#include "stint_client.h"
#include "stint_log.h"
#include "stint_worker.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BLOCKS 2000
#define WORKERS 2
#define CLIENTS 2
#define TASKS 1500  //  Of each client

//  ---------------------------------------------------------------------------------
//  The store

static void
s_use_store (const char *folder)
{
    static uint8_t blocks [BLOCKS + 1][64];
    char error [512] = "";
    char directory [256];
    snprintf (directory, sizeof directory, "%s/blocks", folder);
    store_options_t options = {.directory = directory, .size_max = 1 << 30};
    store_t *store = store_lmdb.open (&options, error, sizeof error);
    must (store, "%s", error);
    for (uint64_t number = 1; number <= BLOCKS; number++) {
        memset (blocks [number], (int) (number & 0x7f), sizeof blocks [0]);
        store_lmdb.append (store, number, (stint_bytes_t){blocks [number], 64});
        uint64_t durable = store_lmdb.durable (store);
        if (durable > 10 && number % 50 == 0)
            store_lmdb.trim (store, durable - 10);
        if (durable > 0) {
            stint_bytes_t bytes = store_lmdb.read (store, durable, 0, 64);
            must (bytes.data && bytes.data [0] == (durable & 0x7f), "another block");
        }
        must (!store_lmdb.failed (store), "%s", store_lmdb.failed (store));
    }
    while (store_lmdb.durable (store) < BLOCKS || store_lmdb.busy (store)) {
        struct pollfd item = {.fd = store_lmdb.notify_fd (store), .events = POLLIN};
        poll (&item, 1, 10000);
        store_lmdb.acknowledge (store);
    }
    store_lmdb.close (&store);
}

//  ---------------------------------------------------------------------------------
//  The log

static void *
s_log (void *argument)
{
    uint64_t thread = (uint64_t) (uintptr_t) argument;
    for (uint64_t line = 0; line < 200; line++) {
        stint_log (STINT_LOG_INFO, "tsan.line", stint_field_number ("thread", thread),
                   stint_field_number ("line", line));
        if (line % 50 == 0)
            stint_log_set_level (line % 100 ? STINT_LOG_INFO : STINT_LOG_WARNING);
    }
    return NULL;
}

static void
s_use_log (void)
{
    pthread_t threads [3];
    for (uintptr_t index = 0; index < 3; index++)
        pthread_create (&threads [index], NULL, s_log, (void *) index);
    for (size_t index = 0; index < 3; index++)
        pthread_join (threads [index], NULL);
    stint_log_set_level (STINT_LOG_WARNING);
}

//  ---------------------------------------------------------------------------------
//  Broker, workers and clients

typedef struct {
    char endpoint [256];                //  Of the broker
    broker_t *broker;                   //  Runs in its thread
    int control;                        //  Eventfd that stops it
    stint_worker_t *workers [WORKERS];  //  Each in its thread
    atomic_uint started;                //  Of these
    atomic_uint done;                   //  Attempts that were ended
} s_stage_t;

static s_stage_t s_stage;

static broker_command_t
s_obey (broker_t *broker, void *argument)
{
    (void) broker;
    (void) argument;
    return BROKER_STOP;
}

static void *
s_run_broker (void *argument)
{
    (void) argument;
    int code = broker_run (s_stage.broker, s_stage.control, s_obey, NULL);
    must (code == 0, "the broker ends with %d", code);
    return NULL;
}

//  One task in five hundred takes longer than the keeper waits for its caller.

static void
s_do (stint_attempt_t *attempt, void *argument)
{
    (void) argument;
    unsigned done = atomic_fetch_add (&s_stage.done, 1);
    if (done % 500 == 0) {
        for (int part = 0; part < 6 && !stint_attempt_cancelled (attempt); part++) {
            stint_attempt_progress (attempt, part / 6.0, "a part of it");
            poll (NULL, 0, 50);
        }
    }
    else if (done % 7 == 0)
        stint_attempt_progress (attempt, 0.5, stint_attempt_group (attempt));
    if (done % 100 == 1)
        stint_attempt_fail (&attempt, STINT_RETRY, 1, stint_bytes_of ("again"));
    else if (done % 100 == 2)
        stint_attempt_return (&attempt);
    else
        stint_attempt_done (&attempt, stint_attempt_payload (attempt));
}

static void *
s_run_worker (void *argument)
{
    size_t index = (size_t) argument;
    stint_worker_t *worker = stint_worker_new (s_stage.endpoint);
    stint_worker_serve (worker, "threads");
    stint_worker_set_capacity (worker, 64);
    s_stage.workers [index] = worker;
    atomic_fetch_add (&s_stage.started, 1);
    must (stint_worker_run (worker, s_do, NULL) == STINT_OK, "a worker fails");
    stint_worker_set_capacity (worker, 0);
    stint_worker_destroy (&worker);
    return NULL;
}

static void *
s_run_client (void *argument)
{
    (void) argument;
    stint_client_t *client = stint_client_new (s_stage.endpoint);
    stint_client_set_timeout (client, 30000);
    stint_batch_t *batch = stint_batch_open (client, "threads", NULL);
    must (batch, "%s", stint_client_error (client));
    stint_result_t result;
    for (int task = 0; task < TASKS; task++) {
        static const uint8_t large [6000];
        stint_bytes_t body = {large, task % 50 == 0 ? sizeof large : 20};
        stint_status_t status = stint_batch_push (batch, body);
        must (status == STINT_OK, "%s", stint_client_error (client));
    }
    for (int task = 0; task < TASKS; task++) {
        stint_status_t status = stint_batch_next (batch, 30000, &result);
        must (status == STINT_OK, "%s", stint_client_error (client));
        must (result.state == STINT_DONE, "a task does not succeed");
    }
    stint_batch_close (&batch);
    uint64_t id;
    must (stint_client_push (client, "nobody", stint_bytes_of ("x"), &id) == STINT_OK, "%s",
          stint_client_error (client));
    must (stint_client_cancel (client, id) == STINT_OK, "%s", stint_client_error (client));
    stint_client_destroy (&client);
    return NULL;
}

static void
s_open_broker (const char *folder)
{
    static char store [256];
    static const char *endpoints [1] = {s_stage.endpoint};
    snprintf (s_stage.endpoint, sizeof s_stage.endpoint, "ipc://%s/socket", folder);
    snprintf (store, sizeof store, "%s/store", folder);
    broker_options_t options = {
        .limits = {.tasks = 10000,
                   .groups = 10,
                   .batches = 10,
                   .producers = 10,
                   .sessions = 100,
                   .heartbeat_ms = 1000,
                   .liveness = 20,
                   .waiting_max = 1 << 26,
                   .memory_max = 1 << 20,
                   .defaults = {.list = {10000, 1 << 26, 5, 10, 1000, 3600000, 0, 1, 0}}},
        .engine = &store_lmdb,
        .store = {.directory = store, .size_max = 1 << 30},
        .endpoints = endpoints,
        .endpoint_count = 1,
        .seed = 1,
    };
    char error [512] = "";
    int code;
    s_stage.broker = broker_new (&options, error, sizeof error, &code);
    must (s_stage.broker, "%s", error);
}

//  A life of a broker, with its workers and clients.

static void
s_live (const char *folder)
{
    pthread_t broker, workers [WORKERS], clients [CLIENTS];
    s_open_broker (folder);
    s_stage.control = eventfd (0, EFD_CLOEXEC);
    atomic_store (&s_stage.started, 0);
    pthread_create (&broker, NULL, s_run_broker, NULL);
    for (size_t index = 0; index < WORKERS; index++)
        pthread_create (&workers [index], NULL, s_run_worker, (void *) index);
    for (size_t index = 0; index < CLIENTS; index++)
        pthread_create (&clients [index], NULL, s_run_client, NULL);
    for (size_t index = 0; index < CLIENTS; index++)
        pthread_join (clients [index], NULL);
    must (atomic_load (&s_stage.started) == WORKERS, "a worker has not started");
    for (size_t index = 0; index < WORKERS; index++)
        stint_worker_stop (s_stage.workers [index]);
    for (size_t index = 0; index < WORKERS; index++)
        pthread_join (workers [index], NULL);
    const uint64_t one = 1;
    must (write (s_stage.control, &one, sizeof one) == sizeof one, "cannot stop it");
    pthread_join (broker, NULL);
    broker_destroy (&s_stage.broker);
    close (s_stage.control);
}

//  ---------------------------------------------------------------------------------
//  A race

static int s_number;

static void *
s_count (void *argument)
{
    for (int count = 0; count < 1000; count++)
        s_number++;
    return argument;
}

static void
s_race (void)
{
    pthread_t threads [2];
    for (size_t index = 0; index < 2; index++)
        pthread_create (&threads [index], NULL, s_count, NULL);
    for (size_t index = 0; index < 2; index++)
        pthread_join (threads [index], NULL);
}

int
main (int argc, char **argv)
{
    must (argc >= 2, "usage: tsan_parts FOLDER [race]");
    if (argc > 2) {
        s_race ();
        return 0;
    }
    stint_log_start (STINT_LOG_INFO);
    s_use_log ();
    s_use_store (argv [1]);
    s_live (argv [1]);
    s_live (argv [1]);
    printf ("tsan_parts: %u attempts\n", atomic_load (&s_stage.done));
    return 0;
}
