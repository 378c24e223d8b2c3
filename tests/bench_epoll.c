//  bench_epoll: tasks that go through a bare relay: one thread, epoll, and no more
//  SPDX-License-Identifier: MPL-2.0
//
//  What a server on this machine could reach that did nothing but its duty. A message is
//  its size, the number of the client it came from, and as many tasks or results as the
//  pack says. A connection begins with a byte that says who it is. Messages of clients go
//  to the workers in turn, to each as many as its window allows; the others wait where they
//  came.
//
//  Durable is a plain file: whatever came in a turn, tasks and results, is appended to it
//  and forced to the disk by one fdatasync before any of it is passed on.

#include "bench_stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define ENDS_MAX 32         //  Connections that the relay can have
#define TURN_MAX (1 << 20)  //  Bytes that it reads from one of them in a turn

typedef enum {
    IS_UNKNOWN = 0,  //  Its first byte has not come
    IS_CLIENT = 'c',
    IS_WORKER = 'w'
} kind_t;

//  In front of each message.

typedef struct {
    uint32_t size;    //  Bytes behind this head
    uint32_t client;  //  Set by the relay, given back by the worker
} head_t;

//  Returns the bytes of the message that begins there, or 0 when it has not come whole.

static size_t
s_message (stint_bytes_t there)
{
    head_t head;
    if (there.size < sizeof head)
        return 0;
    memcpy (&head, there.data, sizeof head);
    return there.size - sizeof head < head.size ? 0 : sizeof head + head.size;
}

//  ---------------------------------------------------------------------------------
//  The client's side, and the worker

typedef struct {
    bench_tally_t *tally;   //  Takes the results
    uint8_t *payload;       //  A task; its number is filled in
    size_t size;            //  Bytes of it
    uint32_t pack;          //  Tasks in a message
    bench_stream_t stream;  //  To the relay
} side_t;

static void
s_push (void *argument, uint64_t first, uint32_t count)
{
    side_t *self = argument;
    for (uint32_t done = 0; done < count; done += self->pack) {
        uint32_t tasks = count - done < self->pack ? count - done : self->pack;
        head_t head = {.size = (uint32_t) (tasks * self->size)};
        uint8_t *at = bench_stream_room (&self->stream, sizeof head + head.size);
        memcpy (at, &head, sizeof head);
        at += sizeof head;
        for (uint64_t task = first + done; task < first + done + tasks; task++) {
            memcpy (self->payload, &task, sizeof task);
            memcpy (at, self->payload, self->size);
            at += self->size;
        }
    }
    self->tally->pushed += count;
    bench_stream_flush (&self->stream);
}

//  Takes all results that are there, and waits only for the first.

static uint32_t
s_pull (void *argument)
{
    side_t *self = argument;
    uint64_t before = self->tally->taken;
    while (s_message (bench_stream_peek (&self->stream)) == 0)
        bench_stream_fill (&self->stream);
    size_t size;
    while ((size = s_message (bench_stream_peek (&self->stream))) != 0) {
        const uint8_t *message = bench_stream_take (&self->stream, size);
        for (size_t at = sizeof (head_t); at < size; at += 16)
            bench_take (self->tally, message + at, 16);
    }
    return (uint32_t) (self->tally->taken - before);
}

static void
s_open (const bench_t *bench, bench_tally_t *tally, bench_way_t *way)
{
    static side_t self;
    uint32_t chunk = bench_stream_chunk (bench);
    self.tally = tally;
    self.size = bench->payload;
    self.payload = bench_payload (bench->payload);
    self.pack = bench->pack;
    bench_stream_open (&self.stream, bench);
    self.stream.tally = tally;
    bench_stream_print (&self.stream, "%c", IS_CLIENT);
    *way = (bench_way_t){s_push, s_pull, &self, chunk > self.pack ? chunk : self.pack, 0};
}

//  Does the tasks of a message, and adds their results to what is to be sent.

static void
s_answer (bench_stream_t *stream, const bench_t *bench, uint32_t index, size_t size)
{
    const uint8_t *message = bench_stream_take (stream, size);
    size_t count = (size - sizeof (head_t)) / bench->payload;
    head_t head;
    memcpy (&head, message, sizeof head);
    head.size = (uint32_t) (count * 16);
    uint8_t *at = bench_stream_room (stream, sizeof head + head.size);
    memcpy (at, &head, sizeof head);
    for (size_t task = 0; task < count; task++) {
        uint64_t answer [2];
        bench_do (message + sizeof head + task * bench->payload, bench->payload, index,
                  answer);
        memcpy (at + sizeof head + task * sizeof answer, answer, sizeof answer);
    }
}

