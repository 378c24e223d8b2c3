//  lane: the lines of ready tasks within a group, one for each priority and key
//  SPDX-License-Identifier: MPL-2.0

#include "lane.h"

#include <string.h>

void
lanes_init (lanes_t *self, uint32_t lanes, uint32_t keys, uint64_t salt)
{
    *self = (lanes_t){.salt = salt};
    self->paced_max = keys < LANE_PACED_MAX ? keys : LANE_PACED_MAX;
    lane_pool_init (&self->lanes, lanes);
    stint_index_init (&self->index, lanes, salt);
    lane_key_pool_init (&self->keys, keys + self->paced_max);
    stint_index_init (&self->key_index, keys + self->paced_max, salt);
}

void
lanes_clear (lanes_t *self)
{
    for (uint32_t slot = 1; slot <= self->lanes.used; slot++)
        free (self->lanes.pool [slot].again.slots);
    lane_pool_clear (&self->lanes);
    stint_index_clear (&self->index);
    lane_key_pool_clear (&self->keys);
    stint_index_clear (&self->key_index);
}

//  64 bits that nobody can choose, because of the salt, are who a lane or key is.

static uint64_t
s_hash (uint64_t hash)
{
    return hash ? hash : 1;
}

static uint64_t
s_hash_key (const lanes_t *self, uint32_t group, stint_bytes_t text)
{
    uint64_t salt = stint_index_mix (self->salt ^ group);
    return s_hash (stint_index_text (text.data, text.size, salt));
}

uint32_t
lanes_find_key (const lanes_t *self, uint32_t group, stint_bytes_t text)
{
    if (text.size == 0)
        return 0;
    uint64_t hash = s_hash_key (self, group, text);
    return lane_key_index_find (&self->key_index, self->keys.pool, hash);
}

uint32_t
lanes_open_key (lanes_t *self, uint32_t group, stint_bytes_t text)
{
    if (text.size == 0)
        return 0;
    uint64_t hash = s_hash_key (self, group, text);
    uint32_t slot = lane_key_index_find (&self->key_index, self->keys.pool, hash);
    if (!slot) {
        slot = lane_key_pool_add (&self->keys);
        lane_key_t *key = &self->keys.pool [slot];
        key->hash = hash;
        key->group = group;
        memcpy (key->text, text.data, text.size);
        lane_key_kept_init (self->keys.pool, slot);
        lane_key_index_put (&self->key_index, self->keys.pool, slot);
    }
    self->keys.pool [slot].uses++;
    return slot;
}

void
lanes_close_key (lanes_t *self, uint32_t key)
{
    if (!key || --self->keys.pool [key].uses > 0)
        return;
    assert (self->keys.pool [key].running == 0);
    lane_key_index_drop (&self->key_index, self->keys.pool, key);
    lane_key_pool_remove (&self->keys, key);
}

static uint64_t
s_hash_lane (const lanes_t *self, uint32_t group, uint32_t priority, uint32_t key)
{
    uint64_t hash = stint_index_mix (self->salt ^ ((uint64_t) group << 32 | key));
    return s_hash (stint_index_mix (hash ^ priority));
}

uint32_t
lanes_open (lanes_t *self, lane_list_t *list, uint32_t group, uint32_t priority,
            uint32_t key)
{
    uint64_t hash = s_hash_lane (self, group, priority, key);
    lane_t *pool = self->lanes.pool;
    uint32_t slot = lane_index_find (&self->index, pool, hash);
    if (!slot) {
        slot = lane_pool_add (&self->lanes);
        pool [slot].hash = hash;
        pool [slot].group = group;
        pool [slot].priority = priority;
        pool [slot].key = key;
        lane_turns_init (pool, slot);
        lane_list_init (pool, slot);
        lane_list_append (list, pool, slot);
        lane_index_put (&self->index, pool, slot);
        if (key)
            self->keys.pool [key].lanes [priority] = slot;
    }
    pool [slot].uses++;
    return slot;
}

void
lanes_close (lanes_t *self, lane_list_t *list, uint32_t lane)
{
    lane_t *pool = self->lanes.pool;
    if (--pool [lane].uses > 0)
        return;
    assert (lane_first (&pool [lane]) == 0 && !lane_turns_linked (pool, lane));
    if (pool [lane].key)
        self->keys.pool [pool [lane].key].lanes [pool [lane].priority] = 0;
    lane_index_drop (&self->index, pool, lane);
    lane_list_remove (list, pool, lane);
    free (pool [lane].again.slots);
    lane_pool_remove (&self->lanes, lane);
}

//  A task of its first attempt comes in order of numbers, so its place is the end of the
//  line. Only a recovery may bring an older one later, if its record was copied forward;
//  these come in order too, so its place is behind the one that came before it.

static uint32_t
s_place (const lane_t *self, const task_t *tasks, uint64_t id)
{
    uint32_t tail = self->ready.tail;
    if (!tail || tasks [tail].id < id)
        return 0;
    uint32_t at = self->ready.head;
    if (self->latest && tasks [self->latest].id < id)
        at = tasks [self->latest].node.next;
    while (at && tasks [at].id < id)
        at = tasks [at].node.next;
    return at;
}

void
lane_enqueue (lane_t *self, task_t *tasks, uint32_t task, bool early)
{
    if (early || tasks [task].attempts > 0 || tasks [task].until > 0)
        task_again_push (&self->again, tasks, task);
    else {
        uint32_t before = s_place (self, tasks, tasks [task].id);
        task_list_insert (&self->ready, tasks, task, before);
        self->latest = task;
    }
}

void
lane_dequeue (lane_t *self, task_t *tasks, uint32_t task)
{
    if (task == self->latest)
        self->latest = 0;
    if (task_list_linked (tasks, task))
        task_list_remove (&self->ready, tasks, task);
    else
        task_again_remove (&self->again, tasks, task);
}
