//  test_core_schedule: schedules push each of their tasks once, at its time, over crashes
//  SPDX-License-Identifier: MPL-2.0

#include "apply.h"
#include "core_audit.h"
#include "core_events.h"
#include "core_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
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

TestSuite (core_schedule, .init = s_begin, .fini = s_end);

//  Returns the session of a client that was not missed meanwhile.

static uint32_t
s_join (void)
{
    return s_client = rig_open (s_rig);
}

//  What a schedule is set to. Null leaves a text out.

typedef struct {
    const char *name;
    const char *line;
    const char *zone;
    const char *missed;
    const char *by;
    const char *body;
    uint64_t delay;
    uint64_t priority;
} s_set_t;

static void
s_write (const char *name, const char *value)
{
    if (!value)
        return;
    stint_write_text (&s_rig->header, name);
    stint_write_text (&s_rig->header, value);
}

static const rig_said_t *
s_hear_answer (void)
{
    const rig_said_t *said;
    do {
        said = rig_hear (s_rig, s_client, 0);
        cr_assert (said, "no answer");
    } while (said->reply.command == STP_HEARTBEAT || said->reply.request != 5);
    return said;
}

//  Sets a schedule of the group bread. Returns the answer.

static const rig_said_t *
s_send_set (s_set_t set)
{
    rig_begin (s_rig, STP_SCHEDULE, 7);
    rig_number (s_rig, 'r', 5);
    rig_text (s_rig, 'o', "set");
    rig_text (s_rig, 'n', set.name ? set.name : "rolls");
    rig_text (s_rig, 'g', "bread");
    stint_wire_field (&s_rig->header, 'f');
    stint_write_map (&s_rig->header, (set.line ? 1u : 0) + (set.zone ? 1u : 0)
                                         + (set.missed ? 1u : 0) + (set.by ? 1u : 0));
    s_write ("line", set.line);
    s_write ("zone", set.zone);
    s_write ("missed", set.missed);
    s_write ("by", set.by);
    stint_wire_field (&s_rig->header, 'q');
    stint_write_map (&s_rig->header, 1);
    stint_write_text (&s_rig->header, "priority");
    stint_write_number (&s_rig->header, set.priority);
    rig_list (s_rig);
    rig_item (s_rig, STP_SCHEDULE,
              &(stint_item_t){.body = stint_bytes_of (set.body ? set.body : "a roll"),
                              .delay = set.delay});
    rig_send (s_rig, s_join ());
    rig_turn (s_rig);
    return s_hear_answer ();
}

static void
s_set (s_set_t set)
{
    const rig_said_t *said = s_send_set (set);
    cr_assert_eq (said->reply.command, STP_ACCEPTED, "%s", said->body);
}

static void
s_refused (s_set_t set)
{
    uint64_t digest = core_digest (s_rig->core);
    const rig_said_t *said = s_send_set (set);
    cr_assert_eq (said->reply.command, STP_ERROR, "%s", set.line ? set.line : "");
    cr_assert_str_eq (said->body, "invalid");
    cr_assert_eq (core_digest (s_rig->core), digest);
}

static stp_command_t
s_do (const char *what, const char *name)
{
    rig_begin (s_rig, STP_SCHEDULE, 3);
    rig_number (s_rig, 'r', 5);
    rig_text (s_rig, 'o', what);
    rig_text (s_rig, 'n', name);
    rig_send (s_rig, s_join ());
    rig_turn (s_rig);
    return (stp_command_t) s_hear_answer ()->reply.command;
}

static const timetable_row_t *
s_row (void)
{
    const timetable_t *timetable = &s_rig->core->timetable;
    return &timetable->rows.pool [timetable_find (timetable, stint_bytes_of ("rolls"))];
}

static uint64_t
s_tasks (void)
{
    return core_totals (s_rig->core).tasks;
}

//  The broker is down for so long, after a crash that lost nothing.

static void
s_down (int64_t span_ms)
{
    s_rig->now += span_ms;
    rig_crash (s_rig, s_rig->sealed);
    s_client = rig_open (s_rig);
    rig_turn (s_rig);
}

