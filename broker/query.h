//  query: what the core can say about itself: the answers to QUERY
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_QUERY_H
#define BROKER_QUERY_H

#include "core_state.h"

//  Packs the answer to a QUERY into core->state, as PROTOCOL.md section 8 lays it out.
//  Returns null, or the code of the error: "unknown", "invalid". At most 1000 rows.
const char *query_answer (core_t *core, int64_t now, const stint_message_t *message);

#endif
