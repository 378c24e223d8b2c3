//  core_fixture: a core with a fake disk and a simulated clock, spoken to in STP/1
//  SPDX-License-Identifier: MPL-2.0

#include "core_fixture.h"

#include "core_audit.h"

#include <stdlib.h>
#include <string.h>

#define SAID_MAX 65536  //  Replies that are kept

core_limits_t
rig_limits (void)
{
    return (core_limits_t){
        .tasks = 4096,
        .groups = 32,
        .batches = 16,
        .producers = 16,
        .schedules = 16,
        .sessions = 64,
        .notes = 4,
        .heartbeat_ms = 1000,
        .liveness = 3,
        .waiting_max = 64 << 20,
        .memory_max = 64 << 20,
        .defaults = {.list = {100000, 1 << 30, 5, 1000, 60000, 3600000, 0, 1, 0}},
    };
}

static void
s_new_core (rig_t *self)
{
    self->core = core_new (&self->limits, self->chance);
    journal_set_slack (core_journal (self->core), self->slack);
}

rig_t *
rig_new (const core_limits_t *limits)
{
    rig_t *self = calloc (1, sizeof *self);
    rig_check (self, "self");
    self->limits = limits ? *limits : rig_limits ();
    self->slack = JOURNAL_SLACK;
    self->now = 1000000;
    self->keeps_up = true;
    self->effects = calloc (1, sizeof *self->effects);
    rig_check (self->effects, "self->effects");
    s_new_core (self);
    rig_check (!core_recovered (self->core, self->now, ++self->epoch),
               "!core_recovered (self->core, self->now, ++self->epoch)");
    return self;
}

void
rig_destroy (rig_t **self_p)
{
    rig_t *self = *self_p;
    core_destroy (&self->core);
    rig_deaf (self);
    for (size_t index = 0; index < self->waits_count; index++)
        free (self->waits [index].body);
    for (uint64_t number = 0; number < self->room; number++)
        free (self->blocks [number].data);
    free (self->last.body);
    free (self->blocks);
    free (self->waits);
    free (self->said);
    free (self->effects);
    stint_writer_clear (&self->header);
    free (self);
    *self_p = NULL;
}

uint64_t
rig_random (rig_t *self, uint64_t limit)
{
    self->chance += 0x9e3779b97f4a7c15u;
    uint64_t number = stint_index_mix (self->chance);
    return limit ? number % limit : number;
}

//  ---------------------------------------------------------------------------------
//  The disk

static stint_bytes_t
s_on_disk (const rig_t *self, uint64_t number)
{
    rig_check (number > self->trimmed && number <= self->sealed, "no block %lu", number);
    return (stint_bytes_t){self->blocks [number].data, self->blocks [number].size};
}

static stint_bytes_t
s_fetch (journal_place_t place, void *argument)
{
    rig_t *self = argument;
    stint_bytes_t bytes = journal_bytes (core_journal (self->core), place);
    if (bytes.data)
        return bytes;
    stint_bytes_t block = s_on_disk (self, place.block);
    if (place.offset % 2 == 0) {
        rig_check (!journal_load (core_journal (self->core), place.block, block),
                   "!journal_load (core_journal (self->core), place.block, block)");
        return journal_bytes (core_journal (self->core), place);
    }
    return (stint_bytes_t){block.data + place.offset, place.size};
}

static void
s_store (rig_t *self, uint64_t number, stint_bytes_t block)
{
    if (number >= self->room) {
        uint64_t room = number * 2 + 16;
        self->blocks = realloc (self->blocks, room * sizeof *self->blocks);
        rig_check (self->blocks, "self->blocks");
        memset (self->blocks + self->room, 0, (room - self->room) * sizeof *self->blocks);
        self->room = room;
    }
    rig_block_t *kept = &self->blocks [number];
    free (kept->data);
    *kept = (rig_block_t){malloc (block.size), block.size, 0};
    rig_check (kept->data, "kept->data");
    memcpy (kept->data, block.data, block.size);
    rig_check (number == self->sealed + 1, "number == self->sealed + 1");
    self->sealed = number;
}

void
rig_seal (rig_t *self)
{
    core_seal (self->core, self->now);
    uint64_t number;
    stint_bytes_t block;
    uint64_t before = self->sealed;
    while (journal_take (core_journal (self->core), &number, &block))
        s_store (self, number, block);
    if (self->sealed > before)
        self->blocks [self->sealed].digest = core_digest (self->core);
}

