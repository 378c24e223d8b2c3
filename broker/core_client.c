//  core_client: what the core does with the commands of clients
//  SPDX-License-Identifier: MPL-2.0

#include "apply.h"
#include "core_events.h"
#include "query.h"

#include <string.h>

void
core_error (effects_t *out, uint32_t session, uint64_t request, const char *code,
            const char *text)
{
    reply_t *reply = effects_add (out, STP_ERROR, session);
    reply->request = request;
    reply->code = code;
    reply->text = text;
}

void
core_full (effects_t *out, uint32_t session, uint64_t request, const char *text)
{
    reply_t *reply = effects_add (out, STP_FULL, session);
    reply->request = request;
    reply->delay_ms = CORE_RETRY_AFTER_MS;
    reply->text = text;
}

reply_t *
core_accepted (effects_t *out, uint32_t session, uint64_t request)
{
    reply_t *reply = effects_add (out, STP_ACCEPTED, session);
    reply->durable = true;
    reply->request = request;
    return reply;
}

uint32_t
core_group (core_t *core, stint_bytes_t name)
{
    uint32_t slot = groups_find (&core->groups, name);
    if (slot)
        return slot;
    slot = groups_next (&core->groups);
    if (!slot)
        return 0;
    record_t record = {.kind = RECORD_GROUP, .group = slot, .name = name};
    apply_now (core, &record, NULL);
    return slot;
}

//  ---------------------------------------------------------------------------------
//  PUSH

static uint64_t
s_size (const stint_message_t *message)
{
    uint64_t bytes = (uint64_t) (message->list.end - message->list.at);
    for (size_t index = 0; index < message->frame_count; index++)
        bytes += message->frames [index].size;
    return bytes;
}

//  Returns null, or which limit of the group a push passes by itself, so that waiting would
//  not help it.

static const char *
s_too_large (const core_t *core, uint32_t slot, const stint_message_t *message)
{
    record_settings_t settings = groups_settings (&core->groups, slot);
    if (message->list_count > settings.max_tasks)
        return "one push has more tasks than the group's max_tasks: push fewer at once";
    if (s_size (message) > settings.max_bytes)
        return "one push has more bytes than the group's max_bytes: push fewer at once";
    return NULL;
}

//  Returns null when there is room for a push, or which limit it would pass.

static const char *
s_full_of (const core_t *core, uint32_t slot, const stint_message_t *message)
{
    const group_t *group = &core->groups.groups.pool [slot];
    record_settings_t settings = groups_settings (&core->groups, slot);
    uint64_t bytes = s_size (message);

    if (group_held (group) + (uint64_t) message->list_count > settings.max_tasks)
        return "the group holds as many tasks as its max_tasks allows";
    if (group->bytes + bytes > settings.max_bytes)
        return "the group holds as many bytes as its max_bytes allows";
    if (core->tasks.tasks.count + (uint64_t) message->list_count
        > core->tasks.tasks.capacity)
        return "the broker holds as many tasks as its limits/tasks allows";
    journal_totals_t journal = journal_totals (core->journal);
    if (journal.waiting > core->limits.waiting_max)
        return "the broker's disk is behind";
    if (core->limits.store_max && journal.bytes + bytes > core->limits.store_max)
        return "the store is nearly as large as its store/size_max allows";
    if (core->producers.producers.count == core->producers.producers.capacity
        && !producers_find (&core->producers, message->producer))
        return "the broker remembers as many producers as its limits/producers allows";
    return NULL;
}

//  Answers a push whose sequence number is not the next. Returns false when it is.

static bool
s_out_of_order (core_t *core, uint32_t session, const stint_message_t *message,
                effects_t *out)
{
    uint32_t slot = producers_find (&core->producers, message->producer);
    const producer_t *producer = &core->producers.producers.pool [slot];
    uint64_t next = slot ? producer->next : 1;
    if (message->sequence == next)
        return false;

    const record_push_t *push = slot ? producer_recent (producer, message->sequence) : NULL;
    if (push && push->count == message->list_count) {
        reply_t *reply = core_accepted (out, session, message->request);
        reply->id = push->id;
        reply->count = push->count;
    }
    else if (!slot)
        core_error (out, session, message->request, "unknown",
                    "no such producer: it was silent too long; begin a new one with 1");
    else {
        core_error (out, session, message->request, "sequence",
                    "this push is not the next one of its producer");
        out->replies [out->count - 1].sequence = next;
    }
    return true;
}

