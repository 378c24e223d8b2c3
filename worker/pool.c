//  pool: as many worker processes as the backlog asks for, between a least and a most
//  SPDX-License-Identifier: MPL-2.0

#include "pool.h"
#include "stint_units.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PACE_MS 1000           //  In which a pool at most doubles
#define LIVED_MS 2000          //  A member that ends sooner was not well
#define RESTART_FIRST_MS 1000  //  Then nothing is started for a while; then doubling
#define RESTART_LAST_MS 60000  //  Longest such while
#define EVENTS_A_TURN 64       //  Taken from the kernel at once

//  ---------------------------------------------------------------------------------
//  Deciding

//  Returns how many members the tasks there are could keep busy.

static uint32_t
s_needed (const pool_limits_t *limits, uint64_t backlog)
{
    uint64_t members = backlog / limits->slots + (backlog % limits->slots ? 1 : 0);
    return members < limits->most ? (uint32_t) members : limits->most;
}

uint32_t
pool_want (const pool_limits_t *limits, const pool_view_t *view, pool_pace_t *pace,
           int64_t now)
{
    assert (limits->slots > 0 && limits->least <= limits->most);
    if (!pace->begun || now - pace->since >= PACE_MS)
        *pace = (pool_pace_t){.begun = true, .since = now, .members = view->members};

    uint32_t alive = view->members + view->leaving;
    uint32_t room = alive < limits->most ? limits->most - alive : 0;
    uint32_t target = limits->least;
    if (view->members >= limits->least) {
        //  Tasks of other pools are in the backlog too: an idle member says that there is
        //  nothing more to do here.
        uint32_t twice = pace->members ? 2 * pace->members : 1;
        target = view->idle ? 0 : s_needed (limits, view->backlog);
        target = target < twice ? target : twice;
    }
    uint32_t more = target > view->members ? target - view->members : 0;
    return more < room ? more : room;
}

bool
pool_spare (const pool_limits_t *limits, const pool_view_t *view)
{
    return view->idle && view->members > limits->least
           && view->idle_longest_ms >= limits->idle_ms
           && s_needed (limits, view->backlog) < view->members;
}

//  ---------------------------------------------------------------------------------
//  Members

typedef struct {
    pid_t pid;           //  Its process; 0 when there is none
    int ended;           //  Its pidfd
    int report;          //  Read end of its pipe; -1 when closed
    bool leaving;        //  It was told to stop
    bool idle;           //  It has no task
    int64_t idle_since;  //  From when on
    int64_t started;     //  When
} member_t;

struct pool {
    pool_settings_t settings;  //  As given
    member_t *members;         //  As many as there may be
    pool_pace_t pace;          //  How fast it grows
    int epoll;                 //  Watches pidfds and pipes
    bool stopping;             //  No more members
    int64_t restart_at;        //  Nothing is started before
    int64_t restart_ms;        //  How long that was the last time; 0 when all is well
    int64_t now;               //  When the last turn was
    uint64_t backlog;          //  In the last turn
};

static void
s_say (const pool_t *self, const char *format, ...)
{
    if (!self->settings.report)
        return;
    va_list arguments;
    va_start (arguments, format);
    fputs ("stint-worker: pool: ", self->settings.report);
    vfprintf (self->settings.report, format, arguments);
    fputc ('\n', self->settings.report);
    fflush (self->settings.report);
    va_end (arguments);
}

static void
s_close (int *descriptor)
{
    if (*descriptor >= 0)
        close (*descriptor);
    *descriptor = -1;
}

static void *
s_alloc (size_t count, size_t size)
{
    void *memory = calloc (count, size);
    if (!memory)
        abort ();
    return memory;
}

pool_t *
pool_new (const pool_settings_t *settings)
{
    const pool_limits_t *limits = &settings->limits;
    assert (limits->most >= 1 && limits->most <= POOL_MAX);
    assert (limits->least <= limits->most && limits->slots >= 1);
    pool_t *self = s_alloc (1, sizeof (pool_t));
    self->settings = *settings;
    self->members = s_alloc (limits->most, sizeof (member_t));
    self->epoll = epoll_create1 (EPOLL_CLOEXEC);
    if (self->epoll < 0)
        abort ();
    return self;
}