//  Adds something to a list of what was said, which grows by doubling.

static void
s_add (rig_said_t **list, size_t *count, const rig_said_t *said)
{
    if ((*count & (*count - 1)) == 0) {
        rig_check (*count < SAID_MAX, "too much was said");
        *list = realloc (*list, (*count ? *count * 2 : 1) * sizeof **list);
        rig_check (*list, "*list");
    }
    (*list) [(*count)++] = *said;
}

void
rig_commit (rig_t *self, uint64_t number)
{
    journal_t *journal = core_journal (self->core);
    self->durable = number;
    journal_durable (journal, number);
    size_t kept = 0;
    for (size_t index = 0; index < self->waits_count; index++) {
        rig_said_t *said = &self->waits [index];
        if (said->gate > number)
            self->waits [kept++] = *said;
        else if (said->peer == self->peers [said->reply.session])
            s_add (&self->said, &self->said_count, said);
        else
            free (said->body);
    }
    self->waits_count = kept;
    uint64_t trim = journal_trim (journal);
    for (; self->trimmed < trim; self->trimmed++) {
        free (self->blocks [self->trimmed + 1].data);
        self->blocks [self->trimmed + 1].data = NULL;
    }
}

void
rig_crash (rig_t *self, uint64_t number)
{
    rig_check (number >= self->durable && number <= self->sealed,
               "number >= self->durable && number <= self->sealed");
    core_destroy (&self->core);
    for (size_t index = 0; index < self->waits_count; index++)
        free (self->waits [index].body);
    self->waits_count = 0;
    rig_deaf (self);
    s_new_core (self);
    for (uint64_t block = self->trimmed + 1; block <= number; block++) {
        const char *fault = core_replay (self->core, block, s_on_disk (self, block));
        rig_check (!fault, "block %lu: %s", block, fault);
    }
    uint64_t digest = number > self->trimmed ? self->blocks [number].digest : 0;
    rig_check (!digest || digest == core_digest (self->core),
               "replaying up to block %lu does not give the live state", number);
    self->sealed = self->durable = number;
    rig_check (!core_recovered (self->core, self->now, ++self->epoch),
               "!core_recovered (self->core, self->now, ++self->epoch)");
}

//  ---------------------------------------------------------------------------------
//  Turns

static char *
s_copy (const void *data, size_t size)
{
    char *copy = malloc (size + 1);
    rig_check (copy, "copy");
    if (size > 0)
        memcpy (copy, data, size);
    copy [size] = 0;
    return copy;
}

//  Takes what the core wants to be said, with the bytes that it speaks of.

static void
s_take (rig_t *self)
{
    uint64_t gate = journal_gate (core_journal (self->core));
    for (size_t index = 0; index < self->effects->count; index++) {
        const reply_t *reply = &self->effects->replies [index];
        rig_said_t said = {.reply = *reply, .gate = gate};
        said.peer = self->peers [reply->session];
        stint_bytes_t bytes = {NULL, 0};
        if (reply->command == STP_TASK) {
            rig_check (reply->fence > self->fence, "a fence does not grow");
            self->fence = reply->fence;
        }
        if (reply->command == STP_TASK || reply->command == STP_OUTCOME) {
            if (reply->place.block && reply->place.size > 0)
                bytes = s_fetch (reply->place, self);
        }
        else if (reply->command == STP_ERROR)
            bytes = stint_bytes_of (reply->code);
        else if (reply->command == STP_FULL)
            bytes = stint_bytes_of (reply->text);
        else if (reply->command == STP_STATE)
            bytes = reply->fields;
        said.body = s_copy (bytes.data, bytes.size);
        said.size = bytes.size;
        bool waits =
            effects_waits (reply, core_journal (self->core), self->gates [reply->session]);
        if (waits && reply->command == STP_OUTCOME)
            self->gates [reply->session] = gate;
        if (waits && gate > self->durable)
            s_add (&self->waits, &self->waits_count, &said);
        else
            s_add (&self->said, &self->said_count, &said);
    }
    self->effects->count = 0;
}

//  As the broker does: lets old blocks go, and copies forward what is live in them.

