//  session: a connected peer as the core sees it: its beats, its credit, what it holds
//  SPDX-License-Identifier: MPL-2.0

#include "session.h"

#include <string.h>

void
sessions_init (sessions_t *self, uint32_t capacity)
{
    *self = (sessions_t){0};
    session_pool_init (&self->sessions, capacity);
    size_t subscriptions_max = ((size_t) capacity + 1) * STINT_GROUPS_MAX;
    self->subscriptions = calloc (subscriptions_max, sizeof (subscription_t));
    if (!self->subscriptions)
        abort ();
}

void
sessions_clear (sessions_t *self)
{
    session_pool_clear (&self->sessions);
    free (self->subscriptions);
}

uint32_t
sessions_add (sessions_t *self, int64_t now)
{
    if (self->sessions.count == self->sessions.capacity)
        return 0;
    uint32_t slot = session_pool_add (&self->sessions);
    session_t *pool = self->sessions.pool;
    pool [slot].used = true;
    uint32_t next = self->sent.head;
    pool [slot].heard_at = now;
    pool [slot].sent_at = now - self->pace.beat_ms;
    if (next && pool [next].sent_at < pool [slot].sent_at)
        pool [slot].sent_at = pool [next].sent_at;
    session_heard_init (pool, slot);
    session_sent_init (pool, slot);
    session_gone_init (pool, slot);
    session_heard_append (&self->heard, pool, slot);
    session_sent_insert (&self->sent, pool, slot, next);
    for (uint32_t index = 0; index < STINT_GROUPS_MAX; index++) {
        uint32_t subscription = slot * STINT_GROUPS_MAX + index;
        self->subscriptions [subscription] = (subscription_t){0};
        subscriptions_init (self->subscriptions, subscription);
    }
    return slot;
}

void
sessions_remove (sessions_t *self, uint32_t slot)
{
    session_t *pool = self->sessions.pool;
    assert (pool [slot].gone && pool [slot].held.count == 0);
    if (session_gone_linked (pool, slot))
        session_gone_remove (&self->gone, pool, slot);
    session_pool_remove (&self->sessions, slot);
}

void
sessions_heard (sessions_t *self, uint32_t slot, int64_t now)
{
    self->sessions.pool [slot].heard_at = now;
    session_heard_rotate (&self->heard, self->sessions.pool, slot);
}

void
sessions_sent (sessions_t *self, uint32_t slot, int64_t now)
{
    self->sessions.pool [slot].sent_at = now;
    session_sent_rotate (&self->sent, self->sessions.pool, slot);
}

subscription_t *
sessions_subscriptions (const sessions_t *self, uint32_t slot)
{
    return &self->subscriptions [(size_t) slot * STINT_GROUPS_MAX];
}

//  Puts a worker in line at all of its groups, or takes it out of all lines.

static void
s_stand (sessions_t *self, groups_t *groups, uint32_t slot, bool waiting)
{
    session_t *session = &self->sessions.pool [slot];
    session->waiting = waiting;
    for (uint32_t index = 0; index < session->groups; index++) {
        uint32_t subscription = slot * STINT_GROUPS_MAX + index;
        uint32_t group = self->subscriptions [subscription].group;
        stint_list_t *line = &groups->groups.pool [group].waiting;
        if (waiting)
            subscriptions_append (line, self->subscriptions, subscription);
        else
            subscriptions_remove (line, self->subscriptions, subscription);
        groups_update (groups, group);
    }
}

//  Counts a session as a worker of its groups, or no longer so.

static void
s_count (sessions_t *self, groups_t *groups, uint32_t slot)
{
    session_t *session = &self->sessions.pool [slot];
    bool counts = session_counts (session);
    if (counts == session->counted)
        return;
    session->counted = counts;
    self->workers = counts ? self->workers + 1 : self->workers - 1;
    for (uint32_t index = 0; index < session->groups; index++) {
        uint32_t group = sessions_subscriptions (self, slot) [index].group;
        group_t *served = &groups->groups.pool [group];
        served->workers = counts ? served->workers + 1 : served->workers - 1;
        if (served->workers == 0) {
            served->served_at = session->heard_at;
            memcpy (served->served_by, session->name, sizeof served->served_by);
        }
    }
}

void
sessions_change (sessions_t *self, groups_t *groups, uint32_t slot)
{
    const session_t *session = &self->sessions.pool [slot];
    s_count (self, groups, slot);
    bool room = session_has_room (session);
    if (room != session->waiting)
        s_stand (self, groups, slot, room);
}

bool
sessions_serve (sessions_t *self, groups_t *groups, uint32_t slot, uint32_t group)
{
    session_t *session = &self->sessions.pool [slot];
    subscription_t *own = sessions_subscriptions (self, slot);
    for (uint32_t index = 0; index < session->groups; index++) {
        if (own [index].group == group)
            return true;
    }
    if (session->groups == STINT_GROUPS_MAX)
        return false;
    if (session->waiting)
        s_stand (self, groups, slot, false);
    own [session->groups++].group = group;
    groups->groups.pool [group].subscribers++;
    groups->groups.pool [group].workers += session->counted;
    return true;
}

void
sessions_leave (sessions_t *self, groups_t *groups, uint32_t slot)
{
    session_t *pool = self->sessions.pool;
    session_t *session = &pool [slot];
    if (session->gone)
        return;
    session->gone = true;
    if (session->waiting)
        s_stand (self, groups, slot, false);
    s_count (self, groups, slot);
    for (uint32_t index = 0; index < session->groups; index++) {
        uint32_t group = sessions_subscriptions (self, slot) [index].group;
        groups->groups.pool [group].subscribers--;
    }
    session->groups = 0;
    session_heard_remove (&self->heard, pool, slot);
    session_sent_remove (&self->sent, pool, slot);
    session_gone_append (&self->gone, pool, slot);
}

uint32_t
sessions_next (sessions_t *self, groups_t *groups, uint32_t group)
{
    stint_list_t *line = &groups->groups.pool [group].waiting;
    uint32_t subscription = line->head;
    assert (subscription);
    subscriptions_rotate (line, self->subscriptions, subscription);
    return subscription / STINT_GROUPS_MAX;
}

void
sessions_forgive (sessions_t *self, int64_t stall_ms)
{
    session_t *pool = self->sessions.pool;
    for (uint32_t slot = self->heard.head; slot; slot = pool [slot].heard_node.next)
        pool [slot].heard_at += stall_ms;
    pace_forgive (&self->pace, stall_ms);
}
