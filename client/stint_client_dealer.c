//  stint_client_dealer: the client's connection: one DEALER, heartbeats, reconnecting
//  SPDX-License-Identifier: MPL-2.0

#include "stint_client_dealer.h"
#include "stint_socket.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

//  Our own windows bound what is under way; the socket's limits are never what does it.
#define HWM 20000

//  libzmq tries again by itself for as long as the socket lives.
#define RETRY_MS 100
#define RETRY_MAX_MS 2000

//  How long what was sent may still leave after stint_dealer_stop.
#define LINGER_MS 1000

//  Messages that one call of stint_dealer_receive passes over at most.
#define BURST 256

//  Nobody looked after the connection for so long: it may have ended meanwhile.
#define AWAY_MS 100

//  Packets that are kept to be used again.
#define SPARE_MAX 64

//  What a broker may ask for between two heartbeats, and how many may be missed.
#define HEARTBEAT_MIN_MS 10
#define HEARTBEAT_MAX_MS 600000
#define LIVENESS_MAX 1000

int64_t
stint_dealer_now_us (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
stint_dealer_now (void)
{
    return stint_dealer_now_us () / 1000;
}

uint64_t
stint_dealer_random (void)
{
    uint64_t number = 0;
    while (number == 0) {
        if (getrandom (&number, sizeof number, 0) != (ssize_t) sizeof number)
            number = 0;
    }
    return number;
}

//  ---------------------------------------------------------------------------------
//  Packets that wait to be used again

stint_packet_t *
stint_dealer_packet (stint_dealer_t *self)
{
    stint_packet_t *packet = self->spare;
    if (!packet)
        return stint_packet_new ();
    self->spare = packet->next;
    self->spare_count--;
    packet->next = NULL;
    return packet;
}

void
stint_dealer_release (stint_dealer_t *self, stint_packet_t **packet_p)
{
    stint_packet_t *packet = *packet_p;
    if (!packet)
        return;
    if (self->spare_count == SPARE_MAX)
        stint_packet_destroy (&packet);
    else {
        stint_packet_empty (packet);
        packet->next = self->spare;
        self->spare = packet;
        self->spare_count++;
    }
    *packet_p = NULL;
}

//  ---------------------------------------------------------------------------------
//  The socket

static void
s_set_options (void *socket)
{
    static const struct {
        int option;
        int value;
    } options [] = {
        {ZMQ_IMMEDIATE, 1},
        {ZMQ_LINGER, 0},
        {ZMQ_SNDHWM, HWM},
        {ZMQ_RCVHWM, 0},  //  Windows bound it; at a bound of its own libzmq may abort
        {ZMQ_RECONNECT_IVL, RETRY_MS},
        {ZMQ_RECONNECT_IVL_MAX, RETRY_MAX_MS},
        {ZMQ_HANDSHAKE_IVL, 5000},
        {ZMQ_HEARTBEAT_IVL, 5000},
        {ZMQ_HEARTBEAT_TIMEOUT, 15000},
        {ZMQ_HEARTBEAT_TTL, 15000},
        {ZMQ_TCP_KEEPALIVE, 1},
        {ZMQ_TCP_KEEPALIVE_IDLE, 60},
    };
    for (size_t index = 0; index < sizeof options / sizeof options [0]; index++) {
        int rc = zmq_setsockopt (socket, options [index].option, &options [index].value,
                                 sizeof (int));
        assert (rc == 0);
    }
    int64_t size_max = (int64_t) STINT_PAYLOAD_MAX;
    int rc = zmq_setsockopt (socket, ZMQ_MAXMSGSIZE, &size_max, sizeof size_max);
    assert (rc == 0);
}

//  Keeps what is known of why this socket does not work, for the time without one.

static void
s_keep_cause (stint_dealer_t *self)
{
    stint_status_t status = STINT_ERR_UNREACHABLE;
    const char *cause = stint_dealer_cause (self, &status);
    if (cause != self->cause)
        snprintf (self->cause, sizeof self->cause, "%s", cause);
    self->status = status;
}

static void
s_close (stint_dealer_t *self, int64_t now)
{
    stint_monitor_destroy (&self->monitor);
    zmq_close (self->socket);
    self->socket = NULL;
    self->up = false;
    self->heard = false;
    self->closed_at = now;
}

//  No socket could be had, or libzmq does not take the endpoint.

static void
s_refuse (stint_dealer_t *self, int64_t now, int error)
{
    self->invalid = error == EINVAL || error == EPROTONOSUPPORT || error == ENAMETOOLONG
                    || error == ENODEV || error == ENOCOMPATPROTO;
    self->status = self->invalid ? STINT_ERR_INVALID : STINT_ERR_UNREACHABLE;
    snprintf (self->cause, sizeof self->cause, "%s", zmq_strerror (error));
    if (self->socket)
        s_close (self, now);
    self->retry_at = now + STINT_RECONNECT_MS;
}

static void
s_open (stint_dealer_t *self, int64_t now)
{
    if (!self->context)
        self->context = zmq_ctx_new ();
    self->socket = self->context ? zmq_socket (self->context, ZMQ_DEALER) : NULL;
    if (!self->socket) {
        s_refuse (self, now, EMFILE);
        return;
    }
    s_set_options (self->socket);
    self->monitor = stint_monitor_new (self->context, self->socket, self->endpoint);
    if (!self->monitor || stint_socket_connect (self->socket, self->endpoint) != 0) {
        s_refuse (self, now, self->monitor ? zmq_errno () : EMFILE);
        return;
    }
    self->ignored = 0;
    self->byes = 0;
    stint_peer_start (&self->peer, now, self->peer.heartbeat_ms, self->peer.liveness);
}

void
stint_dealer_start (stint_dealer_t *self, const char *endpoint)
{
    memset (self, 0, sizeof *self);
    self->endpoint = strdup (endpoint);
    if (!self->endpoint)
        abort ();
    self->peer.heartbeat_ms = STINT_HEARTBEAT_MS;
    self->peer.liveness = STINT_LIVENESS;
    self->left_at = stint_dealer_now ();
    if (strncmp (endpoint, "ipc://", 6) == 0 || strncmp (endpoint, "tcp://", 6) == 0
        || strncmp (endpoint, "inproc://", 9) == 0)
        s_open (self, self->left_at);
    else {
        self->invalid = true;
        snprintf (self->cause, sizeof self->cause, "it must begin with ipc:// or tcp://");
    }
}

void
stint_dealer_stop (stint_dealer_t *self)
{
    if (self->socket) {
        if (self->heard) {
            uint8_t bye [] = {'S', 'T', 'P', STINT_WIRE_VERSION, STP_BYE};
            int linger = LINGER_MS;
            zmq_setsockopt (self->socket, ZMQ_LINGER, &linger, sizeof linger);
            stint_dealer_send_bytes (self, (stint_bytes_t){bye, sizeof bye});
        }
        if (self->socket)
            s_close (self, 0);
    }
    while (self->spare) {
        stint_packet_t *packet = self->spare;
        self->spare = packet->next;
        stint_packet_destroy (&packet);
    }
    if (self->context)
        stint_socket_end_context (self->context);
    free (self->endpoint);
    memset (self, 0, sizeof *self);
}

//  ---------------------------------------------------------------------------------
//  Connecting, and noticing that it is over

//  What is unanswered has to be sent again, all of it.

static void
s_renew (stint_dealer_t *self)
{
    self->session++;
    self->greeting++;
}

static void
s_rise (stint_dealer_t *self, int64_t now)
{
    self->up = true;
    self->greeted = false;
    self->ended = stint_monitor_ended (self->monitor);
    stint_peer_sent (&self->peer, now);
    s_renew (self);
}

static void
s_lose (stint_dealer_t *self, int64_t now)
{
    s_keep_cause (self);
    s_close (self, now);
    self->retry_at = now + stint_peer_backoff (self->failed, stint_dealer_random ());
    self->failed++;
}

void
stint_dealer_lose (stint_dealer_t *self)
{
    if (self->socket)
        s_lose (self, stint_dealer_now ());
}

void
stint_dealer_enter (stint_dealer_t *self, int64_t now)
{
    int64_t away = now - self->left_at;
    stint_peer_forgive (&self->peer, away);
    self->left_at = now;
    self->version = 0;
    self->alive = self->heard;
    if (self->up && away > AWAY_MS && !(stint_socket_events (self->socket) & ZMQ_POLLOUT))
        self->up = false;

    //  A broker that has heard nothing for long may have forgotten what we asked for
    uint32_t beats = self->peer.liveness > 1 ? self->peer.liveness - 1 : 1;
    if (self->up && now - self->peer.sent_at >= (int64_t) self->peer.heartbeat_ms * beats)
        s_renew (self);
}

void
stint_dealer_hurry (stint_dealer_t *self, int64_t deadline)
{
    if (!self->socket && self->retry_at > deadline - STINT_RECONNECT_MS)
        self->retry_at = self->closed_at + STINT_RECONNECT_MS;
}

//  Does what is due, and returns when the next thing is.

static int64_t
s_keep (stint_dealer_t *self, int64_t now)
{
    if (self->invalid)
        return INT64_MAX;
    if (self->socket && now >= stint_peer_gone_at (&self->peer))
        s_lose (self, now);
    if (!self->socket && now >= self->retry_at)
        s_open (self, now);
    if (!self->socket)
        return self->retry_at;
    if (self->up && stint_monitor_ended (self->monitor) != self->ended)
        self->up = false;
    if (self->up && now >= stint_peer_beat_at (&self->peer)) {
        uint8_t beat [] = {'S', 'T', 'P', STINT_WIRE_VERSION, STP_HEARTBEAT};
        stint_dealer_send_bytes (self, (stint_bytes_t){beat, sizeof beat});
    }
    int64_t gone_at = stint_peer_gone_at (&self->peer);
    int64_t beat_at = stint_peer_beat_at (&self->peer);
    return self->up && beat_at < gone_at ? beat_at : gone_at;
}

//  Waits for a message. While a connection stands, the descriptor is enough to wait for;
//  but sending may have silenced it, so the socket is asked before. A wait that was for
//  nothing is a time to see whether the connection still stands.

static void
s_wait_up (stint_dealer_t *self, int span)
{
    if (stint_socket_events (self->socket) & ZMQ_POLLIN)
        return;
    struct pollfd item = {.events = POLLIN};
    size_t size = sizeof item.fd;
    int rc = zmq_getsockopt (self->socket, ZMQ_FD, &item.fd, &size);
    assert (rc == 0);
    if (poll (&item, 1, span) == 0 && !(stint_socket_events (self->socket) & ZMQ_POLLOUT))
        self->up = false;
}

//  Waits for a connection or a message.

static void
s_wait_down (stint_dealer_t *self, int span)
{
    zmq_pollitem_t item = {self->socket, 0, ZMQ_POLLIN | ZMQ_POLLOUT, 0};
    int count = zmq_poll (&item, self->socket ? 1 : 0, span);
    if (count > 0 && (item.revents & ZMQ_POLLOUT))
        s_rise (self, stint_dealer_now ());
}

void
stint_dealer_wait (stint_dealer_t *self, int64_t until)
{
    int64_t now = stint_dealer_now ();
    int64_t wake = s_keep (self, now);
    if (wake > until)
        wake = until;
    if (wake < now)
        wake = now;
    if (wake > now || !self->up) {
        int span = wake - now < INT_MAX ? (int) (wake - now) : INT_MAX;
        (self->up ? s_wait_up : s_wait_down) (self, span);
        now = stint_dealer_now ();
        if (now - wake > self->peer.heartbeat_ms)
            stint_peer_forgive (&self->peer, now - wake);  //  We were stalled ourselves
    }
    self->left_at = now;
}

//  ---------------------------------------------------------------------------------
//  Sending and receiving

//  Notes how a send went. One that broke in the middle of a message leaves the socket in a
//  state where it would swallow the next message, so such a socket is given up.

static bool
s_sent (stint_dealer_t *self, stint_packet_send_t sent)
{
    int64_t now = stint_dealer_now ();
    if (sent == STINT_PACKET_SENT) {
        stint_peer_sent (&self->peer, now);
        return true;
    }
    self->up = false;
    if (sent == STINT_PACKET_TORN)
        s_lose (self, now);
    return false;
}

bool
stint_dealer_send (stint_dealer_t *self, stint_packet_t *packet)
{
    return self->up && s_sent (self, stint_packet_send (packet, self->socket));
}

bool
stint_dealer_send_bytes (stint_dealer_t *self, stint_bytes_t bytes)
{
    stint_packet_t *packet = stint_dealer_packet (self);
    stint_packet_add (packet, bytes, (stint_bytes_t){NULL, 0});
    bool sent = stint_dealer_send (self, packet);
    stint_dealer_release (self, &packet);
    return sent;
}

//  The greeting of a connection comes once. Another one means that the broker has taken us
//  for gone, and knows nothing of what we asked for.

static void
s_on_heartbeat (stint_dealer_t *self, const stint_message_t *message)
{
    if (!stint_wire_has (message, 'u'))
        return;
    if (message->heartbeat >= HEARTBEAT_MIN_MS && message->heartbeat <= HEARTBEAT_MAX_MS)
        self->peer.heartbeat_ms = (uint32_t) message->heartbeat;
    if (message->liveness >= 1 && message->liveness <= LIVENESS_MAX)
        self->peer.liveness = (uint32_t) message->liveness;
    if (self->greeted)
        self->greeting++;
    self->greeted = true;
}

//  The broker does not know us, or stops. Begins again at once, but not twice in a row.

static void
s_on_bye (stint_dealer_t *self)
{
    self->greeted = false;
    if (self->byes++ == 0)
        s_renew (self);
    else
        stint_dealer_lose (self);
}

//  Returns true when the message is one for the caller.

static bool
s_on_message (stint_dealer_t *self, stint_packet_t *packet)
{
    stint_wire_status_t status = stint_packet_decode (packet);
    if (status == STINT_WIRE_VERSION_BAD)
        self->version = packet->bytes [0].data [3];
    if (status != STINT_WIRE_OK) {
        self->ignored++;
        return false;
    }
    self->heard = true;
    self->alive = true;
    self->failed = 0;
    stint_peer_heard (&self->peer, stint_dealer_now ());
    if (packet->message.command == STP_HEARTBEAT)
        s_on_heartbeat (self, &packet->message);
    else if (packet->message.command == STP_BYE)
        s_on_bye (self);
    else {
        self->byes = 0;
        return true;
    }
    return false;
}

stint_packet_t *
stint_dealer_receive (stint_dealer_t *self)
{
    for (size_t index = 0; self->socket && index < BURST; index++) {
        stint_packet_t *packet = stint_dealer_packet (self);
        bool received = stint_packet_receive (packet, self->socket);
        if (received && s_on_message (self, packet))
            return packet;
        stint_dealer_release (self, &packet);
        if (!received)
            break;
    }
    return NULL;
}

//  ---------------------------------------------------------------------------------
//  Telling

bool
stint_dealer_well (stint_dealer_t *self)
{
    if (!self->up || !self->heard)
        return false;
    stint_link_t link = stint_monitor_poll (self->monitor);
    return link != STINT_LINK_FAILED && link != STINT_LINK_LOST;
}

//  Writes a cause of our own.

static const char *
s_cause (stint_dealer_t *self, const char *what)
{
    snprintf (self->cause, sizeof self->cause, "%s %s", self->endpoint, what);
    return self->cause;
}

const char *
stint_dealer_cause (stint_dealer_t *self, stint_status_t *status)
{
    *status = self->status ? self->status : STINT_ERR_UNREACHABLE;
    if (!self->socket)
        return self->cause;
    *status = STINT_ERR_UNREACHABLE;
    if (self->ignored > 0 && !self->heard)
        return s_cause (self, "answers, but not in the protocol of stint");
    if (stint_monitor_poll (self->monitor) == STINT_LINK_UP)
        return s_cause (self, "is connected, but the broker does not answer");
    *status = stint_monitor_status (self->monitor);
    return stint_monitor_cause (self->monitor);
}

stint_status_t
stint_dealer_refusal (stint_bytes_t code)
{
    static const struct {
        const char *code;
        stint_status_t status;
    } refusals [] = {
        {"unknown", STINT_ERR_NOT_FOUND}, {"ended", STINT_ERR_INVALID},
        {"occupied", STINT_ERR_INVALID},  {"invalid", STINT_ERR_INVALID},
        {"malformed", STINT_ERR_INVALID}, {"denied", STINT_ERR_DENIED},
        {"draining", STINT_ERR_FULL},
    };
    for (size_t index = 0; index < sizeof refusals / sizeof refusals [0]; index++) {
        if (code.size == strlen (refusals [index].code)
            && memcmp (code.data, refusals [index].code, code.size) == 0)
            return refusals [index].status;
    }
    return STINT_ERR_PROTOCOL;
}
