//  outbox: packs the core's replies into messages, and holds those that have to be durable
//  SPDX-License-Identifier: MPL-2.0

#include "outbox.h"

#include "fetch.h"

#include <stdlib.h>
#include <string.h>

//  A message that is being packed for one session.

typedef struct {
    stint_writer_t header;  //  What there is of it
    uint64_t peer;          //  To whom; 0 when there is nothing in it
    stp_command_t command;  //  Of its list
    uint32_t group;         //  TASK: all of this group
    uint64_t key;           //  OUTCOME: all of this batch, or of this request
    uint64_t cursor;        //  OUTCOME: of its last element
    uint64_t again;         //  OUTCOME of a batch: ends that were taken back
    uint64_t gate;          //  Block that has to be durable
    size_t where;           //  Of the list in the header
    uint32_t count;         //  Elements of the list
    zmq_msg_t *frames;      //  Large bodies
    uint32_t frame_count;   //  How many
    uint32_t frame_room;    //  How many fit
    size_t bytes;           //  Of large bodies
} s_parcel_t;

//  A message that waits for its block.

typedef struct {
    uint64_t gate;         //  Block that has to be durable
    uint64_t peer;         //  To whom; a slot may have another owner by then
    uint32_t session;      //  Its session
    uint32_t frame_count;  //  Frames behind the header
    zmq_msg_t *frames;     //  Those frames
    zmq_msg_t header;      //  The header
    size_t bytes;          //  Of all of it
} s_letter_t;

typedef struct {
    s_parcel_t now;     //  What need not wait
    s_parcel_t later;   //  What has to be durable
    uint64_t gate;      //  Block that the last OUTCOME that had to wait has waited for
    bool listed_now;    //  In the list of those with something in now
    bool listed_later;  //  In the list of those with something in later
} s_box_t;

struct outbox {
    outbox_options_t with;   //  What it works with
    journal_t *journal;      //  The core's
    s_box_t *boxes;          //  By session
    uint32_t *now;           //  Sessions with something in now
    uint32_t now_count;      //  How many
    uint32_t *later;         //  Sessions with something in later
    uint32_t later_count;    //  How many
    s_letter_t *letters;     //  Closed messages that wait, a ring
    uint64_t letters_first;  //  Number of the first
    uint64_t letters_next;   //  Number behind the last
    uint64_t letters_room;   //  Of the ring, a power of two
    uint64_t waiting;        //  Bytes in letters
    uint64_t awaited;        //  Last block that somebody waits for, without patience
    uint64_t undelivered;    //  Messages whose peer was gone
    stint_writer_t single;   //  A message of its own
};

outbox_t *
outbox_new (const outbox_options_t *options)
{
    outbox_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->with = *options;
    self->journal = core_journal (options->core);
    size_t boxes = (size_t) options->sessions + 1;
    self->boxes = calloc (boxes, sizeof *self->boxes);
    self->now = calloc (boxes, sizeof *self->now);
    self->later = calloc (boxes, sizeof *self->later);
    self->letters_room = 1024;
    self->letters = calloc (self->letters_room, sizeof *self->letters);
    if (!self->boxes || !self->now || !self->later || !self->letters)
        abort ();
    return self;
}

static void
s_clear_parcel (s_parcel_t *parcel)
{
    for (uint32_t index = 0; index < parcel->frame_count; index++)
        zmq_msg_close (&parcel->frames [index]);
    free (parcel->frames);
    stint_writer_clear (&parcel->header);
}

static s_letter_t *
s_letter (const outbox_t *self, uint64_t number)
{
    return &self->letters [number & (self->letters_room - 1)];
}

static void
s_close_letter (s_letter_t *letter)
{
    zmq_msg_close (&letter->header);
    for (uint32_t index = 0; index < letter->frame_count; index++)
        zmq_msg_close (&letter->frames [index]);
    free (letter->frames);
}

void
outbox_destroy (outbox_t **self_p)
{
    outbox_t *self = *self_p;
    if (!self)
        return;
    for (uint32_t slot = 0; slot <= self->with.sessions; slot++) {
        s_clear_parcel (&self->boxes [slot].now);
        s_clear_parcel (&self->boxes [slot].later);
    }
    for (; self->letters_first < self->letters_next; self->letters_first++)
        s_close_letter (s_letter (self, self->letters_first));
    stint_writer_clear (&self->single);
    free (self->letters);
    free (self->boxes);
    free (self->now);
    free (self->later);
    free (self);
    *self_p = NULL;
}

uint64_t
outbox_awaited (const outbox_t *self)
{
    return self->awaited;
}

uint64_t
outbox_waiting (const outbox_t *self)
{
    return self->waiting;
}

uint64_t
outbox_undelivered (const outbox_t *self)
{
    return self->undelivered;
}

//  ---------------------------------------------------------------------------------
//  Sending

