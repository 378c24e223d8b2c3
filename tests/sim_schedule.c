//  sim_schedule: schedules in a simulated world, and that each run is one task, in time
//  SPDX-License-Identifier: MPL-2.0
//
//  Schedules run every few seconds and push to a group that no worker serves, where tasks
//  expire. What a schedule has counted tells how many of its times have gone by.

#include "sim_schedule.h"

#include "sim_truth.h"

#include <stdio.h>

#define SCHEDULES 3
#define EXPIRES_MS 2000

static const char *const s_group = "eggs";

enum {
    SET,
    PAUSE,
    RESUME,
    REMOVE
};

sim_message_t
sim_schedule_draw (const sim_t *self, uint64_t *chance)
{
    sim_message_t message = {.command = STP_SCHEDULE};
    uint64_t what = sim_random (chance, 10);
    message.setting = (uint8_t) (what < 7 ? SET : what - 6);
    message.sequence = sim_random (chance, SCHEDULES);
    message.count = 1 + sim_random (chance, 3);
    message.cursor = sim_random (chance, RECORD_MISSED_WAYS);
    if (self->calm)
        message.setting = REMOVE;
    return message;
}

void
sim_schedule_write (const sim_message_t *message, stint_writer_t *out)
{
    static const char *const what [] = {"set", "pause", "resume", "remove"};
    static const char *const ways [] = {"skip", "once", "all"};
    char text [32];
    bool sets = message->setting == SET;
    stint_wire_begin (out, STP_SCHEDULE, sets ? 7 : 3);
    stint_wire_number (out, 'r', message->request);
    stint_wire_text (out, 'o', what [message->setting]);
    snprintf (text, sizeof text, "s%lu", message->sequence);
    stint_wire_text (out, 'n', text);
    if (!sets)
        return;
    stint_wire_text (out, 'g', s_group);
    stint_wire_field (out, 'f');
    stint_write_map (out, 2);
    stint_write_text (out, "line");
    snprintf (text, sizeof text, "@every %lus", message->count);
    stint_write_text (out, text);
    stint_write_text (out, "missed");
    stint_write_text (out, ways [message->cursor]);
    stint_wire_field (out, 'q');
    stint_write_map (out, 1);
    stint_write_text (out, "expires");
    stint_write_number (out, EXPIRES_MS);
    size_t list = stint_wire_list (out);
    stint_wire_put (out, STP_SCHEDULE, &(stint_item_t){.body = stint_bytes_of ("an egg")});
    stint_write_array_close (out, list, 1);
}

//  What there was before a run of the core.

static struct {
    uint64_t pushed;  //  Of the group
    uint64_t runs;    //  Of all schedules
    record_schedule_t rows [SCHEDULES + 1];
} s_before;

static uint64_t
s_runs (const core_t *core)
{
    uint64_t runs = 0;
    for (uint32_t slot = 1; slot <= core->timetable.rows.used; slot++)
        runs += core->timetable.rows.pool [slot].state.runs;
    return runs;
}

static uint64_t
s_pushed (const core_t *core)
{
    uint32_t group = groups_find (&core->groups, stint_bytes_of (s_group));
    return group ? core->groups.groups.pool [group].pushed : 0;
}

void
sim_schedule_before (sim_t *self)
{
    const core_t *core = self->broker.core;
    s_before.pushed = s_pushed (core);
    s_before.runs = s_runs (core);
    for (uint32_t slot = 1; slot <= core->timetable.rows.used; slot++)
        s_before.rows [slot] = core->timetable.rows.pool [slot].state;
}

//  The last task of a schedule is there until it expires, and none is of a time to come.

static void
s_judge_last (sim_t *self, const timetable_row_t *row)
{
    const record_schedule_t *state = &row->state;
    int64_t now = self->broker.now;
    sim_check (self, (int64_t) state->from <= now && state->ran <= state->from, "S9",
               "schedule %s has run at %lu, and it is %ld", row->name, state->ran, now);
    if (state->ran > 0 && now < (int64_t) state->ran + EXPIRES_MS)
        sim_check (self, sim_task (self, state->task), "S1",
                   "the task of schedule %s at %lu is lost", row->name, state->ran);
}

//  Each of its times that went by is a run, or one that was missed.

static void
s_judge_times (sim_t *self, const timetable_row_t *row, const record_schedule_t *before)
{
    const record_schedule_t *state = &row->state;
    int64_t every = row->cron.every_ms;
    int64_t times = ((int64_t) state->from - row->cron.begin) / every
                    - ((int64_t) before->from - row->cron.begin) / every;
    uint64_t runs = state->runs - before->runs;
    uint64_t passed = state->passed - before->passed;
    if (runs > 0 && (int64_t) state->ran < self->broker.core->started_at)
        sim_seen (self, RARE_CAUGHT_UP);
    if (passed > 0)
        sim_seen (self, RARE_PASSED);
    if (state->cut != before->cut)
        return;
    sim_check (self, runs + passed == (uint64_t) times, "S9",
               "schedule %s had %ld times, ran %lu times and missed %lu", row->name, times,
               runs, passed);
    sim_check (self, passed == 0 || state->missed != RECORD_MISSED_ALL, "S1",
               "schedule %s is to catch up with all, and missed %lu runs", row->name,
               passed);
    sim_check (self,
               runs == 0 || state->missed != RECORD_MISSED_SKIP
                   || (int64_t) state->ran >= self->broker.core->started_at,
               "S9", "schedule %s is to skip the runs that it missed, and ran at %lu",
               row->name, state->ran);
}

void
sim_schedule_after (sim_t *self, bool done)
{
    const core_t *core = self->broker.core;
    const timetable_row_t *pool = core->timetable.rows.pool;
    uint64_t runs = s_runs (core) - s_before.runs;
    uint64_t pushed = s_pushed (core) - s_before.pushed;
    sim_check (self, runs == pushed, "S1", "%lu runs of schedules pushed %lu tasks", runs,
               pushed);
    for (uint32_t slot = 1; slot <= core->timetable.rows.used; slot++) {
        if (!pool [slot].key)
            continue;
        s_judge_times (self, &pool [slot], &s_before.rows [slot]);
        s_judge_last (self, &pool [slot]);
        bool due = !pool [slot].state.paused && pool [slot].wake <= self->broker.now;
        sim_check (self, !done || core->draining || !due, "L1",
                   "schedule %s is late: its next run is at %ld", pool [slot].name,
                   pool [slot].next);
        if (pool [slot].wake > pool [slot].next && !pool [slot].state.paused)
            sim_seen (self, RARE_RUN_HELD);
    }
}

void
sim_schedule_recovered (sim_t *self)
{
    const core_t *core = self->broker.core;
    for (uint32_t slot = 1; slot <= core->timetable.rows.used; slot++) {
        if (core->timetable.rows.pool [slot].key)
            s_judge_last (self, &core->timetable.rows.pool [slot]);
    }
}
