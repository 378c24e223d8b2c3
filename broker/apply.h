//  apply: the only code that changes durable state
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_APPLY_H
#define BROKER_APPLY_H

#include "core_state.h"

//  Applies a record that lies at core->at_block. What it speaks of and is not there is
//  passed over: see record.h. Returns null, or what is wrong, for people.
const char *apply_record (core_t *core, record_t *record);

//  Writes a record and applies it. The message is that of RECORD_PUSHED, otherwise null.
//  Returns false when the message's list is malformed; nothing has happened then.
bool apply_now (core_t *core, record_t *record, stint_message_t *message);

//  Returns what no record of ours says, for people, or null: numbers, times and names that
//  were never given out. Its sum may be right and its writer another one.
const char *apply_check (const core_t *core, const record_t *record);

#endif
