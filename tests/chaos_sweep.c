//  chaos_sweep: makes each single call of the broker to its disk fail, one after another
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: chaos_sweep BIN DIRECTORY SEED SECONDS
//
//  A short run of a client, a worker and a broker on a new store is done over and over. The
//  first write of the broker fails in the first one, the second in the second, until one is
//  over without that the fault was met; so for each kind of fault, and for syncs. A broker
//  whose disk fails must end with 74 and one line of error, and is started again on the
//  disk that is well. Then each task must come to one right result, under the number that
//  it was accepted with. BIN is where the programs are; the runs leave nothing in
//  DIRECTORY.
//
//  Prints "row FAULT MET ACCEPTED EXECUTED" for each kind, and a line NAME=NUMBER. After so
//  many SECONDS it ends early and says so. Ends with 1 when anything was wrong.

#include "crash.h"
#include "history.h"
#include "stint_client.h"
#include "stint_worker.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define S_TASKS 24
#define S_CHUNK 8
#define S_CHILDREN 12  //  Runs at a time; each waits most of the time
#define S_PATIENCE_NS (INT64_C (30) * 1000000000)  //  For one run
#define S_ARRAY(a) (sizeof (a) / sizeof *(a))

#define S_WRITES "write,pwrite,writev,pwritev"
#define S_SYNCS "fdatasync,fsync,msync"

typedef struct {
    const char *name;   //  For people
    const char *calls;  //  That count
    const char *error;  //  IO_FAULT_ERRNO
    bool forever;       //  All calls behind it fail too
    bool survives;      //  The broker may also just go on
} s_kind_t;

static const s_kind_t s_kinds [] = {
    {"write-EIO-once", S_WRITES, "EIO", false, false},
    {"write-EIO-for-ever", S_WRITES, "EIO", true, false},
    {"write-ENOSPC-once", S_WRITES, "ENOSPC", false, false},
    {"write-ENOSPC-for-ever", S_WRITES, "ENOSPC", true, false},
    {"write-short", S_WRITES, "SHORT", false, false},
    {"write-EINTR", S_WRITES, "EINTR", false, true},
    {"sync-EIO-once", S_SYNCS, "EIO", false, false},
    {"sync-EIO-for-ever", S_SYNCS, "EIO", true, false},
};

//  What the children share.

typedef struct {
    atomic_uint next;                          //  The next run to be done
    atomic_bool over [S_ARRAY (s_kinds)];      //  A run has met no fault any more
    atomic_uint met [S_ARRAY (s_kinds)];       //  Faults
    atomic_uint accepted [S_ARRAY (s_kinds)];  //  Tasks
    atomic_uint executed [S_ARRAY (s_kinds)];  //  Attempts
    atomic_uint wrong;                         //  Runs that were not well
} s_shared_t;

typedef struct {
    s_shared_t *shared;   //  With the other children
    const char *bin;      //  Where programs are
    char home [200];      //  Directory of this child
    char endpoint [240];  //  Of its broker
    uint64_t seed;        //  Of payloads

    //  Of the run in hand
    const s_kind_t *kind;    //  What fails
    uint64_t nth;            //  Which call
    pid_t broker;            //  0 while none runs
    bool faulty;             //  This one has the fault
    stint_client_t *client;  //  Connected over deaths of the broker
    stint_batch_t *batch;    //  Of the tasks; null until there is one
    stint_worker_t *worker;  //  Likewise
    uint64_t pushed, taken;  //  Tasks
    uint64_t seen;           //  Bit by bit: results that came
    int64_t until;           //  When the run is given up; 0: something was wrong
} s_sweep_t;

//  Says what is wrong with the run in hand.

static __attribute__ ((format (printf, 2, 3))) void
s_wrong (s_sweep_t *self, const char *format, ...)
{
    char text [600];
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    printf ("WRONG: %s, call %llu: %s\n", self->kind->name, (unsigned long long) self->nth,
            text);
    fflush (stdout);
    atomic_fetch_add (&self->shared->wrong, 1);
    self->until = 0;
}