Test (core_schedule, a_run_pushes_one_task_at_its_time_and_not_before)
{
    s_set ((s_set_t){.line = "@every 10s", .body = "flour", .priority = 7, .by = "ann"});
    cr_assert_eq (s_row ()->next, s_rig->now + 10000);
    cr_assert_eq (core_schedule_at (s_rig->core), s_rig->now + 10000);
    rig_pass (s_rig, 9999);
    cr_assert_eq (s_tasks (), 0);
    rig_pass (s_rig, 1);
    cr_assert_eq (s_tasks (), 1);
    rig_turn (s_rig);
    cr_assert_eq (s_tasks (), 1);
    uint64_t id = s_row ()->state.task;
    const task_t *task = rig_task (s_rig, id);
    cr_assert (task && task->at == s_rig->now);
    const kinds_t *kinds = &s_rig->core->groups.kinds;
    cr_assert_eq (kinds->kinds.pool [task->kind].terms.priority, 7);
    uint32_t worker = rig_open (s_rig);
    rig_ready (s_rig, worker, 5, "bread", 1);
    const rig_said_t *said = rig_hear (s_rig, worker, STP_TASK);
    cr_assert (said && said->reply.id == id);
    cr_assert_str_eq (said->body, "flour");
    for (int count = 0; count < 5; count++)
        rig_pass (s_rig, 10000);
    cr_assert_eq (s_row ()->state.runs, 6);
    cr_assert_eq (s_row ()->state.passed, 0);
    cr_assert_str_eq (s_row ()->by, "ann");
}

Test (core_schedule, a_line_runs_by_the_clock_of_its_zone)
{
    s_set ((s_set_t){.line = "30 7 * * *", .zone = "-03:30"});
    int64_t next = s_row ()->next;
    cr_assert_eq (next % 86400000, 11 * 3600000);
    rig_pass (s_rig, next - s_rig->now - 1);
    cr_assert_eq (s_tasks (), 0);
    rig_pass (s_rig, 1);
    cr_assert_eq (s_tasks (), 1);
    cr_assert_eq (s_row ()->next, next + 86400000);
}

Test (core_schedule, the_core_says_that_it_has_to_be_woken_for_a_run)
{
    s_set ((s_set_t){.line = "@every 1h"});
    rig_pass (s_rig, 60000);
    cr_assert_eq (core_totals (s_rig->core).sessions, 0);
    cr_assert_eq (core_deadline (s_rig->core), s_row ()->next);
    core_drain (s_rig->core);
    cr_assert_eq (core_deadline (s_rig->core), CORE_NEVER);
    rig_pass (s_rig, 3600000);
    cr_assert_eq (s_tasks (), 0);
}

Test (core_schedule, a_crash_neither_loses_nor_repeats_a_run)
{
    s_set ((s_set_t){.line = "@every 10s"});
    rig_pass (s_rig, 10000);
    cr_assert_eq (s_tasks (), 1);
    uint64_t id = s_row ()->state.task;
    s_down (0);
    cr_assert_eq (s_tasks (), 1);
    cr_assert_eq (s_row ()->state.task, id);

    //  A run that was not durable happens again, as one that is late
    rig_seal (s_rig);
    rig_commit (s_rig, s_rig->sealed);
    s_rig->keeps_up = false;
    rig_pass (s_rig, 10000);
    cr_assert_eq (s_tasks (), 2);
    s_rig->keeps_up = true;
    rig_crash (s_rig, s_rig->durable);
    cr_assert_eq (s_tasks (), 1);
    cr_assert_eq (s_row ()->state.runs, 1);
    rig_turn (s_rig);
    cr_assert_eq (s_tasks (), 2);
    cr_assert_eq (s_row ()->state.runs, 2);
}

Test (core_schedule, runs_that_were_missed_are_skipped_or_come_once_or_all)
{
    static const char *const ways [] = {"skip", "once", "all"};
    static const uint64_t tasks [] = {0, 1, 5};
    static const uint64_t passed [] = {5, 4, 0};
    for (size_t way = 0; way < 3; way++) {
        s_set ((s_set_t){.line = "@every 10s", .missed = ways [way]});
        uint64_t before = s_tasks ();
        s_down (55000);
        cr_assert_eq (s_tasks () - before, tasks [way], "%s", ways [way]);
        cr_assert_eq (s_row ()->state.passed, passed [way], "%s", ways [way]);
        cr_assert_eq (s_row ()->next, s_rig->now + 5000);
        rig_pass (s_rig, 5000);
        cr_assert_eq (s_tasks () - before, tasks [way] + 1, "%s", ways [way]);
        s_down (0);
        cr_assert_eq (s_tasks () - before, tasks [way] + 1, "%s", ways [way]);
        cr_assert_eq (s_do ("remove", "rolls"), STP_ACCEPTED);
    }
}

