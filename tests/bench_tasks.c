//  bench_tasks: carries tasks through a broker or a bare libzmq relay, and measures it once
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: bench_tasks --socket PATH [--broker PROGRAM [--store DIR]] [--payload BYTES]
//                     [--pack TASKS] [--window TASKS] [--seconds S]
//
//  One client, two workers and what is measured, each in a process of its own, over ipc.
//  Without a broker it is a relay: a ROUTER in front, a DEALER behind, and a loop that
//  moves the frames of up to 256 messages a turn; --pack tasks ride in one message. The
//  window is counted in tasks and takes the place of high-water marks, so nothing is ever
//  dropped. A window of 1 measures latency. Prints one line of JSON; a result that is
//  missing, wrong or comes twice is said, and the exit code is then 1.

#include "bench_run.h"
#include "stint_client.h"
#include "stint_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#define RELAY_TURN 256  //  Messages that the relay moves before it looks at the other side

//  The client's side of a way.

typedef struct {
    bench_tally_t *tally;    //  Takes the results
    uint8_t *payload;        //  A task; its number is filled in
    size_t size;             //  Bytes of it
    stint_client_t *client;  //  Of the broker
    stint_batch_t *batch;    //  All tasks are of this batch
    void *socket;            //  Of the relay
} side_t;

//  ---------------------------------------------------------------------------------
//  The broker's way

static void
s_broker_push (void *argument, uint64_t first, uint32_t count)
{
    side_t *self = argument;
    stint_bytes_t payload = {self->payload, self->size};
    for (uint64_t task = first; task < first + count; task++) {
        memcpy (self->payload, &task, sizeof task);
        if (stint_batch_push (self->batch, payload) != STINT_OK)
            bench_fail ("push: %s", stint_client_error (self->client));
    }
    self->tally->pushed += count;
}

static uint32_t
s_broker_pull (void *argument)
{
    side_t *self = argument;
    stint_result_t result;
    if (stint_batch_next (self->batch, BENCH_PATIENCE_MS, &result) != STINT_OK)
        bench_fail ("%llu results are missing: %s",
                    (unsigned long long) (self->tally->pushed - self->tally->taken),
                    stint_client_error (self->client));
    if (result.state != STINT_DONE)
        bench_fail ("a task is %s", stint_state_name (result.state));
    bench_take (self->tally, result.result.data, result.result.size);
    return 1;
}

static void
s_broker_open (const bench_t *bench, bench_tally_t *tally, bench_way_t *way)
{
    static side_t self;
    int64_t took_us;
    self.tally = tally;
    self.size = bench->payload;
    self.payload = malloc (bench->payload);
    self.client = stint_client_new (bench->endpoint);
    if (self.payload == NULL)
        bench_fail ("no memory");
    bench_fill (self.payload, self.size);
    stint_client_set_timeout (self.client, BENCH_PATIENCE_MS);
    if (stint_client_ping (self.client, &took_us) != STINT_OK)
        bench_fail ("ping: %s", stint_client_error (self.client));
    self.batch = stint_batch_open (self.client, "bench", NULL);
    if (self.batch == NULL)
        bench_fail ("batch: %s", stint_client_error (self.client));
    *way = (bench_way_t){s_broker_push, s_broker_pull, &self, bench->window == 1 ? 1 : 64};
}

static void
s_broker_work (const bench_t *bench, uint32_t index)
{
    stint_worker_t *worker = stint_worker_new (bench->endpoint);
    if (stint_worker_serve (worker, "bench") != STINT_OK)
        bench_fail ("the worker cannot serve");
    stint_worker_set_capacity (worker, bench->window / BENCH_WORKERS + 1);
    for (;;) {
        uint64_t answer [2];
        stint_attempt_t *attempt = stint_worker_next (worker, -1);
        if (attempt == NULL)
            bench_fail ("worker %u stops: %s", index, stint_worker_error (worker));
        stint_bytes_t payload = stint_attempt_payload (attempt);
        bench_do (payload.data, payload.size, index, answer);
        stint_attempt_done (&attempt,
                            (stint_bytes_t){(const uint8_t *) answer, sizeof answer});
    }
}

