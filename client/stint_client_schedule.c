//  stint_client_schedule: what a client asks for schedules
//  SPDX-License-Identifier: MPL-2.0

#include "stint_client_schedule.h"
#include "stint_client_self.h"

#include <assert.h>

#define PAYLOAD_MAX 4096  //  Bytes of the payload of a schedule

//  Begins a request. Returns its deadline.

static int64_t
s_begin (stint_client_t *self, const char *name, const char *what, uint32_t fields)
{
    stint_dealer_release (&self->dealer, &self->answer);
    self->request = stint_client_number (self);
    stint_wire_begin (&self->out, STP_SCHEDULE, fields + 3);
    stint_wire_number (&self->out, 'r', self->request);
    stint_wire_text (&self->out, 'o', what);
    stint_wire_text (&self->out, 'n', name);
    return stint_client_begin (self, self->timeout_ms);
}

static stint_status_t
s_ask (stint_client_t *self, int64_t deadline)
{
    stint_status_t status = stint_client_ask (self, STP_ACCEPTED, deadline);
    return status == STINT_ERR_PENDING ? stint_client_late (self, self->greeting != 0)
                                       : status;
}

//  Writes those of the texts that are there.

static void
s_write_fields (stint_writer_t *out, const stint_schedule_t *schedule)
{
    const struct {
        const char *name;
        const char *value;
    } texts [] = {{"line", schedule->line},
                  {"zone", schedule->zone},
                  {"missed", schedule->missed},
                  {"by", schedule->by}};
    uint32_t count = 0;
    for (size_t at = 0; at < sizeof texts / sizeof texts [0]; at++)
        count += texts [at].value ? 1 : 0;
    stint_wire_field (out, 'f');
    stint_write_map (out, count);
    for (size_t at = 0; at < sizeof texts / sizeof texts [0]; at++) {
        if (!texts [at].value)
            continue;
        stint_write_text (out, texts [at].name);
        stint_write_text (out, texts [at].value);
    }
}

stint_status_t
stint_client_schedule_set (stint_client_t *self, const stint_schedule_t *schedule)
{
    assert (self && schedule && schedule->name && schedule->group);
    stint_item_t item = stint_client_item (self, schedule->payload);
    item.delay = 0;
    if (!stint_wire_name_valid (stint_bytes_of (schedule->group)))
        return stint_client_bad_name (self, schedule->group);
    if (!stint_wire_name_valid (stint_bytes_of (schedule->name)))
        return stint_client_bad_name (self, schedule->name);
    if (item.body.size > PAYLOAD_MAX)
        return stint_client_fail (self, STINT_ERR_INVALID,
                                  "the payload of a schedule has at most %d bytes",
                                  PAYLOAD_MAX);
    int64_t deadline = s_begin (self, schedule->name, "set", 3);
    stint_wire_text (&self->out, 'g', schedule->group);
    s_write_fields (&self->out, schedule);
    size_t list = stint_wire_list (&self->out);
    stint_wire_put (&self->out, STP_SCHEDULE, &item);
    stint_write_array_close (&self->out, list, 1);
    return s_ask (self, deadline);
}

stint_status_t
stint_client_schedule_do (stint_client_t *self, const char *name, const char *what)
{
    assert (self && name && what);
    if (!stint_wire_name_valid (stint_bytes_of (name)))
        return stint_client_bad_name (self, name);
    return s_ask (self, s_begin (self, name, what, 0));
}
