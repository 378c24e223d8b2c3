//  reach: says when the broker cannot be reached, once a minute, and when it answers again
//  SPDX-License-Identifier: MPL-2.0

#include "reach.h"
#include "stint_log.h"

#define FIRST_MS 3000   //  Without an answer before the first line
#define AGAIN_MS 60000  //  From one line to the next

reach_t
reach_new (const char *endpoint)
{
    return (reach_t){.endpoint = endpoint, .deadline = REACH_NEVER};
}

void
reach_turn (reach_t *self, stint_worker_t *worker, int64_t now)
{
    if (stint_worker_connected (worker)) {
        if (self->lost)
            stint_log (STINT_LOG_INFO, "broker.answers",
                       stint_field_text ("endpoint", self->endpoint));
        self->lost = false;
        self->deadline = REACH_NEVER;
        return;
    }
    if (self->deadline == REACH_NEVER)
        self->deadline = now + FIRST_MS;
    if (now < self->deadline)
        return;
    self->lost = true;
    self->deadline = now + AGAIN_MS;
    stint_log (STINT_LOG_WARNING, "broker.unreachable",
               stint_field_text ("reason", stint_worker_error (worker)));
}
