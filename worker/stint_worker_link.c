//  stint_worker_link: the thread of a worker that talks with the broker
//  SPDX-License-Identifier: MPL-2.0
//
//  One connection is one DEALER. It begins with READY, which is queued while libzmq still
//  connects, and everything else goes behind it. When the connection fails, ends or falls
//  silent, the socket is closed and a new one made after a wait; what was not acknowledged
//  is sent again behind its READY.

#include "stint_worker_inside.h"

#define TURN_MAX 256  //  Messages of one side before the other's turn

static int64_t
s_clock (void)
{
    return zclock_mono ();
}

static int64_t
s_sooner (int64_t one, int64_t other)
{
    return one < other ? one : other;
}

//  A linear congruential generator (Knuth, MMIX): jitter needs no better one.

static uint64_t
s_chance (stint_line_t *self)
{
    self->chance = self->chance * 6364136223846793005u + 1442695040888963407u;
    return self->chance >> 33;
}

//  ---------------------------------------------------------------------------------
//  Connections

static void
s_set (void *socket, int option, int value)
{
    int rc = zmq_setsockopt (socket, option, &value, sizeof value);
    assert (rc == 0);
}

//  How much travels is bounded by our credit, so the high-water mark for sending is off:
//  what it would hold back is kept by us anyway, until it is acknowledged.

static void
s_configure (void *dealer, const char *endpoint)
{
    static const int options [][2] = {
        {ZMQ_LINGER, 0},
        {ZMQ_SNDHWM, 0},
        {ZMQ_RCVHWM, 1000},
        {ZMQ_RECONNECT_IVL, -1},
        {ZMQ_HANDSHAKE_IVL, STINT_LINK_CONNECT_MS},
        {ZMQ_HEARTBEAT_IVL, 1000},
        {ZMQ_HEARTBEAT_TTL, 3000},
        {ZMQ_HEARTBEAT_TIMEOUT, 3000},
        {ZMQ_TCP_KEEPALIVE, 1},
    };
    for (size_t index = 0; index < sizeof options / sizeof options [0]; index++)
        s_set (dealer, options [index][0], options [index][1]);
    if (strchr (endpoint, '['))
        s_set (dealer, ZMQ_IPV6, 1);
    int64_t most = (int64_t) (STINT_PAYLOAD_MAX + STINT_HEADER_MAX);
    int rc = zmq_setsockopt (dealer, ZMQ_MAXMSGSIZE, &most, sizeof most);
    assert (rc == 0);
}

static void
s_close (stint_line_t *self, int linger_ms)
{
    if (!self->dealer)
        return;
    stint_monitor_destroy (&self->monitor);
    s_set (self->dealer, ZMQ_LINGER, linger_ms);
    zmq_close (self->dealer);
    self->dealer = NULL;
    self->ready = false;
    self->unsent = self->first;
}

static void
s_connect (stint_line_t *self)
{
    const char *endpoint = self->settings->endpoint;
    self->dealer = zmq_socket (zsys_init (), ZMQ_DEALER);
    if (!self->dealer) {
        stint_link_give_up (self, "cannot make a socket: %s", zmq_strerror (zmq_errno ()));
        return;
    }
    s_configure (self->dealer, endpoint);
    self->monitor = stint_monitor_new (self->dealer, endpoint);
    self->link = STINT_LINK_TRYING;
    self->connect_until = self->now + STINT_LINK_CONNECT_MS;
    self->doubt_at = self->now + STINT_HEARTBEAT_MS;
    stint_peer_start (&self->peer, self->now, STINT_HEARTBEAT_MS, STINT_LIVENESS);
    bool known =
        strncmp (endpoint, "tcp://", 6) == 0 || strncmp (endpoint, "ipc://", 6) == 0;
    if (!known || zmq_connect (self->dealer, endpoint) != 0)
        stint_link_give_up (self, "%s is not an endpoint (tcp://HOST:PORT or ipc://PATH)",
                            endpoint);
    else
        stint_link_send_ready (self);
}

