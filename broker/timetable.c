//  timetable: schedules, which push a task at each of their times
//  SPDX-License-Identifier: MPL-2.0

#include "timetable.h"

#include "group_note.h"

#include <string.h>

void
timetable_init (timetable_t *self, uint32_t capacity, uint64_t salt)
{
    *self = (timetable_t){.salt = salt};
    timetable_pool_init (&self->rows, capacity);
    stint_index_init (&self->index, capacity, salt);
}

void
timetable_clear (timetable_t *self)
{
    timetable_pool_clear (&self->rows);
    stint_index_clear (&self->index);
    free (self->wakes.slots);
    self->wakes.slots = NULL;
}

static uint64_t
s_key (const timetable_t *self, stint_bytes_t name)
{
    uint64_t key = stint_index_text (name.data, name.size, self->salt);
    return key ? key : 1;
}

uint32_t
timetable_find (const timetable_t *self, stint_bytes_t name)
{
    uint32_t slot =
        timetable_index_find (&self->index, self->rows.pool, s_key (self, name));
    const char *found = self->rows.pool [slot].name;
    if (slot && strlen (found) == name.size && memcmp (found, name.data, name.size) == 0)
        return slot;
    return 0;
}

_Static_assert(TERMS_NAMES *(TERMS_TEXT_MAX + 9) + 9 <= TIMETABLE_TERMS_MAX,
               "whatever terms there are fit");

//  Keeps terms as the journal has them. They may lie where they are kept.

static void
s_keep_terms (timetable_row_t *row, const terms_t *terms)
{
    uint8_t packed [TIMETABLE_TERMS_MAX];
    stint_writer_t out = {packed, 0, sizeof packed};
    if (terms_any (terms))
        terms_pack (terms, &out);
    assert (out.data == packed);
    memcpy (row->terms, packed, out.size);
    row->terms_size = (uint32_t) out.size;
}

const char *
timetable_check (const record_t *record, cron_t *cron)
{
    const record_schedule_t *state = &record->schedule;
    const char *fault = cron_parse (cron, record->result);
    if (fault)
        return fault;
    if (!stint_wire_name_valid (record->name))
        return "the name of a schedule is 1 to 64 of A-Z a-z 0-9 . _ -, not beginning with "
               ". or -";
    if (record->payload.size > TIMETABLE_BODY_MAX)
        return "the payload of a schedule has at most 4096 bytes: put the name of a file "
               "there";
    if (record->by.size > STINT_GROUP_MAX || !group_note_valid (record->by))
        return "who sets a schedule is at most 64 bytes of UTF-8 without control "
               "characters";
    if (state->missed >= RECORD_MISSED_WAYS)
        return "missed runs are for skip, once or all";
    if (state->zone / 2 > CRON_ZONE_MAX || state->paused > 1)
        return "a schedule has a zone or a pause that is none";
    if (state->from > RECORD_SPAN_MAX || state->ran > state->from)
        return "a schedule has a time that is none";
    return NULL;
}

static void
s_copy (char *to, size_t room, stint_bytes_t text)
{
    assert (text.size < room);
    memset (to, 0, room);
    if (text.size > 0)
        memcpy (to, text.data, text.size);
}

static uint32_t
s_make (timetable_t *self, stint_bytes_t name)
{
    uint32_t slot = timetable_pool_add (&self->rows);
    timetable_row_t *row = &self->rows.pool [slot];
    row->key = s_key (self, name);
    s_copy (row->name, sizeof row->name, name);
    row->state.paused = 1;  //  It is not in the heap yet
    timetable_kept_init (self->rows.pool, slot);
    timetable_index_put (&self->index, self->rows.pool, slot);
    return slot;
}