Test (core_schedule, at_most_a_thousand_missed_runs_are_caught_up_with)
{
    s_rig->limits.tasks = 5000;
    s_down (0);
    rig_set (s_rig, s_join (), "bread", "max_tasks", 5000);
    s_set ((s_set_t){.line = "@every 1s", .missed = "all"});
    s_down (3600000);
    cr_assert_eq (s_tasks (), 1000, "%lu", (unsigned long) s_tasks ());
    cr_assert_eq (s_row ()->state.cut, 1);
    cr_assert_eq (s_row ()->next, s_rig->now + 1000);
    s_set ((s_set_t){.line = "@every 1s", .missed = "skip"});
    s_down (3600000);
    cr_assert_eq (s_tasks (), 1000);
    cr_assert_eq (s_row ()->state.passed, 1000);
    cr_assert_eq (s_row ()->state.cut, 2);
    rig_pass (s_rig, 1000);
    cr_assert_eq (s_tasks (), 1001);
}

Test (core_schedule, a_run_that_finds_no_room_waits_for_it_until_the_next_is_due)
{
    s_set ((s_set_t){.line = "@every 10s"});
    rig_set (s_rig, s_join (), "bread", "draining", 1);
    rig_pass (s_rig, 10000);
    cr_assert_eq (s_tasks (), 0);
    cr_assert_eq (core_schedule_at (s_rig->core), s_rig->now + 1000);
    rig_set (s_rig, s_join (), "bread", "draining", 0);
    rig_pass (s_rig, 1000);
    cr_assert_eq (s_tasks (), 1);
    rig_set (s_rig, s_join (), "bread", "max_tasks", 1);
    rig_pass (s_rig, 9000);
    rig_pass (s_rig, 10000);
    cr_assert_eq (s_tasks (), 1);
    cr_assert_eq (s_row ()->state.passed, 1);
    rig_set (s_rig, s_join (), "bread", "max_tasks", 9);
    rig_pass (s_rig, 1000);
    cr_assert_eq (s_tasks (), 2);
    cr_assert_eq (s_row ()->state.ran, (uint64_t) s_row ()->next - 10000);
}

Test (core_schedule, a_pause_has_no_runs_and_outlives_a_crash)
{
    s_set ((s_set_t){.line = "@every 10s", .missed = "all"});
    cr_assert_eq (s_do ("pause", "rolls"), STP_ACCEPTED);
    cr_assert_eq (s_do ("pause", "rolls"), STP_ACCEPTED);
    cr_assert_eq (core_schedule_at (s_rig->core), CORE_NEVER);
    rig_pass (s_rig, 30000);
    s_down (30000);
    s_set ((s_set_t){.line = "@every 10s", .missed = "all"});
    rig_pass (s_rig, 12000);
    cr_assert_eq (s_tasks (), 0);
    cr_assert_eq (s_do ("resume", "rolls"), STP_ACCEPTED);
    cr_assert_eq (s_tasks (), 0);
    rig_pass (s_rig, 10000);
    cr_assert_eq (s_tasks (), 1);
}

Test (core_schedule, one_that_is_set_again_keeps_its_clock_when_that_is_the_same)
{
    s_set ((s_set_t){.line = "@every 10s"});
    int64_t next = s_row ()->next;
    rig_pass (s_rig, 4000);
    s_set ((s_set_t){.line = "@every 10s", .body = "another", .missed = "once"});
    cr_assert_eq (s_row ()->next, next);
    cr_assert_eq (s_row ()->state.missed, RECORD_MISSED_ONCE);
    s_set ((s_set_t){.line = "@every 20s"});
    cr_assert_eq (s_row ()->next, s_rig->now + 20000);
    cr_assert_eq (s_rig->core->timetable.rows.count, 1);
}

Test (core_schedule, schedules_survive_what_is_copied_forward)
{
    s_set ((s_set_t){.line = "@every 10s", .body = "flour", .priority = 3});
    rig_pass (s_rig, 10000);
    rig_seal (s_rig);
    uint64_t block = s_rig->sealed;
    s_rig->slack = 0;
    journal_set_slack (core_journal (s_rig->core), 0);
    for (uint64_t count = 0; count < 100 && s_rig->trimmed < block; count++)
        rig_set (s_rig, s_join (), "bread", "backoff", count + 1);
    cr_assert_geq (s_rig->trimmed, block);
    timetable_row_t row = *s_row ();
    s_down (0);
    core_audit (s_rig->core);
    cr_assert_eq (s_tasks (), 1);
    cr_assert_eq (s_row ()->state.runs, 1);
    cr_assert_eq (s_row ()->next, row.next);
    cr_assert_eq (memcmp (s_row ()->body, "flour", 5), 0);
    cr_assert_eq (s_row ()->terms_size, row.terms_size);
    rig_pass (s_rig, 10000);
    cr_assert_eq (s_tasks (), 2);
}

