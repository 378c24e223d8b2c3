//  core_schedule: what the core does with SCHEDULE, and at the times of schedules
//  SPDX-License-Identifier: MPL-2.0

#include "apply.h"
#include "core_events.h"
#include "word.h"

#define RUNS_MAX 256         //  Schedules that one run of the core looks at
#define HELD_MS 1000         //  Until a schedule that found no room looks again
#define STEPS_MAX (1 << 16)  //  Times that one run of the core counts at most

//  ---------------------------------------------------------------------------------
//  SCHEDULE

//  What a request says, besides the group.

typedef struct {
    stint_bytes_t line;
    stint_bytes_t zone;
    stint_bytes_t missed;
    stint_bytes_t by;
} s_words_t;

static const char *
s_read_words (const stint_message_t *message, s_words_t *words)
{
    if (message->fields.size == 0)
        return "a schedule needs f with its line";
    stint_reader_t reader = stint_reader_of (message->fields);
    uint32_t pairs = stint_read_map (&reader);
    for (uint32_t pair = 0; pair < pairs && !reader.bad; pair++) {
        stint_bytes_t name = stint_read_bytes (&reader);
        stint_bytes_t value = stint_read_bytes (&reader);
        if (word_is (name, "line"))
            words->line = value;
        else if (word_is (name, "zone"))
            words->zone = value;
        else if (word_is (name, "missed"))
            words->missed = value;
        else if (word_is (name, "by"))
            words->by = value;
        else
            return "f of a schedule has line, zone, missed and by, and nothing else";
    }
    return reader.bad ? "line, zone, missed and by of a schedule are texts" : NULL;
}

//  Reads the one task of the list; what it asks for itself goes before q.

static const char *
s_read_task (stint_message_t *message, record_t *record)
{
    stint_item_t item = {.delay = 0};
    const char *fault = NULL;
    if (message->terms.size > 0)
        fault = terms_read (&record->terms, message->terms);
    if (message->list_count > 1)
        return "a schedule pushes one task at each of its times";
    if (message->list_count == 1 && !stint_wire_next (message, &item))
        return "the task of a schedule is not as PROTOCOL.md says";
    if (item.delay > 0)
        return "tasks of a schedule have no delay: they begin at its times";
    if (!fault && item.terms.size > 0)
        fault = terms_read (&record->terms, item.terms);
    record->payload = item.body;
    return fault ? fault : terms_check (&record->terms, 0);
}

static const char *
s_read_way (stint_bytes_t text, uint64_t *missed)
{
    *missed = RECORD_MISSED_SKIP;
    if (word_is (text, "once"))
        *missed = RECORD_MISSED_ONCE;
    else if (word_is (text, "all"))
        *missed = RECORD_MISSED_ALL;
    else if (text.size > 0 && !word_is (text, "skip"))
        return "missed is skip, once or all: what becomes of runs while there is no broker";
    return NULL;
}

//  Fills in what a schedule is set to. Returns null, or what is wrong with it.

static const char *
s_read (stint_message_t *message, record_t *record)
{
    s_words_t words = {.line = {NULL, 0}};
    cron_t cron;
    int64_t zone = 0;
    const char *fault = s_read_words (message, &words);
    if (!fault)
        fault = s_read_task (message, record);
    if (!fault)
        fault = s_read_way (words.missed, &record->schedule.missed);
    if (!fault)
        fault = cron_parse_zone (words.zone, &zone);
    record->schedule.zone = (uint64_t) (zone < 0 ? -2 * zone + 1 : 2 * zone);
    record->result = words.line;
    record->by = words.by;
    return fault ? fault : timetable_check (record, &cron);
}

//  What goes on when a schedule is set again: how often it ran, its pause, and its clock
//  when that is the same.

static void
s_go_on (const timetable_row_t *row, record_t *record)
{
    record_schedule_t state = row->state;
    bool same = state.zone == record->schedule.zone && word_is (record->result, row->line);
    if (same)
        record->at = row->cron.begin;
    else
        state.from = record->schedule.from;
    state.zone = record->schedule.zone;
    state.missed = record->schedule.missed;
    record->schedule = state;
}

static void
s_set (core_t *core, int64_t now, uint32_t session, stint_message_t *message,
       effects_t *out)
{
    record_t record = {.kind = RECORD_TIMETABLE, .name = message->name, .at = now};
    timetable_t *timetable = &core->timetable;
    record.schedule.from = (uint64_t) now;
    const char *fault = s_read (message, &record);
    if (!fault && message->group.size == 0)
        fault = "a schedule needs g, the group of its tasks";
    if (fault) {
        core_error (out, session, message->request, "invalid", fault);
        return;
    }
    uint32_t slot = timetable_find (timetable, message->name);
    if (!slot && timetable->rows.count == timetable->rows.capacity) {
        core_full (out, session, message->request,
                   "the broker has as many schedules as its limits/schedules allows");
        return;
    }
    record.group = core_group (core, message->group);
    if (!record.group) {
        core_full (out, session, message->request,
                   "the broker has as many groups as its limits/groups allows");
        return;
    }
    if (slot)
        s_go_on (&timetable->rows.pool [slot], &record);
    apply_now (core, &record, NULL);
    core_accepted (out, session, message->request);
}

static void
s_remove (core_t *core, uint32_t slot)
{
    record_t record = {.kind = RECORD_TIMETABLE_GONE};
    timetable_describe (&core->timetable, slot, &record);
    apply_now (core, &record, NULL);
}

//  Runs of a pause are none that were missed.

static void
s_pause (core_t *core, int64_t now, uint32_t slot, bool pause)
{
    record_t record = {.kind = RECORD_TIMETABLE};
    timetable_describe (&core->timetable, slot, &record);
    if (record.schedule.paused == pause)
        return;
    record.schedule.paused = pause;
    record.schedule.from = (uint64_t) now;
    apply_now (core, &record, NULL);
}

