//  explain: why a task does not run now, and what stands in the way of a group
//  SPDX-License-Identifier: MPL-2.0
//
//  What is in the way is a gate: a stable word, a sentence for people, and numbers. Each is
//  a function in one of two tables of explain.c. A task that waits without a gate is given
//  out by the next core_run, as far as there are workers for those ahead of it; one with a
//  gate is not, as long as nothing changes.

#ifndef BROKER_EXPLAIN_H
#define BROKER_EXPLAIN_H

#include "core_state.h"

//  Writes the answer to `explain` about the task of that number, or with id 0 about the
//  group in the slot, as PROTOCOL.md has it. Returns false when there is none.
bool explain_answer (core_t *core, int64_t now, uint64_t id, uint32_t group);

//  Writes the answer about the task in the slot. Returns how many gates it has.
uint32_t explain_task (core_t *core, int64_t now, uint32_t slot);

#endif
