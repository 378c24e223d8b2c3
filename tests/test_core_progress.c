//  test_core_progress: what running attempts say of how far they are
//  SPDX-License-Identifier: MPL-2.0

#include "core_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

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

TestSuite (core_progress, .init = s_begin, .fini = s_end);

static void
s_say (uint32_t session, uint64_t id, uint64_t fence, uint32_t done, const char *text)
{
    rig_begin (s_rig, STP_PROGRESS, 1);
    rig_list (s_rig);
    stint_item_t item = {.id = id, .fence = fence, .number = done};
    item.body = stint_bytes_of (text);
    rig_item (s_rig, STP_PROGRESS, &item);
    rig_send (s_rig, session);
    rig_turn (s_rig);
}

//  Returns true when the task has this note, and false when it has none.

static bool
s_noted (uint64_t id, uint32_t done, const char *text)
{
    const task_note_t *note = task_notes_find (&s_rig->core->notes, id);
    if (!note)
        return false;
    cr_assert_eq (note->done, done, "%u of %lu", note->done, id);
    cr_assert_eq (note->size, strlen (text));
    cr_assert_eq (memcmp (note->text, text, note->size), 0);
    return true;
}

//  Returns true when there is no complaint, and no answer but that to the READY.

static bool
s_is_not_told (uint32_t session)
{
    bool ready = rig_hear (s_rig, session, STP_ACCEPTED) != NULL;
    return ready && !rig_hear (s_rig, session, 0);
}

Test (core_progress, the_last_word_of_an_attempt_counts)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    uint64_t fence = rig_given (s_rig, worker, 1);
    cr_assert_not (s_noted (1, 0, ""));
    s_say (worker, 1, fence, 400, "page 4 of 10");
    cr_assert (s_noted (1, 400, "page 4 of 10"));
    s_say (worker, 1, fence, 350, "");
    cr_assert (s_noted (1, 350, ""));
    cr_assert (s_is_not_told (worker));
}

Test (core_progress, only_the_attempt_that_runs_is_listened_to)
{
    rig_push (s_rig, s_client, "bread", 1, 2, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    uint32_t other = rig_worker (s_rig, 2, 1);
    uint64_t fence = rig_given (s_rig, worker, 1);
    uint64_t others = rig_given (s_rig, other, 2);
    s_say (worker, 1, fence, 100, "mine");
    s_say (worker, 1, fence + 1, 200, "of a later attempt");
    s_say (worker, 1, fence - 1, 200, "of an earlier attempt");
    s_say (other, 1, fence, 300, "of another session");
    s_say (worker, 2, others, 300, "of another session");
    s_say (worker, 99, fence, 300, "of no task");
    s_say (s_client, 1, fence, 300, "of no worker");
    cr_assert (s_noted (1, 100, "mine"));
    cr_assert_not (s_noted (2, 0, ""));
    cr_assert (s_is_not_told (worker));
    cr_assert (s_is_not_told (other));
}

//  Else it would never hear that it is not known, as its words stand for heartbeats.

Test (core_progress, a_worker_that_is_not_known_is_told_so)
{
    uint32_t stranger = rig_open (s_rig);
    s_say (stranger, 1, 1, 100, "");
    cr_assert (rig_hear (s_rig, stranger, STP_BYE));
}

Test (core_progress, a_note_goes_with_its_attempt)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    for (uint32_t verdict = 1; verdict <= 2; verdict++) {
        uint64_t fence = rig_given (s_rig, worker, 1);
        cr_assert_not (s_noted (1, 0, ""));
        s_say (worker, 1, fence, 100, "tried");
        cr_assert (s_noted (1, 100, "tried"));
        rig_result (s_rig, worker, 1, fence, verdict, "no", 10);
        cr_assert_not (s_noted (1, 0, ""));
        s_say (worker, 1, fence, 200, "late");
        cr_assert_not (s_noted (1, 0, ""));
        rig_hear (s_rig, worker, STP_ACCEPTED);
        rig_pass (s_rig, 10);
    }
    uint64_t fence = rig_given (s_rig, worker, 1);
    s_say (worker, 1, fence, 1000, "");
    rig_result (s_rig, worker, 1, fence, 0, "loaf", 0);
    cr_assert_not (s_noted (1, 0, ""));
}

