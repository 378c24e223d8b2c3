//  sim_judge: holds each message and each answer of the broker against what it promises
//  SPDX-License-Identifier: MPL-2.0

#include "sim_terms.h"
#include "sim_truth.h"

#include "core_events.h"

#include <string.h>

//  Returns true while the worker whose attempt has to go on has it.

static bool
s_has_it (const sim_t *self, const sim_truth_t *truth)
{
    if (!truth->adopter)
        return false;
    const sim_worker_t *worker = &self->peers [truth->adopter - 1].worker;
    for (uint32_t index = 0; index < worker->held_count; index++) {
        if (worker->held [index].id == truth->id
            && worker->held [index].fence == truth->fence)
            return true;
    }
    return false;
}

static bool
s_lists (const sim_message_t *message)
{
    return message->command == STP_RESULT || message->command == STP_RETURN;
}

//  ---------------------------------------------------------------------------------
//  Messages: what was there before, and what came of it

static void
s_before (sim_t *self, uint32_t index, uint64_t id, uint64_t fence, uint32_t session)
{
    const task_t *task = sim_task (self, id);
    self->before.tasks [index].state = task ? task->state : 0;
    self->before.tasks [index].matches = false;
    if (!task)
        return;
    self->before.tasks [index].attempts = task->attempts;
    self->before.tasks [index].failures = task->failures;
    self->before.tasks [index].fence = task->fence;
    self->before.tasks [index].matches =
        task->state == STINT_RUNNING && task->fence == fence && task->holder == session;
}

static void
s_note_cursor (sim_t *self, const sim_message_t *message, uint32_t session)
{
    uint64_t at = message->batch % SIM_ACKED;
    if (self->acked [at].id != message->batch) {
        self->acked [at].id = message->batch;
        self->acked [at].cursor = 0;
    }
    if (self->acked [at].session != session || self->acked [at].request != message->request)
        self->acked [at].turn++;
    self->acked [at].session = session;
    self->acked [at].request = message->request;
    if (self->acked [at].cursor < message->cursor)
        self->acked [at].cursor = message->cursor;
}

void
sim_truth_before (sim_t *self, const sim_message_t *message, uint32_t session)
{
    const session_t *sender = &self->broker.core->sessions.sessions.pool [session];
    self->before.message = message;
    self->before.replies = self->broker.effects.count;
    self->before.claims = message->command == STP_READY;
    sim_notice_before (self, message, session);
    if (s_lists (message) || message->command == STP_PROGRESS) {
        for (uint32_t index = 0; index < message->item_count; index++) {
            const sim_item_t *item = &message->items [index];
            s_before (self, index, item->id, item->fence,
                      message->broken || !sender->worker ? UINT32_MAX : session);
        }
    }
    else if (message->command == STP_CANCEL && !message->more)
        s_before (self, 0, message->id, 0, UINT32_MAX);
    else if (message->command == STP_COLLECT && message->batch && !message->broken)
        s_note_cursor (self, message, session);
    sim_many_before (self, message);
}

//  How a failed attempt has to leave its task.

static void
s_judge_failure (sim_t *self, uint32_t index, const task_t *task)
{
    const sim_item_t *item = &self->before.message->items [index];
    const core_t *core = self->broker.core;
    record_settings_t settings = groups_settings (&core->groups, task->group);
    uint16_t failures = self->before.tasks [index].failures;
    uint16_t attempts = self->before.tasks [index].attempts;
    bool counts = item->verdict != 2;
    sim_check (self, task->failures == failures + counts, "S7",
               "task %lu failed %u times, then %u times", task->id, failures,
               task->failures);
    sim_check (self, task->attempts == attempts - !counts, "S7",
               "task %lu had %u attempts, then %u", task->id, attempts, task->attempts);
    const sim_truth_t *truth = sim_truth_of (self, task->id);
    if (truth && truth->terms.max_attempts)
        settings.max_attempts = truth->terms.max_attempts;
    bool dead = item->verdict == 3
                || (item->verdict == 1 && task->failures >= settings.max_attempts);
    sim_check (self, task->state == (dead ? STINT_DEAD : STINT_DELAYED), "S7",
               "task %lu has failed %u times of %lu and is %s", task->id, task->failures,
               settings.max_attempts, stint_state_name ((stint_state_t) task->state));
    if (dead) {
        sim_seen (self, item->verdict == 3 ? RARE_REFUSED : RARE_DEAD);
        return;
    }
    if (!counts)
        sim_seen (self, RARE_LATER);
    int64_t wait = task->until - self->broker.now;
    uint64_t base = settings.backoff;
    for (uint32_t count = 1; count < task->failures && base < settings.backoff_max; count++)
        base *= 2;
    uint64_t most = settings.backoff_max - settings.backoff_max / 5;
    base = base > most ? most : base;
    uint64_t least = base - base / 4;
    bool right = item->delay > 0
                     ? wait == (int64_t) item->delay
                     : wait >= (int64_t) least && wait <= (int64_t) (least + base / 2);
    sim_check (self, right, "S9", "task %lu waits %ld ms, not about %lu", task->id, wait,
               item->delay > 0 ? item->delay : base);
}

