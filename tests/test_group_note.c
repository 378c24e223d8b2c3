//  test_group_note: who stops a group, and why, is kept and told, and pushes to it end
//  SPDX-License-Identifier: MPL-2.0

#include "core_fixture.h"
#include "keep.h"

#include <criterion/criterion.h>

static rig_t *s_rig;
static uint32_t s_client;

static void
s_begin (void)
{
    s_rig = rig_new (NULL);
    s_client = rig_open (s_rig);
}

static void
s_end (void)
{
    core_audit (s_rig->core);
    rig_destroy (&s_rig);
}

TestSuite (group_note, .init = s_begin, .fini = s_end);

//  Sets one setting of "bread" and says who and why.

static void
s_say (const char *setting, uint64_t value, const char *by, const char *reason)
{
    rig_deaf (s_rig);
    rig_begin (s_rig, STP_GROUP, 6);
    rig_number (s_rig, 'r', 1);
    rig_text (s_rig, 'g', "bread");
    rig_text (s_rig, 'o', "set");
    rig_text (s_rig, 'n', by);
    rig_text (s_rig, 'm', reason);
    stint_wire_field (&s_rig->header, 'f');
    stint_write_map (&s_rig->header, 1);
    stint_write_text (&s_rig->header, setting);
    stint_write_number (&s_rig->header, value);
    rig_send (s_rig, s_client);
    rig_turn (s_rig);
}

static const group_note_t *
s_note (void)
{
    uint32_t slot = groups_find (&s_rig->core->groups, stint_bytes_of ("bread"));
    return &s_rig->core->groups.groups.pool [slot].note;
}

static void
s_expect (const char *by, const char *reason, int64_t at)
{
    cr_assert_str_eq (s_note ()->by, by);
    cr_assert_str_eq (s_note ()->reason, reason);
    cr_assert_eq (s_note ()->at, at);
}

Test (group_note, a_pause_is_remembered_with_who_and_why_until_it_ends)
{
    s_say ("paused", 1, "ann", "moving disks");
    int64_t at = s_rig->now;
    s_expect ("ann", "moving disks", at);
    rig_pass (s_rig, 1000);
    rig_set (s_rig, s_client, "bread", "weight", 3);
    rig_set (s_rig, s_client, "bread", "paused", 1);
    s_expect ("ann", "moving disks", at);
    s_say ("draining", 1, "bob", "");
    s_expect ("bob", "", s_rig->now);
    s_say ("paused", 0, "bob", "still draining");
    s_expect ("bob", "still draining", s_rig->now);
    rig_set (s_rig, s_client, "bread", "draining", 0);
    s_expect ("", "", 0);
}

Test (group_note, a_pause_of_which_nobody_says_anything_is_told_with_its_time)
{
    s_say ("paused", 1, "ann", "moving disks");
    rig_set (s_rig, s_client, "bread", "paused", 0);
    rig_pass (s_rig, 500);
    rig_set (s_rig, s_client, "bread", "paused", 1);
    s_expect ("", "", s_rig->now);
}

Test (group_note, it_survives_a_restart_a_copy_forward_and_the_settings_of_a_file)
{
    s_say ("paused", 1, "ann", "moving disks");
    int64_t at = s_rig->now;
    rig_crash (s_rig, s_rig->sealed);
    s_expect ("ann", "moving disks", at);
    core_set_group (s_rig->core, "bread", &(record_settings_t){.max_attempts = 2});
    rig_turn (s_rig);
    keep_records (s_rig->core, s_rig->sealed);
    rig_turn (s_rig);
    cr_assert_eq (s_rig->core->groups.groups.pool [1].kept.block, s_rig->sealed);
    s_expect ("ann", "moving disks", at);
    rig_crash (s_rig, s_rig->sealed);
    s_expect ("ann", "moving disks", at);
}

Test (group_note, what_is_no_text_for_people_is_refused)
{
    char longest [GROUP_REASON_MAX + 2];
    memset (longest, 'a', sizeof longest);
    longest [GROUP_REASON_MAX] = 0;
    static const char *const bad [] = {
        "two\nlines",      "\x1b[31m", "\x7f",         "\xc2\x9b",         "\xff",
        "\xc0\xaf",        "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80",
        "\xf0\x8f\xbf\xbf"};
    static const char *const good [] = {"", "moving disks", "\xc3\xa4\xe2\x82\xac",
                                        "\xf0\x9f\x98\x80", "\xc2\xa0"};
    for (size_t index = 0; index < sizeof good / sizeof good [0]; index++) {
        s_say ("paused", 1, "ann", good [index]);
        s_expect ("ann", good [index], s_rig->now);
    }
    s_say ("paused", 1, longest + GROUP_REASON_MAX - 64, longest);
    cr_assert_str_eq (s_note ()->reason, longest);
    s_say ("paused", 1, "ann", "well");
    for (size_t index = 0; index < sizeof bad / sizeof bad [0]; index++) {
        s_say ("paused", 1, "bob", bad [index]);
        const rig_said_t *said = rig_hear (s_rig, s_client, STP_ERROR);
        cr_assert (said && strcmp (said->body, "invalid") == 0, "%zu", index);
        s_say ("paused", 1, bad [index], "why");
        cr_assert (rig_hear (s_rig, s_client, STP_ERROR), "%zu", index);
    }
    longest [GROUP_REASON_MAX] = 'a';
    longest [GROUP_REASON_MAX + 1] = 0;
    s_say ("paused", 1, "bob", longest);
    cr_assert (rig_hear (s_rig, s_client, STP_ERROR));
    cr_assert_str_eq (s_note ()->by, "ann");
}

Test (group_note, a_group_that_drains_refuses_pushes_and_gives_out_what_it_has)
{
    rig_push (s_rig, s_client, "bread", 1, 2, "flour");
    s_say ("draining", 1, "ann", "the end");
    rig_deaf (s_rig);
    rig_push (s_rig, s_client, "bread", 3, 1, "flour");
    const rig_said_t *said = rig_hear (s_rig, s_client, 0);
    cr_assert (said && said->reply.command == STP_ERROR);
    cr_assert_str_eq (said->body, "draining");
    rig_push (s_rig, s_client, "bread", 1, 2, "flour");
    said = rig_hear (s_rig, s_client, STP_ACCEPTED);
    cr_assert (said && said->reply.id == 1, "a push that was taken before is the same");

    uint32_t worker = rig_worker (s_rig, 5, 10);
    uint64_t fence = rig_given (s_rig, worker, 1);
    rig_given (s_rig, worker, 2);
    rig_result (s_rig, worker, 1, fence, 1, "burnt", 100);
    rig_pass (s_rig, 200);
    rig_given (s_rig, worker, 1);

    rig_set (s_rig, s_client, "bread", "draining", 0);
    rig_push (s_rig, s_client, "bread", 3, 1, "flour");
    cr_assert (rig_hear (s_rig, s_client, STP_ACCEPTED));
}
