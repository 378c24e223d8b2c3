//  crash_fill: pushes many tasks of one size and leaves them
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: crash_fill ENDPOINT GROUP TASKS SIZE
//
//  Ends with 0 when all of them were accepted.

#include "crash.h"
#include "stint_client.h"

int
main (int argc, char **argv)
{
    uint8_t bytes [CRASH_PAYLOAD_MAX];
    if (argc != 5)
        crash_fail ("usage: crash_fill ENDPOINT GROUP TASKS SIZE");
    uint64_t tasks = crash_number (argv [3]);
    size_t size = crash_number (argv [4]);
    if (size < 16 || size > sizeof bytes)
        crash_fail ("a payload has 16 to %zu bytes", sizeof bytes);
    stint_client_t *client = stint_client_new (argv [1]);
    stint_client_set_timeout (client, 60000);
    stint_batch_t *batch = stint_batch_open (client, argv [2], NULL);
    if (!batch)
        crash_fail ("batch: %s", stint_client_error (client));

    for (uint64_t index = 0; index < tasks; index++) {
        memcpy (bytes, &index, sizeof index);
        crash_fill (bytes + sizeof index, size - sizeof index, index);
        if (stint_batch_push (batch, (stint_bytes_t){bytes, size}) != STINT_OK)
            crash_fail ("push: %s", stint_client_error (client));
    }
    if (stint_batch_flush (batch) != STINT_OK)
        crash_fail ("flush: %s", stint_client_error (client));
    stint_batch_close (&batch);
    stint_client_destroy (&client);
    return 0;
}
