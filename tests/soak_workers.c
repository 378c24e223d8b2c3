//  soak_workers: thousands of workers in one process, and a client that asks how it goes
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: soak_workers ENDPOINT GROUP COUNT PROGRESS [idle]
//
//  Each worker has a connection of its own, beats, does what it is given at once, and comes
//  back as a real one does: back-off with jitter (stint_peer.h) when the broker is gone,
//  and READY with the same number. One client pushes a task fifty times a second and waits
//  for its end; with "idle" it does not. The file PROGRESS holds one line, kept up to date:
//  workers that the broker has accepted, tasks that came back, and the p50, p99 and longest
//  round trip in milliseconds since the start or the last SIGUSR1. Goes on until it is
//  killed; ends with 1 when a task is lost.

#include "soak.h"
#include "stint_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#define EVENTS 512         //  Taken from the kernel at once
#define CONNECTS 500       //  New connections in a turn
#define STALL_US 300000    //  A turn that late is a stall of our own
#define TURN_MS 10         //  Between two looks at who has to beat
#define PERIOD_US 20000    //  Between two tasks of the client
#define TELL_US 100000     //  Between two lines of progress
#define PATIENCE_MS 60000  //  Longest life of a task

typedef struct {
    zmtp_t wire;         //  The connection
    stint_peer_t peer;   //  When we heard and sent
    uint64_t number;     //  A worker's own; the client's producer
    int64_t connect_at;  //  When to connect, while there is no connection
    uint32_t failed;     //  Attempts to connect since the last that was answered
    bool accepted;       //  READY was accepted
} s_peer_t;

typedef struct {
    const char *endpoint;   //  Of the broker
    const char *group;      //  Of the tasks
    s_peer_t *peers;        //  The workers, and behind them the client
    uint32_t count;         //  How many workers
    uint32_t accepted;      //  Of them, known to the broker
    int epoll;              //  Tells who can go on
    int progress;           //  Descriptor of the file
    int64_t told_at;        //  When it was written last
    uint64_t sequence;      //  Of the client's next push
    uint64_t task;          //  That it waits for, 0 while the push is not accepted
    int64_t pushed_at;      //  When it pushed first; 0 while it has nothing on its way
    uint64_t done;          //  Tasks that came back
    soak_times_t times;     //  How long they took
    uint64_t chance;        //  State of the random numbers
    int64_t now;            //  Microseconds
    stint_writer_t writer;  //  Of headers
} s_crowd_t;

static volatile sig_atomic_t s_forget;

static void
s_on_signal (int number)
{
    (void) number;
    s_forget = 1;
}

static s_peer_t *
s_client (s_crowd_t *self)
{
    return &self->peers [self->count];
}

//  ---------------------------------------------------------------------------------
//  Connections

//  Closes a connection; the next one is tried when the back-off is over.

static void
s_lose (s_crowd_t *self, s_peer_t *peer)
{
    self->accepted -= peer->accepted;
    peer->accepted = false;
    zmtp_close (&peer->wire);
    self->chance = soak_mix (self->chance);
    peer->connect_at = self->now / 1000 + stint_peer_backoff (peer->failed++, self->chance);
}

static void
s_say_ready (s_crowd_t *self, s_peer_t *peer)
{
    stint_writer_t *out = &self->writer;
    stint_wire_begin (out, STP_READY, 4);
    stint_wire_number (out, 'r', 1);
    stint_wire_number (out, 'w', peer->number);
    stint_wire_field (out, 'h');
    stint_write_array (out, 1);
    stint_write_text (out, self->group);
    stint_wire_number (out, 'c', 1);
    soak_send (&peer->wire, out);
}

static void
s_say_push (s_crowd_t *self)
{
    stint_writer_t *out = &self->writer;
    stint_item_t item = {.body = stint_bytes_of ("a task of the crowd")};
    stint_wire_begin (out, STP_PUSH, 5);
    stint_wire_number (out, 'r', 1);
    stint_wire_text (out, 'g', self->group);
    stint_wire_number (out, 'p', s_client (self)->number);
    stint_wire_number (out, 's', self->sequence);
    size_t where = stint_wire_list (out);
    stint_wire_put (out, STP_PUSH, &item);
    stint_write_array_close (out, where, 1);
    soak_send (&s_client (self)->wire, out);
}

static void
s_say_collect (s_crowd_t *self)
{
    stint_wire_begin (&self->writer, STP_COLLECT, 2);
    stint_wire_number (&self->writer, 'r', 2);
    stint_wire_number (&self->writer, 'i', self->task);
    soak_send (&s_client (self)->wire, &self->writer);
}

