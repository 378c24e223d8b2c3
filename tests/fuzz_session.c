//  fuzz_session: any sequence of peers, messages, time, disk and crashes, into the core
//  SPDX-License-Identifier: MPL-2.0
//
//  An input is a list of steps of eight octets each: what happens, to which session, and
//  six octets of which the fields of a message are drawn. Numbers are drawn near those that
//  mean something at that moment: tasks, fences, cursors that there are. The rig stands in
//  for the shell, with limits so small that all of them are reached. In the end the core is
//  looked through, everything is made durable, and the journal must replay to the same
//  state, twice.

#include "core_fixture.h"
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

#define STEP 8     //  Octets of a step
#define STEPS 512  //  Most steps that are taken of an input

typedef struct {
    rig_t *rig;
    const uint8_t *step;    //  The one that is being taken
    uint64_t chance;        //  Drawn from the step
    uint64_t id;            //  A task that was drawn lately
    uint64_t requests;      //  Numbers of requests
    uint64_t sequence [4];  //  Next ones of producers, if all went well
    bool stopped;           //  core_stop was called
} s_play_t;

static const char *const s_names [] = {"apples", "bread", "cheese", "dill", "eggs", ".bad"};

static const stp_command_t s_commands [] = {
    STP_PUSH,   STP_READY,  STP_RESULT,   STP_COLLECT, STP_BATCH,   STP_PUSH,
    STP_CREDIT, STP_CANCEL, STP_GROUP,    STP_QUERY,   STP_RETURN,  STP_HEARTBEAT,
    STP_BYE,    STP_RESULT, STP_READY,    STP_PUSH,    STP_COLLECT, STP_TASK,
    STP_STATE,  STP_ERROR,  STP_PROGRESS, STP_REVOKE,  STP_RETRY,   STP_DROP,
};

#define COMMANDS (sizeof s_commands / sizeof s_commands [0])

//  Returns the next number that this step decides.

static uint64_t
s_draw (s_play_t *self, uint64_t limit)
{
    self->chance += 0x9e3779b97f4a7c15u;
    return stint_index_mix (self->chance) % limit;
}

//  ---------------------------------------------------------------------------------
//  Fields

//  A task: one that there is, mostly.

static uint64_t
s_draw_id (s_play_t *self)
{
    const core_t *core = self->rig->core;
    if (core->tasks.tasks.used > 0 && s_draw (self, 8) > 0) {
        uint32_t slot = 1 + (uint32_t) s_draw (self, core->tasks.tasks.used);
        self->id = core->tasks.tasks.pool [slot].id;
        return self->id;
    }
    const uint64_t odd [] = {0, 1, core->next_id, core->next_id - 1, UINT64_MAX, 1 << 20};
    self->id = odd [s_draw (self, 6)];
    return self->id;
}

static uint64_t
s_draw_fence (s_play_t *self)
{
    const task_t *task = rig_task (self->rig, self->id);
    if (task && s_draw (self, 8) > 0)
        return task->fence;
    return s_draw (self, 2) ? self->rig->fence : s_draw (self, UINT64_MAX);
}

static uint64_t
s_draw_batch (s_play_t *self)
{
    const core_t *core = self->rig->core;
    if (core->batches.batches.used == 0 || s_draw (self, 8) == 0)
        return s_draw (self, 4);
    return core->batches.batches.pool [1 + s_draw (self, core->batches.batches.used)].id;
}

//  A cursor or a count: small, at a limit, or absurd.

static uint64_t
s_draw_count (s_play_t *self)
{
    const uint64_t odd [] = {0, 1, 65535, 65536, 65537, UINT32_MAX, INT64_MAX, UINT64_MAX};
    return s_draw (self, 4) > 0 ? s_draw (self, 12) : odd [s_draw (self, 8)];
}

static uint64_t
s_draw_delay (s_play_t *self)
{
    const uint64_t odd [] = {RECORD_SPAN_MAX, RECORD_SPAN_MAX + 1, UINT64_MAX, INT64_MAX};
    switch (s_draw (self, 8)) {
        case 0:
            return odd [s_draw (self, 4)];
        case 1:
        case 2:
            return s_draw (self, 5000);
        default:
            return 0;
    }
}

