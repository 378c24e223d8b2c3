//  stint_worker_link: the line from a worker to its broker
//  SPDX-License-Identifier: MPL-2.0
//
//  One connection is one DEALER. It begins with READY, which is queued while libzmq still
//  connects, and everything else goes behind it. When the connection fails, ends or falls
//  silent, the socket is closed and a new one made after a wait; what was not acknowledged
//  is sent again behind its READY.

#include "stint_socket.h"
#include "stint_worker_inside.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define TURN_MAX 256  //  Messages that one turn takes in

int64_t
stint_line_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
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
        {ZMQ_RCVHWM, 0},  //  Credit bounds it; at a bound of its own libzmq may abort
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

//  The descriptor of a socket, which is watched from now on, or not any more.

static int
s_watch (stint_line_t *self, void *socket, int operation)
{
    int descriptor = -1;
    size_t size = sizeof descriptor;
    int rc = zmq_getsockopt (socket, ZMQ_FD, &descriptor, &size);
    assert (rc == 0);
    struct epoll_event event = {.events = EPOLLIN};
    rc = epoll_ctl (self->settings->watch_fd, operation, descriptor, &event);
    assert (rc == 0);
    return descriptor;
}

static void
s_close (stint_line_t *self, int linger_ms)
{
    if (!self->dealer)
        return;
    s_watch (self, stint_monitor_socket (self->monitor), EPOLL_CTL_DEL);
    s_watch (self, self->dealer, EPOLL_CTL_DEL);
    stint_monitor_destroy (&self->monitor);
    s_set (self->dealer, ZMQ_LINGER, linger_ms);
    zmq_close (self->dealer);
    self->dealer = NULL;
    self->dealer_fd = self->monitor_fd = -1;
    self->ready = false;
    self->unsent = self->first;
}

//  Makes a socket with its monitor. Returns false when no descriptor is left.

static bool
s_open (stint_line_t *self)
{
    const char *endpoint = self->settings->endpoint;
    if (!self->context)
        self->context = zmq_ctx_new ();
    self->dealer = self->context ? zmq_socket (self->context, ZMQ_DEALER) : NULL;
    if (!self->dealer)
        return false;
    s_configure (self->dealer, endpoint);
    self->monitor = stint_monitor_new (self->context, self->dealer, endpoint);
    if (!self->monitor) {
        zmq_close (self->dealer);
        self->dealer = NULL;
        return false;
    }
    self->dealer_fd = s_watch (self, self->dealer, EPOLL_CTL_ADD);
    self->monitor_fd = s_watch (self, stint_monitor_socket (self->monitor), EPOLL_CTL_ADD);
    return true;
}

