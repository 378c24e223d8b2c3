//  core_audit: do the core's tables, lists, counts and accounts agree with each other?
//  SPDX-License-Identifier: MPL-2.0

#ifndef CORE_AUDIT_H
#define CORE_AUDIT_H

#include "core_state.h"

//  Returns null, or what does not agree.
const char *core_audit_fault (const core_t *core);

#endif
