//  bench_stint: tasks that go through the broker, by the client and worker of the library
//  SPDX-License-Identifier: MPL-2.0

#include "bench.h"
#include "stint_client.h"
#include "stint_worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    bench_tally_t *tally;    //  Takes the results
    uint8_t *payload;        //  A task; its number is filled in
    size_t size;             //  Bytes of it
    uint32_t keys;           //  That tasks ask for in turn; 0: none
    stint_client_t *client;  //  The connection
    stint_batch_t *batch;    //  All tasks are of this batch
} side_t;

//  Lets the next task ask for the key whose turn it is.

static void
s_ask (const side_t *self, uint64_t task)
{
    char key [24];
    snprintf (key, sizeof key, "user-%llu", (unsigned long long) (task % self->keys));
    stint_client_set_terms (self->client, &(stint_terms_t){.key = key});
}

static void
s_push (void *argument, uint64_t first, uint32_t count)
{
    side_t *self = argument;
    stint_bytes_t payload = {self->payload, self->size};
    for (uint64_t task = first; task < first + count; task++) {
        memcpy (self->payload, &task, sizeof task);
        if (self->keys > 0)
            s_ask (self, task);
        if (stint_batch_push (self->batch, payload) != STINT_OK)
            bench_fail ("push: %s", stint_client_error (self->client));
    }
    self->tally->pushed += count;
}

static uint32_t
s_pull (void *argument)
{
    side_t *self = argument;
    stint_result_t result;
    if (stint_batch_next (self->batch, BENCH_PATIENCE_MS, &result) != STINT_OK)
        bench_fail ("%llu results are missing: %s",
                    (unsigned long long) (self->tally->pushed - self->tally->taken),
                    stint_client_error (self->client));
    if (result.state != STINT_DONE)
        bench_fail ("a task is %s", stint_state_name (result.state));
    bench_take (self->tally, result.result.data, result.result.size);
    return 1;
}

static void
s_open (const bench_t *bench, bench_tally_t *tally, bench_way_t *way)
{
    static side_t self;
    int64_t took_us;
    self.tally = tally;
    self.size = bench->payload;
    self.keys = bench->keys;
    self.payload = bench_payload (bench->payload);
    self.client = stint_client_new (bench->endpoint);
    stint_client_set_timeout (self.client, BENCH_PATIENCE_MS);
    if (stint_client_ping (self.client, &took_us) != STINT_OK)
        bench_fail ("ping: %s", stint_client_error (self.client));
    self.batch = stint_batch_open (self.client, "bench", NULL);
    if (self.batch == NULL)
        bench_fail ("batch: %s", stint_client_error (self.client));
    uint32_t chunk = bench->window > 256 ? 64 : (bench->window + 3) / 4;
    *way = (bench_way_t){s_push, s_pull, &self, chunk, 0};
}

static void
s_work (const bench_t *bench, uint32_t index)
{
    stint_worker_t *worker = stint_worker_new (bench->endpoint);
    if (stint_worker_serve (worker, "bench") != STINT_OK)
        bench_fail ("the worker cannot serve");
    stint_worker_set_capacity (worker, bench->window / bench->workers + 1);
    for (;;) {
        uint64_t answer [2];
        stint_attempt_t *attempt = stint_worker_next (worker, -1);
        if (attempt == NULL)
            bench_fail ("worker %u stops: %s", index, stint_worker_error (worker));
        stint_bytes_t payload = stint_attempt_payload (attempt);
        bench_do (payload.data, payload.size, index, answer);
        stint_attempt_done (&attempt,
                            (stint_bytes_t){(const uint8_t *) answer, sizeof answer});
    }
}

static void
s_serve (const bench_t *bench)
{
    const char *program = bench->program ? bench->program : "stint-broker";
    const char *words [10] = {program, "--log", "warning", "--listen", bench->endpoint};
    size_t count = 5;
    if (bench->port)
        words [count++] = "--insecure";
    words [count++] = bench->store ? "--store" : "--ephemeral";
    words [count++] = bench->store;
    execvp (program, (char *const *) words);
    bench_fail ("%s: %s", program, strerror (errno));
}

const bench_peer_t bench_stint = {
    .name = "stint", .serve = s_serve, .work = s_work, .open = s_open, .stops = true};
