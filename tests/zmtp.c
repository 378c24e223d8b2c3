//  zmtp: one connection that speaks ZMTP 3.0 by hand, for what libzmq would not do
//  SPDX-License-Identifier: MPL-2.0
//
//  A greeting has 64 octets: a signature of ten, the version, the name of the mechanism in
//  20, then zeros. Frames have an octet of flags (1 more follow, 2 the size has eight
//  octets, 4 a command), the size, and the body. The first command of each side is READY.

#include "zmtp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GREETING 64
#define READ_SIZE ((size_t) 16 << 10)  //  Asked for at once

enum {
    FLAG_MORE = 1,
    FLAG_LONG = 2,
    FLAG_COMMAND = 4
};

void
zmtp_init (zmtp_t *self)
{
    *self = (zmtp_t){.file = -1};
}

//  Writes the address; returns its size, 0 when the endpoint is none.

static socklen_t
s_address (const char *endpoint, struct sockaddr_storage *address)
{
    memset (address, 0, sizeof *address);
    if (strncmp (endpoint, "ipc://", 6) == 0) {
        struct sockaddr_un *local = (struct sockaddr_un *) address;
        size_t size = strlen (endpoint + 6);
        if (size >= sizeof local->sun_path)
            return 0;
        local->sun_family = AF_UNIX;
        memcpy (local->sun_path, endpoint + 6, size);
        return (socklen_t) sizeof *local;
    }
    const char *colon = strrchr (endpoint, ':');
    char host [64] = {0};
    if (strncmp (endpoint, "tcp://", 6) != 0 || colon < endpoint + 6
        || colon - endpoint - 6 >= (ptrdiff_t) sizeof host)
        return 0;
    memcpy (host, endpoint + 6, (size_t) (colon - endpoint - 6));
    struct sockaddr_in *remote = (struct sockaddr_in *) address;
    remote->sin_family = AF_INET;
    remote->sin_port = htons ((uint16_t) strtoul (colon + 1, NULL, 10));
    return inet_pton (AF_INET, host, &remote->sin_addr) == 1 ? (socklen_t) sizeof *remote
                                                             : 0;
}

int
zmtp_connect (zmtp_t *self, const char *endpoint)
{
    struct sockaddr_storage address;
    socklen_t size = s_address (endpoint, &address);
    if (size == 0) {
        errno = EINVAL;
        return -1;
    }
    self->file = socket (address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self->file < 0)
        return -1;
    int on = 1;
    if (address.ss_family == AF_INET)
        setsockopt (self->file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect (self->file, (struct sockaddr *) &address, size) != 0
        && errno != EINPROGRESS) {
        int why = errno;
        zmtp_close (self);
        errno = why;
        return -1;
    }
    return 0;
}

static void
s_queue (zmtp_t *self, const void *bytes, size_t size)
{
    if (size == 0)
        return;
    if (self->out_size + size > self->out_room) {
        self->out_room = (self->out_size + size) * 2;
        self->out = realloc (self->out, self->out_room);
        if (!self->out)
            abort ();
    }
    memcpy (self->out + self->out_size, bytes, size);
    self->out_size += size;
}

static void
s_queue_frame (zmtp_t *self, uint8_t flags, const void *bytes, size_t size)
{
    uint8_t head [9] = {flags, (uint8_t) size};
    size_t head_size = 2;
    if (size > 255) {
        head [0] |= FLAG_LONG;
        head_size = 9;
        for (size_t index = 0; index < 8; index++)
            head [1 + index] = (uint8_t) (size >> (56 - 8 * index));
    }
    s_queue (self, head, head_size);
    s_queue (self, bytes, size);
}

void
zmtp_greet (zmtp_t *self)
{
    static const char ready [] = "\5READY"
                                 "\13Socket-Type\0\0\0\6DEALER"
                                 "\10Identity\0\0\0\0";
    uint8_t greeting [GREETING] = {0xff, [9] = 0x7f, [10] = 3};
    memcpy (greeting + 12, "NULL", 4);
    s_queue (self, greeting, sizeof greeting);
    s_queue_frame (self, FLAG_COMMAND, ready, sizeof ready - 1);
    self->early = self->out_size;
}

void
zmtp_close (zmtp_t *self)
{
    if (self->file >= 0)
        close (self->file);
    self->file = -1;
    self->greeted = self->ready = false;
    self->early = self->in_size = self->out_size = self->taken = 0;
}

void
zmtp_clear (zmtp_t *self)
{
    zmtp_close (self);
    free (self->in);
    free (self->out);
    zmtp_init (self);
}

void
zmtp_send (zmtp_t *self, stint_bytes_t frame, bool more)
{
    s_queue_frame (self, more ? FLAG_MORE : 0, frame.data, frame.size);
}

size_t
zmtp_waiting (const zmtp_t *self)
{
    return self->ready ? self->out_size : self->early;
}

int
zmtp_flush (zmtp_t *self)
{
    size_t size;
    while ((size = zmtp_waiting (self)) > 0) {
        ssize_t sent = send (self->file, self->out, size, MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        self->early -= self->ready ? 0 : (size_t) sent;
        self->out_size -= (size_t) sent;
        memmove (self->out, self->out + sent, self->out_size);
    }
    return 0;
}

int
zmtp_read (zmtp_t *self)
{
    self->in_size -= self->taken;
    memmove (self->in, self->in + self->taken, self->taken ? self->in_size : 0);
    self->taken = 0;
    for (;;) {
        if (self->in_size + READ_SIZE > self->in_room) {
            self->in_room = self->in_size * 2 + READ_SIZE;
            self->in = realloc (self->in, self->in_room);
            if (!self->in)
                abort ();
        }
        ssize_t got =
            recv (self->file, self->in + self->in_size, self->in_room - self->in_size, 0);
        if (got == 0)
            return -1;
        if (got < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        self->in_size += (size_t) got;
    }
}

//  Measures the frame at a place. Returns its size with its head, 0 when it is not whole.

static size_t
s_frame (const zmtp_t *self, size_t at, uint8_t *flags, stint_bytes_t *body)
{
    size_t left = self->in_size - at, head = 2;
    const uint8_t *bytes = self->in + at;
    if (left < head)
        return 0;
    *flags = bytes [0];
    uint64_t size = bytes [1];
    if (*flags & FLAG_LONG) {
        head = 9;
        if (left < head)
            return 0;
        for (size_t index = 2; index < 9; index++)
            size = size << 8 | bytes [index];
    }
    if (size > left - head)
        return 0;
    *body = (stint_bytes_t){bytes + head, size};
    return head + size;
}

bool
zmtp_next (zmtp_t *self)
{
    if (!self->greeted && self->in_size - self->taken >= GREETING) {
        self->taken += GREETING;
        self->greeted = true;
    }
    size_t at = self->taken, size;
    self->frame_count = 0;
    uint8_t flags;
    stint_bytes_t body;
    while (self->greeted && (size = s_frame (self, at, &flags, &body)) > 0) {
        at += size;
        if (flags & FLAG_COMMAND) {
            self->taken = at;
            self->ready = true;
            continue;
        }
        if (self->frame_count < ZMTP_FRAMES)
            self->frames [self->frame_count++] = body;
        if (!(flags & FLAG_MORE)) {
            self->taken = at;
            return true;
        }
    }
    return false;
}
