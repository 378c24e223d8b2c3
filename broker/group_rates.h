//  group_rates: the buckets of groups and of their keys
//  SPDX-License-Identifier: MPL-2.0
//
//  What begins is charged to both by a RECORD_RATE, which says how they stand from then on:
//  so what is replayed does not depend on settings, and nothing is given twice after a
//  restart. A bucket without a token is dry: its group or lanes do not run, and it stands
//  in a heap by when the next token comes. A key keeps its bucket when it has no tasks any
//  more, until that is full again. A group that takes the place of a removed one finds the
//  buckets of keys of the same text.

#ifndef BROKER_GROUP_RATES_H
#define BROKER_GROUP_RATES_H

#include "group_lanes.h"

//  Returns the limits of a group and of each of its keys.
rate_limit_t groups_rate (const groups_t *self, uint32_t slot);
rate_limit_t groups_key_rate (const groups_t *self, uint32_t slot);

//  Returns how many tasks of a lane may begin now; UINT64_MAX without a rate.
uint64_t groups_tokens (const groups_t *self, uint32_t lane, int64_t now);

//  Finds out again when the next token comes: of a group and of all its keys that have
//  tasks, whose settings may have changed; of one group or key. They are dry until
//  groups_wake finds that it has come.
void groups_renew_rates (groups_t *self, uint32_t slot);
void groups_renew_group (groups_t *self, uint32_t slot);
void groups_renew_key (groups_t *self, uint32_t key);

//  Lets those run whose next token has come. Returns true when there are more.
bool groups_wake (groups_t *self, int64_t now);

//  Returns when the next token of a dry bucket comes, INT64_MAX without.
int64_t groups_wake_at (const groups_t *self);

//  Looks at the next key in turn. Returns it when its bucket is full or, with any, when it
//  has one; otherwise 0.
uint32_t groups_look (groups_t *self, int64_t now, bool any);

//  Returns a hash of the buckets of all keys.
uint64_t groups_rates_digest (const groups_t *self);

#endif
