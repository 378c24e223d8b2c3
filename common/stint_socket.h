//  stint_socket: calls of libzmq that a signal does not end
//  SPDX-License-Identifier: MPL-2.0
//
//  libzmq 4.3.4 looks into a socket's mailbox in almost every call, without waiting, and
//  still fails with EINTR when a signal is handled at that moment, even between two frames
//  of one message. Whoever embeds us may handle signals as they like, so the client and the
//  worker call libzmq through these, which try again. Everything else is as libzmq has it:
//  the value that is returned, zmq_errno and who owns a message.
//
//  The broker reads its signals from a descriptor and blocks them; it needs none of this.

#ifndef STINT_SOCKET_H
#define STINT_SOCKET_H

#include <zmq.h>

//  Begins to connect. Returns 0, or -1 when the endpoint is none (see zmq_connect).
int stint_socket_connect (void *socket, const char *endpoint);

//  Begins to tell at that endpoint of inproc what happens to a socket. Returns 0 or -1.
int stint_socket_tell (void *socket, const char *endpoint);

//  Sends one frame with a copy of these bytes. Returns their count or -1.
int stint_socket_send_bytes (void *socket, const void *bytes, size_t size, int flags);

//  Sends one frame; libzmq owns the message when this succeeds, and only then. Returns its
//  size or -1.
int stint_socket_send (void *socket, zmq_msg_t *frame, int flags);

//  Takes one frame, which belongs to the caller. Returns its size or -1.
int stint_socket_receive (void *socket, zmq_msg_t *frame, int flags);

//  Returns what a socket is ready for: ZMQ_POLLIN, ZMQ_POLLOUT, both or 0.
int stint_socket_events (void *socket);

//  Frees a context, after its last socket is closed and has sent what it lingers for.
void stint_socket_end_context (void *context);

#endif
