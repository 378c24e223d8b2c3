//  chaos_proxy: a TCP connection between peers and a broker that can be made bad
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: chaos_proxy PORT TARGET
//
//  Listens on 127.0.0.1:PORT and hands everything on to 127.0.0.1:TARGET. Lines on stdin
//  say how, from then on; each is answered with a line, "ok" and the connections there are:
//
//    heal           as it should be
//    cut WAY        nothing passes: both, up (to the target) or down
//    half           the target's sides are closed, the peers' stay and are never answered
//    reset          every connection is reset
//    delay MS       everything arrives that much later
//    trickle        a byte a second
//    corrupt        one bit in each kilobyte, or in each read, is another
//
//  Ends when stdin does. What a cut has stopped goes on after it, as TCP does.

#include "crash.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#define S_LINKS 256     //  Most connections at a time
#define S_BUFFER 65536  //  Bytes on their way in one direction
#define S_TRICKLE_MS 1000

typedef struct {
    uint8_t bytes [S_BUFFER];  //  On their way
    size_t size;               //  How many
    size_t sent;               //  Of these, those that are gone
    int64_t ready_at;          //  When they may go on
} s_way_t;

typedef struct {
    int peer;          //  Accepted; -1 when the place is free
    int target;        //  To the broker, or -1
    bool half;         //  The peer is not answered any more
    s_way_t ways [2];  //  Up and down
} s_link_t;

typedef struct {
    int listener;              //  Where peers come
    uint16_t target;           //  The broker's port
    bool cut [2];              //  Nothing passes up, down
    int64_t delay_ms;          //  For everything
    bool trickle;              //  One byte at a time
    bool corrupt;              //  Bits change
    uint64_t chance;           //  State of the random numbers
    s_link_t links [S_LINKS];  //  Connections
} s_proxy_t;

static int64_t
s_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct sockaddr_in
s_address (uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons (port)};
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    return address;
}

static void
s_close (s_link_t *link, bool reset)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    int *files [] = {&link->peer, &link->target};
    for (int side = 0; side < 2; side++) {
        if (*files [side] < 0)
            continue;
        if (reset)
            setsockopt (*files [side], SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        close (*files [side]);
        *files [side] = -1;
    }
}

