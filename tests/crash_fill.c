//  crash_fill: pushes many tasks of one size and leaves them
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: crash_fill ENDPOINT GROUP TASKS SIZE [GROUPS]
//
//  With GROUPS the first task goes to the group GROUP-1, the second to GROUP-2, and so on,
//  around. Ends with 0 when all of them were accepted.

#include "crash.h"
#include "stint_client.h"

static stint_bytes_t
s_payload (uint8_t *bytes, size_t size, uint64_t index)
{
    memcpy (bytes, &index, sizeof index);
    crash_fill (bytes + sizeof index, size - sizeof index, index);
    return (stint_bytes_t){bytes, size};
}

static void
s_push_to_one (stint_client_t *client, const char *group, uint64_t tasks, size_t size)
{
    uint8_t bytes [CRASH_PAYLOAD_MAX];
    stint_batch_t *batch = stint_batch_open (client, group, NULL);
    if (!batch)
        crash_fail ("batch: %s", stint_client_error (client));
    for (uint64_t index = 0; index < tasks; index++) {
        if (stint_batch_push (batch, s_payload (bytes, size, index)) != STINT_OK)
            crash_fail ("push: %s", stint_client_error (client));
    }
    if (stint_batch_flush (batch) != STINT_OK)
        crash_fail ("flush: %s", stint_client_error (client));
    stint_batch_close (&batch);
}

static void
s_push_to_many (stint_client_t *client, const char *group, uint64_t tasks, size_t size,
                uint64_t groups)
{
    uint8_t bytes [CRASH_PAYLOAD_MAX];
    char name [64];
    for (uint64_t index = 0; index < tasks; index++) {
        snprintf (name, sizeof name, "%s-%llu", group,
                  (unsigned long long) (index % groups + 1));
        if (stint_client_push (client, name, s_payload (bytes, size, index), NULL)
            != STINT_OK)
            crash_fail ("push: %s", stint_client_error (client));
    }
}

int
main (int argc, char **argv)
{
    if (argc != 5 && argc != 6)
        crash_fail ("usage: crash_fill ENDPOINT GROUP TASKS SIZE [GROUPS]");
    uint64_t tasks = crash_number (argv [3]);
    size_t size = crash_number (argv [4]);
    uint64_t groups = argc == 6 ? crash_number (argv [5]) : 0;
    if (size < 16 || size > CRASH_PAYLOAD_MAX)
        crash_fail ("a payload has 16 to %d bytes", CRASH_PAYLOAD_MAX);
    stint_client_t *client = stint_client_new (argv [1]);
    stint_client_set_timeout (client, 60000);
    if (groups)
        s_push_to_many (client, argv [2], tasks, size, groups);
    else
        s_push_to_one (client, argv [2], tasks, size);
    stint_client_destroy (&client);
    return 0;
}