static bool
s_comes_again (const sim_message_t *message, uint32_t index)
{
    for (uint32_t before = 0; before < index; before++) {
        if (message->items [before].id == message->items [index].id)
            return true;
    }
    return false;
}

//  Returns the item about the same task that is about its running attempt; otherwise this.

static uint32_t
s_that_matches (const sim_t *self, uint32_t index)
{
    const sim_message_t *message = self->before.message;
    for (uint32_t other = index; other < message->item_count; other++) {
        if (message->items [other].id == message->items [index].id
            && self->before.tasks [other].matches)
            return other;
    }
    return index;
}

//  Only the attempt that runs changes its task.

static void
s_judge_item (sim_t *self, uint32_t index)
{
    const sim_message_t *message = self->before.message;
    if (s_comes_again (message, index))
        return;
    index = s_that_matches (self, index);
    const sim_item_t *item = &message->items [index];
    const task_t *task = sim_task (self, item->id);
    uint8_t state = self->before.tasks [index].state;
    sim_check (self, task || !state, "S1", "a message about task %lu removes it", item->id);
    if (!task)
        return;
    bool matches = self->before.tasks [index].matches;
    //  The end of another task in the message may free one that its order blocks
    bool same =
        task->state == state || (state == STINT_BLOCKED && !task_ended (task->state));
    sim_check (self,
               matches
                   || (same && task->fence == self->before.tasks [index].fence
                       && task->attempts == self->before.tasks [index].attempts),
               "S4", "a message about an attempt that is over changes task %lu", item->id);
    if (!matches)
        return;
    if (message->command == STP_RETURN) {
        sim_seen (self, RARE_RETURNED);
        sim_check (self, task->state == STINT_READY, "L1",
                   "task %lu was returned, and is %s", task->id,
                   stint_state_name ((stint_state_t) task->state));
    }
    else if (item->verdict == 0)
        sim_check (self,
                   task->state == STINT_DONE && task->fence == item->fence
                       && task->result.size == sim_body_size (self, &item->body),
                   "S4", "the result of task %lu is not recorded", task->id);
    else
        s_judge_failure (self, index, task);
}

static void
s_judge_cancel (sim_t *self)
{
    uint8_t state = self->before.tasks [0].state;
    const task_t *task = sim_task (self, self->before.message->id);
    if (!state || self->before.message->broken)
        return;
    sim_check (self, task && task->state == (task_ended (state) ? state : STINT_CANCELLED),
               "S17", "a cancel changes task %lu otherwise", self->before.message->id);
    if (task_ended (state))
        sim_seen (self, RARE_CANCEL_LATE);
    else
        sim_seen (self, state == STINT_RUNNING ? RARE_CANCEL_RUNNING : RARE_CANCEL_WAITING);
    sim_truth_t *truth = sim_truth_of (self, task->id);
    if (truth)
        truth->adopter = 0;
}

//  A push made tasks, or is one that came again.

