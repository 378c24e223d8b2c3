//  bench_rabbitmq: tasks that go through RabbitMQ, by AMQP
//  SPDX-License-Identifier: MPL-2.0
//
//  A queue of tasks and a queue of results: durable, both are quorum queues, which sync
//  their log before they confirm; volatile, both are classic queues, whose messages are
//  written only when memory is short. The client counts the confirmations of its tasks. A
//  worker acknowledges tasks, many at once, after it has published their results, and when
//  durable after those were confirmed.
//
//  The server listens on the port, its distribution on the next one, and the name server
//  of Erlang, which it insists on, on the one after that; all of them only on the loopback.
//  The name server is our own, and ends with the server. Memory and CPU time are those of
//  the virtual machine (beam.smp), which is the very process that was started.

#include "bench_amqp.h"
#include "bench_home.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define RABBITMQ_PREFETCH_MAX 2048  //  Messages that are not acknowledged yet
#define RABBITMQ_BODY_MAX (8u << 20)

//  Where Debian has it; in the PATH it has a script that becomes another user first.
#define RABBITMQ_PROGRAM "/usr/lib/rabbitmq/bin/rabbitmq-server"

//  Which of the messages that were published are confirmed. Tags count from 1.

typedef struct {
    uint64_t until;  //  All up to this one
    uint8_t *early;  //  Which ones behind it, at their tag modulo the size
    uint64_t size;   //  More than are ever on their way
} confirmed_t;

typedef struct {
    bench_amqp_t amqp;       //  To the server
    confirmed_t confirmed;   //  What was published here
    bench_tally_t *tally;    //  Takes the results
    const uint8_t *payload;  //  A task; its number is filled in
    size_t size;             //  Bytes of it
    amqp_head_t head;        //  What precedes a task
    uint32_t window;         //  Tasks that may be unconfirmed
} client_t;

typedef struct {
    bench_amqp_t amqp;      //  To the server
    confirmed_t confirmed;  //  What was published here, when durable
    amqp_head_t head;       //  What precedes a result
    uint32_t index;         //  Which worker it is
    uint64_t done;          //  The last task that was done
    uint64_t acknowledged;  //  The last task that was acknowledged
} worker_t;

static void
s_confirmed_init (confirmed_t *self, uint64_t most)
{
    *self = (confirmed_t){.size = most + 1, .early = calloc (most + 1, 1)};
    if (self->early == NULL)
        bench_fail ("no memory");
}

//  Notes a confirmation, which may come before those of earlier messages.

static void
s_confirm (confirmed_t *self, uint64_t tag, bool multiple)
{
    if (tag <= self->until)
        return;
    if (tag >= self->until + self->size)
        bench_fail ("rabbitmq confirms what nobody has published");
    self->early [tag % self->size] = 1;
    while (self->early [(self->until + 1) % self->size] || (multiple && self->until < tag))
        self->early [++self->until % self->size] = 0;
}

//  ---------------------------------------------------------------------------------
//  The client

//  Waits for messages, and takes all that have come.

static void
s_client_turn (client_t *self)
{
    amqp_message_t message;
    uint64_t last = 0;
    bench_amqp_wait (&self->amqp, &message);
    do {
        if (message.confirms) {
            s_confirm (&self->confirmed, message.tag, message.multiple);
            continue;
        }
        bench_take (self->tally, message.data, message.size);
        last = message.tag;
    } while (bench_amqp_next (&self->amqp, &message));
    if (last > 0)
        bench_amqp_acknowledge (&self->amqp, last, true);
}

static void
s_push (void *argument, uint64_t first, uint32_t count)
{
    client_t *self = argument;
    while (self->tally->pushed + count > self->confirmed.until + self->window)
        s_client_turn (self);
    for (uint64_t task = first; task < first + count; task++) {
        uint8_t *body = bench_amqp_publish (&self->amqp, &self->head, self->size);
        memcpy (body, self->payload, self->size);
        memcpy (body, &task, sizeof task);
    }
    self->tally->pushed += count;
    bench_stream_flush (&self->amqp.stream);
}

static uint32_t
s_pull (void *argument)
{
    client_t *self = argument;
    uint64_t before = self->tally->taken;
    while (self->tally->taken == before)
        s_client_turn (self);
    return (uint32_t) (self->tally->taken - before);
}

static void
s_open (const bench_t *bench, bench_tally_t *tally, bench_way_t *way)
{
    static client_t self;
    uint32_t chunk = bench_stream_chunk (bench);
    self.tally = tally;
    self.size = bench->payload;
    self.payload = bench_payload (bench->payload);
    self.window = bench->window > chunk ? bench->window : chunk * 4;
    s_confirmed_init (&self.confirmed, self.window);
    bench_amqp_head (&self.head, "tasks", self.size, bench->store != NULL);
    bench_amqp_open (&self.amqp, bench, NULL);
    bench_amqp_confirm (&self.amqp);
    self.amqp.stream.tally = tally;
    //  The last one is what the workers wait for: declared at the same time by several
    //  clients, a quorum queue may be answered with an internal error.
    bench_amqp_declare (&self.amqp, "tasks", bench->store != NULL);
    bench_amqp_declare (&self.amqp, "results", bench->store != NULL);
    bench_amqp_consume (&self.amqp, "results", RABBITMQ_PREFETCH_MAX);
    *way = (bench_way_t){s_push, s_pull, &self, chunk, 0};
}

//  ---------------------------------------------------------------------------------
//  A worker

static void
s_on_task (worker_t *self, const amqp_message_t *message)
{
    uint64_t answer [2];
    bench_do (message->data, message->size, self->index, answer);
    memcpy (bench_amqp_publish (&self->amqp, &self->head, sizeof answer), answer,
            sizeof answer);
    self->done = message->tag;
}

