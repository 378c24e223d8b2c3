//  soak_hostile: peers that a broker has to live with, one kind at a time
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: soak_hostile KIND ENDPOINT GROUP COUNT
//
//    idle      COUNT connections that say nothing at all
//    greeted   COUNT connections that shake hands and say nothing
//    deaf      pushes COUNT times 16 tasks and reads nothing
//    asker     asks COUNT times for a thousand tasks and reads nothing
//    hoarder   pushes COUNT tasks of 60 000 bytes and waits for each answer, collects with
//              the largest window, reads all that comes, and acknowledges nothing
//    endless   one message of COUNT frames of a MiB, and more to follow
//    crumbs    one message of COUNT thousand frames of an octet, and more to follow
//
//  Prints one line when that is done, or how far it came when it was cut off, and then
//  stays as it is until it is killed.

#include "soak.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/resource.h>

#define QUEUE_MAX ((size_t) 4 << 20)  //  Bytes that wait in us
#define BODY ((size_t) 60000)         //  Of a hoarder's tasks
#define STUCK_MS 2000                 //  The broker takes nothing more of us for so long

typedef struct {
    const char *kind;       //  What we are
    const char *endpoint;   //  Of the broker
    const char *group;      //  For tasks
    uint64_t count;         //  How much
    zmtp_t wire;            //  The connection
    uint8_t *body;          //  Of large tasks and frames
    uint64_t sequence;      //  Of the next push
    uint64_t batch;         //  Of a hoarder
    uint64_t heard;         //  Outcomes that came
    uint8_t answer;         //  To the last push, a command; 0 while there is none
    bool cut;               //  The broker closed the connection
    stint_writer_t writer;  //  Of headers
} s_hostile_t;

static _Noreturn void
s_stay (const char *text, uint64_t number)
{
    printf ("%s %" PRIu64 "\n", text, number);
    fflush (stdout);
    for (;;)
        poll (NULL, 0, -1);
}

//  Writes what can be written, and waits for more room for at most so long. Returns false
//  when there was none.

static bool
s_write (s_hostile_t *self, int timeout_ms)
{
    struct pollfd item = {self->wire.file, POLLOUT, 0};
    if (zmtp_flush (&self->wire) != 0)
        self->cut = true;
    if (self->cut || zmtp_waiting (&self->wire) == 0)
        return true;
    return poll (&item, 1, timeout_ms) > 0;
}

static void
s_open (s_hostile_t *self)
{
    stint_message_t message;
    if (zmtp_connect (&self->wire, self->endpoint) != 0)
        soak_fail ("cannot connect to %s: %s", self->endpoint, strerror (errno));
    zmtp_greet (&self->wire);
    while (!self->wire.ready) {
        struct pollfd item = {self->wire.file, POLLIN, 0};
        s_write (self, 1000);
        if (poll (&item, 1, 10000) <= 0 || zmtp_read (&self->wire) != 0)
            soak_fail ("the broker does not shake hands");
        soak_hear (&self->wire, &message);
    }
}

//  ---------------------------------------------------------------------------------
//  Those that connect and say nothing

