//  hello_work: answers every task of the group "hello" with a greeting and its payload
//  SPDX-License-Identifier: MPL-2.0
#include "stint_worker.h"
#include <stdio.h>
#include <string.h>

int
main (void)
{
    char text [80];
    stint_worker_t *worker = stint_worker_new ("ipc:///tmp/hello.sock");
    stint_worker_serve (worker, "hello");
    for (stint_attempt_t *one; (one = stint_worker_next (worker, -1)) != NULL;) {
        stint_bytes_t who = stint_attempt_payload (one);
        snprintf (text, 80, "hello, %.*s", (int) who.size, (const char *) who.data);
        stint_attempt_done (&one, (stint_bytes_t){(uint8_t *) text, strlen (text)});
    }
    stint_worker_destroy (&worker);
}