Test (core_schedule, one_that_is_removed_is_gone_and_lets_its_group_go)
{
    s_set ((s_set_t){.line = "@daily"});
    rig_begin (s_rig, STP_GROUP, 3);
    rig_number (s_rig, 'r', 5);
    rig_text (s_rig, 'g', "bread");
    rig_text (s_rig, 'o', "remove");
    rig_send (s_rig, s_join ());
    rig_turn (s_rig);
    const rig_said_t *said = s_hear_answer ();
    cr_assert_eq (said->reply.command, STP_ERROR);
    cr_assert_str_eq (said->body, "occupied");
    cr_assert_eq (s_do ("remove", "rolls"), STP_ACCEPTED);
    cr_assert_eq (s_do ("remove", "rolls"), STP_ERROR);
    cr_assert_eq (s_do ("pause", "rolls"), STP_ERROR);
    cr_assert_eq (s_do ("wait", "rolls"), STP_ERROR);
    s_down (86400000);
    cr_assert_eq (s_tasks (), 0);
    cr_assert_eq (s_rig->core->timetable.rows.count, 0);
}

Test (core_schedule, what_is_not_to_be_had_is_refused_before_anything_is_done)
{
    static char large [TIMETABLE_BODY_MAX + 2];
    memset (large, 'x', sizeof large - 1);
    s_refused ((s_set_t){.line = NULL});
    s_refused ((s_set_t){.line = "* * *"});
    s_refused ((s_set_t){.line = "0 0 30 2 *"});
    s_refused ((s_set_t){.line = "@daily", .zone = "Europe/Berlin"});
    s_refused ((s_set_t){.line = "@daily", .missed = "twice"});
    s_refused ((s_set_t){.line = "@daily", .name = ".rolls"});
    s_refused ((s_set_t){.line = "@daily", .by = "a\nb"});
    s_refused ((s_set_t){.line = "@daily", .body = large});
    s_refused ((s_set_t){.line = "@daily", .delay = 5});
    s_refused ((s_set_t){.line = "@daily", .priority = 10});
    large [TIMETABLE_BODY_MAX] = '\0';
    s_set ((s_set_t){.line = "@daily", .body = large});
}

Test (core_schedule, there_are_as_many_as_the_limit_allows)
{
    s_rig->limits.schedules = 1;
    s_down (0);
    s_set ((s_set_t){.line = "@daily"});
    cr_assert_eq (s_send_set ((s_set_t){.line = "@daily", .name = "buns"})->reply.command,
                  STP_FULL);
    s_set ((s_set_t){.line = "@hourly"});
}

//  ---------------------------------------------------------------------------------
//  What there is to say

//  Asks for schedules. Returns how many the answer has, and what it has of the first.

static uint32_t
s_query (const char *name, uint64_t count, uint64_t after, stint_bytes_t *first)
{
    static char answer [8192];
    rig_begin (s_rig, STP_QUERY, 5);
    rig_number (s_rig, 'r', 5);
    rig_text (s_rig, 'o', "schedules");
    rig_text (s_rig, 'n', name);
    rig_number (s_rig, 'c', count);
    rig_number (s_rig, 'a', after);
    rig_send (s_rig, s_join ());
    rig_turn (s_rig);
    const rig_said_t *said = rig_hear (s_rig, s_client, STP_STATE);
    cr_assert (said && said->size < sizeof answer);
    memcpy (answer, said->body, said->size);
    stint_reader_t reader =
        stint_reader_of ((stint_bytes_t){(const uint8_t *) answer, said->size});
    cr_assert_eq (stint_read_map (&reader), 3);
    stint_read_skip (&reader);
    uint32_t rows = stint_read_array (&reader);
    *first = rows > 0 ? stint_read_skip (&reader) : (stint_bytes_t){NULL, 0};
    return rows;
}

