//  stint_error: texts for status codes and states, and bytes of a text
//  SPDX-License-Identifier: MPL-2.0

#include "stint.h"

#include <assert.h>
#include <string.h>

stint_bytes_t
stint_bytes_of (const char *text)
{
    assert (text);
    return (stint_bytes_t){(const uint8_t *) text, strlen (text)};
}

const char *
stint_strerror (stint_status_t status)
{
    switch (status) {
        case STINT_OK:
            return "ok";
        case STINT_ERR_TIMEOUT:
            return "no answer in time; whether it was done is unknown";
        case STINT_ERR_FULL:
            return "a limit was reached; try again later";
        case STINT_ERR_DENIED:
            return "this key may not do that";
        case STINT_ERR_NOT_FOUND:
            return "no such task, group or batch";
        case STINT_ERR_STALE:
            return "the lease ended; the work belongs to another";
        case STINT_ERR_PROTOCOL:
            return "the peer speaks another version of the protocol, or nonsense";
        case STINT_ERR_UNREACHABLE:
            return "no broker answers";
        case STINT_ERR_INVALID:
            return "an argument is out of its range";
        case STINT_ERR_CLOSED:
            return "it was told to stop";
        case STINT_ERR_PENDING:
            return "the task has not ended yet";
    }
    return "an unknown status";  //  From a peer that is newer than this library
}

const char *
stint_state_name (stint_state_t state)
{
    switch (state) {
        case STINT_DELAYED:
            return "delayed";
        case STINT_READY:
            return "ready";
        case STINT_RUNNING:
            return "running";
        case STINT_DONE:
            return "done";
        case STINT_DEAD:
            return "dead";
        case STINT_CANCELLED:
            return "cancelled";
        case STINT_BLOCKED:
            return "blocked";
    }
    return "unknown";  //  From a peer that is newer than this library
}
