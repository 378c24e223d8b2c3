//  batch_fixture: a client with an open batch at a broker that is driven by hand
//  SPDX-License-Identifier: MPL-2.0

#include "batch_fixture.h"

#include <criterion/criterion.h>

void
batch_open_answer (fake_t *fake, uint64_t count, uint64_t cursor)
{
    fake_expect (fake, STP_BATCH);
    fake_assert (fake_is (fake->last.group, "group"));
    fake_open (fake, BATCH, count, cursor);
    fake_expect (fake, STP_COLLECT);
    fake_assert (fake->last.batch == BATCH && fake->last.cursor == cursor);
    fake_assert (fake->last.count >= 1024 && fake->last.count <= 65536);
}

void
batch_open (fake_t *fake, const char *name, int timeout_ms, stint_client_t **client,
            stint_batch_t **batch)
{
    *client = stint_client_new (fake->endpoint);
    stint_client_set_timeout (*client, 8000);
    *batch = stint_batch_open (*client, "group", name);
    cr_assert_not_null (*batch, "%s", stint_client_error (*client));
    stint_client_set_timeout (*client, timeout_ms);
}

void
batch_end (fake_t *fake, stint_client_t *client, stint_batch_t *batch)
{
    fake_join (fake);
    stint_batch_close (&batch);
    cr_assert_null (batch);
    stint_client_destroy (&client);
    fake_stop (fake);
}