static const char *
s_draw_name (s_play_t *self)
{
    return s_names [s_draw (self, s_draw (self, 8) > 0 ? 3 : 6)];
}

static void
s_put_fields (s_play_t *self)
{
    static const char *const settings [] = {"max_tasks", "max_bytes",   "max_attempts",
                                            "backoff",   "backoff_max", "keep_results",
                                            "other",     "max_running", "weight",
                                            "paused",    "draining"};
    stint_writer_t *out = &self->rig->header;
    stint_wire_field (out, 'f');
    uint32_t count = (uint32_t) s_draw (self, 3);
    stint_write_map (out, count);
    for (uint32_t index = 0; index < count; index++) {
        stint_write_text (out, settings [s_draw (self, 11)]);
        if (s_draw (self, 16) == 0)
            stint_write_nil (out);
        else
            stint_write_number (out, s_draw (self, 2) ? s_draw_count (self)
                                                      : s_draw_delay (self));
    }
}

//  Packs what a task may ask for, and what none may.

static stint_bytes_t
s_draw_terms (s_play_t *self)
{
    static stint_writer_t out;
    static const char *const texts [] = {"", "ann", "bob", "a\nb"};
    uint32_t count = 1 + (uint32_t) s_draw (self, 3);
    out.size = 0;
    stint_write_map (&out, count);
    for (uint32_t index = 0; index < count; index++) {
        uint64_t name = s_draw (self, TERMS_NAMES);
        stint_write_text (&out, s_draw (self, 32) ? terms_names [name] : "other");
        if ((name >= TERMS_NUMBERS) == (s_draw (self, 32) > 0))
            stint_write_text (&out, texts [s_draw (self, 16) ? s_draw (self, 3) : 3]);
        else
            stint_write_number (&out,
                                s_draw (self, 2) ? s_draw (self, 10) : s_draw_delay (self));
    }
    return stint_writer_bytes (&out);
}

//  Writes one field, as the letter wants it.

static void
s_put_field (s_play_t *self, char letter)
{
    //  Tasks are looked up one by one, and each crash adds a million numbers
    bool dear = self->rig->core->next_id > CORE_ID_AHEAD && s_draw (self, 32) > 0;
    const char *const asked [] = {
        "ping", "status", "groups", "workers", "batches", dear ? "task" : "tasks",
        "task", "other",  "set",    "remove"};
    rig_t *rig = self->rig;
    uint64_t number = s_draw (self, 4);
    const char *const groups [] = {s_draw_name (self), s_draw_name (self), "bread", "dill"};
    switch (letter) {
        case 'g':
            rig_text (rig, 'g', s_draw_name (self));
            break;
        case 'n':
            rig_text (rig, 'n', s_draw_name (self));
            break;
        case 'o':
            rig_text (rig, 'o', asked [s_draw (self, 10)]);
            break;
        case 'h':
            rig_groups (rig, groups, (uint32_t) number + 1);
            break;
        case 'f':
            s_put_fields (self);
            break;
        case 'q':
            stint_wire_field (&rig->header, 'q');
            stint_write_raw (&rig->header, s_draw_terms (self));
            break;
        case 'i':
            rig_number (rig, 'i', s_draw_id (self));
            break;
        case 'b':
            rig_number (rig, 'b', s_draw_batch (self));
            break;
        case 'p':
            rig_number (rig, 'p', self->step [2] % 4);
            break;
        case 's':
            number = self->sequence [self->step [2] % 4];
            rig_number (rig, 's', s_draw (self, 8) > 0 ? number : s_draw_count (self));
            break;
        case 'd':
            rig_number (rig, 'd', s_draw_delay (self));
            break;
        case 'r':
            rig_number (rig, 'r', s_draw (self, 2) ? ++self->requests : self->requests);
            break;
        case 'w':
            rig_number (rig, 'w', s_draw (self, 32) > 0 ? 100 + s_draw (self, 6) : 0);
            break;
        default:
            rig_number (rig, letter, s_draw_count (self));
    }
}

//  The list of tasks, attempts or results.