void
pool_destroy (pool_t **self_p)
{
    pool_t *self = *self_p;
    if (!self)
        return;
    for (uint32_t index = 0; index < self->settings.limits.most; index++) {
        member_t *member = &self->members [index];
        if (!member->pid)
            continue;
        kill (member->pid, SIGKILL);
        while (waitpid (member->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        s_close (&member->ended);
        s_close (&member->report);
    }
    close (self->epoll);
    free (self->members);
    free (self);
    *self_p = NULL;
}

//  Returns how the pool stands, and the member that has been idle longest, or null.

static member_t *
s_view (const pool_t *self, pool_view_t *view)
{
    *view = (pool_view_t){.backlog = self->backlog};
    member_t *longest = NULL;
    for (uint32_t index = 0; index < self->settings.limits.most; index++) {
        member_t *member = &self->members [index];
        view->members += member->pid && !member->leaving;
        view->leaving += member->pid && member->leaving;
        if (!member->pid || member->leaving || !member->idle)
            continue;
        view->idle++;
        if (!longest || member->idle_since < longest->idle_since)
            longest = member;
    }
    if (longest)
        view->idle_longest_ms = self->now - longest->idle_since;
    return longest;
}

//  ---------------------------------------------------------------------------------
//  Starting

//  A member leads a group of its own, so that what a terminal sends (Ctrl-C) comes to it
//  through us, once. Its pipe is the only other descriptor that it gets.

static int
s_spawn (const pool_t *self, char *const *argv, int report, pid_t *pid)
{
    sigset_t none;
    sigemptyset (&none);
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int failed = posix_spawnattr_init (&attributes);
    failed |= posix_spawnattr_setflags (&attributes,
                                        POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    failed |= posix_spawnattr_setpgroup (&attributes, 0);
    failed |= posix_spawnattr_setsigmask (&attributes, &none);
    failed |= posix_spawn_file_actions_init (&actions);
    failed |=
        posix_spawn_file_actions_addopen (&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    failed |= posix_spawn_file_actions_adddup2 (&actions, report, POOL_REPORT_FD);
    failed |= posix_spawn_file_actions_addclosefrom_np (&actions, POOL_REPORT_FD + 1);
    if (failed)
        abort ();  //  These only allocate
    int error =
        posix_spawn (pid, self->settings.path, &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy (&actions);
    posix_spawnattr_destroy (&attributes);
    return error;
}

//  Starts a program whose name ends in the number of the member.

static int
s_spawn_named (const pool_t *self, uint32_t number, int report, pid_t *pid)
{
    size_t count = 0;
    while (self->settings.argv [count])
        count++;
    char **argv = s_alloc (count + 1, sizeof (char *));
    memcpy (argv, self->settings.argv, count * sizeof (char *));
    char *name = NULL;
    if (self->settings.name) {
        if (asprintf (&name, "%s/%u", argv [self->settings.name], number) < 0)
            abort ();
        argv [self->settings.name] = name;
    }
    int error = s_spawn (self, argv, report, pid);
    free (name);
    free (argv);
    return error;
}

static void
s_watch (pool_t *self, const member_t *member, int descriptor)
{
    struct epoll_event event = {.events = EPOLLIN};
    event.data.u64 = (uint64_t) (member - self->members);
    if (epoll_ctl (self->epoll, EPOLL_CTL_ADD, descriptor, &event) != 0)
        abort ();
}

//  Starts nothing for a while. A time without trouble makes that short again.

static void
s_hold (pool_t *self)
{
    if (self->now - self->restart_at > RESTART_LAST_MS)
        self->restart_ms = 0;
    self->restart_ms = self->restart_ms ? 2 * self->restart_ms : RESTART_FIRST_MS;
    if (self->restart_ms > RESTART_LAST_MS)
        self->restart_ms = RESTART_LAST_MS;
    self->restart_at = self->now + self->restart_ms;
}

//  Starts one member in a free place. Until it says otherwise it is idle. Returns 0 or an
//  errno.

static int
s_start (pool_t *self)
{
    uint32_t index = 0;
    while (self->members [index].pid)
        index++;
    member_t *member = &self->members [index];
    int ends [2];
    if (pipe2 (ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return errno;
    pid_t pid = 0;
    int error = s_spawn_named (self, index + 1, ends [1], &pid);
    close (ends [1]);
    int ended = error ? -1 : pidfd_open (pid, 0);
    if (!error && ended < 0) {
        error = errno;
        kill (pid, SIGKILL);
        waitpid (pid, NULL, 0);
    }
    if (error) {
        close (ends [0]);
        return error;
    }
    *member = (member_t){.pid = pid,
                         .ended = ended,
                         .report = ends [0],
                         .idle = true,
                         .idle_since = self->now,
                         .started = self->now};
    s_watch (self, member, member->ended);
    s_watch (self, member, member->report);
    return 0;
}

static void
s_grow (pool_t *self)
{
    pool_view_t view;
    s_view (self, &view);
    uint32_t more = pool_want (&self->settings.limits, &view, &self->pace, self->now);
    if (self->stopping || self->now < self->restart_at || !more)
        return;
    uint32_t started = 0;
    int error = 0;
    while (started < more && !(error = s_start (self)))
        started++;
    if (started)
        s_say (self, "%u -> %u workers (backlog %llu)", view.members,
               view.members + started, (unsigned long long) self->backlog);
    if (!error)
        return;
    char text [STINT_UNITS_SIZE];
    s_hold (self);
    s_say (self, "cannot start %s: %s; trying again in %s", self->settings.path,
           strerrordesc_np (error), stint_units_format_duration (self->restart_ms, text));
}

//  ---------------------------------------------------------------------------------
//  Hearing and stopping

//  The last line that a member wrote counts. Each has one letter that no other has.

static void
s_on_report (pool_t *self, member_t *member)
{
    char text [512];
    ssize_t size = read (member->report, text, sizeof text);
    if (size == 0 || (size < 0 && errno != EAGAIN))
        s_close (&member->report);
    bool idle = member->idle;
    for (ssize_t index = 0; index < size; index++) {
        if (text [index] == 'i' || text [index] == 'b')
            idle = text [index] == 'i';
    }
    if (idle && !member->idle)
        member->idle_since = self->now;
    member->idle = idle;
}

//  A member that ends unasked is replaced at once when it had worked for a while, and
//  after a growing pause when it had not.

static void
s_on_unasked_end (pool_t *self, const member_t *member, int status)
{
    char how [64];
    const char *name = WIFSIGNALED (status) ? sigdescr_np (WTERMSIG (status)) : NULL;
    if (WIFSIGNALED (status))
        snprintf (how, sizeof how, "signal %d (%s)", WTERMSIG (status),
                  name ? name : "unknown");
    else
        snprintf (how, sizeof how, "exit %d", WEXITSTATUS (status));
    if (self->now - member->started >= LIVED_MS) {
        self->restart_ms = 0;
        s_say (self, "worker %d ended, %s", (int) member->pid, how);
        return;
    }
    char text [STINT_UNITS_SIZE];
    if (self->now >= self->restart_at)
        s_hold (self);
    s_say (self, "worker %d ended at once, %s; the next one starts in %s",
           (int) member->pid, how, stint_units_format_duration (self->restart_ms, text));
}

static void
s_on_ended (pool_t *self, member_t *member)
{
    int status = 0;
    if (waitpid (member->pid, &status, WNOHANG) != member->pid)
        return;
    if (!member->leaving && !self->stopping)
        s_on_unasked_end (self, member, status);
    s_close (&member->ended);
    s_close (&member->report);
    member->pid = 0;
}

static void
s_hear (pool_t *self)
{
    struct epoll_event events [EVENTS_A_TURN];
    int count = epoll_wait (self->epoll, events, EVENTS_A_TURN, 0);
    for (int index = 0; index < count; index++) {
        member_t *member = &self->members [events [index].data.u64];
        if (member->pid && member->report >= 0)
            s_on_report (self, member);
        if (member->pid)
            s_on_ended (self, member);
    }
}

static void
s_shrink (pool_t *self)
{
    pool_view_t view;
    member_t *longest = s_view (self, &view);
    if (self->stopping || !pool_spare (&self->settings.limits, &view))
        return;
    char text [STINT_UNITS_SIZE];
    longest->leaving = true;
    kill (longest->pid, SIGTERM);
    s_say (self, "%u -> %u workers (idle for %s)", view.members, view.members - 1,
           stint_units_format_duration (self->settings.limits.idle_ms, text));
}

void
pool_turn (pool_t *self, uint64_t backlog, int64_t now)
{
    self->now = now;
    self->backlog = backlog;
    s_hear (self);
    s_shrink (self);
    s_grow (self);
}

int
pool_fd (const pool_t *self)
{
    return self->epoll;
}

//  The end of a second may allow more members, the end of a pause the first one, and a
//  member may have been idle for long enough.

int64_t
pool_deadline (const pool_t *self)
{
    if (self->stopping)
        return POOL_NEVER;
    pool_view_t view;
    const member_t *longest = s_view (self, &view);
    int64_t deadline = POOL_NEVER;
    if (view.members < self->settings.limits.least
        || s_needed (&self->settings.limits, self->backlog) > view.members)
        deadline = self->pace.since + PACE_MS;
    if (deadline < self->restart_at)
        deadline = self->restart_at;
    if (longest && view.members > self->settings.limits.least) {
        int64_t idle = longest->idle_since + self->settings.limits.idle_ms;
        idle = idle > self->now ? idle : self->now + PACE_MS;
        deadline = deadline < idle ? deadline : idle;
    }
    return deadline;
}

void
pool_stop (pool_t *self)
{
    self->stopping = true;
    for (uint32_t index = 0; index < self->settings.limits.most; index++) {
        if (self->members [index].pid)
            kill (self->members [index].pid, SIGTERM);
    }
}

uint32_t
pool_members (const pool_t *self)
{
    pool_view_t view;
    s_view (self, &view);
    return view.members + view.leaving;
}

bool
pool_finished (const pool_t *self)
{
    return self->stopping && pool_members (self) == 0;
}