static void
s_connect (s_crowd_t *self, s_peer_t *peer)
{
    if (zmtp_connect (&peer->wire, self->endpoint) != 0) {
        if (errno == EMFILE || errno == ENFILE)
            soak_fail ("out of descriptors");
        s_lose (self, peer);
        return;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                                .data.u32 = (uint32_t) (peer - self->peers)};
    if (epoll_ctl (self->epoll, EPOLL_CTL_ADD, peer->wire.file, &event) != 0)
        soak_fail ("epoll: %s", strerror (errno));
    stint_peer_start (&peer->peer, self->now / 1000, STINT_HEARTBEAT_MS, STINT_LIVENESS);
    zmtp_greet (&peer->wire);
    if (peer != s_client (self))
        s_say_ready (self, peer);
    else if (self->task)
        s_say_collect (self);
    else if (self->pushed_at)
        s_say_push (self);
}

//  ---------------------------------------------------------------------------------
//  Messages

static void
s_do_tasks (s_crowd_t *self, s_peer_t *peer, stint_message_t *message)
{
    stint_writer_t *out = &self->writer;
    stint_item_t item;
    uint32_t count = 0;
    stint_wire_begin (out, STP_RESULT, 2);
    stint_wire_number (out, 'r', 2);
    size_t where = stint_wire_list (out);
    for (; stint_wire_next (message, &item); count++) {
        stint_item_t result = {.id = item.id, .fence = item.fence, .body = item.body};
        stint_wire_put (out, STP_RESULT, &result);
    }
    stint_write_array_close (out, where, count);
    soak_send (&peer->wire, out);
    stint_peer_sent (&peer->peer, self->now / 1000);
}

static void
s_hear_worker (s_crowd_t *self, s_peer_t *peer, stint_message_t *message)
{
    if (message->command == STP_TASK)
        s_do_tasks (self, peer, message);
    else if (message->command == STP_BYE)
        s_lose (self, peer);
    else if (message->command == STP_ACCEPTED && message->request == 1 && !peer->accepted) {
        peer->accepted = true;
        peer->failed = 0;
        self->accepted++;
    }
    else if (message->command == STP_ERROR)
        soak_fail ("a worker was told %.*s", (int) message->text.size,
                   (const char *) message->text.data);
}

static void
s_hear_client (s_crowd_t *self, stint_message_t *message)
{
    stint_item_t item;
    s_client (self)->failed = 0;
    if (message->command == STP_ACCEPTED && message->request == 1) {
        self->task = message->id;
        s_say_collect (self);
    }
    else if (message->command == STP_OUTCOME && stint_wire_next (message, &item)) {
        if (item.id != self->task || item.verdict != STINT_DONE)
            soak_fail ("task %" PRIu64 " came back in state %u", item.id, item.verdict);
        soak_note (&self->times, self->now - self->pushed_at);
        self->done++;
        self->sequence++;
        self->task = 0;
        self->pushed_at = 0;
    }
    else if (message->command == STP_BYE)
        s_lose (self, s_client (self));
    else if (message->command == STP_ERROR || message->command == STP_FULL)
        soak_fail ("the client was told %s: %.*s", stint_wire_name (message->command),
                   (int) message->text.size, (const char *) message->text.data);
}

static void
s_go_on (s_crowd_t *self, s_peer_t *peer)
{
    stint_message_t message;
    if (peer->wire.file < 0)
        return;
    bool over = zmtp_read (&peer->wire) != 0;
    while (peer->wire.file >= 0 && soak_hear (&peer->wire, &message)) {
        stint_peer_heard (&peer->peer, self->now / 1000);
        if (stint_wire_has (&message, 'u'))
            peer->peer.heartbeat_ms = (uint32_t) message.heartbeat;
        if (peer == s_client (self))
            s_hear_client (self, &message);
        else
            s_hear_worker (self, peer, &message);
    }
    if (peer->wire.file >= 0 && (over || zmtp_flush (&peer->wire) != 0))
        s_lose (self, peer);
}

//  ---------------------------------------------------------------------------------
//  Time

//  Nobody is to blame for what we could not hear.

static void
s_forgive (s_crowd_t *self, int64_t stall)
{
    for (uint32_t index = 0; index <= self->count; index++)
        stint_peer_forgive (&self->peers [index].peer, stall / 1000);
}