static void
s_make_room (rig_t *self)
{
    journal_t *journal = core_journal (self->core);
    uint64_t oldest;
    for (int moves = 0; moves < 4 && (oldest = journal_oldest (journal)) != 0; moves++) {
        if (journal_empty (journal, oldest))
            journal_moved (journal, oldest);
        else {
            uint64_t digest = core_digest (self->core);
            core_move (self->core, self->now, oldest, s_on_disk (self, oldest), s_fetch,
                       self);
            rig_check (digest == core_digest (self->core),
                       "copying forward changes things");
        }
    }
}

void
rig_turn (rig_t *self)
{
    bool more = true;
    for (int runs = 0; more; runs++) {
        rig_check (runs < 1000, "the core always has something to do");
        more = core_run (self->core, self->now, self->effects);
        more |= core_deadline (self->core) <= self->now;
        s_take (self);
    }
    s_make_room (self);
    if (self->keeps_up) {
        rig_seal (self);
        rig_commit (self, self->sealed);
    }
}

void
rig_pass (rig_t *self, int64_t span_ms)
{
    self->now += span_ms;
    rig_turn (self);
}

uint32_t
rig_open (rig_t *self)
{
    uint32_t session = core_open (self->core, self->now);
    rig_check (session, "too many sessions");
    self->peers [session]++;
    rig_turn (self);
    rig_check (rig_hear (self, session, STP_HEARTBEAT), "no greeting");
    return session;
}

static bool
s_matches (const rig_said_t *said, uint32_t session, stp_command_t command)
{
    return (!session || said->reply.session == session)
           && (!command || said->reply.command == command);
}

const rig_said_t *
rig_hear (rig_t *self, uint32_t session, stp_command_t command)
{
    size_t index = 0;
    while (index < self->said_count && !s_matches (&self->said [index], session, command))
        index++;
    if (index == self->said_count)
        return NULL;
    free (self->last.body);
    self->last = self->said [index];
    self->said_count--;
    memmove (self->said + index, self->said + index + 1,
             (self->said_count - index) * sizeof *self->said);
    return &self->last;
}

void
rig_deaf (rig_t *self)
{
    for (size_t index = 0; index < self->said_count; index++)
        free (self->said [index].body);
    self->said_count = 0;
}

//  ---------------------------------------------------------------------------------
//  Messages

void
rig_begin (rig_t *self, stp_command_t command, uint32_t fields)
{
    stint_wire_begin (&self->header, command, fields);
    self->frame_count = 0;
    self->list_count = 0;
    self->list = 0;
}

void
rig_number (rig_t *self, char letter, uint64_t value)
{
    stint_wire_number (&self->header, letter, value);
}

void
rig_text (rig_t *self, char letter, const char *text)
{
    stint_wire_text (&self->header, letter, text);
}

void
rig_groups (rig_t *self, const char *const *groups, uint32_t count)
{
    stint_wire_field (&self->header, 'h');
    stint_write_array (&self->header, count);
    for (uint32_t index = 0; index < count; index++)
        stint_write_text (&self->header, groups [index]);
}

void
rig_list (rig_t *self)
{
    self->list = stint_wire_list (&self->header);
}

//  Large bodies are borrowed until the message was sent.

void
rig_item (rig_t *self, stp_command_t command, const stint_item_t *item)
{
    stint_item_t sent = *item;
    if (item->body.size > STINT_INLINE_MAX) {
        rig_check (self->frame_count < 7, "self->frame_count < 7");
        self->frames [++self->frame_count] = item->body;
        sent.frame = self->frame_count;
    }
    stint_wire_put (&self->header, command, &sent);
    self->list_count++;
}

void
rig_send (rig_t *self, uint32_t session)
{
    if (self->list)
        stint_write_array_close (&self->header, self->list, self->list_count);
    self->frames [0] = stint_writer_bytes (&self->header);
    stint_message_t message;
    stint_wire_status_t status =
        stint_wire_decode (&message, self->frames, self->frame_count + 1);
    if (effects_room (self->effects) < EFFECTS_EVENT)
        s_take (self);
    if (status == STINT_WIRE_OK)
        core_receive (self->core, self->now, session, &message, self->effects);
    else
        core_refuse (self->core, self->now, session, status, &message, self->effects);
    s_take (self);
}

