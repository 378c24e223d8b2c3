//  stint_socket: calls of libzmq that a signal does not end
//  SPDX-License-Identifier: MPL-2.0

#include "stint_socket.h"

#include <errno.h>
#include <stdbool.h>

//  Returns true when a call has failed for nothing but a signal.

static bool
s_interrupted (int rc)
{
    return rc == -1 && zmq_errno () == EINTR;
}

int
stint_socket_connect (void *socket, const char *endpoint)
{
    int rc;
    do
        rc = zmq_connect (socket, endpoint);
    while (s_interrupted (rc));
    return rc;
}

int
stint_socket_tell (void *socket, const char *endpoint)
{
    int rc;
    do
        rc = zmq_socket_monitor (socket, endpoint, ZMQ_EVENT_ALL);
    while (s_interrupted (rc));
    return rc;
}

int
stint_socket_send_bytes (void *socket, const void *bytes, size_t size, int flags)
{
    int rc;
    do
        rc = zmq_send (socket, bytes, size, flags);
    while (s_interrupted (rc));
    return rc;
}

int
stint_socket_send (void *socket, zmq_msg_t *frame, int flags)
{
    int rc;
    do
        rc = zmq_msg_send (frame, socket, flags);
    while (s_interrupted (rc));
    return rc;
}

int
stint_socket_receive (void *socket, zmq_msg_t *frame, int flags)
{
    int rc;
    do
        rc = zmq_msg_recv (frame, socket, flags);
    while (s_interrupted (rc));
    return rc;
}

int
stint_socket_events (void *socket)
{
    int events = 0;
    int rc;
    do {
        size_t size = sizeof events;
        rc = zmq_getsockopt (socket, ZMQ_EVENTS, &events, &size);
    } while (s_interrupted (rc));
    return rc == 0 ? events : 0;
}

void
stint_socket_end_context (void *context)
{
    int rc;
    do
        rc = zmq_ctx_term (context);
    while (s_interrupted (rc));
}
