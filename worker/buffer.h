//  buffer: what a program has written into a pipe
//  SPDX-License-Identifier: MPL-2.0

#ifndef WORKER_BUFFER_H
#define WORKER_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  All zeros is an empty one. Its owner frees data.

typedef struct {
    uint8_t *data;  //  The bytes; null when there is no room
    size_t size;    //  How many bytes there are
    size_t room;    //  How many there may be
} buffer_t;

//  Reads what is there from a descriptor that does not block: at most 1 MiB, so that no
//  program starves others, and no more once there are over size_max bytes. Keeps the last
//  `tail` bytes only. Returns false at the end of the output. Aborts when memory runs out.
bool buffer_read (buffer_t *self, int descriptor, size_t size_max, size_t tail);

//  Forgets the bytes, and frees the room of many.
void buffer_clear (buffer_t *self);

#endif