static void
s_broker_serve (const bench_t *bench)
{
    const char *kind = bench->store == NULL ? "--ephemeral" : "--store";
    execl (bench->broker, bench->broker, "--log", "warning", "--listen", bench->endpoint,
           kind, bench->store, (char *) NULL);
    bench_fail ("%s: %s", bench->broker, strerror (errno));
}

//  ---------------------------------------------------------------------------------
//  The relay's way

//  Makes a socket without high-water marks, bound to or connected with path and suffix.
static void *
s_relay_socket (const bench_t *bench, int type, const char *suffix, bool server)
{
    static void *context;
    char endpoint [160];
    int none = 0;
    if (context == NULL)
        context = zmq_ctx_new ();
    void *socket = zmq_socket (context, type);
    snprintf (endpoint, sizeof endpoint, "%s%s", bench->endpoint, suffix);
    zmq_setsockopt (socket, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt (socket, ZMQ_RCVHWM, &none, sizeof none);
    zmq_setsockopt (socket, ZMQ_LINGER, &none, sizeof none);
    if ((server ? zmq_bind (socket, endpoint) : zmq_connect (socket, endpoint)) != 0)
        bench_fail ("%s: %s", endpoint, zmq_strerror (errno));
    return socket;
}

static void
s_relay_send (void *socket, zmq_msg_t *frame, int flags)
{
    if (zmq_msg_send (frame, socket, flags) == -1)
        bench_fail ("the relay cannot send: %s", zmq_strerror (errno));
}

static void
s_relay_push (void *argument, uint64_t first, uint32_t count)
{
    side_t *self = argument;
    zmq_msg_t frame;
    if (zmq_msg_init_size (&frame, self->size * count) != 0)
        bench_fail ("no memory");
    uint8_t *at = zmq_msg_data (&frame);
    for (uint64_t task = first; task < first + count; task++) {
        memcpy (at, self->payload, self->size);
        memcpy (at, &task, sizeof task);
        at += self->size;
    }
    s_relay_send (self->socket, &frame, 0);
    self->tally->pushed += count;
}

static uint32_t
s_relay_pull (void *argument)
{
    side_t *self = argument;
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    if (zmq_msg_recv (&frame, self->socket, 0) == -1)
        bench_fail ("%llu results are missing",
                    (unsigned long long) (self->tally->pushed - self->tally->taken));
    const uint8_t *at = zmq_msg_data (&frame);
    size_t count = zmq_msg_size (&frame) / 16;
    for (size_t result = 0; result < count; result++)
        bench_take (self->tally, at + result * 16, 16);
    zmq_msg_close (&frame);
    return (uint32_t) count;
}

static void
s_relay_open (const bench_t *bench, bench_tally_t *tally, bench_way_t *way)
{
    static side_t self;
    int patience = BENCH_PATIENCE_MS;
    self.tally = tally;
    self.size = bench->payload;
    self.payload = malloc (bench->payload);
    if (self.payload == NULL)
        bench_fail ("no memory");
    bench_fill (self.payload, self.size);
    self.socket = s_relay_socket (bench, ZMQ_DEALER, "", false);
    zmq_setsockopt (self.socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
    *way = (bench_way_t){s_relay_push, s_relay_pull, &self, bench->pack};
}

static void
s_relay_work (const bench_t *bench, uint32_t index)
{
    void *socket = s_relay_socket (bench, ZMQ_DEALER, ".back", false);
    for (;;) {
        zmq_msg_t peer, tasks, results;
        zmq_msg_init (&peer);
        zmq_msg_init (&tasks);
        if (zmq_msg_recv (&peer, socket, 0) == -1 || zmq_msg_recv (&tasks, socket, 0) == -1)
            bench_fail ("worker %u cannot receive: %s", index, zmq_strerror (errno));
        size_t count = zmq_msg_size (&tasks) / bench->payload;
        if (zmq_msg_init_size (&results, count * 16) != 0)
            bench_fail ("no memory");
        const uint8_t *payload = zmq_msg_data (&tasks);
        uint8_t *result = zmq_msg_data (&results);
        for (size_t task = 0; task < count; task++) {
            uint64_t answer [2];
            bench_do (payload + task * bench->payload, bench->payload, index, answer);
            memcpy (result + task * sizeof answer, answer, sizeof answer);
        }
        zmq_msg_close (&tasks);
        s_relay_send (socket, &peer, ZMQ_SNDMORE);
        s_relay_send (socket, &results, 0);
    }
}

//  Moves what one socket has to the other, a bounded number of messages.
static void
s_relay_move (void *from, void *to)
{
    for (int count = 0; count < RELAY_TURN; count++) {
        bool more = true;
        for (int flags = ZMQ_DONTWAIT; more; flags = 0) {
            zmq_msg_t frame;
            zmq_msg_init (&frame);
            if (zmq_msg_recv (&frame, from, flags) == -1) {
                zmq_msg_close (&frame);
                return;
            }
            more = zmq_msg_more (&frame);
            s_relay_send (to, &frame, more ? ZMQ_SNDMORE : 0);
        }
    }
}

static void
s_relay_serve (const bench_t *bench)
{
    void *back = s_relay_socket (bench, ZMQ_DEALER, ".back", true);
    void *front = s_relay_socket (bench, ZMQ_ROUTER, "", true);
    zmq_pollitem_t items [] = {{front, 0, ZMQ_POLLIN, 0}, {back, 0, ZMQ_POLLIN, 0}};
    for (;;) {
        if (zmq_poll (items, 2, -1) == -1)
            bench_fail ("the relay cannot wait: %s", zmq_strerror (errno));
        if (items [0].revents)
            s_relay_move (front, back);
        if (items [1].revents)
            s_relay_move (back, front);
    }
}

//  ---------------------------------------------------------------------------------
//  The processes

//  Starts a process; returns 0 in the new one, which does not outlive this one.
static pid_t
s_fork (void)
{
    pid_t parent = getpid (), pid = fork ();
    if (pid == -1)
        bench_fail ("no process: %s", strerror (errno));
    if (pid == 0 && (prctl (PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid () != parent))
        _exit (1);
    return pid;
}

//  Waits until the server listens, and stops everything when it does not.
static void
s_await_server (const bench_t *bench)
{
    struct stat file;
    for (int tries = 0; stat (bench->socket, &file) != 0; tries++) {
        if (waitpid (bench->server, NULL, WNOHANG) != 0 || tries == 5000)
            bench_fail ("%s does not come up", bench->broker ? bench->broker : "the relay");
        poll (NULL, 0, 2);
    }
}

//  Returns the most memory that a process has held, in MiB.
static double
s_memory (pid_t pid)
{
    char path [64], line [256];
    unsigned long kilobytes = 0;
    snprintf (path, sizeof path, "/proc/%ld/status", (long) pid);
    FILE *file = fopen (path, "r");
    while (file != NULL && fgets (line, sizeof line, file) != NULL)
        if (strncmp (line, "VmHWM:", 6) == 0)
            kilobytes = strtoul (line + 6, NULL, 10);
    if (file != NULL)
        fclose (file);
    return (double) kilobytes / 1024;
}

//  Ends a process and waits for it. A broker must stop with exit code 0.
static void
s_stop (pid_t pid, int number, const char *broker)
{
    int status = 0;
    kill (pid, number);
    while (waitpid (pid, &status, 0) == -1 && errno == EINTR)
        ;
    if (broker != NULL && status != 0)
        bench_fail ("%s ended with status %d", broker, status);
}

static void
s_print (const bench_t *bench, const bench_report_t *report, double memory)
{
    const char *way = bench->broker == NULL  ? "relay"
                      : bench->store == NULL ? "volatile"
                                             : "durable";
    printf ("{\"way\":\"%s\",\"payload\":%zu,\"pack\":%u,\"window\":%u,\"tasks\":%llu,"
            "\"seconds\":%.3f,\"rate\":%.0f,\"cpu\":%.3f,\"memory\":%.1f",
            way, bench->payload, bench->pack, bench->window,
            (unsigned long long) report->tasks, report->seconds,
            (double) report->tasks / report->seconds,
            report->cpu * 1e6 / (double) report->tasks, memory);
    if (bench->window == 1)
        printf (",\"p50\":%.0f,\"p99\":%.0f,\"p999\":%.0f", report->p50, report->p99,
                report->p999);
    puts ("}");
}

static void
s_measure (bench_t *bench)
{
    bool relay = bench->broker == NULL;
    bench_report_t report;
    pid_t workers [BENCH_WORKERS], client;
    int ends [2], status = 0;
    if ((bench->server = s_fork ()) == 0)
        (relay ? s_relay_serve : s_broker_serve) (bench);
    s_await_server (bench);
    for (uint32_t index = 0; index < BENCH_WORKERS; index++)
        if ((workers [index] = s_fork ()) == 0)
            (relay ? s_relay_work : s_broker_work) (bench, index);
    //  Made last, so that only the client has the other end and its death is the end.
    if (pipe (ends) != 0)
        bench_fail ("no pipe: %s", strerror (errno));
    if ((client = s_fork ()) == 0) {
        close (ends [0]);
        bench_client (bench, relay ? s_relay_open : s_broker_open, ends [1]);
        _exit (0);
    }
    close (ends [1]);
    ssize_t got = read (ends [0], &report, sizeof report);
    double memory = s_memory (bench->server);
    waitpid (client, &status, 0);
    for (uint32_t index = 0; index < BENCH_WORKERS; index++)
        s_stop (workers [index], SIGKILL, NULL);
    s_stop (bench->server, relay ? SIGKILL : SIGTERM, bench->broker);
    if (got != sizeof report || status != 0)
        exit (1);
    s_print (bench, &report, memory);
}

int
main (int argc, char **argv)
{
    static const struct option options [] = {{"broker", required_argument, NULL, 'b'},
                                             {"store", required_argument, NULL, 'd'},
                                             {"socket", required_argument, NULL, 'l'},
                                             {"payload", required_argument, NULL, 's'},
                                             {"pack", required_argument, NULL, 'k'},
                                             {"window", required_argument, NULL, 'w'},
                                             {"seconds", required_argument, NULL, 't'},
                                             {NULL, 0, NULL, 0}};
    bench_t bench = {.payload = 64, .pack = 1, .window = 4096, .seconds = 1.5};
    int option;
    while ((option = getopt_long (argc, argv, "", options, NULL)) != -1) {
        switch (option) {
            case 'b':
                bench.broker = optarg;
                break;
            case 'd':
                bench.store = optarg;
                break;
            case 'l':
                bench.socket = optarg;
                break;
            case 's':
                bench.payload = strtoul (optarg, NULL, 10);
                break;
            case 'k':
                bench.pack = (uint32_t) strtoul (optarg, NULL, 10);
                break;
            case 'w':
                bench.window = (uint32_t) strtoul (optarg, NULL, 10);
                break;
            case 't':
                bench.seconds = strtod (optarg, NULL);
                break;
            default:
                return 64;
        }
    }
    if (bench.socket == NULL || bench.payload < 8 || bench.payload % 8 || !bench.pack
        || bench.window < bench.pack || bench.seconds <= 0) {
        fputs ("bench: --socket PATH is needed, and numbers that make sense\n", stderr);
        return 64;
    }
    snprintf (bench.endpoint, sizeof bench.endpoint, "ipc://%s", bench.socket);
    s_measure (&bench);
    return 0;
}