//  Connects, beats, and gives up who was not heard, if all that came was read.

static void
s_look (s_crowd_t *self, bool all_read)
{
    int64_t now = self->now / 1000;
    int connects = 0;
    for (uint32_t index = 0; index <= self->count; index++) {
        s_peer_t *peer = &self->peers [index];
        if (peer->wire.file < 0) {
            if (now >= peer->connect_at && connects++ < CONNECTS)
                s_connect (self, peer);
            continue;
        }
        if (all_read && now >= stint_peer_gone_at (&peer->peer)) {
            s_lose (self, peer);
            continue;
        }
        if (now >= stint_peer_beat_at (&peer->peer) && peer->wire.ready) {
            soak_send_bare (&peer->wire, &self->writer, STP_HEARTBEAT);
            stint_peer_sent (&peer->peer, now);
            if (zmtp_flush (&peer->wire) != 0)
                s_lose (self, peer);
        }
    }
}

//  The client pushes when it has nothing on its way and its time has come.

static void
s_ask (s_crowd_t *self, int64_t *next)
{
    s_peer_t *client = s_client (self);
    if (self->pushed_at && self->now - self->pushed_at > PATIENCE_MS * 1000)
        soak_fail ("task %" PRIu64 " is lost", self->task);
    if (self->pushed_at || self->now < *next || !client->wire.ready)
        return;
    *next = self->now + PERIOD_US;
    self->pushed_at = self->now;
    s_say_push (self);
    stint_peer_sent (&client->peer, self->now / 1000);
    if (zmtp_flush (&client->wire) != 0)
        s_lose (self, client);
}

static void
s_tell (s_crowd_t *self)
{
    char line [128];
    if (s_forget) {
        s_forget = 0;
        self->times.count = 0;
    }
    if (self->now < self->told_at + TELL_US)
        return;
    self->told_at = self->now;
    int size =
        snprintf (line, sizeof line, "%8u %10" PRIu64 " %10.1f %10.1f %10.1f\n",
                  self->accepted, self->done, soak_quantile (&self->times, 0.5),
                  soak_quantile (&self->times, 0.99), soak_quantile (&self->times, 1));
    if (pwrite (self->progress, line, (size_t) size, 0) != size)
        soak_fail ("cannot write down the progress");
}

//  Lets us have a descriptor for each worker.

static void
s_raise_limit (uint32_t count)
{
    struct rlimit limit;
    rlim_t wanted = count + 64;
    getrlimit (RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted)
        limit.rlim_max = wanted;
    if (setrlimit (RLIMIT_NOFILE, &limit) != 0)
        soak_fail ("%u workers need %u descriptors, see ulimit -Hn", count,
                   (unsigned) wanted);
}

int
main (int argc, char **argv)
{
    bool idle = argc == 6 && strcmp (argv [5], "idle") == 0;
    if (argc != 5 && !idle)
        soak_fail ("usage: soak_workers ENDPOINT GROUP COUNT PROGRESS [idle]");
    s_crowd_t self = {.endpoint = argv [1], .group = argv [2], .sequence = 1};
    self.count = (uint32_t) soak_number (argv [3]);
    self.progress = open (argv [4], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    self.epoll = epoll_create1 (EPOLL_CLOEXEC);
    if (self.progress < 0 || self.epoll < 0)
        soak_fail ("cannot open %s", argv [4]);
    s_raise_limit (self.count);
    signal (SIGUSR1, s_on_signal);
    self.chance = soak_mix ((uint64_t) soak_now ());
    self.peers = soak_memory (NULL, self.count + 1, sizeof *self.peers);
    for (uint32_t index = 0; index <= self.count; index++) {
        self.peers [index] = (s_peer_t){.number = soak_mix (self.chance + index) | 1};
        zmtp_init (&self.peers [index].wire);
    }
    int64_t next = 0, looked_at = 0;
    struct epoll_event events [EVENTS];
    for (;;) {
        int count = epoll_wait (self.epoll, events, EVENTS, TURN_MS);
        int64_t before = self.now;
        self.now = soak_now ();
        if (before && self.now - before > STALL_US)
            s_forgive (&self, self.now - before);
        for (int index = 0; index < count; index++)
            s_go_on (&self, &self.peers [events [index].data.u32]);
        if (self.now >= looked_at + TURN_MS * 1000) {
            looked_at = self.now;
            s_look (&self, count < EVENTS);
        }
        if (!idle)
            s_ask (&self, &next);
        s_tell (&self);
    }
}