static void
s_judge_push (sim_t *self, const reply_t *reply)
{
    const sim_message_t *message = self->before.message;
    const core_t *core = self->broker.core;
    const sim_truth_t *first = &self->truths [message->items [0].body.of];
    sim_check (self, reply->count == message->item_count, "S3", "%lu of %u tasks accepted",
               reply->count, message->item_count);
    if (first->id == reply->id)
        sim_seen (self, RARE_PUSH_AGAIN);
    const task_t *task = sim_task (self, reply->id);
    if (first->id != reply->id) {
        sim_check (self, task, "S1", "task %lu is accepted and not there", reply->id);
        const group_t *group = &core->groups.groups.pool [task->group];
        record_settings_t settings = groups_settings (&core->groups, task->group);
        sim_check (self, !settings.draining, "S12", "group %s drains and takes task %lu",
                   group->name, reply->id);
        sim_check (self,
                   group_held (group) <= settings.max_tasks
                       && group->bytes <= settings.max_bytes,
                   "S12", "group %s holds %u tasks and %lu bytes", group->name,
                   group_held (group), group->bytes);
    }
    for (uint32_t index = 0; index < message->item_count; index++)
        sim_truth_name (self, (uint32_t) message->items [index].body.of, reply->id + index);
}

void
sim_truth_after (sim_t *self, const sim_message_t *message, uint32_t session)
{
    sim_notice_after (self, message, session);
    sim_many_after (self, message);
    if (s_lists (message)) {
        for (uint32_t index = 0; index < message->item_count; index++)
            s_judge_item (self, index);
    }
    else if (message->command == STP_READY) {
        for (uint32_t index = 0; index < message->item_count; index++) {
            sim_truth_t *truth = sim_truth_of (self, message->items [index].id);
            const task_t *task = sim_task (self, message->items [index].id);
            if (truth && task && task->holder == session)
                truth->adopter = 0;
        }
    }
    else if (message->command == STP_CANCEL && !message->more)
        s_judge_cancel (self);
    else if (message->command == STP_PROGRESS)
        sim_note_taken (self, message);
    else if (message->command == STP_PUSH && !message->broken) {
        const effects_t *effects = &self->broker.effects;
        for (size_t index = self->before.replies; index < effects->count; index++) {
            const reply_t *reply = &effects->replies [index];
            if (reply->command == STP_ACCEPTED && reply->id)
                s_judge_push (self, reply);
        }
    }
    self->before.message = NULL;
}

//  ---------------------------------------------------------------------------------
//  Answers, as the core gives them

static void
s_judge_task (sim_t *self, sim_said_t *said)
{
    const reply_t *reply = &said->reply;
    sim_broker_t *broker = &self->broker;
    const core_t *core = broker->core;
    sim_check (self, reply->fence > self->fence, "S6", "fence %lu comes after %lu",
               reply->fence, self->fence);
    self->fence = reply->fence;
    sim_check (self, !said->body.fence && said->body.of < self->truth_count, "S2",
               "task %lu is given out, and nobody pushed it", reply->id);
    sim_truth_name (self, (uint32_t) said->body.of, reply->id);
    sim_truth_t *truth = &self->truths [said->body.of];
    const char *name = core_group_name (core, reply->group);
    sim_check (self, strcmp (name, sim_groups [truth->group]) == 0, "S2",
               "task %lu of %s is given out as one of %s", reply->id,
               sim_groups [truth->group], name);
    sim_check (self, !truth->told || (truth->retried && truth->told != STINT_DONE), "S4",
               "task %lu is given out after its end", reply->id);
    sim_check (self, !s_has_it (self, truth), "L2",
               "task %lu is run again, though worker %u has it", reply->id,
               truth->adopter - 1);
    //  A clock that a crash sets back to the journal's end takes no delay back that was
    //  over
    sim_check (self,
               truth->due || truth->retried
                   || broker->now >= truth->taken_at + (int64_t) truth->delay,
               "S9", "task %lu is early", reply->id);
    truth->due = true;
    if (!truth->given && !truth->delay && !truth->terms.order && !truth->retried) {
        uint32_t lane = truth->terms.priority * 1u * SIM_NAMES + truth->terms.key;
        uint64_t *first = &broker->first_given [reply->group][lane];
        sim_check (self, reply->id > *first, "S9", "task %lu of %s comes behind task %lu",
                   reply->id, name, *first);
        *first = reply->id;
    }
    sim_terms_given (self, truth, reply);
    const session_t *session = &core->sessions.sessions.pool [reply->session];
    sim_check (self, session->held.count <= session->capacity && !session->gone, "S12",
               "a worker has %u tasks and wants %u", session->held.count,
               session->capacity);
    uint32_t entry = roster_find (&core->roster, session->worker);
    sim_check (self, !core->roster.workers.pool [entry].draining, "S12",
               "a worker that drains is given task %lu", reply->id);
    sim_share_given (self, reply);
    truth->given++;
    truth->adopter = 0;
    truth->fence = reply->fence;
    self->counts.given++;
}

