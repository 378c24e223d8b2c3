//  group_rates: the buckets of groups and of their keys
//  SPDX-License-Identifier: MPL-2.0

#include "group_rates.h"

#include <string.h>

rate_limit_t
groups_rate (const groups_t *self, uint32_t slot)
{
    const record_settings_t *own = &self->groups.pool [slot].settings;
    return rate_limit (own->rate ? own->rate : self->defaults.rate,
                       own->burst ? own->burst : self->defaults.burst);
}

rate_limit_t
groups_key_rate (const groups_t *self, uint32_t slot)
{
    const record_settings_t *own = &self->groups.pool [slot].settings;
    return rate_limit (own->key_rate ? own->key_rate : self->defaults.key_rate,
                       own->key_burst ? own->key_burst : self->defaults.key_burst);
}

uint64_t
groups_tokens (const groups_t *self, uint32_t lane, int64_t now)
{
    uint32_t slot = self->lanes.lanes.pool [lane].group;
    uint32_t key = self->lanes.lanes.pool [lane].key;
    const group_t *group = &self->groups.pool [slot];
    if (!group->rated)
        return UINT64_MAX;
    uint64_t tokens = rate_tokens (&group->bucket, groups_rate (self, slot), now);
    if (!key)
        return tokens;
    uint64_t of_key = rate_tokens (&self->lanes.keys.pool [key].bucket,
                                   groups_key_rate (self, slot), now);
    return of_key < tokens ? of_key : tokens;
}

void
groups_renew_group (groups_t *self, uint32_t slot)
{
    group_t *pool = self->groups.pool;
    rate_t *bucket = &pool [slot].bucket;
    if (bucket->dry)
        group_dry_remove (&self->dry, pool, slot);
    bucket->wake = rate_next (bucket, groups_rate (self, slot));
    bucket->dry = bucket->wake > bucket->at;
    if (bucket->dry)
        group_dry_push (&self->dry, pool, slot);
    groups_update (self, slot);
}

void
groups_renew_key (groups_t *self, uint32_t key)
{
    lane_key_t *pool = self->lanes.keys.pool;
    rate_t *bucket = &pool [key].bucket;
    if (bucket->dry)
        lane_key_dry_remove (&self->dry_keys, pool, key);
    bucket->wake = rate_next (bucket, groups_key_rate (self, pool [key].group));
    bucket->dry = bucket->wake > bucket->at;
    if (bucket->dry)
        lane_key_dry_push (&self->dry_keys, pool, key);
    groups_update_key (self, key);
}

void
groups_renew_rates (groups_t *self, uint32_t slot)
{
    group_t *group = &self->groups.pool [slot];
    const lane_t *pool = self->lanes.lanes.pool;
    group->rated =
        groups_rate (self, slot).hourly > 0 || groups_key_rate (self, slot).hourly > 0;
    groups_renew_group (self, slot);
    for (uint32_t lane = group->lanes.head; lane; lane = pool [lane].group_node.next) {
        uint32_t key = pool [lane].key;
        if (self->lanes.keys.pool [key].bucket.level > 0)
            groups_renew_key (self, key);
    }
}

static bool
s_wake_group (groups_t *self, int64_t now)
{
    group_t *pool = self->groups.pool;
    uint32_t slot = self->dry.count > 0 ? self->dry.slots [0] : 0;
    if (!slot || pool [slot].bucket.wake > now)
        return false;
    group_dry_remove (&self->dry, pool, slot);
    pool [slot].bucket.dry = false;
    groups_update (self, slot);
    return true;
}

static bool
s_wake_key (groups_t *self, int64_t now)
{
    lane_key_t *pool = self->lanes.keys.pool;
    uint32_t slot = self->dry_keys.count > 0 ? self->dry_keys.slots [0] : 0;
    if (!slot || pool [slot].bucket.wake > now)
        return false;
    lane_key_dry_remove (&self->dry_keys, pool, slot);
    pool [slot].bucket.dry = false;
    groups_update_key (self, slot);
    return true;
}

bool
groups_wake (groups_t *self, int64_t now)
{
    for (int count = 0; count < 1024; count++) {
        bool group = s_wake_group (self, now);
        bool key = s_wake_key (self, now);
        if (!group && !key)
            return false;
    }
    return true;
}

int64_t
groups_wake_at (const groups_t *self)
{
    int64_t at = INT64_MAX;
    if (self->dry.count > 0)
        at = self->groups.pool [self->dry.slots [0]].bucket.wake;
    if (self->dry_keys.count > 0) {
        int64_t key = self->lanes.keys.pool [self->dry_keys.slots [0]].bucket.wake;
        at = key < at ? key : at;
    }
    return at;
}

uint32_t
groups_look (groups_t *self, int64_t now, bool any)
{
    const lanes_t *lanes = &self->lanes;
    if (lanes->kept.count == 0)
        return 0;
    self->hand = self->hand % lanes->keys.used + 1;
    const lane_key_t *key = &lanes->keys.pool [self->hand];
    if (key->bucket.level == 0)
        return 0;
    rate_limit_t limit = groups_key_rate (self, key->group);
    return any || rate_level (&key->bucket, limit, now) == 0 ? self->hand : 0;
}

uint64_t
groups_rates_digest (const groups_t *self)
{
    const lane_key_t *pool = self->lanes.keys.pool;
    uint64_t digest = 0;
    for (uint32_t slot = self->lanes.kept.head; slot; slot = pool [slot].kept_node.next) {
        const uint8_t *text = (const uint8_t *) pool [slot].text;
        uint64_t part =
            stint_index_text (text, strlen (pool [slot].text), pool [slot].group);
        digest += rate_digest (&pool [slot].bucket, part);
    }
    return digest;
}
