//  hello_push: pushes one task and prints its result
//  SPDX-License-Identifier: MPL-2.0
#include "stint_client.h"
#include <stdio.h>

int
main (void)
{
    stint_client_t *client = stint_client_new ("ipc:///tmp/hello.sock");
    stint_bytes_t who = {(const uint8_t *) "world", 5};
    stint_result_t done;
    uint64_t task;
    int failed = stint_client_push (client, "hello", who, &task);
    if (!failed && !(failed = stint_client_wait (client, task, &done)))
        printf ("%.*s\n", (int) done.result.size, (const char *) done.result.data);
    fputs (stint_client_error (client), stderr);
    stint_client_destroy (&client);
    return failed != 0;
}
