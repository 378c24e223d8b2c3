//  bench_nats: tasks that go through NATS JetStream, by its text protocol
//  SPDX-License-Identifier: MPL-2.0
//
//  Tasks are in a work-queue stream, in files when durable and in memory when not; the
//  client counts the stream's acknowledgements. Workers share a pull consumer, ask for up
//  to 256 tasks at a time, and ask again before they run dry.
//
//  Volatile, a result goes straight to the client as a plain NATS message. Durable, it
//  goes to a second stream, which the client reads in the same way, and a task is
//  acknowledged only once its result is stored.
//
//  This durable is less than ours: JetStream 2.9 acknowledges what it has written, and
//  leaves fsync to a timer of two minutes, for which that version has no setting. A crash
//  of the server loses nothing; one of the machine may lose what was acknowledged.

#include "bench_home.h"
#include "bench_stream.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NATS_PAYLOAD_MAX (8u << 20)  //  What the server is told to let through
#define NATS_BATCH 256               //  Messages asked for at a time, at most
#define NATS_AHEAD 1024              //  Messages asked for and not done, at most
#define NATS_SUBJECT_MAX 128

#define CREATE_TASKS                                                                       \
    "{\"name\":\"tasks\",\"subjects\":[\"task\"],\"retention\":\"workqueue\","             \
    "\"storage\":\"%s\",\"num_replicas\":1}"
#define CREATE_RESULTS                                                                     \
    "{\"name\":\"results\",\"subjects\":[\"result\"],\"retention\":\"interest\","          \
    "\"storage\":\"file\",\"num_replicas\":1}"
#define CREATE_WORKERS                                                                     \
    "{\"stream_name\":\"tasks\",\"config\":{\"durable_name\":\"workers\","                 \
    "\"ack_policy\":\"explicit\",\"max_ack_pending\":-1}}"
#define CREATE_CLIENT                                                                      \
    "{\"stream_name\":\"results\",\"config\":{\"durable_name\":\"client\","                \
    "\"ack_policy\":\"all\",\"max_ack_pending\":-1}}"

//  What a connection subscribes to, each by this number.

typedef enum {
    FOR_ANSWERS = 1,  //  Of the JetStream interface
    FOR_STORED = 2,   //  Acknowledgements of what was published into a stream
    FOR_INPUT = 3     //  Tasks, or results
} purpose_t;

//  A message that came. The bytes last until the next one is looked for.

typedef struct {
    uint32_t purpose;               //  Which subscription it is for
    char reply [NATS_SUBJECT_MAX];  //  Where to acknowledge it; empty when nowhere
    const uint8_t *data;            //  Its content
    size_t size;                    //  Bytes of that
} message_t;

typedef struct {
    bench_stream_t stream;         //  To the server
    char name [16];                //  Begins the subjects where only we are reached
    const char *from;              //  The consumer that messages are asked from, if any
    uint32_t ahead;                //  How many to have asked for and not done
    uint32_t asked;                //  Messages asked for that have not come
    bench_tally_t *tally;          //  The client's: takes the results
    const uint8_t *payload;        //  The client's: a task; its number is filled in
    char head [NATS_SUBJECT_MAX];  //  The client's: what precedes it
    size_t size;                   //  The client's: bytes of a task
    uint32_t window;               //  The client's: tasks that may be unacknowledged
    uint64_t stored;               //  The client's: tasks that the stream has acknowledged
    char last [NATS_SUBJECT_MAX];  //  The client's: where to acknowledge all so far, or
                                   //  empty
    //  A worker's: where to acknowledge the tasks whose results are being stored, in order
    char kept [NATS_AHEAD][NATS_SUBJECT_MAX];
    uint32_t first;  //  A worker's: the oldest of those
    uint32_t count;  //  A worker's: how many there are
} link_t;

//  Reads the words of a message's line: MSG subject number [reply] size. Returns the size.

static size_t
s_read_line (const char *line, size_t length, message_t *message)
{
    char text [4 * NATS_SUBJECT_MAX] = {0}, *words [5] = {text};
    size_t count = 1;
    if (length >= sizeof text)
        bench_fail ("nats sends too long a line");
    memcpy (text, line, length);
    for (char *at = text; count < 5 && (at = strchr (at, ' ')) != NULL; count++) {
        *at++ = 0;
        words [count] = at;
    }
    if (count < 4)
        bench_fail ("nats sends a line that is not understood");
    message->purpose = (uint32_t) strtoul (words [2], NULL, 10);
    snprintf (message->reply, sizeof message->reply, "%s", count == 5 ? words [3] : "");
    return strtoul (words [count - 1], NULL, 10);
}

//  Takes the next message, if a whole one has come. All else that the server says on its
//  own is an error, or needs no answer but for PING.

