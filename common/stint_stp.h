//  stint_stp: the numbers of STP/1: its limits and its commands
//  SPDX-License-Identifier: MPL-2.0
//
//  PROTOCOL.md is the normative text, which a test compares with the tables in
//  stint_wire.c.

#ifndef STINT_STP_H
#define STINT_STP_H

#include <stddef.h>

#define STINT_WIRE_VERSION 1
#define STINT_HEADER_MAX ((size_t) 1 << 20)    //  Bytes of a header frame
#define STINT_PAYLOAD_MAX ((size_t) 64 << 20)  //  Bytes of one payload or result
#define STINT_INLINE_MAX 65536                 //  Bytes of a body within the header
#define STINT_LIST_MAX 4096                    //  Elements of a list
#define STINT_FRAMES_MAX 1024                  //  Frames of a message
#define STINT_GROUP_MAX 64                     //  Bytes of a group's or a batch's name
#define STINT_GROUPS_MAX 16                    //  Groups that one worker serves
#define STINT_ERROR_MAX 16384                  //  Bytes kept of the text of a failure

typedef enum {
    STP_PUSH = 0x01,       //  Client: add tasks
    STP_BATCH = 0x02,      //  Client: open a batch
    STP_COLLECT = 0x03,    //  Client: send me outcomes, forget those up to here
    STP_CANCEL = 0x04,     //  Client: cancel tasks
    STP_GROUP = 0x05,      //  Client: create, change or remove a group
    STP_QUERY = 0x06,      //  Client: tell me about yourself
    STP_RETRY = 0x07,      //  Client: try dead tasks again
    STP_DROP = 0x08,       //  Client: forget ended tasks
    STP_WORKER = 0x09,     //  Client: tell workers what to do
    STP_SCHEDULE = 0x0A,   //  Client: push a task at each of these times
    STP_READY = 0x21,      //  Worker: here I am, and this is what I hold (READY)
    STP_CREDIT = 0x22,     //  Worker: I will hold so many tasks
    STP_RESULT = 0x23,     //  Worker: what attempts came to
    STP_RETURN = 0x24,     //  Worker: take these back, I did not start them
    STP_PROGRESS = 0x25,   //  Worker: this is how far these attempts are
    STP_HEARTBEAT = 0x41,  //  Both: I am alive
    STP_BYE = 0x42,        //  Both: I leave, or: I do not know you
    STP_ACCEPTED = 0x61,   //  Broker: done, and durable
    STP_TASK = 0x62,       //  Broker: work for you
    STP_OUTCOME = 0x63,    //  Broker: what your tasks came to
    STP_STATE = 0x64,      //  Broker: the answer to QUERY
    STP_REVOKE = 0x65,     //  Broker: these attempts are not yours any more
    STP_STALE = 0x66,      //  Broker: these results came too late
    STP_FULL = 0x67,       //  Broker: no room now, try again in so many milliseconds
    STP_ERROR = 0x68,      //  Broker: refused, and why
    STP_DRAIN = 0x69       //  Broker: finish what runs, and leave
} stp_command_t;

#endif