//  Ends a connection that is of no use, and plans the next.

static void
s_reset (stint_line_t *self)
{
    s_close (self, 0);
    self->broken = false;
    self->retry_at = self->now + stint_peer_backoff (self->failed++, s_chance (self));
    stint_link_tell (self, false, self->cause);
}

//  What came before a connection ended still counts.

static void
s_on_monitor (stint_line_t *self)
{
    stint_link_t before = self->link;
    self->link = stint_monitor_poll (self->monitor);
    if (self->link == STINT_LINK_UP && before != STINT_LINK_UP) {
        self->peer.heard_at = self->now;
        self->peer.sent_at = self->now;
    }
    if (self->link != STINT_LINK_FAILED && self->link != STINT_LINK_LOST)
        return;
    while (stint_link_receive (self)) {
        //  Each message has had its effect
    }
    stint_link_give_up (self, "%s", stint_monitor_cause (self->monitor));
}

//  ---------------------------------------------------------------------------------
//  From the caller

static void
s_take_results (stint_line_t *self, stint_outbox_t *outbox)
{
    outbox->next = NULL;
    *(self->last ? &self->last->next : &self->first) = outbox;
    self->last = outbox;
    if (!self->unsent)
        self->unsent = outbox;
    stint_link_send_results (self);
}

static void
s_look_into_slot (stint_line_t *self)
{
    self->look_at = 0;
    stint_outbox_t *outbox = atomic_exchange (self->settings->slot, NULL);
    if (!outbox)
        return;
    stint_outbox_seal (outbox);
    s_take_results (self, outbox);
}

static void
s_take_returns (stint_line_t *self, stint_refs_t *refs)
{
    stint_link_drop (self, refs);
    stint_link_send_return (self, refs);
    stint_refs_destroy (&refs);
}

static void
s_on_note (stint_line_t *self, stint_note_t *note)
{
    switch (note->kind) {
        case STINT_NOTE_RESULTS:
            s_take_results (self, note->pointer);
            break;
        case STINT_NOTE_WAITING:
            if (!self->look_at)
                self->look_at = self->now + STINT_LINK_LOOK_MS;
            break;
        case STINT_NOTE_RETURN:
            s_take_returns (self, note->pointer);
            break;
        case STINT_NOTE_CAPACITY:
            self->capacity = (uint32_t) note->number;
            if (self->dealer)
                stint_link_send_credit (self);
            break;
        case STINT_NOTE_TASKS:
        case STINT_NOTE_LOST:
        case STINT_NOTE_STATUS:
        case STINT_NOTE_BACKLOG:
        default:
            assert (false);
    }
}

static bool
s_take_note (stint_line_t *self)
{
    stint_note_t note;
    if (!stint_note_receive (self->settings->pair, &note))
        return false;
    s_on_note (self, &note);
    return true;
}

//  The actor is told to end ($TERM), after the caller's last note.

static void
s_on_term (stint_line_t *self, zsock_t *pipe)
{
    char *command = zstr_recv (pipe);
    freen (command);
    while (s_take_note (self)) {
        //  Nothing of the caller is left behind
    }
    self->finishing = true;
    self->finish_at = self->now + STINT_LINK_FINISH_MS;
    self->capacity = 0;
    if (self->dealer)
        stint_link_send_credit (self);
}

//  ---------------------------------------------------------------------------------
//  The turn

static int64_t
s_deadline (const stint_line_t *self)
{
    int64_t deadline = self->now + STINT_HEARTBEAT_MS;
    if (!self->dealer)
        deadline = s_sooner (deadline, self->retry_at);
    else if (self->link == STINT_LINK_UP)
        deadline =
            s_sooner (stint_peer_beat_at (&self->peer), stint_peer_gone_at (&self->peer));
    else
        deadline = s_sooner (deadline, self->connect_until);
    if (self->look_at)
        deadline = s_sooner (deadline, self->look_at);
    if (self->finishing)
        deadline = s_sooner (deadline, self->finish_at);
    return deadline;
}

