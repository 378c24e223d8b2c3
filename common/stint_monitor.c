//  stint_monitor: says why a DEALER does not reach its broker
//  SPDX-License-Identifier: MPL-2.0
//
//  What libzmq 4.3.4 tells, as measured:
//
//      nobody listens       CONNECT_DELAYED (tcp only), CLOSED, [CONNECT_RETRIED ...]
//      unknown host         nothing, or CONNECT_RETRIED
//      good                 CONNECTED, HANDSHAKE_SUCCEEDED
//      key not known        CONNECTED, HANDSHAKE_FAILED_AUTH 400, DISCONNECTED; never again
//      wrong server key     CONNECTED, HANDSHAKE_FAILED_NO_DETAIL EPIPE, retries
//      we have no key       CONNECTED, HANDSHAKE_FAILED_PROTOCOL; never again
//
//  It does not tell the errno of a connect that failed; a connect of our own, which never
//  waits, finds that out.

#include "stint_monitor.h"
#include "stint_socket.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CAUSE_MAX 512

struct stint_monitor {
    void *watched;           //  The socket; borrowed
    void *events;            //  PAIR on which libzmq tells what happened
    char *endpoint;          //  Where the socket connects to
    stint_link_t link;       //  As the last event has left it
    stint_status_t status;   //  Kind of the cause
    bool begun;              //  A connection is being made, or was
    bool connected;          //  There is a connection; the handshake may still go on
    uint64_t ended;          //  Connections that there were
    char cause [CAUSE_MAX];  //  Text for people
};

stint_monitor_t *
stint_monitor_new (void *context, void *socket, const char *endpoint)
{
    assert (context && socket && endpoint);
    stint_monitor_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->watched = socket;
    self->endpoint = strdup (endpoint);
    if (!self->endpoint)
        abort ();
    self->status = STINT_ERR_UNREACHABLE;

    //  The name of a monitor that was closed a moment ago may still be taken
    char name [64];
    int rc;
    unsigned number = 0;
    do {
        snprintf (name, sizeof name, "inproc://stint-monitor-%p-%u", (void *) self,
                  number++);
        rc = stint_socket_tell (socket, name);
    } while (rc != 0 && zmq_errno () == EADDRINUSE);
    self->events = rc == 0 ? zmq_socket (context, ZMQ_PAIR) : NULL;
    if (!self->events) {
        stint_monitor_destroy (&self);
        return NULL;
    }
    int none = 0;
    zmq_setsockopt (self->events, ZMQ_LINGER, &none, sizeof none);
    rc = stint_socket_connect (self->events, name);
    assert (rc == 0);
    return self;
}

void
stint_monitor_destroy (stint_monitor_t **self_p)
{
    assert (self_p);
    stint_monitor_t *self = *self_p;
    if (!self)
        return;
    zmq_socket_monitor (self->watched, NULL, 0);
    if (self->events)
        zmq_close (self->events);
    free (self->endpoint);
    free (self);
    *self_p = NULL;
}

void *
stint_monitor_socket (stint_monitor_t *self)
{
    return self->events;
}

static void __attribute__ ((format (printf, 4, 5)))
s_become (stint_monitor_t *self, stint_link_t link, stint_status_t status,
          const char *format, ...)
{
    self->link = link;
    self->status = status;
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (self->cause, sizeof self->cause, format, arguments);
    va_end (arguments);
}

//  Connects to the address and returns the errno that comes at once, or 0.

static int
s_connect_errno (const struct sockaddr *address, socklen_t size)
{
    int handle = socket (address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (handle < 0)
        return 0;
    int error = connect (handle, address, size) == 0 ? 0 : errno;
    close (handle);
    return error == EINPROGRESS ? 0 : error;
}

static int
s_ipc_errno (const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen (path);
    if (size >= sizeof address.sun_path)
        return ENAMETOOLONG;
    memcpy (address.sun_path, path, size);
    bool is_abstract = path [0] == '@';
    if (is_abstract)
        address.sun_path [0] = '\0';
    socklen_t taken = (socklen_t) (offsetof (struct sockaddr_un, sun_path) + size
                                   + (is_abstract ? 0 : 1));
    return s_connect_errno ((struct sockaddr *) &address, taken);
}

//  Names are not looked up here, because that may take long: only numeric addresses.

static int
s_tcp_errno (const char *address)
{
    const char *colon = strrchr (address, ':');
    char host [64];
    if (!colon || (size_t) (colon - address) >= sizeof host)
        return 0;
    bool bracketed = address [0] == '[' && colon > address + 1 && colon [-1] == ']';
    snprintf (host, sizeof host, "%.*s", (int) (colon - address) - (bracketed ? 2 : 0),
              address + (bracketed ? 1 : 0));
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo (host, colon + 1, &hints, &found) != 0)
        return 0;
    int error = s_connect_errno (found->ai_addr, found->ai_addrlen);
    freeaddrinfo (found);
    return error;
}

static const char *
s_path (const stint_monitor_t *self, const char *scheme)
{
    size_t size = strlen (scheme);
    return strncmp (self->endpoint, scheme, size) == 0 ? self->endpoint + size : NULL;
}

