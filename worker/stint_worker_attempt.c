//  stint_worker_attempt: attempts in the hands of a worker's caller, and their results
//  SPDX-License-Identifier: MPL-2.0
//
//  Results are packed into one RESULT message as they come. It leaves when there are enough
//  of them, when the first has waited for a moment, and before the caller waits; until then
//  it lies in the slot, where the keeper finds it should the caller not come back.

#include "stint_worker_caller.h"

#include <assert.h>
#include <stdlib.h>

#define RESULTS_MAX 1024                    //  In one message
#define RESULTS_BYTES ((size_t) 256 << 10)  //  Of one message, when full
#define RESULTS_WAIT_MS 2                   //  For others to travel along

static stint_attempt_t *
s_take_spare (stint_worker_t *self)
{
    if (!self->spare) {
        stint_chunk_t *chunk = calloc (1, sizeof *chunk);
        if (!chunk)
            abort ();
        chunk->next = self->chunks;
        self->chunks = chunk;
        for (size_t index = 0; index < ATTEMPTS_CHUNK; index++) {
            chunk->attempts [index].next = self->spare;
            self->spare = &chunk->attempts [index];
        }
    }
    stint_attempt_t *attempt = self->spare;
    self->spare = attempt->next;
    return attempt;
}

stint_attempt_t *
stint_worker_begin (stint_worker_t *self, stint_parcel_t *parcel,
                    const stint_parcel_task_t *task)
{
    stint_attempt_t *attempt = s_take_spare (self);
    *attempt = (stint_attempt_t){self, self->live, NULL, parcel, task, false, NULL};
    if (self->live)
        self->live->previous = attempt;
    self->live = attempt;
    parcel->users++;
    return attempt;
}

void
stint_worker_release (stint_parcel_t *parcel)
{
    if (--parcel->users == 0)
        stint_parcel_destroy (&parcel);
}

static void
s_drop_word (stint_attempt_t *self)
{
    stint_worker_t *worker = self->worker;
    pthread_mutex_lock (&worker->lock);
    stint_word_destroy (worker->line ? stint_line_words (worker->line) : NULL, &self->word);
    pthread_mutex_unlock (&worker->lock);
}

void
stint_worker_end (stint_attempt_t **self_p)
{
    stint_attempt_t *self = *self_p;
    stint_worker_t *worker = self->worker;
    *(self->previous ? &self->previous->next : &worker->live) = self->next;
    if (self->next)
        self->next->previous = self->previous;
    if (worker->running == self)
        worker->running = NULL;
    if (self->word)
        s_drop_word (self);
    stint_worker_release (self->parcel);
    self->worker = NULL;
    self->next = worker->spare;
    worker->spare = self;
    *self_p = NULL;
}

uint64_t
stint_attempt_id (const stint_attempt_t *self)
{
    assert (self && self->worker);
    return self->task->id;
}

uint64_t
stint_attempt_fence (const stint_attempt_t *self)
{
    assert (self && self->worker);
    return self->task->fence;
}

uint32_t
stint_attempt_number (const stint_attempt_t *self)
{
    assert (self && self->worker);
    return self->task->number;
}

int64_t
stint_attempt_time_limit (const stint_attempt_t *self)
{
    assert (self && self->worker);
    return self->task->limit_ms;
}

const char *
stint_attempt_group (const stint_attempt_t *self)
{
    assert (self && self->worker);
    return self->parcel->group;
}

stint_bytes_t
stint_attempt_payload (const stint_attempt_t *self)
{
    assert (self && self->worker);
    return self->task->payload;
}

bool
stint_attempt_cancelled (stint_attempt_t *self)
{
    assert (self && self->worker);
    stint_worker_look (self->worker);
    return self->cancelled;
}

//  Returns thousandths; rounded down, so that all is done only when it is, and up by no
//  more than what the division of a program has lost.

static uint32_t
s_thousandths (double done)
{
    if (!(done > 0))
        return 0;
    return done >= 1 ? STINT_NOTE_DONE : (uint32_t) (done * STINT_NOTE_DONE + 1e-6);
}

void
stint_attempt_progress (stint_attempt_t *self, double done, const char *text)
{
    assert (self && self->worker);
    stint_worker_t *worker = self->worker;
    uint32_t thousandths = s_thousandths (done);
    stint_bytes_t cut = stint_note_cut (stint_bytes_of (text ? text : ""));
    //  What it says changes in this thread only, so the line is not needed to look
    if (self->cancelled || (self->word && stint_word_is (self->word, thousandths, cut)))
        return;
    pthread_mutex_lock (&worker->lock);
    if (!self->word)
        self->word = stint_word_new (stint_line_words (worker->line), self->task->id,
                                     self->task->fence);
    stint_word_set (self->word, thousandths, cut);
    bool sooner = stint_line_has_word (worker->line);
    pthread_mutex_unlock (&worker->lock);
    if (sooner)
        stint_keeper_ring (worker->wake_fd);
}

