//  group: named queues of tasks, each with its settings and counts; the table of groups
//  SPDX-License-Identifier: MPL-2.0

#include "group.h"

#include <string.h>

void
groups_init (groups_t *self, uint32_t capacity, uint32_t tasks,
             const record_settings_t *defaults, uint64_t salt)
{
    *self = (groups_t){.defaults = *defaults, .salt = salt};
    group_pool_init (&self->groups, capacity);
    stint_index_init (&self->index, capacity, salt);
    lanes_init (&self->lanes, capacity + tasks, tasks, salt);
    kinds_init (&self->kinds, tasks, salt);
}

void
groups_clear (groups_t *self)
{
    group_pool_clear (&self->groups);
    stint_index_clear (&self->index);
    lanes_clear (&self->lanes);
    kinds_clear (&self->kinds);
    free (self->dry.slots);
    free (self->dry_keys.slots);
}

static uint64_t
s_key (const groups_t *self, stint_bytes_t name)
{
    uint64_t key = stint_index_text (name.data, name.size, self->salt);
    return key ? key : 1;
}

uint32_t
groups_find (const groups_t *self, stint_bytes_t name)
{
    uint32_t slot = group_index_find (&self->index, self->groups.pool, s_key (self, name));
    const char *found = self->groups.pool [slot].name;
    if (slot && strlen (found) == name.size && memcmp (found, name.data, name.size) == 0)
        return slot;
    return 0;
}

uint32_t
groups_next (const groups_t *self)
{
    if (self->groups.count == self->groups.capacity)
        return 0;
    return self->groups.free ? self->groups.free : self->groups.used + 1;
}

//  Slots in the journal may come in any order at a recovery, so the free list is built
//  from the slots that were passed over.

void
groups_ensure (groups_t *self, uint32_t slot)
{
    assert (slot && slot <= self->groups.capacity);
    group_t *pool = self->groups.pool;
    if (pool [slot].used)
        return;
    while (self->groups.used < slot) {
        pool [++self->groups.used].link = self->groups.free;
        self->groups.free = self->groups.used;
    }
    uint32_t *link = &self->groups.free;
    while (*link != slot)
        link = &pool [*link].link;
    *link = pool [slot].link;
    self->groups.count++;
    pool [slot] = (group_t){.used = true};
    pool [slot].rated = self->defaults.rate > 0 || self->defaults.key_rate > 0;
    group_kept_init (pool, slot);
    group_runs_init (pool, slot);
    pool [slot].lane =
        lanes_open (&self->lanes, &pool [slot].lanes, slot, TERMS_PRIORITY - 1, 0);
}

void
groups_name (groups_t *self, uint32_t slot, stint_bytes_t name)
{
    group_t *group = &self->groups.pool [slot];
    assert (name.size <= STINT_GROUP_MAX);
    if (group->key)
        return;
    memcpy (group->name, name.data, name.size);
    group->name [name.size] = 0;
    group->key = s_key (self, name);
    group_index_put (&self->index, self->groups.pool, slot);
}

void
groups_describe (const groups_t *self, uint32_t slot, record_t *record)
{
    const group_t *group = &self->groups.pool [slot];
    record->group = slot;
    record->name = stint_bytes_of (group->name);
    record->settings = group->settings;
    record->level = group->bucket.level;
    record->until = group->bucket.at;
    group_note_describe (&group->note, record);
}

void
groups_remove (groups_t *self, uint32_t slot)
{
    group_t *group = &self->groups.pool [slot];
    assert (group_held (group) == 0);
    if (group->key)
        group_index_drop (&self->index, self->groups.pool, slot);
    if (group_kept_linked (self->groups.pool, slot))
        group_kept_remove (&self->kept, self->groups.pool, slot);
    if (group_runs_linked (self->groups.pool, slot))
        group_runs_remove (&self->runnable, self->groups.pool, slot);
    if (group->bucket.dry)
        group_dry_remove (&self->dry, self->groups.pool, slot);
    lanes_close (&self->lanes, &group->lanes, group->lane);
    group_pool_remove (&self->groups, slot);
}

uint32_t
group_held (const group_t *self)
{
    uint32_t held = 0;
    for (size_t state = 0; state < TASK_STATES; state++)
        held += self->counts [state];
    return held;
}

record_settings_t
groups_settings (const groups_t *self, uint32_t slot)
{
    record_settings_t settings = self->groups.pool [slot].settings;
    for (size_t index = 0; index < RECORD_SETTINGS; index++) {
        if (!settings.list [index])
            settings.list [index] = self->defaults.list [index];
    }
    return settings;
}

uint64_t
groups_room (const groups_t *self, uint32_t slot)
{
    const group_t *group = &self->groups.pool [slot];
    uint64_t most = group->settings.max_running ? group->settings.max_running
                                                : self->defaults.max_running;
    uint32_t running = group->counts [STINT_RUNNING];
    if (group->settings.paused || group->bucket.dry)
        return 0;
    if (most == 0)
        return UINT64_MAX;
    return most > running ? most - running : 0;
}

uint64_t
groups_digest (const groups_t *self)
{
    uint64_t digest = 0;
    for (uint32_t slot = 1; slot <= self->groups.used; slot++) {
        const group_t *group = &self->groups.pool [slot];
        if (!group->used)
            continue;
        const uint8_t *name = (const uint8_t *) group->name;
        const uint8_t *settings = (const uint8_t *) &group->settings;
        uint64_t part = stint_index_text (name, strlen (group->name), slot);
        part = stint_index_text (settings, sizeof group->settings, part);
        part = rate_digest (&group->bucket, part);
        digest += group_note_digest (&group->note, part);
    }
    return digest;
}