static void
s_put_list (s_play_t *self, stp_command_t command)
{
    static char large [STINT_INLINE_MAX + 100];
    rig_t *rig = self->rig;
    uint32_t count = (uint32_t) s_draw (self, command == STP_PUSH ? 5 : 4);
    if (s_draw (self, 64) == 0)
        count = 80;
    memset (large, 'l', sizeof large);
    rig_list (rig);
    for (uint32_t index = 0; index < count; index++) {
        stint_item_t item = {.id = s_draw_id (self), .fence = s_draw_fence (self)};
        item.verdict = (uint32_t) s_draw (self, 3) * (uint32_t) s_draw (self, 3);
        item.delay = s_draw_delay (self);
        if (command == STP_PROGRESS)
            item.number = (uint32_t) s_draw (self, STINT_NOTE_DONE + 20);
        size_t size = s_draw (self, 4) > 0 ? s_draw (self, 20) : s_draw (self, 400);
        if (s_draw (self, 16) == 0 && rig->frame_count < 7)
            size = sizeof large;
        item.body = (stint_bytes_t){(const uint8_t *) large, size};
        if (command == STP_PUSH && s_draw (self, 4) == 0)
            item.terms = s_draw_terms (self);
        rig_item (rig, command, &item);
    }
    if (command == STP_PUSH)
        self->sequence [self->step [2] % 4] += count;
}

//  ---------------------------------------------------------------------------------
//  Steps

static bool
s_is_there (const s_play_t *self, uint32_t session)
{
    const session_pool_t *sessions = &self->rig->core->sessions.sessions;
    return session >= 1 && session <= sessions->used && sessions->pool [session].used;
}

//  A message: the fields that the command needs, mostly, and some more.

static void
s_send (s_play_t *self, uint32_t session, stp_command_t command)
{
    static const char *const wanted [] = {
        [STP_PUSH] = "rgpst",  [STP_BATCH] = "rgn",  [STP_COLLECT] = "rbck",
        [STP_CANCEL] = "ri",   [STP_GROUP] = "rogf", [STP_QUERY] = "ro",
        [STP_READY] = "rwhct", [STP_CREDIT] = "c",   [STP_RESULT] = "rt",
        [STP_RETURN] = "t",    [STP_PROGRESS] = "t", [STP_ERROR] = "em",
        [STP_RETRY] = "r",     [STP_DROP] = "r",
    };
    static const char more [] = "bilxnkgadcuyzq";
    char letters [32] = "";
    bool many = command == STP_CANCEL || command == STP_RETRY || command == STP_DROP;
    bool one_task = (command == STP_COLLECT || many) && self->step [3] % 3 == 0;
    const char *usual = command <= STP_ERROR ? wanted [command] : NULL;
    if (many && self->step [3] % 3 == 1)
        usual = self->step [3] % 2 ? "rg" : "rgxb";
    if (usual)
        snprintf (letters, sizeof letters, "%s", one_task ? "ri" : usual);
    size_t count = strlen (letters);
    if (s_draw (self, 3) == 0) {
        char extra = more [s_draw (self, sizeof more - 1)];
        if (!strchr (letters, extra))
            letters [count++] = extra;
    }
    if (s_draw (self, 16) == 0 && count > 0) {
        count--;
        letters [s_draw (self, count + 1)] = letters [count];
    }
    rig_begin (self->rig, command, (uint32_t) count);
    for (size_t index = 0; index < count; index++) {
        if (letters [index] == 't')
            s_put_list (self, command);
        else
            s_put_field (self, letters [index]);
    }
    //  Sometimes an octet is another one
    stint_writer_t *header = &self->rig->header;
    if (s_draw (self, 32) == 0) {
        if (self->rig->list)
            stint_write_array_close (header, self->rig->list, self->rig->list_count);
        self->rig->list = 0;
        header->data [s_draw (self, header->size)] = (uint8_t) s_draw (self, 256);
    }
    rig_send (self->rig, session);
}

static void
s_open (s_play_t *self)
{
    uint32_t session = core_open (self->rig->core, self->rig->now);
    if (session)
        self->rig->peers [session]++;
}