//  ---------------------------------------------------------------------------------
//  The broker

static const char *
s_file (const s_sweep_t *self, const char *name)
{
    static char path [2][320];
    static int turn;
    turn = !turn;
    snprintf (path [turn], sizeof path [turn], "%s/%s", self->home, name);
    return path [turn];
}

static void
s_set_fault (const s_sweep_t *self)
{
    char nth [32];
    snprintf (nth, sizeof nth, "%llu", (unsigned long long) self->nth);
    setenv ("LD_PRELOAD", s_file (self, "../io_fault.so"), 1);
    setenv ("IO_FAULT_PATH", s_file (self, "store"), 1);
    setenv ("IO_FAULT_CALL", self->kind->calls, 1);
    setenv ("IO_FAULT_NTH", nth, 1);
    setenv ("IO_FAULT_ERRNO", self->kind->error, 1);
    setenv ("IO_FAULT_FOREVER", self->kind->forever ? "1" : "0", 1);
    setenv ("IO_FAULT_COUNT", s_file (self, "count"), 1);
}

static void
s_start_broker (s_sweep_t *self, bool faulty)
{
    char program [300];
    snprintf (program, sizeof program, "%s/stint-broker", self->bin);
    self->faulty = faulty;
    fflush (NULL);
    self->broker = fork ();
    if (self->broker != 0)
        return;
    int log = open (s_file (self, "log"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2 (log, STDERR_FILENO);
    if (faulty)
        s_set_fault (self);
    execl (program, program, "--store", s_file (self, "store"), "--listen", self->endpoint,
           "--heartbeat", "200ms", (char *) NULL);
    _exit (127);
}

//  Returns how many lines of the broker's log tell of an error; the last one is in text.

static int
s_count_errors (const s_sweep_t *self, char *text, size_t size)
{
    char line [1024];
    int count = 0;
    FILE *log = fopen (s_file (self, "log"), "re");
    *text = 0;
    while (log && fgets (line, sizeof line, log)) {
        if (strstr (line, " info ") || strstr (line, " warning "))
            continue;
        count++;
        snprintf (text, size, "%.*s", (int) size - 1, line);
    }
    if (log)
        fclose (log);
    return count;
}

//  The broker may end only as one does whose disk has failed; another takes its place.

static void
s_look_after_broker (s_sweep_t *self)
{
    int status;
    char text [400];
    if (waitpid (self->broker, &status, WNOHANG) != self->broker)
        return;
    int errors = s_count_errors (self, text, sizeof text);
    int code = WIFEXITED (status) ? WEXITSTATUS (status) : 1000 + WTERMSIG (status);
    bool right = code == 74 || (code == 78 && self->kind->survives);
    if (!self->faulty || !right || errors != 1)
        s_wrong (self, "the broker ended with %d and %d lines of error: %s", code, errors,
                 text);
    s_start_broker (self, false);
}

static void
s_stop_broker (s_sweep_t *self)
{
    kill (self->broker, SIGKILL);
    waitpid (self->broker, NULL, 0);
    self->broker = 0;
}

//  ---------------------------------------------------------------------------------
//  Client and worker

static void
s_push (s_sweep_t *self)
{
    uint8_t bytes [CRASH_PAYLOAD_MAX];
    stint_progress_t progress;
    if (!self->batch) {
        stint_client_set_timeout (self->client, 250);
        self->batch = stint_batch_open (self->client, "sweep", "sweep");
        return;
    }
    stint_batch_progress (self->batch, &progress);
    if (self->pushed == S_TASKS || progress.pushed < self->pushed)
        return;
    for (int count = 0; count < S_CHUNK; count++) {
        size_t size = crash_payload (self->seed, self->pushed, bytes);
        if (stint_batch_push (self->batch, (stint_bytes_t){bytes, size}) != STINT_OK)
            return;
        self->pushed++;
    }
}

static void
s_check_result (s_sweep_t *self, const stint_result_t *result)
{
    uint8_t payload [CRASH_PAYLOAD_MAX], right [CRASH_RESULT_MAX];
    uint64_t index = UINT64_MAX;
    if (result->state == STINT_DONE && result->result.size >= 16)
        memcpy (&index, result->result.data, sizeof index);
    self->taken++;
    if (index >= self->pushed || self->seen >> index & 1) {
        s_wrong (self, "an unexpected result, or one more: %llu",
                 (unsigned long long) index);
        return;
    }
    self->seen |= UINT64_C (1) << index;
    size_t size = crash_payload (self->seed, index, payload);
    size = crash_result ((stint_bytes_t){payload, size}, right);
    if (size != result->result.size || memcmp (right, result->result.data, size) != 0)
        s_wrong (self, "a wrong result of task %llu", (unsigned long long) index);
}

static void
s_pull (s_sweep_t *self)
{
    stint_result_t result;
    if (!self->batch)
        return;
    while (stint_batch_next (self->batch, 1, &result) == STINT_OK)
        s_check_result (self, &result);
}

static void
s_work (s_sweep_t *self, size_t kind)
{
    uint8_t result [CRASH_RESULT_MAX];
    stint_attempt_t *attempt = stint_worker_next (self->worker, 0);
    while (attempt) {
        size_t size = crash_result (stint_attempt_payload (attempt), result);
        stint_attempt_done (&attempt, (stint_bytes_t){result, size});
        atomic_fetch_add (&self->shared->executed [kind], 1);
        attempt = stint_worker_next (self->worker, 0);
    }
}

//  ---------------------------------------------------------------------------------
//  Runs

static void
s_clear_store (s_sweep_t *self)
{
    static const char *const names [] = {"data.mdb",     "lock.mdb",         "stint.lock",
                                         "stint.anchor", "stint.anchor.new", "stint.store"};
    char name [64];
    for (size_t at = 0; at < S_ARRAY (names); at++) {
        snprintf (name, sizeof name, "store/%s", names [at]);
        unlink (s_file (self, name));
    }
    unlink (s_file (self, "count"));
}

static bool
s_was_met (const s_sweep_t *self)
{
    char text [32] = "";
    int file = open (s_file (self, "count"), O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    if (read (file, text, sizeof text - 1) < 0)
        text [0] = 0;
    close (file);
    return strtoull (text, NULL, 10) >= self->nth;
}

//  Lets the broker tell of its tasks: what hangs is to be seen.

static void
s_show (s_sweep_t *self, const char *what)
{
    char program [300];
    snprintf (program, sizeof program, "%s/stint", self->bin);
    fflush (NULL);
    pid_t child = fork ();
    if (child == 0) {
        execl (program, program, "-b", self->endpoint, "--json", what, (char *) NULL);
        _exit (127);
    }
    waitpid (child, NULL, 0);
}

static void
s_on_hang (s_sweep_t *self)
{
    stint_progress_t progress = {.pushed = 0};
    if (self->batch)
        stint_batch_progress (self->batch, &progress);
    s_wrong (self,
             "%llu tasks pushed, %llu accepted, %llu have a result: lost, or hanging: %s; "
             "worker connected %d: %s",
             (unsigned long long) self->pushed, (unsigned long long) progress.pushed,
             (unsigned long long) self->taken, stint_client_error (self->client),
             stint_worker_connected (self->worker), stint_worker_error (self->worker));
    s_show (self, "status");
    s_show (self, "ls");
}

static void
s_run (s_sweep_t *self, size_t kind, uint64_t nth)
{
    self->kind = &s_kinds [kind];
    self->nth = nth;
    self->pushed = self->taken = self->seen = 0;
    self->until = history_now () + S_PATIENCE_NS;
    s_clear_store (self);
    s_start_broker (self, true);
    self->client = stint_client_new (self->endpoint);
    self->worker = stint_worker_new (self->endpoint);
    stint_worker_serve (self->worker, "sweep");
    stint_worker_set_capacity (self->worker, 16);
    while (self->taken < S_TASKS && history_now () < self->until) {
        s_push (self);
        s_work (self, kind);
        s_pull (self);
        s_look_after_broker (self);
    }
    if (self->taken < S_TASKS && self->until > 0)
        s_on_hang (self);
    atomic_fetch_add (&self->shared->accepted [kind], (unsigned) self->taken);
    stint_batch_close (&self->batch);
    stint_worker_destroy (&self->worker);
    stint_client_destroy (&self->client);
    if (s_was_met (self))
        atomic_fetch_add (&self->shared->met [kind], 1);
    else
        atomic_store (&self->shared->over [kind], true);
    s_stop_broker (self);
}

//  One of several children that share the runs.

static _Noreturn void
s_child (s_sweep_t *self, const char *directory, int number, int64_t until)
{
    snprintf (self->home, sizeof self->home, "%s/%d", directory, number);
    snprintf (self->endpoint, sizeof self->endpoint, "ipc://%s/sock", self->home);
    if (mkdir (self->home, 0700) != 0 || mkdir (s_file (self, "store"), 0700) != 0)
        crash_fail ("cannot make %s", self->home);
    size_t waiting = S_ARRAY (s_kinds);
    while (waiting > 0 && history_now () < until) {
        unsigned run = atomic_fetch_add (&self->shared->next, 1);
        size_t kind = run % S_ARRAY (s_kinds);
        if (!atomic_load (&self->shared->over [kind]))
            s_run (self, kind, run / S_ARRAY (s_kinds) + 1);
        waiting = 0;
        for (kind = 0; kind < S_ARRAY (s_kinds); kind++)
            waiting += !atomic_load (&self->shared->over [kind]);
    }
    _exit (0);
}

static int
s_report (s_shared_t *shared, int64_t began)
{
    unsigned faults = 0, early = 0;
    for (size_t kind = 0; kind < S_ARRAY (s_kinds); kind++) {
        printf ("row %s %u %u %u\n", s_kinds [kind].name, shared->met [kind],
                shared->accepted [kind], shared->executed [kind]);
        faults += shared->met [kind];
        early += !shared->over [kind];
    }
    if (early)
        printf ("%u of %zu kinds were not swept to their end\n", early, S_ARRAY (s_kinds));
    printf ("faults=%u early=%u wrong=%u ms=%lld\n", faults, early, shared->wrong,
            (long long) (history_now () - began) / 1000000);
    return shared->wrong == 0 ? 0 : 1;
}

int
main (int argc, char **argv)
{
    if (argc != 5)
        crash_fail ("usage: chaos_sweep BIN DIRECTORY SEED SECONDS");
    s_sweep_t self = {.bin = argv [1], .seed = crash_number (argv [3])};
    int64_t began = history_now ();
    int64_t until = began + (int64_t) crash_number (argv [4]) * 1000000000;
    self.shared = mmap (NULL, sizeof *self.shared, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char shim [400], link [400];
    snprintf (shim, sizeof shim, "%s/io_fault.so", argv [1]);
    snprintf (link, sizeof link, "%s/io_fault.so", argv [2]);
    if (self.shared == MAP_FAILED || mkdir (argv [2], 0700) != 0
        || symlink (shim, link) != 0)
        crash_fail ("cannot make %s", argv [2]);
    pid_t children [S_CHILDREN];
    for (int child = 0; child < S_CHILDREN; child++) {
        fflush (NULL);
        children [child] = fork ();
        if (children [child] == 0)
            s_child (&self, argv [2], child, until);
    }
    for (int child = 0; child < S_CHILDREN; child++) {
        int status;
        if (waitpid (children [child], &status, 0) < 0 || status != 0)
            self.shared->wrong++;
    }
    return s_report (self.shared, began);
}
