//  stint: what every part of the library shares: version, status codes, borrowed bytes
//  SPDX-License-Identifier: MPL-2.0

#ifndef STINT_H
#define STINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STINT_VERSION_MAJOR 0
#define STINT_VERSION_MINOR 1
#define STINT_VERSION_PATCH 0
#define STINT_VERSION "0.1.0"

#define STINT_EXPORT __attribute__ ((visibility ("default")))

//  What a call came to. Zero is success, every other value is negative. A call that
//  ends with STINT_ERR_TIMEOUT may have worked: that is the "unknown" of the promises,
//  and making the same call again is always safe.

typedef enum {
    STINT_OK = 0,
    STINT_ERR_TIMEOUT = -1,      //  No answer in time; the outcome is unknown
    STINT_ERR_FULL = -2,         //  A limit was reached; try again later
    STINT_ERR_DENIED = -3,       //  This key may not do that
    STINT_ERR_NOT_FOUND = -4,    //  No such task, group or batch
    STINT_ERR_STALE = -5,        //  The lease ended; the work belongs to another
    STINT_ERR_PROTOCOL = -6,     //  The peer speaks another version, or nonsense
    STINT_ERR_UNREACHABLE = -7,  //  No broker answers at the endpoint; the text says why
    STINT_ERR_INVALID = -8,      //  An argument is out of its range; nothing was sent
    STINT_ERR_CLOSED = -9,       //  The object was told to stop
    STINT_ERR_PENDING = -10      //  The task has not ended yet
} stint_status_t;

//  How a task stands. The numbers travel on the wire and live in the journal.

typedef enum {
    STINT_DELAYED = 1,    //  Waits for its time or its back-off
    STINT_READY = 2,      //  Waits for a worker
    STINT_RUNNING = 3,    //  A worker holds an attempt of it
    STINT_DONE = 4,       //  Its result is recorded
    STINT_DEAD = 5,       //  Attempts used up, or refused for good
    STINT_CANCELLED = 6,  //  Somebody cancelled it, or its time was over
    STINT_BLOCKED = 7     //  Waits for the end of another task
} stint_state_t;

//  Bytes that belong to someone else. Valid until the call returns, or as said.

typedef struct {
    const uint8_t *data;  //  First byte; may be null when size is zero
    size_t size;          //  Number of bytes
} stint_bytes_t;

//  Returns the bytes of a text, without its final null.
STINT_EXPORT stint_bytes_t stint_bytes_of (const char *text);

//  Returns a short text for the status, for people. Never null.
STINT_EXPORT const char *stint_strerror (stint_status_t status);

//  Returns the name of a task's state: "ready", "running" and so on. Never null.
STINT_EXPORT const char *stint_state_name (stint_state_t state);

#endif
