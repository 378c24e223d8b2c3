//  zmtp: one connection that speaks ZMTP 3.0 by hand, for what libzmq would not do
//  SPDX-License-Identifier: MPL-2.0
//
//  A DEALER without security, over ipc or tcp (ZeroMQ RFC 23). It never waits and keeps one
//  descriptor, so that one thread can be ten thousand peers; and it may do what no peer
//  should: say nothing, never read, begin a message and not end it.

#ifndef TESTS_ZMTP_H
#define TESTS_ZMTP_H

#include "stint.h"

#define ZMTP_FRAMES 64  //  Most frames of a message that is received

typedef struct {
    int file;                            //  The socket, -1 when there is none
    bool greeted;                        //  The other side's greeting has come
    bool ready;                          //  Its READY too: messages may go
    size_t early;                        //  Bytes in out that may go before
    uint8_t *in;                         //  What came and was not taken
    size_t in_size;                      //  Bytes in it
    size_t in_room;                      //  Bytes that there are
    size_t taken;                        //  Bytes at its beginning that were taken
    uint8_t *out;                        //  What is to be sent
    size_t out_size;                     //  Bytes in it
    size_t out_room;                     //  Bytes that there are
    stint_bytes_t frames [ZMTP_FRAMES];  //  Of the message that was taken last
    size_t frame_count;                  //  How many
} zmtp_t;

//  Makes a connection that is closed.
void zmtp_init (zmtp_t *self);

//  Begins to connect to ipc://PATH or tcp://ADDRESS:PORT. Returns 0, or -1 with errno set
//  and nothing open: ECONNREFUSED, ENOENT, EAGAIN (ipc: the backlog is full), EMFILE.
int zmtp_connect (zmtp_t *self, const char *endpoint);

//  Queues greeting and READY. What is queued behind them goes when the other side is ready.
void zmtp_greet (zmtp_t *self);

//  Closes the socket and forgets what was queued and received.
void zmtp_close (zmtp_t *self);

//  Closes it and frees the memory.
void zmtp_clear (zmtp_t *self);

//  Queues a frame. Copies.
void zmtp_send (zmtp_t *self, stint_bytes_t frame, bool more);

//  Writes what the kernel takes of what is queued. Returns 0, or -1 when the connection is
//  over.
int zmtp_flush (zmtp_t *self);

//  Returns how many bytes wait for the kernel to take them.
size_t zmtp_waiting (const zmtp_t *self);

//  Reads what there is. Returns 0, or -1 when the connection is over.
int zmtp_read (zmtp_t *self);

//  Takes the next message: it is in frames, valid until the next zmtp_read. Returns false
//  when there is none yet. Frames over the limit are left out.
bool zmtp_next (zmtp_t *self);

#endif
