//  bench: tasks whose results can be checked
//  SPDX-License-Identifier: MPL-2.0

#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

void
bench_fail (const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    fputs ("bench: WRONG: ", stderr);
    vfprintf (stderr, format, arguments);
    fputc ('\n', stderr);
    va_end (arguments);
    _exit (1);
}

void
bench_make_store (const bench_t *bench)
{
    if (bench->store && mkdir (bench->store, 0700) != 0 && errno != EEXIST)
        bench_fail ("%s: %s", bench->store, strerror (errno));
}

void
bench_become (const bench_t *bench, const char *const *words)
{
    const char *name = bench->program ? bench->program : words [0];
    char path [256];
    bench_make_store (bench);
    int silence = open ("/dev/null", O_WRONLY | O_CLOEXEC);
    int voice = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (silence == -1 || voice == -1 || dup2 (silence, STDOUT_FILENO) == -1
        || dup2 (silence, STDERR_FILENO) == -1)
        bench_fail ("%s cannot be silenced: %s", name, strerror (errno));
    execvp (name, (char *const *) words);
    if (errno == ENOENT) {
        snprintf (path, sizeof path, "/usr/sbin/%s", name);
        execv (path, (char *const *) words);
    }
    dup2 (voice, STDERR_FILENO);
    bench_fail ("%s: %s", name, strerror (errno));
}

bool
bench_listens (const bench_t *bench)
{
    struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_port = htons (bench->port)};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    tcp.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    snprintf (local.sun_path, sizeof local.sun_path, "%s", bench->socket);
    int end = socket (bench->port ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int code = bench->port ? connect (end, (struct sockaddr *) &tcp, sizeof tcp)
                           : connect (end, (struct sockaddr *) &local, sizeof local);
    close (end);
    return code == 0;
}

double
bench_seconds (clockid_t clock)
{
    struct timespec time;
    if (clock_gettime (clock, &time) != 0)
        bench_fail ("a clock cannot be read");
    return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

pid_t
bench_fork (void)
{
    pid_t parent = getpid (), pid = fork ();
    if (pid == -1)
        bench_fail ("no process: %s", strerror (errno));
    if (pid == 0 && (prctl (PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid () != parent))
        _exit (1);
    return pid;
}

static uint64_t
s_sum (const uint8_t *data, size_t size)
{
    uint64_t sum = 0, word;
    for (size_t at = 0; at < size; at += sizeof word) {
        memcpy (&word, data + at, sizeof word);
        sum += word;
    }
    return sum;
}

uint8_t *
bench_payload (size_t size)
{
    uint8_t *data = malloc (size);
    if (data == NULL)
        bench_fail ("no memory");
    for (size_t at = 0; at < size; at += sizeof (uint64_t)) {
        uint64_t word = at * UINT64_C (0x9e3779b97f4a7c15);
        memcpy (data + at, &word, sizeof word);
    }
    return data;
}

void
bench_do (const uint8_t *payload, size_t size, uint64_t index, uint64_t answer [2])
{
    memcpy (&answer [0], payload, sizeof answer [0]);
    answer [1] = (s_sum (payload, size) & (UINT64_MAX >> 8)) | index << 56;
}

void
bench_tally_init (bench_tally_t *tally, size_t size)
{
    uint64_t answer [2];
    uint8_t *payload = bench_payload (size);
    bench_do (payload, size, 0, answer);
    free (payload);
    *tally = (bench_tally_t){.base = answer [1]};
    tally->seen = calloc (BENCH_TASKS_MAX / 64, sizeof *tally->seen);
    if (tally->seen == NULL)
        bench_fail ("no memory");
}

void
bench_take (bench_tally_t *tally, const uint8_t *data, size_t size)
{
    uint64_t answer [2];
    if (size != sizeof answer)
        bench_fail ("a result of %zu bytes", size);
    memcpy (answer, data, size);
    uint64_t task = answer [0], worker = answer [1] >> 56;
    if (task >= tally->pushed || worker >= BENCH_WORKERS_MAX)
        bench_fail ("a result of a task that nobody sent");
    if ((answer [1] ^ (tally->base + task)) & (UINT64_MAX >> 8))
        bench_fail ("task %llu has a wrong result", (unsigned long long) task);
    if (tally->seen [task / 64] >> task % 64 & 1)
        bench_fail ("task %llu has two results", (unsigned long long) task);
    tally->seen [task / 64] |= UINT64_C (1) << task % 64;
    tally->taken++;
    tally->from [worker]++;
}

bool
bench_all_have_answered (const bench_tally_t *tally, uint32_t workers)
{
    for (uint32_t index = 0; index < workers; index++) {
        if (tally->from [index] == 0)
            return false;
    }
    return true;
}