//  Sends one message. A peer that is gone, or has stopped reading, is cut off.

static void
s_send (outbox_t *self, uint32_t session, zmq_msg_t *header, zmq_msg_t *frames,
        uint32_t frame_count, bool last)
{
    if (peers_address (self->with.peers, self->with.router, session) < 0) {
        self->undelivered++;
        peers_drop (self->with.peers, session);
        if (!last)
            core_cut_off (self->with.core, session);
        return;
    }
    zmq_msg_send (header, self->with.router, frame_count > 0 ? ZMQ_SNDMORE : 0);
    for (uint32_t index = 0; index < frame_count; index++)
        zmq_msg_send (&frames [index], self->with.router,
                      index + 1 < frame_count ? ZMQ_SNDMORE : 0);
    if (last)
        peers_drop (self->with.peers, session);
}

//  Keeps a message until its block is durable, and those before it have left. Returns the
//  number of the block that it really waits for.

static uint64_t
s_hold (outbox_t *self, s_letter_t letter)
{
    if (self->letters_next - self->letters_first == self->letters_room) {
        s_letter_t *letters = calloc (self->letters_room * 2, sizeof *letters);
        if (!letters)
            abort ();
        for (uint64_t number = self->letters_first; number < self->letters_next; number++)
            letters [number & (self->letters_room * 2 - 1)] = *s_letter (self, number);
        free (self->letters);
        self->letters = letters;
        self->letters_room *= 2;
    }
    if (self->letters_next > self->letters_first) {
        uint64_t gate = s_letter (self, self->letters_next - 1)->gate;
        letter.gate = letter.gate > gate ? letter.gate : gate;
    }
    self->waiting += letter.bytes;
    *s_letter (self, self->letters_next++) = letter;
    return letter.gate;
}

static void
s_fill (zmq_msg_t *message, stint_bytes_t bytes)
{
    if (zmq_msg_init_size (message, bytes.size) != 0)
        abort ();
    memcpy (zmq_msg_data (message), bytes.data, bytes.size);
}

//  Writes what stands behind the list.

static void
s_finish_list (s_parcel_t *parcel)
{
    stint_write_array_close (&parcel->header, parcel->where, parcel->count);
    if (parcel->command == STP_OUTCOME && parcel->cursor > 0)
        stint_wire_number (&parcel->header, 'k', parcel->cursor);
}

//  Closes a parcel: sends it, or lets it wait for its block.

static void
s_close (outbox_t *self, uint32_t session, s_parcel_t *parcel, uint64_t durable)
{
    if (!parcel->peer)
        return;
    s_finish_list (parcel);
    zmq_msg_t header;
    s_fill (&header, stint_writer_bytes (&parcel->header));
    if (parcel->gate <= durable) {
        if (peers_of (self->with.peers, session) == parcel->peer)
            s_send (self, session, &header, parcel->frames, parcel->frame_count, false);
        zmq_msg_close (&header);
        for (uint32_t index = 0; index < parcel->frame_count; index++)
            zmq_msg_close (&parcel->frames [index]);
    }
    else {
        size_t bytes = parcel->header.size + parcel->bytes;
        uint64_t gate =
            s_hold (self, (s_letter_t){parcel->gate, parcel->peer, session,
                                       parcel->frame_count, parcel->frames, header, bytes});
        if (parcel->command == STP_OUTCOME)
            self->boxes [session].gate = gate;
        parcel->frames = NULL;
        parcel->frame_room = 0;
    }
    parcel->peer = 0;
    parcel->frame_count = 0;
    parcel->bytes = 0;
}

//  ---------------------------------------------------------------------------------
//  Packing

static void
s_release_memory (void *data, void *memory)
{
    (void) data;
    journal_release (memory);
}

//  Puts a large body into a frame of its own: without a copy when it is in memory.

static void
s_add_frame (outbox_t *self, s_parcel_t *parcel, journal_place_t place, stint_bytes_t bytes)
{
    if (parcel->frame_count == parcel->frame_room) {
        parcel->frame_room = parcel->frame_room ? parcel->frame_room * 2 : 8;
        parcel->frames =
            realloc (parcel->frames, parcel->frame_room * sizeof *parcel->frames);
        if (!parcel->frames)
            abort ();
    }
    zmq_msg_t *frame = &parcel->frames [parcel->frame_count++];
    journal_memory_t *memory = journal_keep (self->journal, place);
    if (memory)
        zmq_msg_init_data (frame, (void *) (uintptr_t) bytes.data, bytes.size,
                           s_release_memory, memory);
    else
        s_fill (frame, bytes);
    parcel->bytes += bytes.size;
}

static stint_bytes_t
s_body (outbox_t *self, journal_place_t place)
{
    if (!place.block || place.size == 0)
        return (stint_bytes_t){NULL, 0};
    stint_bytes_t bytes = journal_bytes (self->journal, place);
    if (bytes.data)
        return bytes;
    return store_fetch (self->with.engine, self->with.store, self->journal, place);
}