static bool
s_next (link_t *self, message_t *message)
{
    for (;;) {
        stint_bytes_t there = bench_stream_peek (&self->stream);
        const char *line = (const char *) there.data;
        const char *end = there.size ? memchr (line, '\n', there.size) : NULL;
        if (end == NULL)
            return false;
        size_t length = (size_t) (end - line) + 1;
        if (strncmp (line, "MSG ", 4) == 0) {
            message->size = s_read_line (line, length, message);
            if (there.size < length + message->size + 2)
                return false;
            message->data =
                bench_stream_take (&self->stream, length + message->size + 2) + length;
            return true;
        }
        if (*line == '-')
            bench_fail ("nats says %.*s", (int) length - 2, line);
        if (strncmp (line, "PING", 4) == 0)
            bench_stream_add (&self->stream, "PONG\r\n", 6);
        bench_stream_take (&self->stream, length);
    }
}

//  Waits for the next message; sends first what it may depend on.

static void
s_wait (link_t *self, message_t *message)
{
    while (!s_next (self, message)) {
        bench_stream_flush (&self->stream);
        bench_stream_fill (&self->stream);
    }
}

static bool
s_has (const message_t *message, const char *word)
{
    return memmem (message->data, message->size, word, strlen (word)) != NULL;
}

//  Calls the JetStream interface, again and again while it answers with an error: what is
//  asked for may not be there yet.

static void
s_call (link_t *self, const char *subject, const char *body)
{
    double start = bench_seconds (CLOCK_MONOTONIC);
    message_t answer;
    for (;;) {
        bench_stream_print (&self->stream, "PUB $JS.API.%s %s.answers %zu\r\n", subject,
                            self->name, strlen (body));
        bench_stream_print (&self->stream, "%s\r\n", body);
        s_wait (self, &answer);
        if (answer.purpose != FOR_ANSWERS)
            bench_fail ("nats sends what nobody has asked for");
        if (!s_has (&answer, "\"error\""))
            return;
        if (bench_seconds (CLOCK_MONOTONIC) - start > BENCH_PATIENCE_MS / 1000.0)
            bench_fail ("nats: %s: %.*s", subject, (int) answer.size, answer.data);
        poll (NULL, 0, 5);
    }
}

//  Asks for more messages once half of what may be ahead is free.

static void
s_ask (link_t *self)
{
    while (self->from && (self->asked + self->count) * 2 <= self->ahead) {
        char body [32];
        uint32_t more = self->ahead - self->asked - self->count;
        if (more > NATS_BATCH)
            more = NATS_BATCH;
        snprintf (body, sizeof body, "{\"batch\":%u}", more);
        bench_stream_print (&self->stream,
                            "PUB $JS.API.CONSUMER.MSG.NEXT.%s %s.input %zu\r\n%s\r\n",
                            self->from, self->name, strlen (body), body);
        self->asked += more;
    }
}

//  Connects; the messages that are asked for are those of one consumer, or of none.

static void
s_connect (link_t *self, const bench_t *bench, const char *from, uint32_t ahead)
{
    self->from = from;
    self->ahead = ahead < 4 ? 4 : ahead > NATS_AHEAD ? NATS_AHEAD : ahead;
    bench_stream_open (&self->stream, bench);
    bench_stream_print (&self->stream, "CONNECT {\"verbose\":false,\"pedantic\":false,"
                                       "\"headers\":false,\"lang\":\"c\"}\r\n");
    bench_stream_print (
        &self->stream, "SUB %s.answers %d\r\nSUB %s.stored %d\r\nSUB %s.input %d\r\n",
        self->name, FOR_ANSWERS, self->name, FOR_STORED, self->name, FOR_INPUT);
}

//  ---------------------------------------------------------------------------------
//  The client

static void
s_acknowledge (link_t *self, const char *subject)
{
    bench_stream_print (&self->stream, "PUB %s 4\r\n+ACK\r\n", subject);
}

static void
s_client_take (link_t *self, const message_t *message)
{
    if (message->purpose == FOR_STORED) {
        if (!s_has (message, "\"seq\""))
            bench_fail ("nats does not store a task: %.*s", (int) message->size,
                        message->data);
        self->stored++;
        return;
    }
    bench_take (self->tally, message->data, message->size);
    memcpy (self->last, message->reply, sizeof self->last);
    if (self->from)
        self->asked--;
}

//  Waits for messages, and takes all that have come.

static void
s_client_turn (link_t *self)
{
    message_t message;
    s_wait (self, &message);
    do
        s_client_take (self, &message);
    while (s_next (self, &message));
    if (*self->last)
        s_acknowledge (self, self->last);
    *self->last = 0;
    s_ask (self);
}

