//  test_session: peers as the core sees them: beats, lines at groups, leaving
//  SPDX-License-Identifier: MPL-2.0

#include "session.h"

#include <criterion/criterion.h>

static sessions_t s_sessions;
static groups_t s_groups;

static void
s_begin (void)
{
    const record_settings_t defaults = {0};
    sessions_init (&s_sessions, 4);
    pace_init (&s_sessions.pace, 1000, 3, 0);
    groups_init (&s_groups, 20, 100, &defaults, 0);
    for (uint32_t slot = 1; slot <= 20; slot++)
        groups_ensure (&s_groups, slot);
}

static void
s_end (void)
{
    sessions_clear (&s_sessions);
    groups_clear (&s_groups);
}

TestSuite (session, .init = s_begin, .fini = s_end);

static session_t *
s_at (uint32_t slot)
{
    return &s_sessions.sessions.pool [slot];
}

//  A worker of the first groups.

static uint32_t
s_worker (uint32_t groups)
{
    uint32_t slot = sessions_add (&s_sessions, 100);
    s_at (slot)->worker = slot;
    s_at (slot)->capacity = 2;
    s_at (slot)->bytes_max = 100;
    for (uint32_t group = 1; group <= groups; group++)
        cr_assert (sessions_serve (&s_sessions, &s_groups, slot, group));
    sessions_update (&s_sessions, &s_groups, slot);
    return slot;
}

Test (session, there_are_only_so_many_and_slots_are_used_again)
{
    for (uint32_t count = 1; count <= 4; count++)
        cr_assert_eq (sessions_add (&s_sessions, 100), count);
    cr_assert_eq (sessions_add (&s_sessions, 100), 0);
    sessions_leave (&s_sessions, &s_groups, 2);
    cr_assert_eq (s_sessions.gone.count, 1);
    sessions_leave (&s_sessions, &s_groups, 2);
    cr_assert_eq (s_sessions.gone.count, 1);
    cr_assert_eq (sessions_add (&s_sessions, 100), 0);
    sessions_remove (&s_sessions, 2);
    cr_assert_eq (sessions_add (&s_sessions, 100), 2);
}

Test (session, a_new_one_is_greeted_before_others_have_their_beats)
{
    uint32_t old = sessions_add (&s_sessions, 100);
    sessions_sent (&s_sessions, old, 100);
    uint32_t young = sessions_add (&s_sessions, 600);
    cr_assert_eq (s_sessions.sent.head, young);
    cr_assert_eq (sessions_beat_at (&s_sessions, young), 600);
    cr_assert_eq (s_sessions.heard.head, old);
    sessions_sent (&s_sessions, young, 600);
    cr_assert_eq (s_sessions.sent.head, old);
    sessions_heard (&s_sessions, old, 700);
    cr_assert_eq (s_sessions.heard.head, young);
}

Test (session, a_worker_with_room_stands_in_line_at_all_its_groups)
{
    uint32_t slot = s_worker (3);
    for (uint32_t group = 1; group <= 3; group++)
        cr_assert_eq (s_groups.groups.pool [group].waiting.count, 1);
    cr_assert_eq (s_groups.groups.pool [4].waiting.count, 0);
    s_at (slot)->held.count = 2;
    sessions_update (&s_sessions, &s_groups, slot);
    for (uint32_t group = 1; group <= 3; group++)
        cr_assert_eq (s_groups.groups.pool [group].waiting.count, 0);
    s_at (slot)->held.count = 1;
    s_at (slot)->bytes = 100;
    sessions_update (&s_sessions, &s_groups, slot);
    cr_assert_eq (s_groups.groups.pool [1].waiting.count, 0);
    s_at (slot)->held.count = 0;
    sessions_update (&s_sessions, &s_groups, slot);
    cr_assert_eq (s_groups.groups.pool [1].waiting.count, 1);
}

Test (session, workers_take_turns_at_each_group_by_itself)
{
    uint32_t one = s_worker (2);
    uint32_t other = s_worker (1);
    cr_assert_eq (sessions_next (&s_sessions, &s_groups, 1), one);
    cr_assert_eq (sessions_next (&s_sessions, &s_groups, 1), other);
    cr_assert_eq (sessions_next (&s_sessions, &s_groups, 1), one);
    cr_assert_eq (sessions_next (&s_sessions, &s_groups, 2), one);
}

Test (session, serves_sixteen_groups_and_each_only_once)
{
    uint32_t slot = s_worker (16);
    cr_assert (sessions_serve (&s_sessions, &s_groups, slot, 16));
    cr_assert_not (sessions_serve (&s_sessions, &s_groups, slot, 17));
    cr_assert_eq (s_at (slot)->groups, 16);
    cr_assert_eq (s_groups.groups.pool [16].workers, 1);
    cr_assert_eq (s_groups.groups.pool [17].workers, 0);
}

Test (session, a_group_that_is_added_is_stood_in_line_at)
{
    uint32_t slot = s_worker (1);
    cr_assert (sessions_serve (&s_sessions, &s_groups, slot, 2));
    sessions_update (&s_sessions, &s_groups, slot);
    cr_assert_eq (s_groups.groups.pool [1].waiting.count, 1);
    cr_assert_eq (s_groups.groups.pool [2].waiting.count, 1);
    cr_assert_eq (s_groups.groups.pool [2].workers, 1);
}

Test (session, one_that_left_stands_in_no_line_and_has_no_beats)
{
    uint32_t slot = s_worker (3);
    cr_assert_eq (s_sessions.workers, 1);
    sessions_leave (&s_sessions, &s_groups, slot);
    cr_assert_eq (s_sessions.workers, 0);
    cr_assert_eq (s_sessions.heard.count + s_sessions.sent.count, 0);
    for (uint32_t group = 1; group <= 3; group++) {
        cr_assert_eq (s_groups.groups.pool [group].waiting.count, 0);
        cr_assert_eq (s_groups.groups.pool [group].workers, 0);
    }
    sessions_update (&s_sessions, &s_groups, slot);
    cr_assert_eq (s_groups.groups.pool [1].waiting.count, 0);
}

Test (session, a_stall_of_the_broker_is_given_to_all)
{
    uint32_t slot = sessions_add (&s_sessions, 100);
    int64_t gone = sessions_gone_at (&s_sessions, slot);
    sessions_forgive (&s_sessions, 5000);
    cr_assert_eq (sessions_gone_at (&s_sessions, slot), gone + 5000);
}