static void
s_connect (stint_line_t *self)
{
    const char *endpoint = self->settings->endpoint;
    if (!s_open (self)) {
        stint_link_give_up (self, "cannot make a socket: %s", zmq_strerror (EMFILE));
        return;
    }
    self->link = STINT_LINK_TRYING;
    self->connect_until = self->now + STINT_LINK_CONNECT_MS;
    self->doubt_at = self->now + STINT_HEARTBEAT_MS;
    stint_peer_start (&self->peer, self->now, STINT_HEARTBEAT_MS, STINT_LIVENESS);
    bool known =
        strncmp (endpoint, "tcp://", 6) == 0 || strncmp (endpoint, "ipc://", 6) == 0;
    if (!known || stint_socket_connect (self->dealer, endpoint) != 0)
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

void
stint_line_results (stint_line_t *self, stint_outbox_t *outbox)
{
    if (!outbox->sealed)
        stint_outbox_seal (outbox);
    outbox->next = NULL;
    *(self->last ? &self->last->next : &self->first) = outbox;
    self->last = outbox;
    if (!self->unsent)
        self->unsent = outbox;
    stint_link_send_results (self);
}

void
stint_line_return (stint_line_t *self, const stint_refs_t *refs)
{
    stint_link_drop (self, refs);
    stint_link_send_return (self, refs);
}

stint_words_t *
stint_line_words (stint_line_t *self)
{
    return &self->words;
}

bool
stint_line_has_word (stint_line_t *self)
{
    if (self->words.fresh)
        return false;
    self->words.fresh = true;
    if (!self->ready || self->words.at >= self->due)
        return false;
    int64_t now = stint_line_now ();
    int64_t before = self->due;
    self->due = s_sooner (before, self->words.at > now ? self->words.at : now);
    return self->due < before;
}

void
stint_line_set_name (stint_line_t *self, const char *name)
{
    snprintf (self->name, sizeof self->name, "%s", name);
}

void
stint_line_set_capacity (stint_line_t *self, uint32_t capacity)
{
    self->capacity = self->news.draining ? 0 : capacity;
    if (self->dealer)
        stint_link_send_credit (self);
}

void
stint_line_finish (stint_line_t *self)
{
    self->finishing = true;
    self->finish_at = stint_line_now () + STINT_LINK_FINISH_MS;
    stint_line_set_capacity (self, 0);
}

bool
stint_line_finished (const stint_line_t *self)
{
    return self->finishing && (!self->first || self->now >= self->finish_at);
}

stint_news_t *
stint_line_news (stint_line_t *self)
{
    return &self->news;
}

int64_t
stint_line_due (const stint_line_t *self)
{
    return self->due;
}

int
stint_line_dealer_fd (const stint_line_t *self)
{
    return self->dealer_fd;
}

int
stint_line_monitor_fd (const stint_line_t *self)
{
    return self->monitor_fd;
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
    if (self->finishing)
        deadline = s_sooner (deadline, self->finish_at);
    if (self->ready && self->words.fresh)
        deadline = s_sooner (deadline, self->words.at);
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
        else if (self->ready && self->words.fresh && self->now >= self->words.at)
            stint_link_send_progress (self);
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

//  Takes in what has come, a bounded number of messages. Returns false when there may be
//  more.

static bool
s_hear (stint_line_t *self)
{
    for (int left = TURN_MAX; left > 0; left--) {
        if (!self->dealer || !stint_link_receive (self))
            return true;
    }
    return false;
}

//  A turn that comes much later than it was due means that we were stopped ourselves: the
//  broker is not to blame.

void
stint_line_turn (stint_line_t *self, bool monitor)
{
    self->now = stint_line_now ();
    if (self->now > self->due + self->peer.heartbeat_ms)
        stint_peer_forgive (&self->peer, self->now - self->due);
    bool all = true;
    do {
        self->sent = false;
        all = s_hear (self);
        if (self->dealer && (monitor || self->link != STINT_LINK_UP))
            s_on_monitor (self);
        if (self->dealer)
            s_on_time (self);
        else if (self->now >= self->retry_at && (!self->finishing || self->first))
            s_connect (self);
        if (self->broken)
            s_reset (self);
    } while (all && self->sent);
    self->due = all ? s_deadline (self) : self->now;
}

//  ---------------------------------------------------------------------------------
//  Beginning and ending

stint_line_t *
stint_line_new (const stint_link_settings_t *settings, const char *name, uint32_t capacity)
{
    stint_line_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->settings = settings;
    self->capacity = capacity;
    stint_line_set_name (self, name);
    self->chance = settings->worker;
    self->request = READY_REQUESTS;
    self->held = stint_held_new ();
    self->dealer_fd = self->monitor_fd = -1;
    self->peer.heartbeat_ms = STINT_HEARTBEAT_MS;
    self->due = self->retry_at = stint_line_now ();
    snprintf (self->news.cause, sizeof self->news.cause, "not connected so far");
    stint_line_turn (self, true);
    return self;
}

void
stint_line_destroy (stint_line_t **self_p)
{
    assert (self_p);
    stint_line_t *self = *self_p;
    if (!self)
        return;
    if (self->dealer && self->link == STINT_LINK_UP)
        stint_link_send_bare (self, STP_BYE);
    s_close (self, STINT_LINK_LINGER_MS);
    if (self->context)
        stint_socket_end_context (self->context);
    while (self->first) {
        stint_outbox_t *outbox = self->first;
        self->first = outbox->next;
        stint_outbox_destroy (&outbox);
    }
    while (self->news.first) {
        stint_parcel_t *parcel = self->news.first;
        self->news.first = parcel->next;
        stint_parcel_destroy (&parcel);
    }
    stint_refs_clear (&self->news.lost);
    stint_held_destroy (&self->held);
    stint_writer_clear (&self->writer);
    free (self);
    *self_p = NULL;
}