uint32_t
timetable_set (timetable_t *self, const record_t *record)
{
    uint32_t slot = timetable_find (self, record->name);
    if (!slot)
        slot = s_make (self, record->name);
    timetable_row_t *row = &self->rows.pool [slot];
    const char *fault = timetable_check (record, &row->cron);
    assert (!fault);
    uint64_t zone = record->schedule.zone;
    row->cron.begin = record->at;
    row->cron.zone = zone & 1 ? -(int64_t) (zone / 2) : (int64_t) (zone / 2);
    row->group = (uint32_t) record->group;
    s_copy (row->line, sizeof row->line, record->result);
    s_copy (row->by, sizeof row->by, record->by);
    s_keep_terms (row, &record->terms);
    row->body_size = (uint32_t) record->payload.size;
    if (record->payload.size > 0)
        memmove (row->body, record->payload.data, record->payload.size);
    timetable_advance (self, slot, &record->schedule);
    return slot;
}

void
timetable_advance (timetable_t *self, uint32_t slot, const record_schedule_t *state)
{
    timetable_row_t *row = &self->rows.pool [slot];
    if (!row->state.paused)
        timetable_wakes_remove (&self->wakes, self->rows.pool, slot);
    row->state = *state;
    row->next = row->wake = cron_next (&row->cron, (int64_t) state->from);
    if (!row->state.paused)
        timetable_wakes_push (&self->wakes, self->rows.pool, slot);
}

void
timetable_defer (timetable_t *self, uint32_t slot, int64_t wake)
{
    timetable_wakes_remove (&self->wakes, self->rows.pool, slot);
    self->rows.pool [slot].wake = wake;
    timetable_wakes_push (&self->wakes, self->rows.pool, slot);
}

void
timetable_remove (timetable_t *self, uint32_t slot)
{
    timetable_row_t *pool = self->rows.pool;
    timetable_index_drop (&self->index, pool, slot);
    if (!pool [slot].state.paused)
        timetable_wakes_remove (&self->wakes, pool, slot);
    if (timetable_kept_linked (pool, slot))
        timetable_kept_remove (&self->kept, pool, slot);
    timetable_pool_remove (&self->rows, slot);
}

void
timetable_describe (const timetable_t *self, uint32_t slot, record_t *record)
{
    const timetable_row_t *row = &self->rows.pool [slot];
    record->name = stint_bytes_of (row->name);
    record->group = row->group;
    record->at = row->cron.begin;
    record->result = stint_bytes_of (row->line);
    record->by = stint_bytes_of (row->by);
    record->payload = (stint_bytes_t){row->body, row->body_size};
    record->schedule = row->state;
    record->terms = (terms_t){.list = {0}};
    if (row->terms_size > 0) {
        stint_reader_t reader =
            stint_reader_of ((stint_bytes_t){row->terms, row->terms_size});
        terms_unpack (&record->terms, &reader);
    }
}

uint32_t
timetable_of_group (const timetable_t *self, uint32_t group)
{
    for (uint32_t slot = 1; slot <= self->rows.used; slot++) {
        if (self->rows.pool [slot].key && self->rows.pool [slot].group == group)
            return slot;
    }
    return 0;
}

static uint64_t
s_digest (const timetable_row_t *row)
{
    const char *const texts [] = {row->name, row->line, row->by};
    uint64_t part = stint_index_mix (row->group ^ (uint64_t) row->cron.begin << 20);
    for (size_t index = 0; index < 3; index++)
        part = stint_index_text ((const uint8_t *) texts [index], strlen (texts [index]),
                                 part);
    part = stint_index_text (row->body, row->body_size, part);
    part = stint_index_text (row->terms, row->terms_size, part);
    for (size_t index = 0; index < RECORD_SCHEDULE; index++)
        part = stint_index_mix (part ^ row->state.list [index]) + index;
    return part;
}

uint64_t
timetable_digest (const timetable_t *self)
{
    uint64_t digest = 0;
    for (uint32_t slot = 1; slot <= self->rows.used; slot++)
        digest += self->rows.pool [slot].key ? s_digest (&self->rows.pool [slot]) : 0;
    return digest;
}
