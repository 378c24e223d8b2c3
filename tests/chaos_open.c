//  chaos_open: opens a store as a broker does, and judges what is in it
//  SPDX-License-Identifier: MPL-2.0

#include "chaos_open.h"
#include "core_state.h"
#include "crash.h"
#include "fetch.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define S_LIMITS                                                                           \
    (core_limits_t)                                                                        \
    {                                                                                      \
        .tasks = 400000, .groups = 32, .batches = 1024, .producers = 1024, .sessions = 64, \
        .heartbeat_ms = 1000, .liveness = 3, .waiting_max = 64 << 20,                      \
        .memory_max = 256 << 20,                                                           \
        .defaults = {                                                                      \
            .list = {4000000, UINT64_C (1) << 36, 5, 1000, 60000, 86400000, 0, 1, 0}},     \
    }

//  ---------------------------------------------------------------------------------
//  What must be there

static int
s_by_index (const void *left, const void *right)
{
    uint64_t one = ((const chaos_task_t *) left)->index;
    uint64_t other = ((const chaos_task_t *) right)->index;
    return one < other ? -1 : one > other;
}

static chaos_task_t *
s_find (const chaos_plan_t *self, uint64_t index)
{
    chaos_task_t sought = {.index = index};
    if (self->count == 0)
        return NULL;
    return bsearch (&sought, self->tasks, self->count, sizeof sought, s_by_index);
}

//  Makes a task of each line about a push; all are there before the others are read.

static void
s_read_pushes (chaos_plan_t *self, const history_line_t *lines, size_t count)
{
    size_t total = 0;
    for (size_t at = 0; at < count; at++)
        total += lines [at].kind == HISTORY_PUSH ? lines [at].count : 0;
    self->tasks = calloc (total + 1, sizeof *self->tasks);
    if (!self->tasks)
        abort ();
    for (; count-- > 0; lines++) {
        for (uint32_t task = 0; lines->kind == HISTORY_PUSH && task < lines->count; task++)
            self->tasks [self->count++] = (chaos_task_t){.index = lines->index + task,
                                                         .pushed_at = lines->stamp,
                                                         .accepted_at = INT64_MAX,
                                                         .result_at = INT64_MAX,
                                                         .taken_at = INT64_MAX};
    }
    qsort (self->tasks, self->count, sizeof *self->tasks, s_by_index);
}

static void
s_earliest (int64_t *at, int64_t stamp)
{
    *at = stamp < *at ? stamp : *at;
}

static void
s_read_line (chaos_plan_t *self, const history_line_t *line)
{
    for (uint32_t count = 0; count < line->count; count++) {
        chaos_task_t *task = s_find (self, line->index + count);
        if (!task)
            continue;
        if (line->kind == HISTORY_ACCEPTED)
            s_earliest (&task->accepted_at, line->stamp);
        if (line->kind == HISTORY_TAKEN)
            s_earliest (&task->taken_at, line->stamp);
        if (line->kind == HISTORY_RESULT) {
            s_earliest (&task->result_at, line->stamp);
            task->fence = line->fence;
        }
    }
}

chaos_plan_t
chaos_plan_read (const char *histories, uint64_t seed)
{
    chaos_plan_t self = {.seed = seed};
    size_t count;
    history_line_t *lines = history_read (histories, &count);
    s_read_pushes (&self, lines, count);
    for (size_t at = 0; at < count; at++)
        s_read_line (&self, &lines [at]);
    free (lines);
    return self;
}

void
chaos_plan_clear (chaos_plan_t *self)
{
    free (self->tasks);
    self->tasks = NULL;
    self->count = 0;
}

uint64_t
chaos_plan_accepted (const chaos_plan_t *self, int64_t at)
{
    uint64_t accepted = 0;
    for (size_t task = 0; task < self->count; task++)
        accepted += self->tasks [task].accepted_at <= at;
    return accepted;
}

//  ---------------------------------------------------------------------------------
//  In the child: as broker.c recovers

