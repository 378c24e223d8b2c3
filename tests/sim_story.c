//  sim_story: what happens in a simulated world, one line an event, for people
//  SPDX-License-Identifier: MPL-2.0

#include "sim_run.h"

#include <stdarg.h>
#include <stdio.h>

void
sim_tell (const sim_t *self, const char *who, uint32_t number, const char *format, ...)
{
    char name [32];
    if (who [0] == 'p')
        snprintf (name, sizeof name, "%s %u",
                  number < self->plan.clients ? "client" : "worker", number);
    else
        snprintf (name, sizeof name, "%s", who);
    printf ("%9.3f s  %-10s  ", (double) self->now / 1000000, name);
    va_list arguments;
    va_start (arguments, format);
    vprintf (format, arguments);
    va_end (arguments);
    printf ("\n");
}

void
sim_tell_message (const sim_t *self, uint32_t peer, const sim_message_t *message)
{
    static const char *const verdicts [] = {"done", "failed", "later", "refused"};
    if (message->command == STP_HEARTBEAT)
        return;
    char text [400];
    int size = snprintf (text, sizeof text, "says %s%s", stint_wire_name (message->command),
                         message->broken ? ", broken" : "");
    size_t at = (size_t) size;
    if (message->command == STP_PUSH)
        at += (size_t) snprintf (text + at, sizeof text - at,
                                 " %lu..%lu of producer %lu into %s", message->sequence,
                                 message->sequence + message->item_count - 1,
                                 message->producer, sim_groups [message->group]);
    if (message->batch)
        at += (size_t) snprintf (text + at, sizeof text - at, " batch %lu up to %lu",
                                 message->batch, message->cursor);
    if (message->id)
        at += (size_t) snprintf (text + at, sizeof text - at, " %lu", message->id);
    for (uint32_t index = 0; index < message->item_count && at < sizeof text; index++) {
        const sim_item_t *item = &message->items [index];
        if (message->command == STP_PUSH)
            break;
        at += (size_t) snprintf (text + at, sizeof text - at, "  task %lu fence %lx",
                                 item->id, item->fence);
        if (message->command == STP_RESULT && at < sizeof text)
            at += (size_t) snprintf (text + at, sizeof text - at, " %s",
                                     verdicts [item->verdict]);
        if (message->command == STP_PROGRESS && at < sizeof text)
            at += (size_t) snprintf (text + at, sizeof text - at, " %u of 1000",
                                     item->verdict);
    }
    sim_tell (self, "player", peer, "%s", text);
}

void
sim_tell_said (const sim_t *self, const sim_said_t *said)
{
    const reply_t *reply = &said->reply;
    const char *name = stint_wire_name ((stp_command_t) reply->command);
    uint32_t peer = said->link / 2;
    if (reply->command == STP_HEARTBEAT)
        return;
    if (reply->command == STP_TASK)
        sim_tell (self, "player", peer, "hears TASK %lu fence %lx, attempt %u", reply->id,
                  reply->fence, reply->attempts);
    else if (reply->command == STP_OUTCOME)
        sim_tell (self, "player", peer, "hears OUTCOME %lu: %s, place %lu of batch %lu",
                  reply->id, stint_state_name ((stint_state_t) reply->state), reply->cursor,
                  reply->batch);
    else if (reply->command == STP_ACCEPTED)
        sim_tell (self, "player", peer, "hears ACCEPTED%s%.0lu", reply->id ? " task " : "",
                  reply->id);
    else if (reply->command == STP_ERROR)
        sim_tell (self, "player", peer, "hears ERROR %s", reply->code);
    else if (reply->command == STP_STALE || reply->command == STP_REVOKE)
        sim_tell (self, "player", peer, "hears %s task %lu fence %lx", name, reply->id,
                  reply->fence);
    else
        sim_tell (self, "player", peer, "hears %s", name);
}