static void
s_be_idle (s_hostile_t *self)
{
    uint64_t open = 0;
    struct rlimit limit;
    bool greet = strcmp (self->kind, "greeted") == 0;
    getrlimit (RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit (RLIMIT_NOFILE, &limit);
    for (uint64_t index = 0; index < self->count; index++) {
        zmtp_init (&self->wire);
        if (zmtp_connect (&self->wire, self->endpoint) != 0)
            continue;
        open++;
        if (greet) {
            zmtp_greet (&self->wire);
            zmtp_flush (&self->wire);
        }
    }
    s_stay ("connections that are open:", open);
}

//  ---------------------------------------------------------------------------------
//  Those that talk and do not listen

static void
s_push (s_hostile_t *self, uint32_t count, size_t size)
{
    stint_writer_t *out = &self->writer;
    stint_item_t item = {.body = {self->body, size}};
    bool large = size > STINT_INLINE_MAX;
    stint_wire_begin (out, STP_PUSH, self->batch ? 6 : 5);
    stint_wire_number (out, 'r', self->sequence);
    stint_wire_text (out, 'g', self->group);
    stint_wire_number (out, 'p', (uint64_t) getpid ());
    stint_wire_number (out, 's', self->sequence);
    if (self->batch)
        stint_wire_number (out, 'b', self->batch);
    size_t where = stint_wire_list (out);
    for (uint32_t index = 0; index < count; index++) {
        item.frame = large ? index + 1 : 0;
        stint_wire_put (out, STP_PUSH, &item);
    }
    stint_write_array_close (out, where, count);
    zmtp_send (&self->wire, stint_writer_bytes (out), large);
    for (uint32_t index = 0; large && index < count; index++)
        zmtp_send (&self->wire, item.body, index + 1 < count);
    self->sequence += count;
}

static void
s_ask (s_hostile_t *self)
{
    stint_wire_begin (&self->writer, STP_QUERY, 4);
    stint_wire_number (&self->writer, 'r', self->sequence++);
    stint_wire_text (&self->writer, 'o', "tasks");
    stint_wire_text (&self->writer, 'g', self->group);
    stint_wire_number (&self->writer, 'c', 1000);
    soak_send (&self->wire, &self->writer);
}

static void
s_be_deaf (s_hostile_t *self)
{
    bool asks = strcmp (self->kind, "asker") == 0;
    s_open (self);
    for (uint64_t index = 0; index < self->count; index++) {
        if (asks)
            s_ask (self);
        else
            s_push (self, 16, 64);
        bool wrote = s_write (self, STUCK_MS);
        while (wrote && self->wire.out_size > QUEUE_MAX)
            wrote = s_write (self, STUCK_MS);
        if (self->cut || !wrote)
            s_stay (self->cut ? "cut off after" : "not read any more after", index);
    }
    s_stay ("said all of", self->count);
}

//  ---------------------------------------------------------------------------------
//  Who takes all and gives nothing back

static void
s_listen (s_hostile_t *self, int timeout_ms)
{
    stint_message_t message;
    stint_item_t item;
    struct pollfd poll_item = {self->wire.file, POLLIN, 0};
    if (poll (&poll_item, 1, timeout_ms) <= 0)
        return;
    if (zmtp_read (&self->wire) != 0)
        soak_fail ("the hoarder was cut off");
    while (soak_hear (&self->wire, &message)) {
        if (message.batch && !self->batch)
            self->batch = message.batch;
        else if (message.command == STP_ACCEPTED || message.command == STP_FULL)
            self->answer = (uint8_t) message.command;
        while (message.command == STP_OUTCOME && stint_wire_next (&message, &item))
            self->heard++;
    }
}

//  Pushes eight tasks, again after a while when the broker is full.

static void
s_push_and_wait (s_hostile_t *self)
{
    do {
        if (self->answer == STP_FULL) {
            self->sequence -= 8;
            poll (NULL, 0, 50);
        }
        self->answer = 0;
        s_push (self, 8, BODY);
        while (!self->answer && !self->cut) {
            s_write (self, 100);
            s_listen (self, zmtp_waiting (&self->wire) ? 0 : 100);
        }
    } while (self->answer == STP_FULL);
}

static void
s_hoard (s_hostile_t *self)
{
    stint_writer_t *out = &self->writer;
    s_open (self);
    stint_wire_begin (out, STP_BATCH, 3);
    stint_wire_number (out, 'r', 1);
    stint_wire_text (out, 'g', self->group);
    stint_wire_text (out, 'n', "hoard");
    soak_send (&self->wire, out);
    while (!self->batch) {
        s_write (self, 1000);
        s_listen (self, 1000);
    }
    stint_wire_begin (out, STP_COLLECT, 3);
    stint_wire_number (out, 'r', 2);
    stint_wire_number (out, 'b', self->batch);
    stint_wire_number (out, 'c', 65536);
    soak_send (&self->wire, out);
    for (uint64_t pushed = 0; pushed < self->count; pushed += 8)
        s_push_and_wait (self);
    int64_t silent_at = soak_now ();
    while (soak_now () < silent_at + STUCK_MS * 1000) {
        uint64_t before = self->heard;
        s_write (self, 100);
        s_listen (self, 100);
        if (self->heard > before)
            silent_at = soak_now ();
    }
    printf ("%" PRIu64 " outcomes came unacknowledged, ", self->heard);
    s_stay ("of tasks:", self->count);
}

//  ---------------------------------------------------------------------------------
//  Who never comes to an end

static void
s_be_endless (s_hostile_t *self)
{
    bool crumbs = strcmp (self->kind, "crumbs") == 0;
    stint_bytes_t frame = {self->body, crumbs ? 1 : (size_t) 1 << 20};
    s_open (self);
    zmtp_send (&self->wire, stint_bytes_of ("STP\1\6\x80"), true);
    for (uint64_t index = 0; index < self->count && !self->cut; index++) {
        for (int part = 0; part < (crumbs ? 1000 : 1); part++)
            zmtp_send (&self->wire, frame, true);
        do {
            s_write (self, 1000);
        } while (!self->cut && self->wire.out_size > (size_t) 64 << 10);
        if (self->cut)
            s_stay ("cut off after", index);
    }
    s_stay ("said all of", self->count);
}

int
main (int argc, char **argv)
{
    if (argc != 5)
        soak_fail ("usage: soak_hostile KIND ENDPOINT GROUP COUNT");
    s_hostile_t self = {.kind = argv [1], .endpoint = argv [2], .group = argv [3]};
    self.count = soak_number (argv [4]);
    self.sequence = 1;
    self.body = soak_memory (NULL, 1, (size_t) 1 << 20);
    memset (self.body, 'x', (size_t) 1 << 20);
    zmtp_init (&self.wire);
    if (strcmp (self.kind, "idle") == 0 || strcmp (self.kind, "greeted") == 0)
        s_be_idle (&self);
    else if (strcmp (self.kind, "deaf") == 0 || strcmp (self.kind, "asker") == 0)
        s_be_deaf (&self);
    else if (strcmp (self.kind, "hoarder") == 0)
        s_hoard (&self);
    else if (strcmp (self.kind, "endless") == 0 || strcmp (self.kind, "crumbs") == 0)
        s_be_endless (&self);
    else
        soak_fail ("there is no kind '%s'", self.kind);
}