Test (core_progress, a_note_goes_with_a_lost_or_cancelled_attempt)
{
    rig_push (s_rig, s_client, "bread", 1, 2, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 2);
    s_say (worker, 1, rig_given (s_rig, worker, 1), 100, "one");
    s_say (worker, 2, rig_given (s_rig, worker, 2), 100, "two");
    rig_ask (s_rig, s_client, STP_CANCEL, "i", 1, 0, 0);
    cr_assert_not (s_noted (1, 0, ""));
    cr_assert (s_noted (2, 100, "two"));
    rig_pass (s_rig, 3001);
    cr_assert_eq (rig_task (s_rig, 2)->state, STINT_READY);
    cr_assert_not (s_noted (2, 0, ""));
}

Test (core_progress, a_note_stays_when_the_worker_comes_back_on_another_connection)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    uint64_t fence = rig_given (s_rig, worker, 1);
    s_say (worker, 1, fence, 100, "half of it");
    uint32_t again = rig_open (s_rig);
    rig_claim (s_rig, again, 1, "bread", 1, 1, fence);
    cr_assert (s_noted (1, 100, "half of it"));
    s_say (again, 1, fence, 200, "more of it");
    cr_assert (s_noted (1, 200, "more of it"));
}

Test (core_progress, a_restart_forgets_notes_until_they_are_said_again)
{
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    uint64_t fence = rig_given (s_rig, worker, 1);
    s_say (worker, 1, fence, 100, "half of it");
    rig_crash (s_rig, s_rig->sealed);
    cr_assert_not (s_noted (1, 0, ""));
    worker = rig_open (s_rig);
    rig_claim (s_rig, worker, 1, "bread", 1, 1, fence);
    s_say (worker, 1, fence, 100, "half of it");
    cr_assert (s_noted (1, 100, "half of it"));
}

//  The rig has room for four.

Test (core_progress, when_there_are_too_many_the_oldest_goes)
{
    uint64_t fences [6];
    rig_push (s_rig, s_client, "bread", 1, 5, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 5);
    for (uint64_t id = 1; id <= 5; id++)
        fences [id] = rig_given (s_rig, worker, id);
    for (uint64_t id = 1; id <= 4; id++)
        s_say (worker, id, fences [id], 100, "first");
    s_say (worker, 1, fences [1], 200, "again");
    s_say (worker, 5, fences [5], 100, "first");
    cr_assert (s_noted (1, 200, "again"));
    cr_assert_not (s_noted (2, 0, ""));
    for (uint64_t id = 3; id <= 5; id++)
        cr_assert (s_noted (id, 100, "first"));
    s_say (worker, 2, fences [2], 300, "second");
    cr_assert (s_noted (2, 300, "second"));
    cr_assert_not (s_noted (3, 0, ""));
}

Test (core_progress, what_is_over_a_limit_is_refused)
{
    char text [STINT_NOTE_MAX + 2];
    memset (text, 'x', sizeof text);
    text [STINT_NOTE_MAX + 1] = 0;
    rig_push (s_rig, s_client, "bread", 1, 1, "flour");
    uint32_t worker = rig_worker (s_rig, 1, 1);
    uint64_t fence = rig_given (s_rig, worker, 1);
    s_say (worker, 1, fence, 1001, "");
    cr_assert_str_eq (rig_hear (s_rig, worker, STP_ERROR)->body, "malformed");
    s_say (worker, 1, fence, 1000, text);
    cr_assert_str_eq (rig_hear (s_rig, worker, STP_ERROR)->body, "malformed");
    cr_assert_not (s_noted (1, 0, ""));
    text [STINT_NOTE_MAX] = 0;
    s_say (worker, 1, fence, 1000, text);
    cr_assert (s_noted (1, 1000, text));
    cr_assert (s_is_not_told (worker));
}

Test (core_progress, a_text_is_cut_between_two_characters)
{
    char text [200];
    memset (text, 'x', sizeof text);
    cr_assert_eq (stint_note_cut (stint_bytes_of ("")).size, 0);
    cr_assert_eq (stint_note_cut ((stint_bytes_t){(uint8_t *) text, 128}).size, 128);
    cr_assert_eq (stint_note_cut ((stint_bytes_t){(uint8_t *) text, 129}).size, 128);
    for (size_t at = 124; at <= 128; at++) {
        memset (text, 'x', sizeof text);
        memcpy (text + at, "\xf0\x9f\x8d\x9e", 4);
        size_t size = at <= 124 ? 128 : at;
        stint_bytes_t cut = stint_note_cut ((stint_bytes_t){(uint8_t *) text, 150});
        cr_assert_eq (cut.size, size, "%zu cut at %zu", at, cut.size);
    }
    memset (text, '\x80', sizeof text);
    cr_assert_eq (stint_note_cut ((stint_bytes_t){(uint8_t *) text, 150}).size, 128);
}
