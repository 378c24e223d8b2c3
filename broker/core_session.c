//  core_session: how sessions begin, beat and end
//  SPDX-License-Identifier: MPL-2.0

#include "apply.h"
#include "core_events.h"
#include "lease.h"

uint32_t
core_open (core_t *self, int64_t now)
{
    return sessions_add (&self->sessions, now);
}

//  Returns where a session's worker is on the roster, or null.

static roster_entry_t *
s_entry (const core_t *self, uint32_t session)
{
    uint64_t worker = self->sessions.sessions.pool [session].worker;
    uint32_t slot = worker ? roster_find (&self->roster, worker) : 0;
    return slot ? &self->roster.workers.pool [slot] : NULL;
}

//  Takes a session out of the chain of its worker's: a connection that ends before its
//  worker has claimed all leaves the worker to the one that it had before.

static void
s_unchain (core_t *self, uint32_t session)
{
    session_t *pool = self->sessions.sessions.pool;
    roster_entry_t *entry = s_entry (self, session);
    uint32_t *link = entry ? &entry->session : NULL;
    while (link && *link != session)
        link = *link ? &pool [*link].former : NULL;
    if (link)
        *link = pool [session].former;
    pool [session].former = 0;
}

//  A worker that left is not awaited after a restart: it is struck off behind the last of
//  what it held. One whose claims had not all come may be on its way on another connection,
//  and stays.

static void
s_strike_off (core_t *self, uint32_t session)
{
    roster_entry_t *entry = s_entry (self, session);
    if (!entry || --entry->sessions > 0 || entry->awaited)
        return;
    record_t record = {.kind = RECORD_WORKER_GONE, .id = entry->id};
    apply_now (self, &record, NULL);
}

void
core_leave (core_t *self, uint32_t session)
{
    s_unchain (self, session);
    if (self->sessions.sessions.pool [session].attached)
        core_unwatch (self, session);
    sessions_leave (&self->sessions, &self->groups, session);
}

void
core_cut_off (core_t *self, uint32_t session)
{
    session_t *lost = &self->sessions.sessions.pool [session];
    if (lost->held.count == 0)
        core_leave (self, session);
    else if (!lost->gone) {
        lost->capacity = 0;
        sessions_update (&self->sessions, &self->groups, session);
    }
}

bool
core_has_left (const core_t *self, uint32_t session)
{
    return self->sessions.sessions.pool [session].gone;
}

void
core_on_bye (core_t *self, uint32_t session, effects_t *out)
{
    //  What it did not finish it hands back: nobody is to blame
    const session_t *left = &self->sessions.sessions.pool [session];
    while (left->held.head)
        lease_return (self, left->held.head);
    const roster_entry_t *entry = s_entry (self, session);
    if (entry && entry->session == session)
        roster_back (&self->roster, roster_find (&self->roster, left->worker));
    core_leave (self, session);
    effects_add (out, STP_BYE, session);
}

bool
core_take_back (core_t *self, int64_t now)
{
    static const stint_bytes_t text = {(const uint8_t *) "the worker was lost", 19};
    int count = 0;
    while (self->sessions.gone.head) {
        uint32_t slot = self->sessions.gone.head;
        const session_t *session = &self->sessions.sessions.pool [slot];
        while (session->held.head) {
            if (++count > 256)
                return true;
            lease_fail (self, now, session->held.head, LEASE_LOST, 0, text);
        }
        s_strike_off (self, slot);
        sessions_remove (&self->sessions, slot);
    }
    return false;
}

void
core_listened (core_t *self, int64_t now, bool all)
{
    if (all)
        self->unread_since = CORE_NEVER;
    else if (self->unread_since == CORE_NEVER)
        self->unread_since = now;
}

int64_t
core_patience (const core_t *self, int64_t until)
{
    if (self->unread_since == CORE_NEVER)
        return until;
    int64_t latest = self->unread_since + pace_patience (&self->sessions.pace);
    return until > latest ? until : latest;
}

bool
core_miss (core_t *self, int64_t now, effects_t *out)
{
    for (int count = 0; count < 64; count++) {
        uint32_t slot = self->sessions.heard.head;
        if (!slot || core_patience (self, sessions_gone_at (&self->sessions, slot)) > now
            || effects_room (out) == 0)
            return false;
        core_leave (self, slot);
        effects_add (out, STP_BYE, slot);
    }
    return true;
}

static uint64_t
s_backlog (const core_t *self, uint32_t session)
{
    const subscription_t *own = sessions_subscriptions (&self->sessions, session);
    uint64_t backlog = 0;
    for (uint32_t index = 0; index < self->sessions.sessions.pool [session].groups;
         index++) {
        const group_t *group = &self->groups.groups.pool [own [index].group];
        uint64_t ready = group->counts [STINT_READY];
        uint64_t room = groups_room (&self->groups, own [index].group);
        backlog += (ready < room ? ready : room) + group->counts [STINT_RUNNING];
    }
    return backlog;
}

static void
s_beat (core_t *self, int64_t now, uint32_t slot, bool greets, effects_t *out)
{
    reply_t *reply = effects_add (out, STP_HEARTBEAT, slot);
    reply->count = s_backlog (self, slot);
    reply->state = greets;
    reply->delay_ms = self->sessions.pace.told_ms;
    self->sessions.sessions.pool [slot].greeted = true;
    sessions_sent (&self->sessions, slot, now);
}

bool
core_beat (core_t *self, int64_t now, effects_t *out)
{
    const sessions_t *sessions = &self->sessions;
    for (int count = 0; count < 256; count++) {
        uint32_t slot = sessions->sent.head;
        if (!slot || sessions_beat_at (sessions, slot) > now || effects_room (out) == 0)
            return false;
        s_beat (self, now, slot, !sessions->sessions.pool [slot].greeted, out);
    }
    return true;
}

bool
core_pace (core_t *self, int64_t now, effects_t *out)
{
    sessions_t *sessions = &self->sessions;
    if (pace_follow (&sessions->pace, sessions->heard.count, now))
        sessions->untold = 1;
    for (int count = 0; sessions->pace.changing && count < 64; count++) {
        if (effects_room (out) == 0)
            return true;
        if (sessions->untold > sessions->sessions.used) {
            pace_told (&sessions->pace, now);
            return false;
        }
        const session_t *session = &sessions->sessions.pool [sessions->untold];
        if (session->used && !session->gone)
            s_beat (self, now, sessions->untold, true, out);
        sessions->untold++;
    }
    return sessions->pace.changing;
}