//  Waits for tasks and confirmations, and takes all that have come. A result has the tag
//  of its task, because both count the same tasks.

static void
s_worker_turn (worker_t *self, bool durable)
{
    amqp_message_t message;
    bench_amqp_wait (&self->amqp, &message);
    do {
        if (message.confirms)
            s_confirm (&self->confirmed, message.tag, message.multiple);
        else
            s_on_task (self, &message);
    } while (bench_amqp_next (&self->amqp, &message));
    uint64_t until = durable ? self->confirmed.until : self->done;
    if (until > self->acknowledged)
        bench_amqp_acknowledge (&self->amqp, until, true);
    self->acknowledged = until;
}

static void
s_work (const bench_t *bench, uint32_t index)
{
    static worker_t self;
    bool durable = bench->store != NULL;
    uint32_t prefetch = bench->window / bench->workers + 1;
    if (prefetch > RABBITMQ_PREFETCH_MAX)
        prefetch = RABBITMQ_PREFETCH_MAX;
    self.index = index;
    s_confirmed_init (&self.confirmed, prefetch);
    bench_amqp_head (&self.head, "results", 16, durable);
    bench_amqp_open (&self.amqp, bench, "results");
    if (durable)
        bench_amqp_confirm (&self.amqp);
    bench_amqp_consume (&self.amqp, "tasks", prefetch);
    for (;;)
        s_worker_turn (&self, durable);
}

//  ---------------------------------------------------------------------------------
//  The server

//  Starts the name server, in the same process group, and waits until it answers: it is
//  asked for the names that it knows.

static void
s_start_names (uint16_t port)
{
    bench_stream_t probe;
    char text [8];
    pid_t parent = getpid (), pid = fork ();
    if (pid == -1)
        bench_fail ("no process: %s", strerror (errno));
    if (pid == 0) {
        if (prctl (PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid () != parent)
            _exit (1);
        snprintf (text, sizeof text, "%u", port);
        execlp ("epmd", "epmd", "-address", "127.0.0.1", "-port", text, (char *) NULL);
        bench_fail ("epmd: %s", strerror (errno));
    }
    bench_stream_connect (&probe, "", port);
    bench_stream_add (&probe, "\0\1n", 3);
    bench_stream_flush (&probe);
    bench_stream_need (&probe, sizeof port);
    bench_stream_close (&probe);
}

//  Sets a variable of the environment, as printf writes it.

__attribute__ ((format (printf, 2, 3))) static void
s_set (const char *name, const char *format, ...)
{
    char text [2 * BENCH_HOME_MAX];
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    setenv (name, text, 1);
}

//  Leaves nothing of the environment but what this server is to know: it takes its files,
//  its ports and its settings from there.

static void
s_set_environment (const bench_t *bench, const char *home)
{
    const char *path = getenv ("PATH");
    char paths [2 * BENCH_HOME_MAX];
    snprintf (paths, sizeof paths, "%s", path ? path : "/usr/bin:/bin");
    clearenv ();
    s_set ("PATH", "%s", paths);
    s_set ("HOME", "%s", home);
    s_set ("ERL_CRASH_DUMP", "%s/erl_crash.dump", home);
    s_set ("ERL_EPMD_PORT", "%u", bench->port + 2u);
    s_set ("RABBITMQ_DIST_PORT", "%u", bench->port + 1u);
    s_set ("RABBITMQ_NODENAME", "bench@localhost");
    s_set ("RABBITMQ_MNESIA_BASE", "%s/mnesia", home);
    s_set ("RABBITMQ_LOG_BASE", "%s/log", home);
    s_set ("RABBITMQ_CONFIG_FILE", "%s/rabbitmq.conf", home);
    s_set ("RABBITMQ_ADVANCED_CONFIG_FILE", "%s/advanced.config", home);
    s_set ("RABBITMQ_ENABLED_PLUGINS_FILE", "%s/plugins", home);
    s_set ("RABBITMQ_CONF_ENV_FILE", "/dev/null");
    //  Its script then becomes the virtual machine instead of its parent.
    s_set ("RABBITMQ_ALLOW_INPUT", "1");
    s_set ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-noinput -start_epmd false "
                                                  "-kernel inet_dist_use_interface "
                                                  "{127,0,0,1}");
}

static void
s_serve (const bench_t *bench)
{
    char home [BENCH_HOME_MAX];
    const char *words [] = {RABBITMQ_PROGRAM, NULL};
    if (bench->port == 0)
        bench_fail ("rabbitmq has no unix socket: --port is needed");
    if (bench->payload > RABBITMQ_BODY_MAX)
        bench_fail ("rabbitmq is told to carry up to %u bytes", RABBITMQ_BODY_MAX);
    bench_home_make (bench, "mnesia", home);
    bench_home_write (home, "rabbitmq.conf",
                      "listeners.tcp.1 = 127.0.0.1:%u\n"
                      "frame_max = %u\n"
                      "log.console = false\n"
                      "log.file.level = error\n",
                      bench->port, RABBITMQ_BODY_MAX + 1024);
    bench_home_write (home, "advanced.config", "[].\n");
    bench_home_write (home, "plugins", "[].\n");
    s_set_environment (bench, home);
    s_start_names ((uint16_t) (bench->port + 2));
    if (access (RABBITMQ_PROGRAM, X_OK) != 0)
        words [0] = "rabbitmq-server";
    bench_become (bench, words);
}

const bench_peer_t bench_rabbitmq = {
    .name = "rabbitmq", .serve = s_serve, .work = s_work, .open = s_open};
