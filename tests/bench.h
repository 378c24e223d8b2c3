//  bench: tasks whose results can be checked, and what a way to carry them has to offer
//  SPDX-License-Identifier: MPL-2.0
//
//  A task is a payload of 64-bit words: its number, then words that are the same in every
//  task. Whoever does it adds the words up and answers with 16 bytes: the number, and the
//  sum with its own index in the highest byte. The tally takes each answer once.
//
//  A peer (the broker, a bare relay, another task queue) says how its server is started,
//  what a worker does, and how a client sends tasks and receives results. Client, workers
//  and server are processes of their own; the loops that measure are the same for all.
//  Whatever goes wrong ends the process with one line, and at once: a context with messages
//  on their way would keep exit () waiting.

#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include "stint.h"

#include <sys/types.h>
#include <time.h>

#define BENCH_WORKERS_MAX 16
#define BENCH_PATIENCE_MS 20000  //  Longest wait for the next result
#define BENCH_TASKS_MAX (UINT64_C (1) << 28)

typedef struct bench_peer_t bench_peer_t;

//  What to measure, from the command line.

typedef struct {
    const bench_peer_t *peer;  //  Who carries the tasks
    const char *program;       //  Its server; null: the one in the PATH
    const char *store;         //  Directory, on a real disk; null when volatile
    const char *socket;        //  Path for an ipc or unix socket
    uint16_t port;             //  On 127.0.0.1, to go by TCP; 0: the socket
    size_t payload;            //  Bytes of a task, a multiple of 8
    uint32_t pack;             //  Tasks in a message, for the relays
    uint32_t window;           //  Tasks in flight; 1 measures latency, not throughput
    uint32_t workers;          //  Processes that do them
    uint32_t keys;             //  Keys that tasks of stint ask for in turn; 0: none
    double seconds;            //  How long to go on sending
    pid_t server;              //  The server, once started
    char endpoint [160];       //  The socket or port, as ZeroMQ writes it
} bench_t;

//  Which results have come, and from whom.

typedef struct {
    uint64_t *seen;                     //  One bit a task
    uint64_t pushed;                    //  Tasks sent
    uint64_t taken;                     //  Results that came
    uint64_t from [BENCH_WORKERS_MAX];  //  Results by worker
    uint64_t base;                      //  Sum of the words behind the number
} bench_tally_t;

//  A client's side, once open. The index of the first task counts from zero.

typedef struct {
    void (*push) (void *self, uint64_t first, uint32_t count);  //  Sends that many tasks
    uint32_t (*pull) (void *self);  //  Waits for results; returns how many the tally took
    void *self;                     //  What both are called with
    uint32_t chunk;                 //  Tasks that push is given at a time
    uint32_t window;                //  Most tasks in flight, if the peer needs less; or 0
} bench_way_t;

struct bench_peer_t {
    const char *name;
    //  Becomes the server, in a process of its own that leads its group. Never returns.
    void (*serve) (const bench_t *bench);
    //  Does tasks for ever, as worker number index from 0.
    void (*work) (const bench_t *bench, uint32_t index);
    //  Opens the client's side; the tally lasts as long as the process.
    void (*open) (const bench_t *bench, bench_tally_t *tally, bench_way_t *way);
    bool stops;  //  SIGTERM ends the server with exit code 0; others are killed
};

//  What one measurement gave; written as one line of JSON.

typedef struct {
    uint64_t tasks;  //  Carried within the time
    double seconds;  //  From the first task sent to the last result
    double cpu;      //  Seconds of CPU that the server used meanwhile
    double p50;      //  Latency in microseconds, when the window is 1
    double p99;      //  The same
    double p999;     //  The same
} bench_report_t;

extern const bench_peer_t bench_stint, bench_relay, bench_redis, bench_redis_pop,
    bench_epoll, bench_gearmand, bench_beanstalkd, bench_nats, bench_rabbitmq;

//  Says what went wrong and ends the process at once.
_Noreturn void bench_fail (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

//  Makes the directory of the store, unless it is volatile or there.
void bench_make_store (const bench_t *bench);

//  Becomes the server: bench->program, or the first of the words, a list that null ends,
//  which is looked for in the PATH and where Debian keeps servers. What it writes to its
//  standard output and standard error is dropped. Makes the directory of the store before.
_Noreturn void bench_become (const bench_t *bench, const char *const *words);

//  Says whether something listens where the server shall.
bool bench_listens (const bench_t *bench);

//  Returns the seconds of a clock.
double bench_seconds (clockid_t clock);

//  Starts a process, which does not outlive this one. Returns 0 in the new one.
pid_t bench_fork (void);

//  Returns a new payload, all but its number, which is for the sender to write in front.
uint8_t *bench_payload (size_t size);

//  Does a task as worker number index.
void bench_do (const uint8_t *payload, size_t size, uint64_t index, uint64_t answer [2]);

//  Makes a tally of tasks with payloads of that size, which lasts as long as the process.
void bench_tally_init (bench_tally_t *tally, size_t size);

//  Takes one result, which must be of a task that was sent, come once, and be right.
void bench_take (bench_tally_t *tally, const uint8_t *data, size_t size);

//  Says whether each of the workers has answered.
bool bench_all_have_answered (const bench_tally_t *tally, uint32_t workers);

//  Sends a chunk whenever the window has room for it, and takes one lot of results.
void bench_carry (bench_tally_t *tally, const bench_way_t *way, uint32_t window);

//  Receives all results that are missing.
void bench_collect (bench_tally_t *tally, const bench_way_t *way);

//  The client's process: opens its side, warms up, measures, and writes its report.
void bench_client (const bench_t *bench, int output);

#endif