static void
s_push (void *argument, uint64_t first, uint32_t count)
{
    link_t *self = argument;
    while (self->tally->pushed + count > self->stored + self->window)
        s_client_turn (self);
    for (uint64_t task = first; task < first + count; task++) {
        bench_stream_add (&self->stream, self->head, strlen (self->head));
        bench_stream_add (&self->stream, &task, sizeof task);
        bench_stream_add (&self->stream, self->payload + sizeof task,
                          self->size - sizeof task);
        bench_stream_add (&self->stream, "\r\n", 2);
    }
    self->tally->pushed += count;
    bench_stream_flush (&self->stream);
}

static uint32_t
s_pull (void *argument)
{
    link_t *self = argument;
    uint64_t before = self->tally->taken;
    while (self->tally->taken == before)
        s_client_turn (self);
    return (uint32_t) (self->tally->taken - before);
}

static void
s_open (const bench_t *bench, bench_tally_t *tally, bench_way_t *way)
{
    static link_t self = {.name = "client"};
    uint32_t chunk = bench_stream_chunk (bench);
    char body [256];
    self.tally = tally;
    self.size = bench->payload;
    self.payload = bench_payload (bench->payload);
    self.window = bench->window > chunk ? bench->window : chunk * 4;
    s_connect (&self, bench, bench->store ? "results.client" : NULL, bench->window);
    self.stream.tally = tally;
    snprintf (self.head, sizeof self.head, "PUB task client.stored %zu\r\n", self.size);
    snprintf (body, sizeof body, CREATE_TASKS, bench->store ? "file" : "memory");
    s_call (&self, "STREAM.CREATE.tasks", body);
    if (bench->store) {
        s_call (&self, "STREAM.CREATE.results", CREATE_RESULTS);
        s_call (&self, "CONSUMER.DURABLE.CREATE.results.client", CREATE_CLIENT);
    }
    s_call (&self, "CONSUMER.DURABLE.CREATE.tasks.workers", CREATE_WORKERS);
    s_ask (&self);
    *way = (bench_way_t){s_push, s_pull, &self, chunk, 0};
}

//  ---------------------------------------------------------------------------------
//  A worker

//  A result has been stored: its task is the oldest of those that wait for that.

static void
s_on_stored (link_t *self, const message_t *message)
{
    if (!s_has (message, "\"seq\"") || self->count == 0)
        bench_fail ("nats does not store a result: %.*s", (int) message->size,
                    message->data);
    s_acknowledge (self, self->kept [self->first]);
    self->first = (self->first + 1) % NATS_AHEAD;
    self->count--;
}

static void
s_on_task (link_t *self, const message_t *message, uint32_t index, bool durable)
{
    uint64_t answer [2];
    bench_do (message->data, message->size, index, answer);
    self->asked--;
    if (durable) {
        uint32_t place = (self->first + self->count++) % NATS_AHEAD;
        memcpy (self->kept [place], message->reply, sizeof message->reply);
        bench_stream_print (&self->stream, "PUB result %s.stored 16\r\n", self->name);
    }
    else
        bench_stream_print (&self->stream, "PUB client.input 16\r\n");
    bench_stream_add (&self->stream, answer, sizeof answer);
    bench_stream_add (&self->stream, "\r\n", 2);
    if (!durable)
        s_acknowledge (self, message->reply);
}

static void
s_work (const bench_t *bench, uint32_t index)
{
    static link_t self;
    message_t message;
    snprintf (self.name, sizeof self.name, "worker%u", index);
    s_connect (&self, bench, "tasks.workers", bench->window / bench->workers + 1);
    s_call (&self, "CONSUMER.INFO.tasks.workers", "");
    for (;;) {
        s_ask (&self);
        s_wait (&self, &message);
        if (message.purpose == FOR_STORED)
            s_on_stored (&self, &message);
        else
            s_on_task (&self, &message, index, bench->store != NULL);
    }
}

//  ---------------------------------------------------------------------------------

static void
s_serve (const bench_t *bench)
{
    char home [BENCH_HOME_MAX], path [BENCH_HOME_MAX + 16];
    const char *words [] = {"nats-server", "-c", path, NULL};
    if (bench->port == 0)
        bench_fail ("nats has no unix socket: --port is needed");
    if (bench->payload > NATS_PAYLOAD_MAX)
        bench_fail ("nats is told to carry up to %u bytes", NATS_PAYLOAD_MAX);
    bench_home_make (bench, "jetstream", home);
    bench_home_write (home, "nats.conf",
                      "listen: \"127.0.0.1:%u\"\n"
                      "max_payload: %u\n"
                      "max_pending: 512MB\n"
                      "log_file: \"%s/nats.log\"\n"
                      "jetstream { store_dir: \"%s\" }\n",
                      bench->port, NATS_PAYLOAD_MAX, home, home);
    snprintf (path, sizeof path, "%s/nats.conf", home);
    bench_become (bench, words);
}

const bench_peer_t bench_nats = {
    .name = "nats", .serve = s_serve, .work = s_work, .open = s_open};