typedef struct {
    store_t *store;            //  Open
    core_t *core;              //  What it holds
    const chaos_plan_t *plan;  //  What it is compared with
    int64_t at;                //  The time that it is of
    int64_t slack;             //  What may be missing before it
    const char *fault;         //  What is wrong with a block
    uint64_t block;            //  Which one
    bool torn;                 //  It is the last one, and not whole
    uint8_t *seen;             //  By place in the plan
    chaos_verdict_t *verdict;  //  For the parent
} s_look_t;

static bool
s_on_block (uint64_t number, stint_bytes_t block, void *argument)
{
    s_look_t *self = argument;
    if (self->fault) {
        self->torn = false;
        return false;
    }
    self->fault = core_replay (self->core, number, block);
    self->block = number;
    journal_header_t header;
    self->torn = self->fault && journal_check (block, &header);
    return true;
}

static bool
s_refused (s_look_t *self, const char *fault)
{
    if (fault)
        snprintf (self->verdict->text, sizeof self->verdict->text, "block %llu: %s",
                  (unsigned long long) self->block, fault);
    return fault != NULL;
}

static bool
s_recover (s_look_t *self)
{
    char *text = self->verdict->text;
    size_t size = sizeof self->verdict->text;
    if (store_lmdb.replay (self->store, s_on_block, self, text, size) < 0)
        return false;
    bool cut = self->torn && !store_lmdb.whole;
    if (!cut && s_refused (self, self->fault))
        return false;
    if (cut)
        store_lmdb.cut (self->store, self->block - 1);
    int64_t now = core_replayed_until (self->core) + 1;
    return !s_refused (self,
                       core_recovered (self->core, now, store_lmdb.epoch (self->store)));
}

//  Returns the task of the plan that these bytes begin with, if they are right.

static chaos_task_t *
s_recognize (const s_look_t *self, const task_t *task)
{
    uint8_t payload [CRASH_PAYLOAD_MAX], result [CRASH_RESULT_MAX + 8];
    bool done = task->state == STINT_DONE;
    stint_bytes_t bytes = store_fetch (&store_lmdb, self->store, core_journal (self->core),
                                       done ? task->result : task->payload);
    uint64_t index, fence;
    if (bytes.size < 16)
        return NULL;
    memcpy (&index, bytes.data, sizeof index);
    chaos_task_t *planned = s_find (self->plan, index);
    if (!planned)
        return NULL;
    size_t size = crash_payload (self->plan->seed, index, payload);
    const uint8_t *right = payload;
    if (done) {
        size = crash_result ((stint_bytes_t){payload, size}, result);
        fence = planned->result_at <= self->at - self->slack ? planned->fence : task->fence;
        memcpy (result + size, &fence, sizeof fence);
        size += sizeof fence;
        right = result;
    }
    return size == bytes.size && memcmp (right, bytes.data, size) == 0 ? planned : NULL;
}

static void
s_look_at (s_look_t *self, const task_t *task)
{
    chaos_verdict_t *verdict = self->verdict;
    bool done = task->state == STINT_DONE;
    chaos_task_t *planned = s_recognize (self, task);
    verdict->tasks++;
    verdict->ended += done;
    if (!planned || planned->pushed_at > self->at) {
        verdict->unexpected++;
        return;
    }
    size_t place = (size_t) (planned - self->plan->tasks);
    verdict->duplicated += self->seen [place];
    self->seen [place] = 1;
    verdict->lost += !done && planned->result_at <= self->at - self->slack;
}

static void
s_look (s_look_t *self)
{
    const task_t *pool = self->core->tasks.tasks.pool;
    self->seen = calloc (self->plan->count + 1, 1);
    assert (self->seen);
    for (uint32_t slot = 1; slot <= self->core->tasks.tasks.used; slot++)
        if (pool [slot].id)
            s_look_at (self, &pool [slot]);
    for (size_t place = 0; place < self->plan->count; place++) {
        const chaos_task_t *planned = &self->plan->tasks [place];
        self->verdict->lost += !self->seen [place]
                               && planned->accepted_at <= self->at - self->slack
                               && planned->taken_at > self->at;
    }
    free (self->seen);
}