//  Notes how often a peer is told to beat.

static void
s_note_pace (sim_t *self, const reply_t *reply)
{
    sim_session_t *known = &self->broker.sessions [reply->session];
    if (!reply->state || known->told_ms == (int64_t) reply->delay_ms)
        return;
    known->before_ms = known->told_ms;
    known->told_ms = (int64_t) reply->delay_ms;
    known->told_at = self->broker.now;
}

//  Returns how long a peer may be silent by what it was told. It may take what it was told
//  before for what holds until that long after, for then it has missed us.

static int64_t
s_granted (const sim_t *self, const sim_session_t *known)
{
    int64_t liveness = self->plan.limits.liveness;
    bool holds = self->broker.now - known->told_at < known->before_ms * liveness;
    int64_t beat_ms =
        holds && known->before_ms > known->told_ms ? known->before_ms : known->told_ms;
    return beat_ms * liveness;
}

//  A session ended without a word from its peer: it was silent for a lease, and nothing of
//  it stands at the door.

static void
s_judge_missed (sim_t *self, const reply_t *reply)
{
    const sim_session_t *known = &self->broker.sessions [reply->session];
    const sessions_t *sessions = &self->broker.core->sessions;
    int64_t lease = pace_patience (&sessions->pace);
    int64_t silent = self->broker.now - known->heard_at;
    sim_check (self, silent >= lease && silent >= s_granted (self, known), "L2",
               "session %u is missed after %ld ms", reply->session, silent);
    const sim_link_t *link = &self->links [known->link];
    if (link->number != known->number)
        return;
    sim_check (self, link->up_there == link->up_first, "L2",
               "session %u is missed while its word stands at the door", reply->session);
    for (uint32_t at = link->up_first; at < link->up_next; at++) {
        if (link->up [at % SIM_UP].command == STP_RESULT)
            sim_seen (self, RARE_LEASE_IN_FLIGHT);
    }
}

static void
s_note_full (sim_t *self, const char *text)
{
    static const struct {
        const char *words;
        sim_rare_t rare;
    } causes [] = {
        {"max_tasks", RARE_FULL_GROUP},         {"max_bytes", RARE_FULL_BYTES},
        {"limits/tasks", RARE_FULL_TASKS},      {"is behind", RARE_FULL_DISK},
        {"store/size_max", RARE_FULL_STORE},    {"limits/producers", RARE_FULL_PRODUCERS},
        {"groups or batches", RARE_FULL_NAMES}, {"limits/groups", RARE_FULL_NAMES},
    };
    for (size_t index = 0; index < sizeof causes / sizeof causes [0]; index++) {
        if (strstr (text, causes [index].words)) {
            sim_seen (self, causes [index].rare);
            return;
        }
    }
}

static void
s_judge_stale (sim_t *self, const sim_said_t *said)
{
    const reply_t *reply = &said->reply;
    const sim_truth_t *truth = sim_truth_of (self, reply->id);
    sim_seen (self, said->code == 'c' ? RARE_STALE_CLAIM : RARE_STALE);
    if (!truth || said->code != 'c' || truth->adopter != said->link / 2 + 1)
        return;
    //  Its time may be over meanwhile, and what it came to forgotten
    const task_t *task = sim_task (self, reply->id);
    bool timed = truth->terms.expires || truth->terms.deadline;
    if ((task && task->state == STINT_CANCELLED) || (timed && !task))
        return;
    sim_check (self, truth->fence != reply->fence || !s_has_it (self, truth), "L2",
               "worker %u has task %lu, and is not let go on", said->link / 2, reply->id);
}

//  The text of an attempt that was lost, or whose time was over, is the core's own.

