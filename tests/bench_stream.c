//  bench_stream: a connection with bytes to be sent and bytes that came, for peers' clients
//  SPDX-License-Identifier: MPL-2.0
//
//  Receiving blocks in the kernel, by SO_RCVTIMEO, which is one call where poll and recv
//  are two. Sending does not, because what comes has to be read when the other side is
//  full.

#include "bench_stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_MIN (64 * 1024)     //  Room that there is at least when something is read
#define ROOM_FIRST (256 * 1024)  //  Of a buffer

static _Noreturn void
s_fail (const bench_stream_t *self, const char *why)
{
    const bench_tally_t *tally = self->tally;
    if (tally != NULL)
        bench_fail ("%llu results are missing: %s",
                    (unsigned long long) (tally->pushed - tally->taken), why);
    bench_fail ("a connection: %s", why);
}

//  Makes room for that many bytes behind the end, where it returns the place of the first.

static uint8_t *
s_reserve (bench_buffer_t *self, size_t size)
{
    if (self->at == self->end)
        self->at = self->end = 0;
    if (self->room - self->end < size && self->at > 0) {
        memmove (self->data, self->data + self->at, self->end - self->at);
        self->end -= self->at;
        self->at = 0;
    }
    if (self->room - self->end < size) {
        size_t room = self->room ? self->room : ROOM_FIRST;
        while (room - self->end < size)
            room *= 2;
        self->data = realloc (self->data, room);
        if (self->data == NULL)
            bench_fail ("no memory");
        self->room = room;
    }
    return self->data + self->end;
}

//  Connects once; returns the socket, or -1 with errno set.

static int
s_connect (const char *path, uint16_t port)
{
    struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_port = htons (port)};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    tcp.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    if (port == 0 && strlen (path) >= sizeof local.sun_path)
        bench_fail ("%s is too long a path for a socket", path);
    if (port == 0)
        snprintf (local.sun_path, sizeof local.sun_path, "%s", path);
    int file = socket (port ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int code = port ? connect (file, (struct sockaddr *) &tcp, sizeof tcp)
                    : connect (file, (struct sockaddr *) &local, sizeof local);
    if (code == 0)
        return file;
    int error = errno;
    close (file);
    errno = error;
    return -1;
}

void
bench_stream_connect (bench_stream_t *self, const char *path, uint16_t port)
{
    double start = bench_seconds (CLOCK_MONOTONIC);
    int file;
    while ((file = s_connect (path, port)) == -1) {
        if (bench_seconds (CLOCK_MONOTONIC) - start > BENCH_PATIENCE_MS / 1000.0)
            bench_fail ("no connection with %s, port %u: %s", path, port, strerror (errno));
        poll (NULL, 0, 2);
    }
    bench_stream_adopt (self, file);
}

void
bench_stream_open (bench_stream_t *self, const bench_t *bench)
{
    bench_stream_connect (self, bench->socket, bench->port);
}

