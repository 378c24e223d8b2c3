//  buffer: what a program has written into a pipe
//  SPDX-License-Identifier: MPL-2.0

#include "buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE ((size_t) 64 << 10)  //  Room that a read finds at least
#define READS_A_TURN 16                //  From one pipe
#define KEEP_SIZE ((size_t) 1 << 20)   //  Larger rooms are freed

//  Makes room for one read.

static void
s_grow (buffer_t *self)
{
    if (self->room - self->size >= READ_SIZE)
        return;
    self->room = self->room ? 2 * self->room : 2 * READ_SIZE;
    self->data = realloc (self->data, self->room);
    if (!self->data)
        abort ();
}

//  Keeps the last bytes only.

static void
s_keep_tail (buffer_t *self, size_t size)
{
    if (self->size <= size)
        return;
    memmove (self->data, self->data + self->size - size, size);
    self->size = size;
}

bool
buffer_read (buffer_t *self, int descriptor, size_t size_max, size_t tail)
{
    for (int reads = 0; reads < READS_A_TURN && self->size <= size_max; reads++) {
        s_grow (self);
        ssize_t size = read (descriptor, self->data + self->size, self->room - self->size);
        if (size < 0)
            return errno == EAGAIN || errno == EINTR;
        if (size == 0)
            return false;
        self->size += (size_t) size;
        s_keep_tail (self, tail);
    }
    return true;
}

void
buffer_clear (buffer_t *self)
{
    self->size = 0;
    if (self->room > KEEP_SIZE) {
        free (self->data);
        *self = (buffer_t){0};
    }
}
