//  keep: copies what is live in the oldest block forward, so that the block may go
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_KEEP_H
#define BROKER_KEEP_H

#include "core_state.h"

//  Fills in all of a task but its bytes, so that the record can bring it back.
void keep_describe (const core_t *core, uint32_t task, record_t *record);

//  Writes the full records of all things again whose last ones lie in this block or one
//  before it, tasks apart.
void keep_records (core_t *core, uint64_t number);

//  Writes the tasks again whose bytes lie in this block. Fetch brings bytes of other blocks
//  that are not in memory.
void keep_tasks (core_t *core, uint64_t number, stint_bytes_t block, core_fetch_fn *fetch,
                 void *argument);

#endif
