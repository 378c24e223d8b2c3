//  listen: the broker's socket, with libzmq set right, and the addresses it is bound to
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_LISTEN_H
#define BROKER_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

//  What an endpoint has to be, for people.
#define LISTEN_ENDPOINTS                                                                   \
    "an endpoint is ipc://PATH, of at most 107 bytes, or tcp://HOST:PORT, with a port "    \
    "from 1 to 65535 or *"

//  Where a socket is bound. All zeros in the beginning.

typedef struct {
    char endpoint [256];  //  As libzmq says it
    char path [108];      //  Of the socket's file; empty when it has none
    dev_t device;         //  Of that file
    ino_t node;           //  And its number there
} listen_bound_t;

//  Returns true for what can be listened on, as far as the text shows.
bool listen_is_endpoint (const char *endpoint);

//  Creates the ROUTER with every setting that a broker cannot do without; listen.c says
//  why for each. Null with errno when libzmq has no more sockets.
void *listen_socket (void *context);

//  Binds to an endpoint. A folder of our own is made when missing; a socket file that
//  nobody listens on any more is taken over. Writes what it is bound to into bound. Returns
//  0, or an exit code with one line in error: 69 the address is taken or cannot be had, 78
//  it is none that we listen on.
int listen_bind (void *router, const char *endpoint, bool insecure, listen_bound_t *bound,
                 char *error, size_t error_size);

//  Removes the socket's file, if it is still the one that was bound: to be called before
//  the socket is closed, as afterwards another broker may take the address over.
void listen_remove_file (listen_bound_t *self);

#endif
