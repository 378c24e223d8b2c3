//  soak_handler: a worker that takes the same time for each task and hands its payload back
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: soak_handler ENDPOINT GROUP CAPACITY MILLISECONDS
//
//  So that what a group of them can do is known, and does not depend on the processor.

#include "soak.h"
#include "stint_worker.h"

#include <poll.h>

int
main (int argc, char **argv)
{
    if (argc != 5)
        soak_fail ("usage: soak_handler ENDPOINT GROUP CAPACITY MILLISECONDS");
    int milliseconds = (int) soak_number (argv [4]);
    stint_worker_t *worker = stint_worker_new (argv [1]);
    if (stint_worker_serve (worker, argv [2]) != STINT_OK)
        soak_fail ("cannot serve %s", argv [2]);
    stint_worker_set_capacity (worker, (uint32_t) soak_number (argv [3]));
    stint_attempt_t *attempt;
    while ((attempt = stint_worker_next (worker, -1)) != NULL) {
        poll (NULL, 0, milliseconds);
        stint_attempt_done (&attempt, stint_attempt_payload (attempt));
    }
    stint_worker_destroy (&worker);
    return 0;
}