static bool
s_tells (stint_bytes_t map, const char *name, const char *text, uint64_t number)
{
    stint_reader_t reader = stint_reader_of (map);
    uint32_t pairs = stint_read_map (&reader);
    for (uint32_t pair = 0; pair < pairs; pair++) {
        stint_bytes_t key = stint_read_bytes (&reader);
        if (key.size != strlen (name) || memcmp (key.data, name, key.size) != 0)
            stint_read_skip (&reader);
        else if (!text)
            return stint_read_number (&reader) == number;
        else {
            stint_bytes_t value = stint_read_bytes (&reader);
            return value.size == strlen (text)
                   && memcmp (value.data, text, value.size) == 0;
        }
    }
    return false;
}

Test (core_schedule, schedules_are_listed_with_all_that_is_known_of_them)
{
    stint_bytes_t row;
    cr_assert_eq (s_query ("", 0, 0, &row), 0);
    s_set ((s_set_t){.name = "buns", .line = "@daily"});
    s_set ((s_set_t){.line = "@every 10s", .zone = "+02:00", .missed = "all", .by = "ann"});
    rig_pass (s_rig, 12000);
    cr_assert_eq (s_query ("", 0, 0, &row), 2);
    cr_assert (s_tells (row, "schedule", "buns", 0));
    cr_assert_eq (s_query ("", 1, 0, &row), 1);
    cr_assert_eq (s_query ("", 1, 1, &row), 1);
    cr_assert (s_tells (row, "schedule", "rolls", 0));
    cr_assert_eq (s_query ("cakes", 0, 0, &row), 0);
    cr_assert_eq (s_query ("rolls", 0, 0, &row), 1);
    cr_assert (s_tells (row, "group", "bread", 0));
    cr_assert (s_tells (row, "line", "@every 10s", 0));
    cr_assert (s_tells (row, "zone", "+02:00", 0));
    cr_assert (s_tells (row, "missed", "all", 0));
    cr_assert (s_tells (row, "by", "ann", 0));
    cr_assert (s_tells (row, "next", NULL, 8000));
    cr_assert (s_tells (row, "ran", NULL, 2000));
    cr_assert (s_tells (row, "task", NULL, s_row ()->state.task));
    cr_assert (s_tells (row, "runs", NULL, 1));
    cr_assert (s_tells (row, "passed", NULL, 0));
    s_do ("pause", "rolls");
    s_query ("rolls", 0, 0, &row);
    cr_assert (s_tells (row, "paused", NULL, 1) && s_tells (row, "next", NULL, 0));
}

//  ---------------------------------------------------------------------------------
//  What recovery refuses

static const char *
s_check (record_kind_t kind, void (*change) (record_t *record))
{
    record_t record = {.kind = kind};
    timetable_describe (&s_rig->core->timetable, 1, &record);
    record.item_count = 1;
    if (kind == RECORD_TIMETABLE_RUN) {
        record.id = record.schedule.task = s_rig->core->next_id;
        record.schedule.ran = record.schedule.from += 10000;
    }
    if (change)
        change (&record);
    return apply_check (s_rig->core, &record);
}

static void
s_name (record_t *record)
{
    record->name = stint_bytes_of ("-");
}

static void
s_line (record_t *record)
{
    record->result = stint_bytes_of ("* * *");
}

static void
s_way (record_t *record)
{
    record->schedule.missed = RECORD_MISSED_WAYS;
}

static void
s_early (record_t *record)
{
    record->schedule.ran -= 10000;
}

static void
s_late (record_t *record)
{
    record->schedule.ran = record->schedule.from + 1;
}

Test (core_schedule, recovery_refuses_what_no_schedule_of_ours_says)
{
    s_set ((s_set_t){.line = "@every 10s"});
    cr_assert_null (s_check (RECORD_TIMETABLE, NULL));
    cr_assert_null (s_check (RECORD_TIMETABLE_RUN, NULL));
    cr_assert (s_check (RECORD_TIMETABLE, s_name));
    cr_assert (s_check (RECORD_TIMETABLE, s_line));
    cr_assert (s_check (RECORD_TIMETABLE, s_way));
    cr_assert (s_check (RECORD_TIMETABLE_RUN, s_name));
    cr_assert (s_check (RECORD_TIMETABLE_RUN, s_way));
    cr_assert (s_check (RECORD_TIMETABLE_RUN, s_early));
    cr_assert (s_check (RECORD_TIMETABLE_RUN, s_late));
}
