//  stint_worker_hear: what the broker says to the line of a worker
//  SPDX-License-Identifier: MPL-2.0
//
//  Whatever a broker sends, the line stays whole: what is not understood is ignored.

#include "stint_socket.h"
#include "stint_worker_inside.h"

#include <string.h>

#define HEARTBEAT_MAX 3600000  //  Milliseconds between heartbeats that we believe
#define LIVENESS_MAX 1000      //  Heartbeats to be missed that we believe

//  Text from outside, fit to be shown: one line, nothing that a terminal obeys.

static const char *
s_printable (stint_bytes_t text, char *buffer, size_t size)
{
    size_t length = text.size < size - 1 ? text.size : size - 1;
    for (size_t index = 0; index < length; index++) {
        uint8_t octet = text.data [index];
        buffer [index] = octet < 0x20 || octet == 0x7f ? '?' : (char) octet;
    }
    buffer [length] = '\0';
    return buffer;
}

//  Drops attempts from the held set and tells the caller. Attempts that we do not hold are
//  none of our business.

static void
s_lose (stint_line_t *self, stint_message_t *message, bool stale)
{
    stint_news_t *news = &self->news;
    stint_item_t item;
    while (stint_wire_next (message, &item)) {
        if (!stint_held_drop (self->held, item.id, item.fence))
            continue;
        stint_refs_add (&news->lost, item.id, item.fence);
        news->stale += stale;
        news->fresh = true;
    }
}

void
stint_link_drop (stint_line_t *self, const stint_refs_t *refs)
{
    for (uint32_t index = 0; index < refs->count; index++)
        stint_held_drop (self->held, refs->items [index].id, refs->items [index].fence);
}

//  Adds all attempts of a TASK to the held set, or none: a message that is broken further
//  on, or names an attempt that we have, comes from no broker that we understand.

static bool
s_hold (stint_line_t *self, const stint_parcel_t *parcel)
{
    uint32_t added = 0;
    while (added < parcel->count
           && stint_held_add (self->held, parcel->tasks [added].id,
                              parcel->tasks [added].fence))
        added++;
    if (added == parcel->count)
        return added > 0;
    while (added-- > 0)
        stint_held_drop (self->held, parcel->tasks [added].id, parcel->tasks [added].fence);
    return false;
}

static void
s_give_back (stint_line_t *self, const stint_parcel_t *parcel)
{
    stint_refs_t refs = {NULL, 0, 0};
    for (uint32_t index = 0; index < parcel->count; index++)
        stint_refs_add (&refs, parcel->tasks [index].id, parcel->tasks [index].fence);
    stint_line_return (self, &refs);
    stint_refs_clear (&refs);
}

static void
s_on_task (stint_line_t *self, size_t frame_count)
{
    stint_parcel_t *parcel = stint_parcel_new (self->frames, frame_count);
    bool good = parcel && s_hold (self, parcel);
    if (good && !self->finishing) {
        stint_news_t *news = &self->news;
        *(news->first ? &news->last->next : &news->first) = parcel;
        news->last = parcel;
        news->fresh = true;
        return;
    }
    if (good)
        s_give_back (self, parcel);
    stint_parcel_destroy (&parcel);
}

//  Takes the results with that number off the list; null when they are not on it.

static stint_outbox_t *
s_take_outbox (stint_line_t *self, uint64_t request)
{
    stint_outbox_t *before = NULL;
    for (stint_outbox_t *outbox = self->first; outbox != self->unsent;
         before = outbox, outbox = outbox->next) {
        if (outbox->request != request)
            continue;
        *(before ? &before->next : &self->first) = outbox->next;
        if (self->last == outbox)
            self->last = before;
        return outbox;
    }
    return NULL;
}

static void
s_take_rhythm (stint_line_t *self, const stint_message_t *message)
{
    if (message->heartbeat > 0 && message->heartbeat <= HEARTBEAT_MAX)
        self->peer.heartbeat_ms = (uint32_t) message->heartbeat;
    if (message->liveness > 0 && message->liveness <= LIVENESS_MAX)
        self->peer.liveness = (uint32_t) message->liveness;
}

static void
s_on_accepted (stint_line_t *self, const stint_message_t *message)
{
    if (message->request >= READY_REQUESTS) {
        s_take_rhythm (self, message);
        if (message->request != self->request)
            return;
        self->ready = true;
        self->failed = 0;
        stint_words_renew (&self->words);
        stint_link_tell (self, true, "");
        return;
    }
    stint_outbox_t *outbox = s_take_outbox (self, message->request);
    if (outbox)
        stint_link_drop (self, &outbox->refs);
    stint_outbox_destroy (&outbox);
}

static void
s_on_heartbeat (stint_line_t *self, const stint_message_t *message)
{
    s_take_rhythm (self, message);
    if (!stint_wire_has (message, 'z') || message->backlog == self->news.backlog)
        return;
    self->news.backlog = message->backlog;
    self->news.fresh = true;
}

//  The broker does not know us, or stops. READY again, at once, if it said the like not
//  just now. A BYE that comes while a READY is under way answers something older, unless
//  the READY has been under way for long: then it was lost.