static _Noreturn void
s_child (const char *directory, store_sync_t sync, s_look_t *look)
{
    chaos_verdict_t *verdict = look->verdict;
    store_options_t options = {directory, UINT64_C (1) << 30, sync, 20};
    core_limits_t limits = S_LIMITS;
    look->core = core_new (&limits, 1);
    look->store = store_lmdb.open (&options, verdict->text, sizeof verdict->text);
    if (!look->store || !s_recover (look))
        _exit (78);
    s_look (look);
    store_lmdb.close (&look->store);
    core_destroy (&look->core);
    _exit (0);
}

//  ---------------------------------------------------------------------------------

//  Reads the end of what a child has said.

static void
s_read_end (int file, char *text, size_t size)
{
    off_t length = lseek (file, 0, SEEK_END);
    off_t from = length > (off_t) size - 1 ? length - (off_t) size + 1 : 0;
    ssize_t count = pread (file, text, size - 1, from);
    text [count > 0 ? count : 0] = 0;
    for (char *letter = text; *letter; letter++)
        *letter = *letter == '\n' && letter [1] ? '|' : *letter;
}

chaos_verdict_t
chaos_open (const char *directory, store_sync_t sync, const chaos_plan_t *plan, int64_t at,
            int64_t slack)
{
    chaos_verdict_t *shared = mmap (NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int said = memfd_create ("said", MFD_CLOEXEC);
    if (shared == MAP_FAILED || said < 0)
        crash_fail ("no memory to share");
    fflush (NULL);
    pid_t child = fork ();
    if (child == 0) {
        s_look_t look = {.plan = plan, .at = at, .slack = slack, .verdict = shared};
        dup2 (said, STDERR_FILENO);
        s_child (directory, sync, &look);
    }
    int status = 0;
    if (child < 0 || waitpid (child, &status, 0) != child)
        crash_fail ("no child");
    chaos_verdict_t verdict = *shared;
    verdict.crashed = WIFSIGNALED (status);
    verdict.opened = !verdict.crashed && WEXITSTATUS (status) == 0;
    size_t used = strlen (verdict.text);
    if (verdict.crashed && used < sizeof verdict.text / 2)
        used += (size_t) snprintf (verdict.text + used, sizeof verdict.text - used,
                                   "signal %d ", WTERMSIG (status));
    if (!verdict.opened && used < sizeof verdict.text / 2)
        s_read_end (said, verdict.text + used, sizeof verdict.text - used);
    munmap (shared, sizeof *shared);
    close (said);
    return verdict;
}

bool
chaos_verdict_good (const chaos_verdict_t *self)
{
    return !self->opened
           || (self->lost == 0 && self->duplicated == 0 && self->unexpected == 0);
}

int64_t
chaos_broker (const char *program, const char *directory, char *text, size_t size)
{
    int pipes [2];
    char endpoint [128];
    snprintf (endpoint, sizeof endpoint, "ipc:///tmp/stint-chaos-%ld.sock",
              (long) getpid ());
    if (pipe2 (pipes, O_CLOEXEC) != 0)
        crash_fail ("no pipe");
    fflush (NULL);
    pid_t child = fork ();
    if (child == 0) {
        dup2 (pipes [1], STDERR_FILENO);
        execl (program, program, "--store", directory, "--listen", endpoint, (char *) NULL);
        _exit (127);
    }
    close (pipes [1]);
    FILE *said = fdopen (pipes [0], "r");
    int64_t tasks = -1;
    text [0] = 0;
    while (child > 0 && tasks < 0 && said && fgets (text, (int) size, said)) {
        const char *found = strstr (text, " tasks=");
        if (strstr (text, "broker.ready") && found)
            tasks = strtoll (found + 7, NULL, 10);
    }
    if (child > 0) {
        kill (child, SIGKILL);
        waitpid (child, NULL, 0);
    }
    if (said)
        fclose (said);
    unlink (endpoint + strlen ("ipc://"));
    return tasks;
}