void
bench_stream_adopt (bench_stream_t *self, int file)
{
    struct timeval patience = {.tv_sec = BENCH_PATIENCE_MS / 1000};
    int on = 1;
    *self = (bench_stream_t){.file = file};
    s_reserve (&self->in, READ_MIN);
    s_reserve (&self->out, READ_MIN);
    setsockopt (file, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt (file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void
bench_stream_close (bench_stream_t *self)
{
    close (self->file);
    free (self->in.data);
    free (self->out.data);
    *self = (bench_stream_t){.file = -1};
}

uint8_t *
bench_stream_room (bench_stream_t *self, size_t size)
{
    uint8_t *place = s_reserve (&self->out, size);
    self->out.end += size;
    return place;
}

void
bench_stream_add (bench_stream_t *self, const void *data, size_t size)
{
    memcpy (bench_stream_room (self, size), data, size);
}

void
bench_stream_print (bench_stream_t *self, const char *format, ...)
{
    char text [512];
    va_list arguments;
    va_start (arguments, format);
    int size = vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    if (size < 0 || (size_t) size >= sizeof text)
        bench_fail ("a command is too long");
    bench_stream_add (self, text, (size_t) size);
}

//  Receives once, by these flags. Returns how many bytes came; 0 when none came in time.

static size_t
s_receive (bench_stream_t *self, int flags)
{
    uint8_t *place = s_reserve (&self->in, READ_MIN);
    ssize_t got;
    do
        got = recv (self->file, place, self->in.room - self->in.end, flags);
    while (got == -1 && errno == EINTR);
    if (got == -1 && errno != EAGAIN)
        s_fail (self, strerror (errno));
    if (got == 0)
        s_fail (self, "the other side has closed it");
    self->in.end += got > 0 ? (size_t) got : 0;
    return got > 0 ? (size_t) got : 0;
}

void
bench_stream_flush (bench_stream_t *self)
{
    for (;;) {
        if (!bench_stream_write (self))
            s_fail (self, strerror (errno));
        if (self->out.at == self->out.end)
            return;
        struct pollfd item = {.fd = self->file, .events = POLLIN | POLLOUT};
        if (poll (&item, 1, BENCH_PATIENCE_MS) == 0)
            s_fail (self, "the other side does not read");
        if (item.revents & POLLIN)
            s_receive (self, MSG_DONTWAIT);
    }
}

void
bench_stream_fill (bench_stream_t *self)
{
    if (s_receive (self, 0) == 0)
        s_fail (self, "the other side is silent");
}

void
bench_stream_need (bench_stream_t *self, size_t size)
{
    size_t there = self->in.end - self->in.at;
    if (there < size)
        s_reserve (&self->in, size - there);
    while (self->in.end - self->in.at < size)
        bench_stream_fill (self);
}

stint_bytes_t
bench_stream_peek (const bench_stream_t *self)
{
    return (stint_bytes_t){self->in.data + self->in.at, self->in.end - self->in.at};
}

const uint8_t *
bench_stream_take (bench_stream_t *self, size_t size)
{
    bench_stream_need (self, size);
    const uint8_t *taken = self->in.data + self->in.at;
    self->in.at += size;
    return taken;
}

stint_bytes_t
bench_stream_line (bench_stream_t *self)
{
    size_t looked = 0;
    for (;;) {
        uint8_t *line = self->in.data + self->in.at;
        size_t there = self->in.end - self->in.at;
        uint8_t *end = there > looked ? memchr (line + looked, '\n', there - looked) : NULL;
        if (end != NULL) {
            size_t size = (size_t) (end - line);
            self->in.at += size + 1;
            *end = 0;
            if (size > 0 && line [size - 1] == '\r')
                line [--size] = 0;
            return (stint_bytes_t){line, size};
        }
        looked = there;
        bench_stream_fill (self);
    }
}

bool
bench_stream_read (bench_stream_t *self)
{
    uint8_t *place = s_reserve (&self->in, READ_MIN);
    ssize_t got = recv (self->file, place, self->in.room - self->in.end, MSG_DONTWAIT);
    if (got > 0)
        self->in.end += (size_t) got;
    return got > 0 || (got == -1 && (errno == EAGAIN || errno == EINTR));
}

bool
bench_stream_write (bench_stream_t *self)
{
    while (self->out.at < self->out.end) {
        ssize_t sent = send (self->file, self->out.data + self->out.at,
                             self->out.end - self->out.at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent == -1 && errno != EINTR)
            return errno == EAGAIN;
        self->out.at += sent > 0 ? (size_t) sent : 0;
    }
    return true;
}

uint32_t
bench_stream_chunk (const bench_t *bench)
{
    size_t chunk = (bench->window + 3) / 4, most = 256 * 1024 / bench->payload;
    if (chunk > 256)
        chunk = 256;
    if (chunk > most)
        chunk = most;
    return chunk > 0 ? (uint32_t) chunk : 1;
}