//  ---------------------------------------------------------------------------------
//  Results

static stint_outbox_t *
s_take_outbox (stint_worker_t *self)
{
    stint_outbox_t *outbox = atomic_exchange (&self->slot, NULL);
    if (outbox)
        return outbox;
    outbox = stint_outbox_new (++self->request, self->header_bytes);
    outbox->since = self->waits_since = stint_worker_clock ();
    self->asked = false;
    return outbox;
}

static void
s_send_outbox (stint_worker_t *self, stint_outbox_t *outbox)
{
    self->header_bytes = outbox->writer.size;
    pthread_mutex_lock (&self->lock);
    stint_line_results (self->line, outbox);
    pthread_mutex_unlock (&self->lock);
}

void
stint_worker_flush (stint_worker_t *self)
{
    stint_outbox_t *outbox = atomic_exchange (&self->slot, NULL);
    self->waits_since = 0;
    if (!outbox)
        return;
    self->header_bytes = outbox->writer.size;
    stint_line_results (self->line, outbox);
}

//  Four messages of a quarter of the capacity each keep the broker and us busy.

static bool
s_is_full (const stint_worker_t *self, const stint_outbox_t *outbox)
{
    return outbox->refs.count >= RESULTS_MAX || outbox->refs.count >= self->capacity / 4
           || outbox->bytes >= RESULTS_BYTES || outbox->frame_count == STINT_OUTBOX_FRAMES;
}

//  The keeper may have put another one back that it had in its hands meanwhile: that one
//  leaves, so that none is lost.

static void
s_put_back (stint_worker_t *self, stint_outbox_t *outbox)
{
    stint_outbox_t *other = atomic_exchange (&self->slot, outbox);
    if (other)
        s_send_outbox (self, other);
}

void
stint_worker_leave (stint_worker_t *self, int64_t now)
{
    if (self->waits_since == 0)
        return;
    if (now - self->waits_since >= RESULTS_WAIT_MS) {
        stint_outbox_t *outbox = atomic_exchange (&self->slot, NULL);
        self->waits_since = 0;
        if (outbox)
            s_send_outbox (self, outbox);
    }
    else if (!self->asked) {
        self->asked = true;
        stint_keeper_ask (self);
    }
}

//  Packs what the attempt came to, unless nobody wants to know any more, and ends it.

static void
s_finish (stint_attempt_t **self_p, const stint_item_t *item)
{
    stint_attempt_t *self = *self_p;
    stint_worker_t *worker = self->worker;
    if (!self->cancelled) {
        stint_outbox_t *outbox = s_take_outbox (worker);
        stint_outbox_put (outbox, item);
        if (s_is_full (worker, outbox)) {
            worker->waits_since = 0;
            s_send_outbox (worker, outbox);
        }
        else
            s_put_back (worker, outbox);
    }
    stint_worker_end (self_p);
    if (worker->live)
        stint_worker_leave (worker, stint_worker_clock ());
}

void
stint_attempt_done (stint_attempt_t **self_p, stint_bytes_t result)
{
    assert (self_p && *self_p && (*self_p)->worker);
    if (result.size > STINT_PAYLOAD_MAX) {
        stint_attempt_fail (self_p, STINT_REFUSE, 0,
                            stint_bytes_of ("its result is larger than 64 MiB"));
        return;
    }
    stint_item_t item = {
        .id = (*self_p)->task->id, .fence = (*self_p)->task->fence, .body = result};
    s_finish (self_p, &item);
}

void
stint_attempt_fail (stint_attempt_t **self_p, stint_verdict_t verdict, int64_t delay_ms,
                    stint_bytes_t text)
{
    assert (self_p && *self_p && (*self_p)->worker);
    assert (verdict >= STINT_RETRY && verdict <= STINT_REFUSE);
    if (text.size > STINT_ERROR_MAX)
        text.size = STINT_ERROR_MAX;
    stint_item_t item = {.id = (*self_p)->task->id,
                         .fence = (*self_p)->task->fence,
                         .verdict = (uint32_t) verdict,
                         .delay = delay_ms > 0 ? (uint64_t) delay_ms : 0,
                         .body = text};
    s_finish (self_p, &item);
}

void
stint_attempt_return (stint_attempt_t **self_p)
{
    assert (self_p && *self_p && (*self_p)->worker);
    stint_attempt_t *self = *self_p;
    stint_worker_t *worker = self->worker;
    if (!self->cancelled) {
        stint_refs_t refs = {NULL, 0, 0};
        stint_refs_add (&refs, self->task->id, self->task->fence);
        pthread_mutex_lock (&worker->lock);
        stint_line_return (worker->line, &refs);
        pthread_mutex_unlock (&worker->lock);
        stint_refs_clear (&refs);
    }
    stint_worker_end (self_p);
}