void
core_on_schedule (core_t *core, int64_t now, uint32_t session, stint_message_t *message,
                  effects_t *out)
{
    stint_bytes_t what = message->operation;
    uint32_t slot = timetable_find (&core->timetable, message->name);
    bool known =
        word_is (what, "remove") || word_is (what, "pause") || word_is (what, "resume");
    if (word_is (what, "set")) {
        s_set (core, now, session, message, out);
        return;
    }
    if (!known)
        core_error (out, session, message->request, "invalid",
                    "o is \"set\", \"remove\", \"pause\" or \"resume\"");
    else if (!slot)
        core_error (out, session, message->request, "unknown", "no such schedule");
    else {
        if (word_is (what, "remove"))
            s_remove (core, slot);
        else
            s_pause (core, now, slot, word_is (what, "pause"));
        core_accepted (out, session, message->request);
    }
}

//  ---------------------------------------------------------------------------------
//  The times of schedules

//  Returns true when a task may be pushed to the group of a schedule.

static bool
s_has_room (const core_t *core, const timetable_row_t *row)
{
    const group_t *group = &core->groups.groups.pool [row->group];
    record_settings_t settings = groups_settings (&core->groups, row->group);
    journal_totals_t journal = journal_totals (core->journal);
    return !settings.draining && group_held (group) < settings.max_tasks
           && group->bytes + row->body_size <= settings.max_bytes
           && core->tasks.tasks.count < core->tasks.tasks.capacity
           && journal.waiting <= core->limits.waiting_max
           && (!core->limits.store_max
               || journal.bytes + row->body_size <= core->limits.store_max);
}

//  A run is missed when there was no broker at its time, or when the next one is due, too.

static bool
s_is_missed (const core_t *core, const timetable_row_t *row, int64_t now, int64_t run)
{
    return run < core->started_at || cron_next (&row->cron, run) <= now;
}

//  Pushes the task of a run; with it the schedule has dealt with all up to there.

static void
s_push (core_t *core, int64_t now, uint32_t slot, int64_t run,
        const record_schedule_t *state)
{
    record_t record = {.kind = RECORD_TIMETABLE_RUN};
    timetable_describe (&core->timetable, slot, &record);
    record.id = core->next_id;
    record.at = now;
    record.schedule = *state;
    record.schedule.ran = (uint64_t) run;
    if (record.schedule.from < record.schedule.ran)
        record.schedule.from = record.schedule.ran;
    record.schedule.task = record.id;
    record.schedule.runs++;
    apply_now (core, &record, NULL);
}

//  Notes that runs were missed and come to nothing.

static void
s_pass (core_t *core, uint32_t slot, const record_schedule_t *state)
{
    record_t record = {.kind = RECORD_TIMETABLE};
    timetable_describe (&core->timetable, slot, &record);
    record.schedule = *state;
    apply_now (core, &record, NULL);
}

//  Passes over the runs that were missed, or pushes one task for all of them. Those behind
//  the first thousand are not counted. Returns how many were counted.

static uint32_t
s_pass_over (core_t *core, int64_t now, uint32_t slot)
{
    const timetable_row_t *row = &core->timetable.rows.pool [slot];
    record_schedule_t state = row->state;
    int64_t last = row->next;
    uint32_t count = 0;
    for (int64_t run = row->next; run <= now && s_is_missed (core, row, now, run);
         run = cron_next (&row->cron, run)) {
        if (count == TIMETABLE_CATCH_MAX) {
            state.cut++;
            last = now;
            break;
        }
        last = run;
        count++;
    }
    bool once = state.missed == RECORD_MISSED_ONCE;
    state.passed += count - once;
    state.from = (uint64_t) last;
    if (once)
        s_push (core, now, slot, last, &state);
    else
        s_pass (core, slot, &state);
    return count;
}

//  Deals with the next run of a schedule, or with all that were missed. Returns how many
//  that were.

static uint32_t
s_run (core_t *core, int64_t now, uint32_t slot)
{
    timetable_row_t *row = &core->timetable.rows.pool [slot];
    bool missed = s_is_missed (core, row, now, row->next);
    bool skip = missed && row->state.missed == RECORD_MISSED_SKIP;
    if (!skip && !s_has_room (core, row)) {
        timetable_defer (&core->timetable, slot, now + HELD_MS);
        return 1;
    }
    row->caught = missed ? row->caught + 1 : 0;
    bool all = row->state.missed == RECORD_MISSED_ALL;
    if (!missed || (all && row->caught <= TIMETABLE_CATCH_MAX)) {
        s_push (core, now, slot, row->next, &row->state);
        return 1;
    }
    if (!all)
        return s_pass_over (core, now, slot);
    record_schedule_t state = row->state;
    state.cut++;
    state.from = (uint64_t) now;
    s_pass (core, slot, &state);
    return 1;
}

bool
core_run_schedules (core_t *core, int64_t now)
{
    const timetable_t *timetable = &core->timetable;
    uint32_t steps = 0;
    for (int count = 0; !core->draining && timetable->wakes.count > 0; count++) {
        uint32_t slot = timetable->wakes.slots [0];
        if (timetable->rows.pool [slot].wake > now)
            return false;
        if (count == RUNS_MAX || steps >= STEPS_MAX)
            return true;
        steps += s_run (core, now, slot);
    }
    return false;
}

int64_t
core_schedule_at (const core_t *core)
{
    const timetable_t *timetable = &core->timetable;
    return timetable->wakes.count > 0
               ? timetable->rows.pool [timetable->wakes.slots [0]].wake
               : CORE_NEVER;
}
