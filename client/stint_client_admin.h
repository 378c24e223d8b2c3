//  stint_client_admin: what a client asks for groups and workers, not for tasks
//  SPDX-License-Identifier: MPL-2.0

#ifndef STINT_CLIENT_ADMIN_H
#define STINT_CLIENT_ADMIN_H

#include "stint_client.h"

//  Does what stint_client_group_set does, and says who pauses the group or lets it drain,
//  at most 64 bytes, and why, at most 256: UTF-8 without control characters, for people,
//  kept until it goes on. Null says nothing. STINT_ERR_INVALID: no such text, or no such
//  setting.
STINT_EXPORT stint_status_t stint_client_group_set_by (stint_client_t *self,
                                                       const char *group,
                                                       const stint_setting_t *settings,
                                                       size_t count, const char *by,
                                                       const char *reason);

//  Tells the workers that are connected and have that name, or that number, to drain: they
//  hand back what they have not started, finish what runs, and leave. Name may be null and
//  number 0. Sets how many there are, told now or before; 4096 are told at a time.
//  STINT_ERR_NOT_FOUND: there is none.
STINT_EXPORT stint_status_t stint_client_worker_drain (stint_client_t *self,
                                                       const char *name, uint64_t number,
                                                       uint64_t *count);

#endif