static void
s_accept (s_proxy_t *self)
{
    int peer = accept4 (self->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    s_link_t *link = self->links;
    while (link < self->links + S_LINKS && link->peer >= 0)
        link++;
    if (peer < 0)
        return;
    struct sockaddr_in address = s_address (self->target);
    int one = 1, target = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (link == self->links + S_LINKS || target < 0
        || connect (target, (struct sockaddr *) &address, sizeof address) != 0) {
        close (peer);
        if (target >= 0)
            close (target);
        return;
    }
    fcntl (target, F_SETFL, O_NONBLOCK);
    setsockopt (peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt (target, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    link->peer = peer;
    link->target = target;
    link->half = false;
    link->ways [0].size = link->ways [1].size = 0;
}

//  ---------------------------------------------------------------------------------
//  Commands

static void
s_heal (s_proxy_t *self)
{
    self->cut [0] = self->cut [1] = self->trickle = self->corrupt = false;
    self->delay_ms = 0;
}

static void
s_halve (s_proxy_t *self)
{
    for (s_link_t *link = self->links; link < self->links + S_LINKS; link++) {
        if (link->peer < 0 || link->half)
            continue;
        close (link->target);
        link->target = -1;
        link->half = true;
    }
}

static void
s_reset (s_proxy_t *self)
{
    for (s_link_t *link = self->links; link < self->links + S_LINKS; link++)
        s_close (link, true);
}

static void
s_obey (s_proxy_t *self, const char *line)
{
    s_heal (self);
    if (strncmp (line, "cut", 3) == 0) {
        self->cut [0] = !strstr (line, "down");
        self->cut [1] = !strstr (line, "up");
    }
    else if (strncmp (line, "half", 4) == 0)
        s_halve (self);
    else if (strncmp (line, "reset", 5) == 0)
        s_reset (self);
    else if (strncmp (line, "delay ", 6) == 0)
        self->delay_ms = strtol (line + 6, NULL, 10);
    else if (strncmp (line, "trickle", 7) == 0)
        self->trickle = true;
    else if (strncmp (line, "corrupt", 7) == 0)
        self->corrupt = true;
    else if (strncmp (line, "heal", 4) != 0)
        crash_fail ("chaos_proxy: what is %s", line);
    int count = 0;
    for (const s_link_t *link = self->links; link < self->links + S_LINKS; link++)
        count += link->peer >= 0;
    printf ("ok %d\n", count);
    fflush (stdout);
}

//  ---------------------------------------------------------------------------------
//  Bytes

static void
s_corrupt (s_proxy_t *self, s_way_t *way)
{
    for (size_t from = 0; from < way->size; from += 1024) {
        size_t size = way->size - from < 1024 ? way->size - from : 1024;
        self->chance = crash_mix (self->chance);
        way->bytes [from + (self->chance >> 16) % size] ^=
            (uint8_t) (1u << self->chance % 8);
    }
}

//  Moves bytes one way. Returns false when the connection has ended.

static bool
s_move (s_proxy_t *self, s_link_t *link, int direction, int64_t now)
{
    s_way_t *way = &link->ways [direction];
    int from = direction == 0 ? link->peer : link->target;
    int to = direction == 0 ? link->target : link->peer;
    if (way->size == 0) {
        ssize_t count = read (from, way->bytes, S_BUFFER);
        if (count <= 0)
            return count < 0 && (errno == EAGAIN || errno == EINTR);
        way->size = link->half ? 0 : (size_t) count;
        way->sent = 0;
        way->ready_at = now + self->delay_ms;
        if (self->corrupt)
            s_corrupt (self, way);
    }
    if (way->size == 0 || way->ready_at > now)
        return true;
    size_t size = self->trickle ? 1 : way->size - way->sent;
    ssize_t count = send (to, way->bytes + way->sent, size, MSG_NOSIGNAL);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR;
    way->sent += (size_t) count;
    if (way->sent == way->size)
        way->size = 0;
    if (self->trickle)
        way->ready_at = now + S_TRICKLE_MS;
    return true;
}

//  What one direction of a link waits for. Returns when it is to be looked at again.

static int64_t
s_wish (const s_proxy_t *self, const s_link_t *link, int direction, struct pollfd *fds)
{
    const s_way_t *way = &link->ways [direction];
    if (self->cut [direction] || (direction == 1 && link->half))
        return INT64_MAX;
    if (way->size == 0)
        fds [direction].events |= POLLIN;
    else if (way->ready_at <= s_now ())
        fds [1 - direction].events |= POLLOUT;
    else
        return way->ready_at;
    return INT64_MAX;
}

static void
s_turn_link (s_proxy_t *self, s_link_t *link, int64_t now)
{
    for (int direction = 0; direction < 2 && link->peer >= 0; direction++) {
        if (self->cut [direction] || (direction == 1 && link->half))
            continue;
        if (!s_move (self, link, direction, now))
            s_close (link, false);
    }
}

//  Commands come one at a time, each after the answer to the one before.

static bool
s_command (s_proxy_t *self)
{
    char line [64];
    if (!fgets (line, sizeof line, stdin))
        return false;
    s_obey (self, line);
    return true;
}

static void
s_run (s_proxy_t *self)
{
    static struct pollfd fds [2 + 2 * S_LINKS];
    bool more = true;
    while (more) {
        int64_t wake = INT64_MAX, now = s_now ();
        fds [0] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
        bool refuses = self->cut [0] || self->cut [1];
        fds [1] = (struct pollfd){refuses ? -1 : self->listener, POLLIN, 0};
        for (size_t place = 0; place < S_LINKS; place++) {
            s_link_t *link = &self->links [place];
            struct pollfd *mine = &fds [2 + 2 * place];
            mine [0] = (struct pollfd){link->peer, 0, 0};
            mine [1] = (struct pollfd){link->target, 0, 0};
            for (int direction = 0; direction < 2 && link->peer >= 0; direction++) {
                int64_t at = s_wish (self, link, direction, mine);
                wake = at < wake ? at : wake;
            }
            //  A side that waits for nothing would wake us when it has been closed
            for (int side = 0; side < 2; side++)
                mine [side].fd = mine [side].events ? mine [side].fd : -1;
        }
        poll (fds, 2 + 2 * S_LINKS,
              wake == INT64_MAX ? -1
              : wake > now      ? (int) (wake - now)
                                : 0);
        if (fds [1].revents)
            s_accept (self);
        now = s_now ();
        for (size_t place = 0; place < S_LINKS; place++)
            if (self->links [place].peer >= 0)
                s_turn_link (self, &self->links [place], now);
        if (fds [0].revents)
            more = s_command (self);
    }
}

int
main (int argc, char **argv)
{
    static s_proxy_t self;
    if (argc != 3)
        crash_fail ("usage: chaos_proxy PORT TARGET");
    struct sockaddr_in address = s_address ((uint16_t) crash_number (argv [1]));
    self.target = (uint16_t) crash_number (argv [2]);
    self.chance = (uint64_t) getpid ();
    for (s_link_t *link = self.links; link < self.links + S_LINKS; link++)
        link->peer = link->target = -1;
    int one = 1;
    self.listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt (self.listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind (self.listener, (struct sockaddr *) &address, sizeof address) != 0
        || listen (self.listener, 128) != 0)
        crash_fail ("chaos_proxy: cannot listen on port %s", argv [1]);
    s_run (&self);
    return 0;
}
