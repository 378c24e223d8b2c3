//  query_schedules: what there is to say about schedules
//  SPDX-License-Identifier: MPL-2.0

#include "query_schedules.h"
#include "query_write.h"

#define ROWS_MAX 1000          //  Most rows of an answer
#define LOOKUPS_MAX (1 << 17)  //  Slots looked at for one answer

static const char *const s_missed [RECORD_MISSED_WAYS] = {"skip", "once", "all"};

static void
s_schedule (core_t *core, const timetable_row_t *row, int64_t now)
{
    stint_writer_t *out = &core->state;
    const record_schedule_t *state = &row->state;
    char zone [CRON_ZONE_SIZE];
    cron_format_zone (row->cron.zone, zone);
    stint_write_map (out, 15);
    query_text (out, "schedule", row->name);
    query_text (out, "group", core->groups.groups.pool [row->group].name);
    query_text (out, "line", row->line);
    query_text (out, "zone", zone);
    query_text (out, "missed", s_missed [state->missed]);
    query_number (out, "paused", state->paused);
    query_text (out, "by", row->by);
    query_number (out, "next", state->paused ? 0 : query_span (now, row->next));
    query_number (out, "next_at", state->paused ? 0 : (uint64_t) row->next);
    query_number (out, "ran", state->ran ? query_span ((int64_t) state->ran, now) : 0);
    query_number (out, "ran_at", state->ran);
    query_number (out, "task", state->task);
    query_number (out, "runs", state->runs);
    query_number (out, "passed", state->passed);
    query_number (out, "cut", state->cut);
}

//  Schedules come by the numbers of their slots, which an answer is asked to go on behind.

void
query_schedules (core_t *core, uint32_t group, const stint_message_t *message, int64_t now)
{
    const timetable_pool_t *rows = &core->timetable.rows;
    uint64_t limit =
        message->count > 0 && message->count < ROWS_MAX ? message->count : ROWS_MAX;
    uint64_t slot = message->after < rows->used ? message->after : rows->used;
    uint32_t count = 0;
    stint_write_map (&core->state, 3);
    stint_write_text (&core->state, "schedules");
    size_t where = stint_write_array_open (&core->state);
    for (int looks = 0; slot < rows->used && count < limit && looks < LOOKUPS_MAX;
         looks++) {
        const timetable_row_t *row = &rows->pool [++slot];
        bool named = message->name.size == 0
                     || timetable_find (&core->timetable, message->name) == slot;
        if (!row->key || (group && row->group != group) || !named)
            continue;
        s_schedule (core, row, now);
        count++;
    }
    stint_write_array_close (&core->state, where, count);
    query_number (&core->state, "after", slot);
    query_number (&core->state, "last", rows->used);
}
