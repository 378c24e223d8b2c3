//  task_note: what running attempts said last of how far they are
//  SPDX-License-Identifier: MPL-2.0

#include "task_note.h"

#include <string.h>

void
task_notes_init (task_notes_t *self, uint32_t capacity)
{
    *self = (task_notes_t){0};
    task_note_pool_init (&self->notes, capacity);
    stint_index_init (&self->index, capacity, 0);
}

void
task_notes_clear (task_notes_t *self)
{
    task_note_pool_clear (&self->notes);
    stint_index_clear (&self->index);
}

static uint32_t
s_find (const task_notes_t *self, uint64_t id)
{
    if (self->notes.count == 0)
        return 0;
    return task_note_index_find (&self->index, self->notes.pool, id);
}

static void
s_remove (task_notes_t *self, uint32_t slot)
{
    task_note_list_remove (&self->by_time, self->notes.pool, slot);
    task_note_index_drop (&self->index, self->notes.pool, slot);
    task_note_pool_remove (&self->notes, slot);
}

static uint32_t
s_add (task_notes_t *self, uint64_t id)
{
    if (self->notes.count == self->notes.capacity)
        s_remove (self, self->by_time.head);
    uint32_t slot = task_note_pool_add (&self->notes);
    self->notes.pool [slot].id = id;
    task_note_list_init (self->notes.pool, slot);
    task_note_index_put (&self->index, self->notes.pool, slot);
    return slot;
}

void
task_notes_put (task_notes_t *self, int64_t now, const stint_item_t *said)
{
    assert (said->number <= STINT_NOTE_DONE && said->body.size <= STINT_NOTE_MAX);
    if (self->notes.capacity == 0)
        return;
    uint32_t slot = s_find (self, said->id);
    if (!slot)
        slot = s_add (self, said->id);
    task_note_list_renew (&self->by_time, self->notes.pool, slot);
    task_note_t *note = &self->notes.pool [slot];
    note->fence = said->fence;
    note->at = now;
    note->done = (uint16_t) said->number;
    note->size = (uint8_t) said->body.size;
    if (said->body.size > 0)
        memcpy (note->text, said->body.data, said->body.size);
}

const task_note_t *
task_notes_find (const task_notes_t *self, uint64_t id)
{
    uint32_t slot = s_find (self, id);
    return slot ? &self->notes.pool [slot] : NULL;
}

void
task_notes_forget (task_notes_t *self, uint64_t id)
{
    uint32_t slot = self->notes.count > 0 ? s_find (self, id) : 0;
    if (slot)
        s_remove (self, slot);
}
