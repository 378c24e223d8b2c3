//  bench_tasks: carries tasks by one way, and measures it once
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: bench_tasks --peer NAME --socket PATH [--port N] [--program FILE] [--store DIR]
//                     [--payload BYTES] [--pack TASKS] [--window TASKS] [--workers N]
//                     [--keys N]
//                     [--seconds S]
//
//  One client, the workers and what is measured, each in a process of its own, over ipc,
//  or over TCP with --port, which may need the next number too. With --store every task is
//  on that disk before it is acknowledged. A window of 1 measures latency. Prints one line
//  of JSON; a result that is missing, wrong or comes twice is said, and the exit code is
//  then 1.

#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const bench_peer_t *s_peers [] = {&bench_stint,      &bench_relay, &bench_redis,
                                         &bench_redis_pop,  &bench_epoll, &bench_gearmand,
                                         &bench_beanstalkd, &bench_nats,  &bench_rabbitmq};

static void
s_start_server (bench_t *bench)
{
    bench->server = bench_fork ();
    if (bench->server == 0) {
        setpgid (0, 0);
        bench->peer->serve (bench);
    }
    for (int tries = 0; !bench_listens (bench); tries++) {
        if (waitpid (bench->server, NULL, WNOHANG) != 0 || tries == 15000)
            bench_fail ("%s does not come up", bench->peer->name);
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

static int
s_end (pid_t pid, int number)
{
    int status = 0;
    kill (pid, number);
    while (waitpid (pid < 0 ? -pid : pid, &status, 0) == -1 && errno == EINTR)
        ;
    return status;
}

static void
s_print (const bench_t *bench, const bench_report_t *report, double memory)
{
    printf ("{\"peer\":\"%s\",\"durable\":%d,\"by\":\"%s\",\"payload\":%zu,\"pack\":%u,"
            "\"window\":%u,\"workers\":%u",
            bench->peer->name, bench->store != NULL, bench->port ? "tcp" : "ipc",
            bench->payload, bench->pack, bench->window, bench->workers);
    printf (",\"tasks\":%llu,\"seconds\":%.3f,\"rate\":%.0f,\"cpu\":%.3f,\"memory\":%.1f",
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
    bench_report_t report;
    pid_t workers [BENCH_WORKERS_MAX], client;
    int ends [2], status = 0;
    s_start_server (bench);
    for (uint32_t index = 0; index < bench->workers; index++)
        if ((workers [index] = bench_fork ()) == 0) {
            prctl (PR_SET_NAME, "worker");
            bench->peer->work (bench, index);
        }
    //  Made last, so that only the client has the other end and its death is the end.
    if (pipe (ends) != 0)
        bench_fail ("no pipe: %s", strerror (errno));
    if ((client = bench_fork ()) == 0) {
        prctl (PR_SET_NAME, "client");
        close (ends [0]);
        bench_client (bench, ends [1]);
        _exit (0);
    }
    close (ends [1]);
    ssize_t got = read (ends [0], &report, sizeof report);
    double memory = s_memory (bench->server);
    waitpid (client, &status, 0);
    for (uint32_t index = 0; index < bench->workers; index++)
        s_end (workers [index], SIGKILL);
    int ended = bench->peer->stops ? s_end (bench->server, SIGTERM)
                                   : s_end (-bench->server, SIGKILL);
    if (bench->peer->stops && ended != 0)
        bench_fail ("%s ended with status %d", bench->peer->name, ended);
    if (got != sizeof report || status != 0)
        exit (1);
    s_print (bench, &report, memory);
}

static const bench_peer_t *
s_peer (const char *name)
{
    for (size_t index = 0; index < sizeof s_peers / sizeof *s_peers; index++) {
        if (strcmp (s_peers [index]->name, name) == 0)
            return s_peers [index];
    }
    fprintf (stderr, "bench: there is no peer %s\n", name);
    exit (64);
}

static void
s_read_option (bench_t *bench, int option, const char *text)
{
    uint32_t number = (uint32_t) strtoul (text, NULL, 10);
    switch (option) {
        case 'e':
            bench->peer = s_peer (text);
            break;
        case 'b':
            bench->program = text;
            break;
        case 'd':
            bench->store = text;
            break;
        case 'l':
            bench->socket = text;
            break;
        case 'p':
            bench->port = (uint16_t) number;
            break;
        case 's':
            bench->payload = number;
            break;
        case 'k':
            bench->pack = number;
            break;
        case 'w':
            bench->window = number;
            break;
        case 'y':
            bench->keys = number;
            break;
        case 'n':
            bench->workers = number;
            break;
        case 't':
            bench->seconds = strtod (text, NULL);
            break;
        default:
            exit (64);
    }
}

int
main (int argc, char **argv)
{
    static const struct option options [] = {{"peer", required_argument, NULL, 'e'},
                                             {"program", required_argument, NULL, 'b'},
                                             {"store", required_argument, NULL, 'd'},
                                             {"socket", required_argument, NULL, 'l'},
                                             {"port", required_argument, NULL, 'p'},
                                             {"payload", required_argument, NULL, 's'},
                                             {"pack", required_argument, NULL, 'k'},
                                             {"window", required_argument, NULL, 'w'},
                                             {"workers", required_argument, NULL, 'n'},
                                             {"keys", required_argument, NULL, 'y'},
                                             {"seconds", required_argument, NULL, 't'},
                                             {NULL, 0, NULL, 0}};
    bench_t bench = {
        .payload = 64, .pack = 1, .window = 4096, .workers = 2, .seconds = 1.5};
    int option;
    while ((option = getopt_long (argc, argv, "", options, NULL)) != -1)
        s_read_option (&bench, option, optarg);
    if (bench.peer == NULL || bench.socket == NULL || bench.payload < 8 || bench.payload % 8
        || !bench.pack || bench.window < bench.pack || bench.seconds <= 0
        || bench.workers == 0 || bench.workers > BENCH_WORKERS_MAX) {
        fputs ("bench: --peer and --socket are needed, and numbers that make sense\n",
               stderr);
        return 64;
    }
    if (bench.port)
        snprintf (bench.endpoint, sizeof bench.endpoint, "tcp://127.0.0.1:%u", bench.port);
    else
        snprintf (bench.endpoint, sizeof bench.endpoint, "ipc://%s", bench.socket);
    s_measure (&bench);
    return 0;
}