static bool
s_own_words (sim_t *self, const reply_t *reply, stint_bytes_t text)
{
    static const char *const begins [] = {"the worker", "it expired", "its deadli"};
    size_t index = 0;
    while (index < 3 && (text.size < 10 || memcmp (text.data, begins [index], 10) != 0))
        index++;
    if (index == 1 || index == 2)
        sim_seen (self, index == 1 ? RARE_EXPIRED : RARE_DEADLINE);
    const task_t *task = sim_task (self, reply->id);
    sim_check (self, index != 1 || !task || task->attempts == 0, "S9",
               "task %lu has begun and expired", reply->id);
    return index < 3;
}

static void
s_read_body (sim_t *self, sim_said_t *said)
{
    const reply_t *reply = &said->reply;
    said->body = (sim_body_t){0};
    if (!reply->place.block || reply->place.size == 0)
        return;
    stint_bytes_t bytes = sim_broker_fetch (reply->place, self);
    bool whole = sim_body_read (self, bytes, &said->body);
    sim_check (self,
               whole || (reply->command == STP_OUTCOME && s_own_words (self, reply, bytes)),
               "S2", "the bytes of task %lu are not what was sent", reply->id);
}

void
sim_truth_said (sim_t *self, sim_said_t *said, bool running)
{
    const reply_t *reply = &said->reply;
    said->code = 0;
    switch ((int) reply->command) {
        case STP_TASK:
            s_read_body (self, said);
            s_judge_task (self, said);
            break;
        case STP_OUTCOME:
            s_read_body (self, said);
            said->turn = self->acked [reply->batch % SIM_ACKED].turn;
            break;
        case STP_HEARTBEAT:
            s_note_pace (self, reply);
            break;
        case STP_BYE:
            if (running)
                s_judge_missed (self, reply);
            break;
        case STP_STATE:
            sim_note_shown (self, reply->fields);
            break;
        case STP_STALE:
            said->code = self->before.claims ? 'c' : 'r';
            s_judge_stale (self, said);
            break;
        case STP_FULL:
            s_note_full (self, reply->text);
            break;
        case STP_ERROR:
            said->code = reply->code [0];
            if (said->code == 'u' && strstr (reply->text, "producer"))
                said->code = 'p';
            if (strcmp (reply->code, "draining") == 0)
                sim_seen (self, RARE_DRAINING);
            break;
        default:
            break;
    }
}

//  ---------------------------------------------------------------------------------
//  Answers, as they leave

static void
s_judge_outcome (sim_t *self, const sim_said_t *said)
{
    const reply_t *reply = &said->reply;
    uint64_t fence = said->body.fence;
    if (reply->batch && !reply->id) {
        sim_seen (self, RARE_EMPTY_PLACE);
        return;
    }
    sim_check (self, !fence || said->body.of == reply->id, "S2",
               "task %lu has a result of task %lu", reply->id, said->body.of);
    sim_check (self, reply->state != STINT_DONE || fence, "S5",
               "the result of task %lu is gone", reply->id);
    sim_truth_told (self, reply->id, reply->state, fence, said->body.nonce);
    if (!reply->batch)
        return;
    sim_truth_t *truth = sim_truth_of (self, reply->id);
    sim_check (self,
               !truth->position
                   || (truth->batch == reply->batch
                       && (truth->position == reply->cursor
                           || (truth->retried && truth->position < reply->cursor))),
               "S10", "task %lu is outcome %lu, then %lu", reply->id, truth->position,
               reply->cursor);
    if (truth->position)
        sim_seen (self,
                  truth->position == reply->cursor ? RARE_OUTCOME_AGAIN : RARE_TOLD_TWICE);
    truth->batch = reply->batch;
    truth->position = reply->cursor;
}

void
sim_truth_leaves (sim_t *self, const sim_said_t *said)
{
    const reply_t *reply = &said->reply;
    sim_check (self, !reply->durable || said->gate <= self->disk.confirmed, "S16",
               "an answer leaves before block %lu is durable", said->gate);
    if (reply->command == STP_OUTCOME)
        s_judge_outcome (self, said);
    if (reply->command == STP_TASK)
        sim_terms_leaves (self, reply);
}
