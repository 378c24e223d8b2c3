//  query_schedules: what there is to say about schedules
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_QUERY_SCHEDULES_H
#define BROKER_QUERY_SCHEDULES_H

#include "core_state.h"

//  Writes the schedules, of a group when it is not 0, as an answer to QUERY.
void query_schedules (core_t *core, uint32_t group, const stint_message_t *message,
                      int64_t now);

#endif
