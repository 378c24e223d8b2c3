//  sim_note: what the broker shows of an attempt is what that attempt said last
//  SPDX-License-Identifier: MPL-2.0

#include "sim_truth.h"

#include <string.h>

//  Holds a note against what was said: of the running attempt, or none at all. That there
//  is none although it said something is well only when the table was full.

static void
s_judge (sim_t *self, uint64_t id, uint64_t running, const task_note_t *note)
{
    const sim_truth_t *truth = sim_truth_of (self, id);
    if (!truth)
        return;
    if (!note) {
        sim_check (self,
                   !running || truth->said_fence != running || self->broker.notes_full,
                   "S18", "what the attempt of task %lu said is not kept", id);
        return;
    }
    const uint64_t words [] = {id, running, truth->said};
    sim_check (self, running && truth->said_fence == running && note->done == truth->said,
               "S18", "task %lu is shown at %u, and its attempt said %u", id, note->done,
               truth->said);
    sim_check (self,
               note->size == sizeof words && memcmp (note->text, words, sizeof words) == 0,
               "S18", "task %lu is shown with the words of another attempt", id);
}

static void
s_judge_task (sim_t *self, uint64_t id)
{
    const task_t *task = sim_task (self, id);
    bool runs = task && task->state == STINT_RUNNING;
    s_judge (self, id, runs ? task->fence : 0,
             task_notes_find (&self->broker.core->notes, id));
}

void
sim_note_taken (sim_t *self, const sim_message_t *message)
{
    const task_notes_t *notes = &self->broker.core->notes;
    uint64_t last = 0;
    for (uint32_t index = 0; index < message->item_count; index++) {
        const sim_item_t *item = &message->items [index];
        sim_truth_t *truth = sim_truth_of (self, item->id);
        if (truth && self->before.tasks [index].matches) {
            truth->said_fence = item->fence;
            truth->said = item->verdict;
            last = item->id;
        }
    }
    if (last)
        sim_check (self, task_notes_find (notes, last), "S18",
                   "what the attempt of task %lu says is not kept", last);
    if (last && notes->notes.count == notes->notes.capacity)
        self->broker.notes_full = true;
    for (uint32_t index = 0; index < message->item_count; index++)
        s_judge_task (self, message->items [index].id);
    if (self->broker.notes_full)
        sim_seen (self, RARE_NOTES_FULL);
}

void
sim_note_audit (sim_t *self)
{
    for (uint32_t index = 0; index < self->truth_count; index++) {
        if (self->truths [index].said_fence)
            s_judge_task (self, self->truths [index].id);
    }
}

void
sim_note_forget (sim_t *self)
{
    for (uint32_t index = 0; index < self->truth_count; index++)
        self->truths [index].said_fence = 0;
    self->broker.notes_full = false;
}

//  ---------------------------------------------------------------------------------
//  Answers to QUERY

static bool
s_is (stint_bytes_t bytes, const char *text)
{
    return bytes.size == strlen (text) && memcmp (bytes.data, text, bytes.size) == 0;
}

//  Reads what is said of one task.

static void
s_read_task (sim_t *self, stint_reader_t *reader)
{
    uint64_t id = 0;
    uint64_t fence = 0;
    bool running = false;
    bool noted = false;
    task_note_t note = {0};
    for (uint32_t pairs = stint_read_map (reader); pairs > 0; pairs--) {
        stint_bytes_t key = stint_read_bytes (reader);
        if (s_is (key, "task"))
            id = stint_read_number (reader);
        else if (s_is (key, "fence"))
            fence = stint_read_number (reader);
        else if (s_is (key, "state"))
            running = s_is (stint_read_bytes (reader), "running");
        else if (s_is (key, "progress")) {
            note.done = (uint16_t) stint_read_number (reader);
            noted = true;
        }
        else if (s_is (key, "note")) {
            stint_bytes_t text = stint_read_bytes (reader);
            note.size = (uint8_t) text.size;
            memcpy (note.text, text.data, note.size < 128 ? note.size : 128);
        }
        else
            stint_read_skip (reader);
    }
    sim_check (self, !reader->bad, "S18", "the answer about task %lu is broken", id);
    s_judge (self, id, running ? fence : 0, noted ? &note : NULL);
    if (noted)
        sim_seen (self, RARE_NOTE_SHOWN);
}

void
sim_note_shown (sim_t *self, stint_bytes_t answer)
{
    stint_reader_t reader = stint_reader_of (answer);
    stint_reader_t task = reader;
    for (uint32_t pairs = stint_read_map (&reader); pairs > 0; pairs--) {
        stint_bytes_t key = stint_read_bytes (&reader);
        if (s_is (key, "task")) {
            s_read_task (self, &task);
            return;
        }
        if (!s_is (key, "tasks") || stint_read_type (&reader) != STINT_TYPE_ARRAY) {
            stint_read_skip (&reader);
            continue;
        }
        for (uint32_t rows = stint_read_array (&reader); rows > 0; rows--)
            s_read_task (self, &reader);
    }
}
