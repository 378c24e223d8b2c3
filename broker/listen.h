//  listen: the broker's socket, with libzmq set right, and the addresses it is bound to
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_LISTEN_H
#define BROKER_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

//  Creates the ROUTER with every setting that a broker cannot do without; listen.c says
//  why for each. Null with errno when libzmq has no more sockets.
void *listen_socket (void *context);

//  Binds to "ipc://PATH" or "tcp://HOST:PORT". A folder of our own is made when missing; a
//  socket file that nobody listens on any more is taken over. Writes what it is bound to
//  into bound, 256 bytes. Returns 0, or an exit code with one line in error: 69 the address
//  is taken or cannot be had, 78 it is no address that we listen on.
int listen_bind (void *router, const char *endpoint, bool insecure, char *bound,
                 char *error, size_t error_size);

#endif