static _Noreturn void
s_work (const bench_t *bench, uint32_t index)
{
    bench_stream_t stream;
    bench_stream_open (&stream, bench);
    bench_stream_print (&stream, "%c", IS_WORKER);
    for (;;) {
        size_t size;
        bench_stream_flush (&stream);
        bench_stream_fill (&stream);
        while ((size = s_message (bench_stream_peek (&stream))) != 0)
            s_answer (&stream, bench, index, size);
    }
}

//  ---------------------------------------------------------------------------------
//  The relay

typedef struct {
    bench_stream_t stream;  //  The connection
    bool open;              //  There is one
    bool waits;             //  Until it can send, which epoll has been asked to say
    kind_t kind;            //  Whose it is
    uint32_t held;          //  Messages that the worker has not answered
    size_t safe;            //  Bytes that came and may be passed on: whole messages
} end_t;

typedef struct {
    int poll;               //  The epoll
    int listener;           //  The socket where connections come
    int file;               //  Where all is kept; -1 when volatile
    uint32_t limit;         //  Messages that a worker may hold
    uint32_t turn;          //  The worker that comes next, by its place
    end_t ends [ENDS_MAX];  //  The connections
    size_t count;           //  Places that have been used
} relay_t;

static void
s_listen (relay_t *self, const bench_t *bench)
{
    struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_port = htons (bench->port)};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    int on = 1, code;
    tcp.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    snprintf (local.sun_path, sizeof local.sun_path, "%s", bench->socket);
    self->listener = socket (bench->port ? AF_INET : AF_UNIX, SOCK_STREAM, 0);
    setsockopt (self->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bench->port == 0)
        unlink (bench->socket);
    code = bench->port ? bind (self->listener, (struct sockaddr *) &tcp, sizeof tcp)
                       : bind (self->listener, (struct sockaddr *) &local, sizeof local);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = ENDS_MAX};
    if (code != 0 || listen (self->listener, ENDS_MAX) != 0
        || epoll_ctl (self->poll, EPOLL_CTL_ADD, self->listener, &event) != 0)
        bench_fail ("%s: %s", bench->endpoint, strerror (errno));
}

static void
s_on_connection (relay_t *self)
{
    int file = accept4 (self->listener, NULL, NULL, SOCK_CLOEXEC);
    if (file == -1)
        return;
    uint32_t place = 0;
    while (place < self->count && self->ends [place].open)
        place++;
    if (place == ENDS_MAX)
        bench_fail ("the relay has too many connections");
    if (place == self->count)
        self->count++;
    self->ends [place] = (end_t){.open = true};
    bench_stream_adopt (&self->ends [place].stream, file);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = place};
    if (epoll_ctl (self->poll, EPOLL_CTL_ADD, file, &event) != 0)
        bench_fail ("the relay cannot wait: %s", strerror (errno));
}

//  Reads what there is.

static void
s_on_bytes (end_t *end)
{
    size_t before = bench_stream_peek (&end->stream).size, size, last;
    size = before;
    do {
        last = size;
        if (!bench_stream_read (&end->stream)) {
            bench_stream_close (&end->stream);
            *end = (end_t){.open = false};
            return;
        }
        size = bench_stream_peek (&end->stream).size;
    } while (size - last >= 64 * 1024 && size - before < TURN_MAX);
    if (end->kind == IS_UNKNOWN && size > 0)
        end->kind =
            *bench_stream_take (&end->stream, 1) == IS_CLIENT ? IS_CLIENT : IS_WORKER;
}

//  Finds the messages that have come whole since the last turn, and signs those of a
//  client. Returns them all as one piece.

static struct iovec
s_gather (end_t *end, uint32_t place)
{
    stint_bytes_t there = bench_stream_peek (&end->stream);
    uint8_t *first = end->stream.in.data + end->stream.in.at + end->safe;
    size_t found = 0, size;
    there.size -= end->safe;
    there.data += end->safe;
    while ((size = s_message (there)) != 0) {
        if (end->kind == IS_CLIENT)
            memcpy (first + found + offsetof (head_t, client), &place, sizeof place);
        found += size;
        there.data += size;
        there.size -= size;
    }
    return (struct iovec){first, found};
}