//  Begins the message of a list.

static void
s_open (outbox_t *self, s_parcel_t *parcel, const reply_t *reply, uint64_t peer)
{
    stint_writer_t *out = &parcel->header;
    parcel->command = (stp_command_t) reply->command;
    parcel->group = reply->group;
    parcel->key = reply->batch ? reply->batch : reply->request;
    parcel->cursor = 0;
    parcel->again = reply->batch ? reply->again : 0;
    parcel->count = 0;
    parcel->peer = peer;
    if (reply->command == STP_TASK) {
        stint_wire_begin (out, STP_TASK, 2);
        stint_wire_text (out, 'g', core_group_name (self->with.core, reply->group));
    }
    else if (reply->command == STP_OUTCOME) {
        stint_wire_begin (out, STP_OUTCOME, (reply->batch ? 3u : 2u) + (parcel->again > 0));
        stint_wire_number (out, reply->batch ? 'b' : 'r', parcel->key);
        if (parcel->again > 0)
            stint_wire_number (out, 'j', parcel->again);
    }
    else
        stint_wire_begin (out, (stp_command_t) reply->command, 1);
    parcel->where = stint_wire_list (out);
}

static bool
s_fits (const s_parcel_t *parcel, const reply_t *reply, uint64_t peer, uint64_t gate)
{
    return parcel->peer == peer && parcel->command == reply->command && parcel->gate == gate
           && (reply->command != STP_TASK || parcel->group == reply->group)
           && parcel->key == (reply->batch ? reply->batch : reply->request)
           && parcel->again == (reply->batch ? reply->again : 0)
           && parcel->count < STINT_LIST_MAX && parcel->frame_count < STINT_FRAMES_MAX - 1
           && parcel->header.size + parcel->bytes < OUTBOX_MESSAGE;
}

//  Adds one element to a session's list.

static void
s_add (outbox_t *self, const reply_t *reply, uint64_t peer, uint64_t gate)
{
    s_box_t *box = &self->boxes [reply->session];
    bool waits = effects_waits (reply, self->journal, box->gate);
    s_parcel_t *parcel = waits ? &box->later : &box->now;
    if (waits)
        self->awaited = gate;
    else
        gate = 0;
    if (!s_fits (parcel, reply, peer, gate)) {
        s_close (self, reply->session, parcel, waits ? 0 : UINT64_MAX);
        s_open (self, parcel, reply, peer);
        parcel->gate = gate;
    }
    if (waits && reply->command == STP_OUTCOME)
        box->gate = gate;  //  Closing the one before has set it to that one's
    stint_item_t item = {.id = reply->id, .fence = reply->fence};
    item.number = reply->command == STP_TASK ? reply->attempts : reply->number;
    item.verdict = reply->state;
    item.attempts = reply->attempts;
    item.delay = reply->command == STP_TASK ? reply->limit_ms : 0;
    item.body = s_body (self, reply->place);
    if (item.body.size > STINT_INLINE_MAX) {
        s_add_frame (self, parcel, reply->place, item.body);
        item.frame = parcel->frame_count;
    }
    stint_wire_put (&parcel->header, (stp_command_t) reply->command, &item);
    parcel->count++;
    parcel->cursor = reply->cursor;

    bool *listed = waits ? &box->listed_later : &box->listed_now;
    if (!*listed) {
        *listed = true;
        if (waits)
            self->later [self->later_count++] = reply->session;
        else
            self->now [self->now_count++] = reply->session;
    }
}

//  Tells how often both sides beat, and how many beats may be missed.

static void
s_write_pace (outbox_t *self, const reply_t *reply)
{
    stint_wire_number (&self->single, 'u', reply->delay_ms);
    stint_wire_number (&self->single, 'y', self->with.liveness);
}

//  The answer to a push, a batch, a READY, or to what needs no more than a yes.

static void
s_write_accepted (outbox_t *self, const reply_t *reply)
{
    stint_writer_t *out = &self->single;
    uint32_t fields = reply->batch                   ? 5 + (reply->number > 0)
                      : reply->state                 ? 4
                      : reply->id || !reply->durable ? 3
                      : reply->count > 0             ? 2
                                                     : 1;
    stint_wire_begin (out, STP_ACCEPTED, fields);
    stint_wire_number (out, 'r', reply->request);
    if (reply->batch) {
        if (reply->number > 0)
            stint_wire_number (out, 'j', reply->number);
        stint_wire_number (out, 'b', reply->batch);
        stint_wire_number (out, 'c', reply->count);
        stint_wire_number (out, 'k', reply->cursor);
        stint_wire_number (out, 'v', reply->id);
    }
    else if (reply->id || reply->state) {
        stint_wire_number (out, 'i', reply->id);
        stint_wire_number (out, 'c', reply->count);
        if (reply->state)
            stint_wire_number (out, 'x', reply->state == EFFECTS_MORE);
    }
    else if (!reply->durable)
        s_write_pace (self, reply);
    else if (reply->count > 0)
        stint_wire_number (out, 'c', reply->count);
}

