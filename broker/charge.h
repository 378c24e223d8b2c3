//  charge: what begins takes tokens of its group and key
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_CHARGE_H
#define BROKER_CHARGE_H

#include "core_state.h"

//  Charges so many tasks, of the group and key of this one, that are about to begin. They
//  have not to have tokens: what began before a restart and is claimed is charged too.
//  What comes back without having begun, or fails, gives none back.
void charge_start (core_t *core, int64_t now, const task_t *task, uint32_t count);

//  Forgets the buckets of some keys that are full again. Called now and then.
void charge_sweep (core_t *core, int64_t now);

#endif