static void
s_on_bye (stint_line_t *self, const stint_message_t *message)
{
    if (!self->ready && self->now >= self->ready_at + self->peer.heartbeat_ms)
        stint_link_give_up (self, "the broker at %s does not answer READY",
                            self->settings->endpoint);
    if (!self->ready)
        return;
    char text [STINT_LINK_CAUSE_MAX / 2];
    s_printable (message->text, text, sizeof text);
    if (self->bye_at && self->now < self->bye_at + self->peer.heartbeat_ms) {
        stint_link_give_up (self, "the broker at %s says goodbye: %s",
                            self->settings->endpoint,
                            text [0] ? text : "it does not know this worker");
        return;
    }
    self->bye_at = self->now;
    stint_link_tell (self, false,
                     text [0] ? text : "the broker did not know this worker any more");
    stint_link_send_ready (self);
}

//  A READY that is refused ends the connection. Results that are refused, for whatever
//  reason, cannot be recorded: the tasks are given back.

static void
s_on_error (stint_line_t *self, const stint_message_t *message)
{
    char code [64];
    char text [STINT_LINK_CAUSE_MAX / 2];
    s_printable (message->error, code, sizeof code);
    s_printable (message->text, text, sizeof text);
    bool about_ready = message->request >= self->request_first || message->request == 0;
    if (about_ready && !self->ready)
        stint_link_give_up (self, "the broker at %s refuses this worker: %s: %s",
                            self->settings->endpoint, code, text);
    if (about_ready || strcmp (code, "stopping") == 0)
        return;
    stint_outbox_t *outbox = s_take_outbox (self, message->request);
    if (!outbox)
        return;
    stint_link_drop (self, &outbox->refs);
    stint_link_send_return (self, &outbox->refs);
    stint_outbox_destroy (&outbox);
}

//  The caller learns of it with its news; the broker hears of no capacity but 0 from now
//  on, on a new connection too.

static void
s_on_drain (stint_line_t *self)
{
    self->news.draining = true;
    self->news.fresh = true;
    stint_line_set_capacity (self, 0);
}

static void
s_on_message (stint_line_t *self, stint_message_t *message)
{
    switch (message->command) {
        case STP_ACCEPTED:
            s_on_accepted (self, message);
            break;
        case STP_HEARTBEAT:
            s_on_heartbeat (self, message);
            break;
        case STP_REVOKE:
            s_lose (self, message, false);
            break;
        case STP_STALE:
            s_lose (self, message, true);
            break;
        case STP_BYE:
            s_on_bye (self, message);
            break;
        case STP_ERROR:
            s_on_error (self, message);
            break;
        case STP_DRAIN:
            s_on_drain (self);
            break;
        case STP_TASK:
        case STP_PUSH:
        case STP_BATCH:
        case STP_COLLECT:
        case STP_CANCEL:
        case STP_GROUP:
        case STP_QUERY:
        case STP_WORKER:
        case STP_RETRY:
        case STP_DROP:
        case STP_SCHEDULE:
        case STP_READY:
        case STP_CREDIT:
        case STP_RESULT:
        case STP_RETURN:
        case STP_PROGRESS:
        case STP_OUTCOME:
        case STP_STATE:
        case STP_FULL:
        default:
            break;
    }
}

//  Reads the frames of one message. Returns how many there are; 0 when no message waits.
//  More than a message may have are read and left out, which makes the count too large.

static size_t
s_read_frames (stint_line_t *self)
{
    size_t count = 0;
    bool more = true;
    while (more) {
        zmq_msg_t beyond;
        zmq_msg_t *frame = count < STINT_FRAMES_MAX ? &self->frames [count] : &beyond;
        zmq_msg_init (frame);
        if (stint_socket_receive (self->dealer, frame, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close (frame);
            return count;
        }
        more = zmq_msg_more (frame);
        if (count < STINT_FRAMES_MAX)
            self->bytes [count] =
                (stint_bytes_t){zmq_msg_data (frame), zmq_msg_size (frame)};
        else
            zmq_msg_close (frame);
        count++;
    }
    return count;
}

static void
s_on_frames (stint_line_t *self, size_t frame_count)
{
    const stint_bytes_t *header = &self->bytes [0];
    if (header->size >= 5 && header->data [4] == STP_TASK) {
        s_on_task (self, frame_count);
        return;
    }
    stint_message_t message;
    stint_wire_status_t status = stint_wire_decode (&message, self->bytes, frame_count);
    if (status == STINT_WIRE_OK)
        s_on_message (self, &message);
    else if (status == STINT_WIRE_VERSION_BAD && !self->ready)
        stint_link_give_up (self, "the broker at %s speaks STP/%u, and this worker STP/%u",
                            self->settings->endpoint, (unsigned) header->data [3],
                            (unsigned) STINT_WIRE_VERSION);
}

bool
stint_link_receive (stint_line_t *self)
{
    size_t frame_count = s_read_frames (self);
    if (frame_count == 0)
        return false;
    stint_peer_heard (&self->peer, self->now);
    size_t kept = frame_count < STINT_FRAMES_MAX ? frame_count : STINT_FRAMES_MAX;
    if (kept == frame_count)
        s_on_frames (self, frame_count);
    for (size_t index = 0; index < kept; index++)
        zmq_msg_close (&self->frames [index]);
    return true;
}
