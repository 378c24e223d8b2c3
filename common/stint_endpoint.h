//  stint_endpoint: where the broker is, for whoever was not told
//  SPDX-License-Identifier: MPL-2.0
//
//  An endpoint is "ipc://PATH" or "tcp://HOST:PORT". The first of these that there is:
//
//      what was given, by a flag
//      $STINT_BROKER
//      the socket $XDG_RUNTIME_DIR/stint/broker.sock
//      the socket /tmp/stint-UID/broker.sock, in a folder that only this user can write to
//      the socket /run/stint/broker.sock
//      the endpoint on which a broker of this user listens when it was not told either

#ifndef STINT_ENDPOINT_H
#define STINT_ENDPOINT_H

#include "stint.h"

#define STINT_ENDPOINT_MAX 255  //  Longest endpoint, in bytes; a socket's path has 107

typedef struct {
    char address [STINT_ENDPOINT_MAX + 1];  //  The endpoint
    const char *source;                     //  Where it comes from: "-b", "$STINT_BROKER",
                                            //  "found" or "default"
} stint_endpoint_t;

//  Finds the broker; makes the folder of the last one, and passes it over when it is
//  another user's. Given may be null or empty. STINT_ERR_INVALID: what was given, or the
//  variable, is no endpoint; address and source then hold what was looked at, cut to fit.
stint_status_t stint_endpoint_find (stint_endpoint_t *self, const char *given);

//  Sets the endpoint on which a broker of this user listens when it was not told:
//  $XDG_RUNTIME_DIR/stint/broker.sock; without that, /run/stint/broker.sock for root when
//  the folder is there; else /tmp/stint-UID/broker.sock. It may not exist.
void stint_endpoint_default (stint_endpoint_t *self);

//  Makes the folder of an ipc endpoint, for this user alone, when it is not there; of any
//  other endpoint nothing. Returns 0 or an errno: EPERM when it is the folder under /tmp
//  and belongs to somebody else, or others may write to it.
int stint_endpoint_make_folder (const char *address);

//  Returns true when the text is an endpoint to connect to.
bool stint_endpoint_is_valid (const char *address);

#endif
