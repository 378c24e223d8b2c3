//  stint_client_admin: what a client asks for groups and workers, not for tasks
//  SPDX-License-Identifier: MPL-2.0

#include "stint_client_admin.h"
#include "stint_client_self.h"

#include <assert.h>

//  Begins a request. Returns its deadline.

static int64_t
s_begin (stint_client_t *self, stp_command_t command, uint32_t fields)
{
    stint_dealer_release (&self->dealer, &self->answer);
    self->request = stint_client_number (self);
    stint_wire_begin (&self->out, command, fields + 1);
    stint_wire_number (&self->out, 'r', self->request);
    return stint_client_begin (self, self->timeout_ms);
}

//  Sends it and waits for ACCEPTED; at the deadline the outcome is unknown when the request
//  has left.

static stint_status_t
s_ask (stint_client_t *self, int64_t deadline)
{
    stint_status_t status = stint_client_ask (self, STP_ACCEPTED, deadline);
    return status == STINT_ERR_PENDING ? stint_client_late (self, self->greeting != 0)
                                       : status;
}

//  Begins a GROUP request. Returns false when it is not a group's name.

static bool
s_begin_group (stint_client_t *self, const char *group, const char *operation,
               uint32_t fields, int64_t *deadline)
{
    assert (group);
    *deadline = s_begin (self, STP_GROUP, fields + 2);
    stint_wire_text (&self->out, 'g', group);
    stint_wire_text (&self->out, 'o', operation);
    if (stint_wire_name_valid (stint_bytes_of (group)))
        return true;
    self->request = 0;
    return false;
}

stint_status_t
stint_client_group_set_by (stint_client_t *self, const char *group,
                           const stint_setting_t *settings, size_t count, const char *by,
                           const char *reason)
{
    int64_t deadline;
    if (!s_begin_group (self, group, "set", 1u + (by ? 1 : 0) + (reason ? 1 : 0),
                        &deadline))
        return stint_client_bad_name (self, group);
    if (by)
        stint_wire_text (&self->out, 'n', by);
    if (reason)
        stint_wire_text (&self->out, 'm', reason);
    stint_wire_field (&self->out, 'f');
    stint_write_map (&self->out, (uint32_t) count);
    for (size_t index = 0; index < count; index++) {
        if (settings [index].value < 0) {
            self->request = 0;
            return stint_client_fail (self, STINT_ERR_INVALID, "%s: %lld is below zero",
                                      settings [index].name,
                                      (long long) settings [index].value);
        }
        stint_write_text (&self->out, settings [index].name);
        stint_write_number (&self->out, (uint64_t) settings [index].value);
    }
    return s_ask (self, deadline);
}

stint_status_t
stint_client_group_set (stint_client_t *self, const char *group,
                        const stint_setting_t *settings, size_t count)
{
    return stint_client_group_set_by (self, group, settings, count, NULL, NULL);
}

stint_status_t
stint_client_group_remove (stint_client_t *self, const char *group)
{
    int64_t deadline;
    if (!s_begin_group (self, group, "remove", 0, &deadline))
        return stint_client_bad_name (self, group);
    return s_ask (self, deadline);
}

stint_status_t
stint_client_worker_drain (stint_client_t *self, const char *name, uint64_t number,
                           uint64_t *count)
{
    assert (count);
    *count = 0;
    int64_t deadline =
        s_begin (self, STP_WORKER, 1u + (name ? 1 : 0) + (number > 0 ? 1 : 0));
    stint_wire_text (&self->out, 'o', "drain");
    if (name)
        stint_wire_text (&self->out, 'n', name);
    if (number > 0)
        stint_wire_number (&self->out, 'w', number);
    stint_status_t status = s_ask (self, deadline);
    if (status == STINT_OK)
        *count = self->answer->message.count;
    return status;
}