static void
s_let_pass (s_play_t *self)
{
    static const int64_t spans [] = {0,    1,     10,    500,     999,     1000, 2999,
                                     3000, 10000, 60000, 3600000, 3700000, 100,  86400000};
    rig_pass (self->rig, spans [self->step [2] % 14]);
}

static void
s_disk (s_play_t *self)
{
    rig_t *rig = self->rig;
    switch (self->step [2] % 4) {
        case 0:
            rig->keeps_up = !rig->keeps_up;
            break;
        case 1:
            rig_seal (rig);
            break;
        case 2:
            rig_commit (rig, rig->durable + s_draw (self, rig->sealed - rig->durable + 1));
            break;
        default:
            rig->slack = (uint64_t) self->step [3] * 64;
            journal_set_slack (core_journal (rig->core), rig->slack);
    }
}

static void
s_crash (s_play_t *self)
{
    rig_t *rig = self->rig;
    rig_crash (rig, rig->durable + s_draw (self, rig->sealed - rig->durable + 1));
    memset (rig->peers, 0, sizeof rig->peers);
    self->stopped = false;
}

static void
s_operate (s_play_t *self)
{
    rig_t *rig = self->rig;
    record_settings_t settings = {.max_tasks = s_draw (self, 9), .backoff = 1};
    switch (self->step [2] % 5) {
        case 0:
            core_drain (rig->core);
            break;
        case 1:
            core_forgive (rig->core, 1 + (int64_t) s_draw (self, 10000));
            break;
        case 2:
            core_set_group (rig->core, s_names [s_draw (self, 5)], &settings);
            break;
        case 3:
            if (effects_room (rig->effects) >= EFFECTS_EVENT)
                core_stop (rig->core, rig->now, rig->effects);
            self->stopped = true;
            rig_seal (rig);
            rig_commit (rig, rig->sealed);
            break;
        default:
            core_audit (rig->core);
    }
}

static void
s_step (s_play_t *self)
{
    uint32_t session = self->step [1] % 9;
    uint8_t what = self->step [0];
    if (self->stopped)
        s_crash (self);
    if (what < 22 * 9) {
        if (s_is_there (self, session))
            s_send (self, session, s_commands [what % COMMANDS]);
    }
    else if (what < 206)
        s_open (self);
    else if (what < 222)
        s_let_pass (self);
    else if (what < 232)
        s_disk (self);
    else if (what < 236)
        s_crash (self);
    else if (what < 242 && s_is_there (self, session))
        (what % 2 ? core_leave : core_cut_off) (self->rig->core, session);
    else if (what < 248)
        s_operate (self);
    //  Most steps are followed by a turn, some by another message
    if (!self->stopped && self->step [7] % 4 > 0)
        rig_turn (self->rig);
    rig_deaf (self->rig);
}

//  All becomes durable and is replayed; so is what that recovery came to.

static void
s_end (s_play_t *self)
{
    rig_t *rig = self->rig;
    if (!self->stopped)
        rig_turn (rig);
    core_audit (rig->core);
    for (int count = 0; count < 2; count++) {
        rig_seal (rig);
        rig_commit (rig, rig->sealed);
        rig_crash (rig, rig->sealed);
        core_audit (rig->core);
        rig_pass (rig, 4000);
        core_audit (rig->core);
    }
}

int
fuzz_session (const uint8_t *data, size_t size)
{
    core_limits_t limits = rig_limits ();
    limits.tasks = 64;
    limits.groups = 4;
    limits.batches = 3;
    limits.producers = 3;
    limits.sessions = 8;
    limits.waiting_max = 30000;
    limits.memory_max = 20000;
    limits.defaults =
        (record_settings_t){.list = {40, 40000, 3, 1000, 60000, 20000, 0, 1, 0}};
    s_play_t self = {.rig = rig_new (&limits), .sequence = {1, 1, 1, 1}};
    size_t steps = size / STEP < STEPS ? size / STEP : STEPS;
    for (size_t step = 0; step < steps; step++) {
        self.step = data + step * STEP;
        memcpy (&self.chance, self.step, sizeof self.chance);
        s_step (&self);
    }
    s_end (&self);
    rig_destroy (&self.rig);
    return 0;
}