//  What is due by the clock, on a connection.

static void
s_on_time (stint_line_t *self)
{
    if (self->link == STINT_LINK_UP) {
        if (self->now >= stint_peer_gone_at (&self->peer))
            stint_link_give_up (self, "the broker at %s does not answer",
                                self->settings->endpoint);
        else if (self->now >= stint_peer_beat_at (&self->peer))
            stint_link_send_bare (self, STP_HEARTBEAT);
        return;
    }
    if (self->now >= self->connect_until)
        stint_link_give_up (self, "%s", stint_monitor_cause (self->monitor));
    if (self->doubt_at && self->now >= self->doubt_at) {
        self->doubt_at = 0;
        stint_link_tell (self, false, stint_monitor_cause (self->monitor));
    }
}

//  Waits until something comes or is due, then takes in what came. A wait that took much
//  longer than it should means that we were stopped ourselves: the broker is not to blame.

static void
s_wait (stint_line_t *self, zsock_t *pipe)
{
    int64_t deadline = s_deadline (self);
    int64_t timeout = deadline > self->now ? deadline - self->now : 0;
    zmq_pollitem_t items [] = {
        {self->finishing ? self->settings->pair : zsock_resolve (pipe), 0, ZMQ_POLLIN, 0},
        {self->settings->pair, 0, ZMQ_POLLIN, 0},
        {self->dealer, 0, ZMQ_POLLIN, 0},
        {self->dealer ? stint_monitor_socket (self->monitor) : NULL, 0, ZMQ_POLLIN, 0},
    };
    zmq_poll (items, self->dealer ? 4 : 2, timeout);
    self->now = s_clock ();
    if (self->now > deadline + self->peer.heartbeat_ms)
        stint_peer_forgive (&self->peer, self->now - deadline);

    for (int left = TURN_MAX; left > 0 && s_take_note (self); left--)
        continue;
    for (int left = TURN_MAX; left > 0 && self->dealer && stint_link_receive (self); left--)
        continue;
    if (self->dealer && items [3].revents)
        s_on_monitor (self);
    if (!self->finishing && items [0].revents)
        s_on_term (self, pipe);
}

static bool
s_is_finished (const stint_line_t *self)
{
    return self->finishing && (!self->first || self->now >= self->finish_at);
}

static void
s_turn (stint_line_t *self, zsock_t *pipe)
{
    s_wait (self, pipe);
    if (self->look_at && self->now >= self->look_at)
        s_look_into_slot (self);
    if (self->dealer)
        s_on_time (self);
    else if (self->now >= self->retry_at && !self->finishing)
        s_connect (self);
    else if (self->now >= self->retry_at && self->first)
        s_connect (self);
    if (self->broken)
        s_reset (self);
}

static void
s_end (stint_line_t *self)
{
    if (self->dealer && self->link == STINT_LINK_UP)
        stint_link_send_bare (self, STP_BYE);
    s_close (self, STINT_LINK_LINGER_MS);
    while (self->first) {
        stint_outbox_t *outbox = self->first;
        self->first = outbox->next;
        stint_outbox_destroy (&outbox);
    }
    stint_held_destroy (&self->held);
    stint_writer_clear (&self->writer);
    free (self);
}

void
stint_link_actor (zsock_t *pipe, void *argument)
{
    stint_line_t *self = zmalloc (sizeof *self);
    self->settings = argument;
    self->capacity = self->settings->capacity;
    self->chance = self->settings->worker;
    self->request = READY_REQUESTS;
    self->held = stint_held_new ();
    self->now = s_clock ();
    self->retry_at = self->now;
    self->peer.heartbeat_ms = STINT_HEARTBEAT_MS;
    zsock_signal (pipe, 0);
    s_connect (self);
    if (self->broken)
        s_reset (self);
    while (!s_is_finished (self))
        s_turn (self, pipe);
    s_end (self);
}
