//  batch_fixture: a client with an open batch at a broker that is driven by hand
//  SPDX-License-Identifier: MPL-2.0

#ifndef TESTS_BATCH_FIXTURE_H
#define TESTS_BATCH_FIXTURE_H

#include "fake_broker.h"
#include "stint_client.h"

#define BATCH 6  //  Number of the batch

//  In the script: a batch is opened, and the answer is that so many tasks are in it.
void batch_open_answer (fake_t *fake, uint64_t count, uint64_t cursor);

//  In the test: a client opens it; its calls may then take so long.
void batch_open (fake_t *fake, const char *name, int timeout_ms, stint_client_t **client,
                 stint_batch_t **batch);

//  Waits for the end of the script and closes all.
void batch_end (fake_t *fake, stint_client_t *client, stint_batch_t *batch);

#endif
