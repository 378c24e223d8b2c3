//  crash_push: pushes tasks one at a time and writes down which were accepted
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: crash_push ENDPOINT GROUP TASKS ACCEPTED
//
//  Waits for the answer to each, for as long as a minute: while the broker is gone the push
//  is kept, and sent again when it is back. A line with the task's number is appended to
//  the file ACCEPTED as soon as the broker has accepted it. Ends with 0 when all of them
//  were.

#include "crash.h"
#include "stint_client.h"

#include <fcntl.h>
#include <inttypes.h>

int
main (int argc, char **argv)
{
    if (argc != 5)
        crash_fail ("usage: crash_push ENDPOINT GROUP TASKS ACCEPTED");
    uint64_t tasks = crash_number (argv [3]);
    int file = open (argv [4], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0)
        crash_fail ("cannot open %s", argv [4]);
    stint_client_t *client = stint_client_new (argv [1]);
    stint_client_set_timeout (client, 60000);
    for (uint64_t index = 0; index < tasks; index++) {
        char text [32];
        uint64_t id;
        int size = snprintf (text, sizeof text, "%" PRIu64, index);
        stint_bytes_t payload = {(const uint8_t *) text, (size_t) size};
        stint_status_t status = stint_client_push (client, argv [2], payload, &id);
        if (status != STINT_OK)
            crash_fail ("push of task %" PRIu64 ": %s: %s", index, stint_strerror (status),
                        stint_client_error (client));
        size = snprintf (text, sizeof text, "%" PRIu64 "\n", id);
        if (write (file, text, (size_t) size) != size)
            crash_fail ("cannot write down that a task was accepted");
    }
    stint_client_destroy (&client);
    close (file);
    return 0;
}