//  Makes all that has come whole safe.

static void
s_keep (relay_t *self)
{
    struct iovec pieces [ENDS_MAX];
    int count = 0;
    ssize_t size = 0;
    for (uint32_t place = 0; place < self->count; place++) {
        end_t *end = &self->ends [place];
        if (end->kind == IS_UNKNOWN)
            continue;
        pieces [count] = s_gather (end, place);
        if (pieces [count].iov_len == 0)
            continue;
        end->safe += pieces [count].iov_len;
        size += (ssize_t) pieces [count++].iov_len;
    }
    if (self->file == -1 || size == 0)
        return;
    if (writev (self->file, pieces, count) != size || fdatasync (self->file) != 0)
        bench_fail ("the relay's file: %s", strerror (errno));
}

//  Moves the first message of one connection to another.

static void
s_move (end_t *from, end_t *to)
{
    size_t size = s_message (bench_stream_peek (&from->stream));
    bench_stream_add (&to->stream, bench_stream_take (&from->stream, size), size);
    from->safe -= size;
}

//  Gives a worker's results to those who are owed them, or to nobody if they have gone.

static void
s_pass_results (relay_t *self, end_t *worker)
{
    while (worker->safe > 0) {
        head_t head;
        memcpy (&head, bench_stream_peek (&worker->stream).data, sizeof head);
        if (head.client >= self->count || self->ends [head.client].kind != IS_CLIENT)
            bench_fail ("a result of the relay for nobody");
        s_move (worker, &self->ends [head.client]);
        worker->held--;
    }
}

//  Returns the next worker that may hold one more, or null.

static end_t *
s_worker (relay_t *self)
{
    for (size_t tries = 0; tries < self->count; tries++) {
        self->turn = self->turn + 1 < self->count ? self->turn + 1 : 0;
        end_t *end = &self->ends [self->turn];
        if (end->kind == IS_WORKER && end->held < self->limit)
            return end;
    }
    return NULL;
}

static void
s_pass_tasks (relay_t *self, end_t *client)
{
    end_t *worker;
    while (client->safe > 0 && (worker = s_worker (self)) != NULL) {
        s_move (client, worker);
        worker->held++;
    }
}

//  Sends what there is, and has epoll say when the rest can go.

static void
s_send (relay_t *self, uint32_t place)
{
    end_t *end = &self->ends [place];
    if (!end->open || !bench_stream_write (&end->stream))
        return;
    bool waits = end->stream.out.at < end->stream.out.end;
    if (waits == end->waits)
        return;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = place};
    if (waits)
        event.events |= EPOLLOUT;
    epoll_ctl (self->poll, EPOLL_CTL_MOD, end->stream.file, &event);
    end->waits = waits;
}

static void
s_turn (relay_t *self)
{
    struct epoll_event events [ENDS_MAX];
    int count = epoll_wait (self->poll, events, ENDS_MAX, -1);
    for (int event = 0; event < count; event++) {
        if (events [event].data.u32 == ENDS_MAX)
            s_on_connection (self);
        else if (events [event].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            s_on_bytes (&self->ends [events [event].data.u32]);
    }
    s_keep (self);
    for (uint32_t place = 0; place < self->count; place++) {
        if (self->ends [place].kind == IS_WORKER)
            s_pass_results (self, &self->ends [place]);
    }
    for (uint32_t place = 0; place < self->count; place++) {
        if (self->ends [place].kind == IS_CLIENT)
            s_pass_tasks (self, &self->ends [place]);
    }
    for (uint32_t place = 0; place < self->count; place++)
        s_send (self, place);
}

static _Noreturn void
s_serve (const bench_t *bench)
{
    static relay_t self;
    char path [512];
    self.poll = epoll_create1 (EPOLL_CLOEXEC);
    self.limit = bench->window / bench->pack / bench->workers + 1;
    self.file = -1;
    if (bench->store) {
        bench_make_store (bench);
        snprintf (path, sizeof path, "%s/messages", bench->store);
        self.file = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (self.file == -1)
            bench_fail ("%s: %s", path, strerror (errno));
    }
    s_listen (&self, bench);
    for (;;)
        s_turn (&self);
}

const bench_peer_t bench_epoll = {
    .name = "epoll", .serve = s_serve, .work = s_work, .open = s_open};