static void
s_on_closed (stint_monitor_t *self)
{
    const char *ipc = s_path (self, "ipc://");
    const char *tcp = s_path (self, "tcp://");
    int error = ipc ? s_ipc_errno (ipc) : tcp ? s_tcp_errno (tcp) : 0;
    if (error == 0)
        error = ECONNREFUSED;
    const char *why = error == ECONNREFUSED ? "connection refused"
                      : error == ENOENT     ? "no such socket"
                      : error == EACCES     ? "permission denied"
                                            : strerror (error);
    s_become (self, STINT_LINK_FAILED, STINT_ERR_UNREACHABLE,
              "cannot reach the broker at %s: %s", self->endpoint, why);
}

static void
s_on_disconnected (stint_monitor_t *self)
{
    if (self->link == STINT_LINK_UP)
        s_become (self, STINT_LINK_LOST, STINT_ERR_UNREACHABLE,
                  "the connection to the broker at %s ended", self->endpoint);
    else if (self->link == STINT_LINK_TRYING)
        s_become (self, STINT_LINK_FAILED, STINT_ERR_UNREACHABLE,
                  "%s closes the connection without a greeting", self->endpoint);
    self->connected = false;
    self->ended++;
}

static bool
s_has_key (const stint_monitor_t *self)
{
    int mechanism = ZMQ_NULL;
    size_t size = sizeof mechanism;
    zmq_getsockopt (self->watched, ZMQ_MECHANISM, &mechanism, &size);
    return mechanism == ZMQ_CURVE;
}

static void
s_on_no_detail (stint_monitor_t *self, uint32_t error)
{
    if (s_has_key (self))
        s_become (self, STINT_LINK_FAILED, STINT_ERR_DENIED,
                  "the broker at %s is not the one this key file names", self->endpoint);
    else
        s_become (self, STINT_LINK_FAILED, STINT_ERR_UNREACHABLE,
                  "the handshake with %s failed: %s", self->endpoint,
                  strerror ((int) error));
}

static void
s_on_auth (stint_monitor_t *self, uint32_t code)
{
    if (code == 400)
        s_become (self, STINT_LINK_FAILED, STINT_ERR_DENIED,
                  "the broker at %s does not know this key", self->endpoint);
    else
        s_become (self, STINT_LINK_FAILED, STINT_ERR_UNREACHABLE,
                  "the broker at %s cannot check keys now (ZAP %u)", self->endpoint, code);
}

static void
s_on_protocol (stint_monitor_t *self, uint32_t code)
{
    if (code == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
        s_become (self, STINT_LINK_FAILED, STINT_ERR_DENIED,
                  s_has_key (self) ? "the broker at %s does not use keys"
                                   : "the broker at %s asks for encryption; give a key",
                  self->endpoint);
    else
        s_become (self, STINT_LINK_FAILED, STINT_ERR_PROTOCOL,
                  "what answers at %s does not speak ZeroMQ as a broker does (0x%08x)",
                  self->endpoint, code);
}

static void
s_on_begin (stint_monitor_t *self, bool connected)
{
    self->begun = true;
    self->connected = connected;
    if (connected)
        self->link = STINT_LINK_TRYING;
}

static void
s_on_event (stint_monitor_t *self, uint16_t event, uint32_t value)
{
    switch (event) {
        case ZMQ_EVENT_CONNECT_DELAYED:
            s_on_begin (self, false);
            break;
        case ZMQ_EVENT_CONNECTED:
            s_on_begin (self, true);
            break;
        case ZMQ_EVENT_CLOSED:
            s_on_closed (self);
            break;
        case ZMQ_EVENT_DISCONNECTED:
            s_on_disconnected (self);
            break;
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
            s_become (self, STINT_LINK_UP, STINT_OK, "%s", "");
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            s_on_no_detail (self, value);
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
            s_on_auth (self, value);
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
            s_on_protocol (self, value);
            break;
        default:
            break;
    }
}

//  An event is two frames: number and value, then the endpoint.

static bool
s_take_event (stint_monitor_t *self)
{
    uint16_t event;
    uint32_t value;
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    int size = stint_socket_receive (self->events, &frame, ZMQ_DONTWAIT);
    bool taken = size == (int) (sizeof event + sizeof value);
    if (taken) {
        memcpy (&event, zmq_msg_data (&frame), sizeof event);
        memcpy (&value, (uint8_t *) zmq_msg_data (&frame) + sizeof event, sizeof value);
        stint_socket_receive (self->events, &frame, ZMQ_DONTWAIT);
        s_on_event (self, event, value);
    }
    zmq_msg_close (&frame);
    return taken;
}

stint_link_t
stint_monitor_poll (stint_monitor_t *self)
{
    assert (self);
    while (s_take_event (self)) {
        //  Each one has changed the state
    }
    return self->link;
}

uint64_t
stint_monitor_ended (stint_monitor_t *self)
{
    stint_monitor_poll (self);
    return self->ended;
}

stint_status_t
stint_monitor_status (const stint_monitor_t *self)
{
    return self->status;
}

const char *
stint_monitor_cause (stint_monitor_t *self)
{
    if (self->link != STINT_LINK_TRYING)
        return self->cause;
    if (self->connected)
        snprintf (self->cause, sizeof self->cause,
                  "%s accepts connections but does not "
                  "answer as a broker",
                  self->endpoint);
    else if (self->begun || !s_path (self, "tcp://"))
        snprintf (self->cause, sizeof self->cause,
                  "cannot reach the broker at %s: timed out", self->endpoint);
    else
        snprintf (self->cause, sizeof self->cause,
                  "cannot reach the broker at %s: timed "
                  "out, or its name is not known",
                  self->endpoint);
    return self->cause;
}
