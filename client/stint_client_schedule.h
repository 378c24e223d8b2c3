//  stint_client_schedule: what a client asks for schedules
//  SPDX-License-Identifier: MPL-2.0

#ifndef STINT_CLIENT_SCHEDULE_H
#define STINT_CLIENT_SCHEDULE_H

#include "stint_client.h"

//  A schedule, as PROTOCOL.md has it under SCHEDULE. Null leaves a text out.

typedef struct {
    const char *name;       //  1 to 64 bytes, unique at the broker
    const char *group;      //  Of its tasks
    const char *line;       //  "30 7 * * mon-fri", "@every 90s", "@daily" ...
    const char *zone;       //  "UTC", or a fixed offset such as "+02:00"
    const char *missed;     //  "skip", "once" or "all"
    const char *by;         //  Who sets it, for people; at most 64 bytes
    stint_bytes_t payload;  //  Of its tasks; at most 4096 bytes
} stint_schedule_t;

//  Makes a schedule, or changes the one of that name. Its tasks ask for what
//  stint_client_set_terms says now, but for the delay. STINT_ERR_INVALID: the broker does
//  not take it; stint_client_error says why. STINT_ERR_FULL: there are too many.
STINT_EXPORT stint_status_t stint_client_schedule_set (stint_client_t *self,
                                                       const stint_schedule_t *schedule);

//  Does one of "pause", "resume" and "remove" to the schedule of that name.
//  STINT_ERR_NOT_FOUND: there is none.
STINT_EXPORT stint_status_t stint_client_schedule_do (stint_client_t *self,
                                                      const char *name, const char *what);

#endif