//  Reads what all tasks of a push ask for. Returns null, or what is wrong with it.

static const char *
s_read_terms (const stint_message_t *message, terms_t *terms)
{
    if (message->terms.size == 0)
        return NULL;
    const char *fault = terms_read (terms, message->terms);
    return fault ? fault : terms_check (terms, 0);
}

//  Returns null, or why a push is refused that is the next one of its producer, and would
//  be refused later, too. Sets the code.

static const char *
s_fault_of (const core_t *core, uint32_t group, const stint_message_t *message,
            terms_t *terms, const char **code)
{
    *code = "unknown";
    if (message->batch && !batches_find (&core->batches, message->batch))
        return "no such batch";
    *code = "invalid";
    const char *fault = s_read_terms (message, terms);
    if (!fault)
        fault = s_too_large (core, group, message);
    if (fault || !core->groups.groups.pool [group].settings.draining)
        return fault;
    *code = "draining";
    return "the group drains: it takes no tasks until somebody resumes it";
}

void
core_on_push (core_t *core, int64_t now, uint32_t session, stint_message_t *message,
              effects_t *out)
{
    if (message->producer == 0 || message->sequence == 0 || message->list_count == 0) {
        core_error (out, session, message->request, "malformed",
                    "a push needs a producer, a sequence number from 1, and tasks");
        return;
    }
    if (core->draining) {
        core_error (out, session, message->request, "stopping", "the broker is going down");
        return;
    }
    if (s_out_of_order (core, session, message, out))
        return;
    //  Slot 0, of no group, has the broker's own settings: a push that is refused makes
    //  none
    record_t record = {.kind = RECORD_PUSHED, .at = now};
    uint32_t group = groups_find (&core->groups, message->group);
    const char *code;
    const char *fault = s_fault_of (core, group, message, &record.terms, &code);
    if (fault) {
        core_error (out, session, message->request, code, fault);
        return;
    }
    const char *full = s_full_of (core, group, message);
    if (!full && !group) {
        group = core_group (core, message->group);
        full = group ? NULL : "the broker has as many groups as its limits/groups allows";
    }
    if (full) {
        core_full (out, session, message->request, full);
        return;
    }
    record.producer = message->producer;
    record.sequence = message->sequence;
    record.id = core->next_id;
    record.group = group;
    record.batch = message->batch;
    uint32_t batch = batches_find (&core->batches, message->batch);
    record.number = batch ? core->batches.batches.pool [batch].pushed + 1 : 0;
    uint32_t count = message->list_count;
    if (!apply_now (core, &record, message)) {
        core_error (out, session, message->request, record.fault ? "invalid" : "malformed",
                    record.fault ? record.fault
                                 : "the tasks of the push are not as PROTOCOL.md says");
        return;
    }
    reply_t *reply = core_accepted (out, session, message->request);
    reply->id = record.id;
    reply->count = count;
    reply->patient = batch && core->batches.batches.pool [batch].collector == session;
}

//  ---------------------------------------------------------------------------------
//  QUERY

void
core_on_query (core_t *core, int64_t now, uint32_t session, const stint_message_t *message,
               effects_t *out)
{
    if (core_on_read (core, session, message, out))
        return;
    const char *code = query_answer (core, now, message);
    if (code) {
        core_error (out, session, message->request, code,
                    code [0] == 'u' ? "no such task or group"
                                    : "there is nothing of that name to ask for");
        return;
    }
    reply_t *reply = effects_add (out, STP_STATE, session);
    reply->request = message->request;
    reply->fields = stint_writer_bytes (&core->state);
}
