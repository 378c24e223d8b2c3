//  apply_table: the records of groups, batches, producers and workers
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_APPLY_TABLE_H
#define BROKER_APPLY_TABLE_H

#include "apply.h"

//  Applies a record that is not about tasks. Returns null, or what is wrong, for people.
const char *apply_to_table (core_t *core, const record_t *record);

//  Notes a push of so many tasks with its producer, which is made if it is not there; there
//  must be room.
void apply_producer_pushed (core_t *core, const record_t *record, uint32_t count);

#endif