void
rig_push (rig_t *self, uint32_t session, const char *group, uint64_t sequence,
          uint32_t count, const char *body)
{
    rig_begin (self, STP_PUSH, 5);
    rig_number (self, 'r', sequence);
    rig_text (self, 'g', group);
    rig_number (self, 'p', 7);
    rig_number (self, 's', sequence);
    rig_list (self);
    for (uint32_t index = 0; index < count; index++)
        rig_item (self, STP_PUSH, &(stint_item_t){.body = stint_bytes_of (body)});
    rig_send (self, session);
    rig_turn (self);
}

void
rig_begin_ready (rig_t *self, uint32_t fields, uint64_t worker, const char *group,
                 uint64_t credit)
{
    rig_begin (self, STP_READY, fields);
    rig_number (self, 'r', 1);
    rig_number (self, 'w', worker);
    rig_number (self, 'c', credit);
    rig_groups (self, &group, 1);
}

void
rig_ready (rig_t *self, uint32_t session, uint64_t worker, const char *group,
           uint64_t credit)
{
    rig_begin_ready (self, 4, worker, group, credit);
    rig_send (self, session);
    rig_turn (self);
}

void
rig_claim (rig_t *self, uint32_t session, uint64_t worker, const char *group,
           uint64_t credit, uint64_t id, uint64_t fence)
{
    rig_begin_ready (self, 5, worker, group, credit);
    rig_list (self);
    rig_item (self, STP_READY, &(stint_item_t){.id = id, .fence = fence});
    rig_send (self, session);
    rig_turn (self);
}

void
rig_result (rig_t *self, uint32_t session, uint64_t id, uint64_t fence, uint32_t verdict,
            const char *body, uint64_t delay)
{
    rig_begin (self, STP_RESULT, 2);
    rig_number (self, 'r', id);
    rig_list (self);
    rig_item (self, STP_RESULT,
              &(stint_item_t){.id = id,
                              .fence = fence,
                              .verdict = verdict,
                              .delay = delay,
                              .body = stint_bytes_of (body)});
    rig_send (self, session);
    rig_turn (self);
}

void
rig_ask (rig_t *self, uint32_t session, stp_command_t command, const char *letters,
         uint64_t one, uint64_t other, uint64_t third)
{
    const uint64_t values [] = {one, other, third};
    rig_begin (self, command, 1 + (uint32_t) strlen (letters));
    rig_number (self, 'r', 99);
    for (size_t index = 0; index < 3 && letters [index]; index++)
        rig_number (self, letters [index], values [index]);
    rig_send (self, session);
    rig_turn (self);
}

void
rig_set (rig_t *self, uint32_t session, const char *group, const char *setting,
         uint64_t value)
{
    rig_begin (self, STP_GROUP, 4);
    rig_number (self, 'r', 98);
    rig_text (self, 'g', group);
    rig_text (self, 'o', "set");
    stint_wire_field (&self->header, 'f');
    stint_write_map (&self->header, 1);
    stint_write_text (&self->header, setting);
    stint_write_number (&self->header, value);
    rig_send (self, session);
    rig_turn (self);
}

const task_t *
rig_task (const rig_t *self, uint64_t id)
{
    uint32_t slot = tasks_find (&self->core->tasks, id);
    return slot ? &self->core->tasks.tasks.pool [slot] : NULL;
}

uint32_t
rig_worker (rig_t *self, uint64_t worker, uint64_t credit)
{
    uint32_t session = rig_open (self);
    rig_ready (self, session, worker, "bread", credit);
    return session;
}

void
rig_beat (rig_t *self, uint32_t session)
{
    rig_begin (self, STP_HEARTBEAT, 0);
    rig_send (self, session);
}

uint64_t
rig_given (rig_t *self, uint32_t session, uint64_t id)
{
    const rig_said_t *said = rig_hear (self, session, STP_TASK);
    rig_check (said, "nothing is given");
    rig_check (said->reply.id == id, "task %lu, not %lu", said->reply.id, id);
    return said->reply.fence;
}

void
rig_given_nothing (rig_t *self, uint32_t session)
{
    rig_check (!rig_hear (self, session, STP_TASK), "something is given");
}

void
core_audit (const core_t *core)
{
    const char *fault = core_audit_fault (core);
    rig_check (!fault, "this does not hold: %s", fault);
}
