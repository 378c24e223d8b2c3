//  bench_stream: a connection with bytes to be sent and bytes that came, for peers' clients
//  SPDX-License-Identifier: MPL-2.0
//
//  Over a unix socket or over TCP to 127.0.0.1. What is added is sent by the next flush, in
//  as few calls as the kernel allows; what comes is read in large pieces and taken from the
//  front. Each function that waits does so for BENCH_PATIENCE_MS, and a connection that is
//  silent for longer, or over, ends the process by bench_fail. A server that has many of
//  them uses the two functions that never wait, and no others that may.
//
//  Bytes that a function returns are of the buffer: they last until the next call that may
//  read, which are flush, fill, need, take, line and read.

#ifndef TESTS_BENCH_STREAM_H
#define TESTS_BENCH_STREAM_H

#include "bench.h"

typedef struct {
    uint8_t *data;  //  Memory, grown as needed; null before the first use
    size_t at;      //  Bytes at the beginning that are done with
    size_t end;     //  Bytes that are filled, from the beginning
    size_t room;    //  Bytes that there are
} bench_buffer_t;

typedef struct {
    int file;            //  The socket
    bench_buffer_t in;   //  What came and was not taken
    bench_buffer_t out;  //  What was added and not sent
    const bench_tally_t
        *tally;  //  May be set by a client: says how many results are missing
} bench_stream_t;

//  Connects with a unix socket, or with a port of 127.0.0.1 when port is not 0; tries again
//  until somebody listens. What the stream held before is overwritten.
void bench_stream_connect (bench_stream_t *self, const char *path, uint16_t port);

//  Connects as the command line says: with bench->socket, or bench->port.
void bench_stream_open (bench_stream_t *self, const bench_t *bench);

//  Makes a stream of a connected socket, which it closes in the end.
void bench_stream_adopt (bench_stream_t *self, int file);

//  Closes the socket and frees the memory.
void bench_stream_close (bench_stream_t *self);

//  Adds that many bytes to what is to be sent; returns where the caller has to write them,
//  before the next call.
uint8_t *bench_stream_room (bench_stream_t *self, size_t size);

//  Adds bytes. Copies.
void bench_stream_add (bench_stream_t *self, const void *data, size_t size);

//  Adds a text as printf writes it, up to 511 bytes, without a zero at its end.
void bench_stream_print (bench_stream_t *self, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

//  Sends all that was added. Reads meanwhile what comes, so that two sides that send at
//  each other do not wait for ever.
void bench_stream_flush (bench_stream_t *self);

//  Waits for at least one byte more than there are.
void bench_stream_fill (bench_stream_t *self);

//  Waits until that many bytes are there to be taken.
void bench_stream_need (bench_stream_t *self, size_t size);

//  Returns what came and was not taken, without waiting.
stint_bytes_t bench_stream_peek (const bench_stream_t *self);

//  Waits for that many bytes and takes them.
const uint8_t *bench_stream_take (bench_stream_t *self, size_t size);

//  Waits for a line and takes it. Returns it without its CR LF, which become a zero, so
//  that it can be read as a text.
stint_bytes_t bench_stream_line (bench_stream_t *self);

//  Reads once what there is, without waiting. Returns false when the connection is over.
bool bench_stream_read (bench_stream_t *self);

//  Sends what the kernel takes, without waiting. Returns false when the connection is over.
bool bench_stream_write (bench_stream_t *self);

//  Returns how many tasks to push at a time so that they go in one call and the window is
//  never empty: at most 256, a quarter of the window, and 256 KiB; at least 1.
uint32_t bench_stream_chunk (const bench_t *bench);

#endif