static void
s_write_refusal (outbox_t *self, const reply_t *reply)
{
    stint_writer_t *out = &self->single;
    stint_wire_begin (out, (stp_command_t) reply->command, 4);
    stint_wire_number (out, 'r', reply->request);
    stint_wire_text (out, 'm', reply->text);
    if (reply->command == STP_FULL) {
        stint_wire_text (out, 'e', "full");
        stint_wire_number (out, 'd', reply->delay_ms);
    }
    else {
        stint_wire_text (out, 'e', reply->code);
        stint_wire_number (out, 's', reply->sequence);
    }
}

static void
s_write_state (outbox_t *self, const reply_t *reply)
{
    stint_wire_begin (&self->single, STP_STATE, 2);
    stint_wire_number (&self->single, 'r', reply->request);
    stint_wire_field (&self->single, 'f');
    stint_write_raw (&self->single, reply->fields);
}

static void
s_write_beat (outbox_t *self, const reply_t *reply)
{
    stint_wire_begin (&self->single, STP_HEARTBEAT, reply->state ? 3 : 1);
    stint_wire_number (&self->single, 'z', reply->count);
    if (reply->state)
        s_write_pace (self, reply);
}

//  Packs a reply that is a message of its own.

static void
s_put (outbox_t *self, const reply_t *reply, uint64_t gate)
{
    if (reply->command == STP_ACCEPTED)
        s_write_accepted (self, reply);
    else if (reply->command == STP_STATE)
        s_write_state (self, reply);
    else if (reply->command == STP_HEARTBEAT)
        s_write_beat (self, reply);
    else if (reply->command == STP_BYE || reply->command == STP_DRAIN)
        stint_wire_begin (&self->single, (stp_command_t) reply->command, 0);
    else
        s_write_refusal (self, reply);

    zmq_msg_t header;
    s_fill (&header, stint_writer_bytes (&self->single));
    s_box_t *box = &self->boxes [reply->session];
    if (reply->durable) {
        if (!reply->patient)
            self->awaited = gate;
        s_close (self, reply->session, &box->later, 0);
        s_hold (self, (s_letter_t){gate, peers_of (self->with.peers, reply->session),
                                   reply->session, 0, NULL, header, self->single.size});
        return;
    }
    s_close (self, reply->session, &box->now, UINT64_MAX);
    s_send (self, reply->session, &header, NULL, 0, reply->command == STP_BYE);
    zmq_msg_close (&header);
}

static bool
s_is_list (stp_command_t command)
{
    return command == STP_TASK || command == STP_OUTCOME || command == STP_STALE
           || command == STP_REVOKE;
}

void
outbox_take (outbox_t *self, effects_t *effects)
{
    uint64_t gate = journal_gate (self->journal);
    for (size_t index = 0; index < effects->count; index++) {
        const reply_t *reply = &effects->replies [index];
        uint64_t peer = peers_of (self->with.peers, reply->session);
        if (!peer)
            continue;
        if (s_is_list ((stp_command_t) reply->command))
            s_add (self, reply, peer, gate);
        else
            s_put (self, reply, gate);
    }
    effects->count = 0;
}

//  ---------------------------------------------------------------------------------
//  Release

static void
s_release_letters (outbox_t *self, uint64_t durable)
{
    while (self->letters_first < self->letters_next) {
        s_letter_t *letter = s_letter (self, self->letters_first);
        if (letter->gate > durable)
            return;
        self->letters_first++;
        self->waiting -= letter->bytes;
        if (peers_of (self->with.peers, letter->session) == letter->peer)
            s_send (self, letter->session, &letter->header, letter->frames,
                    letter->frame_count, false);
        s_close_letter (letter);
    }
}

void
outbox_release (outbox_t *self, uint64_t durable)
{
    for (uint32_t index = 0; index < self->now_count; index++) {
        uint32_t session = self->now [index];
        self->boxes [session].listed_now = false;
        s_close (self, session, &self->boxes [session].now, UINT64_MAX);
    }
    self->now_count = 0;

    s_release_letters (self, durable);
    uint32_t kept = 0;
    for (uint32_t index = 0; index < self->later_count; index++) {
        uint32_t session = self->later [index];
        s_box_t *box = &self->boxes [session];
        if (box->later.peer && box->later.gate > durable) {
            self->later [kept++] = session;
            continue;
        }
        box->listed_later = false;
        s_close (self, session, &box->later, durable);
    }
    self->later_count = kept;
}
