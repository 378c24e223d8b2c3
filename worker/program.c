//  program: starts a program for one task, with its pipes, arguments and environment
//  SPDX-License-Identifier: MPL-2.0

#include "program.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define VARIABLES 6        //  That we set
#define VARIABLE_SIZE 320  //  Name, value and null
#define PLACE "{}"         //  Stands for the payload in an argument

struct program {
    const char *name;                           //  For people
    char *shell_argv [4];                       //  Arguments when a shell line runs
    char *const *argv;                          //  Arguments as they were given
    size_t arguments;                           //  How many, without the null
    bool *replaced;                             //  Which of them hold the place
    bool takes_payload;                         //  Whether one of them does
    char **started;                             //  Arguments of the program being started
    char **environment;                         //  Ours, then the variables, then a null
    char variables [VARIABLES][VARIABLE_SIZE];  //  $STINT_* of the program being started
    posix_spawnattr_t attributes;               //  The same for every program
};

//  The pipes of a program while it is started: [0] is read, [1] is written.

typedef struct {
    int input [2];     //  [0] is /dev/null and [1] is -1 when the payload is an argument
    int output [2];    //  Standard output
    int error [2];     //  Standard error
    int progress [2];  //  PROGRAM_PROGRESS_FD
} pipes_t;

static void *
s_alloc (size_t count, size_t size)
{
    void *memory = calloc (count, size);
    if (!memory)
        abort ();
    return memory;
}

static bool
s_is_ours (const char *variable)
{
    static const char *const names [VARIABLES] = {
        "STINT_TASK_ID=", "STINT_GROUP=",  "STINT_ATTEMPT=",
        "STINT_FENCE=",   "STINT_WORKER=", "STINT_PROGRESS_FD="};
    for (size_t index = 0; index < VARIABLES; index++) {
        if (strncmp (variable, names [index], strlen (names [index])) == 0)
            return true;
    }
    return false;
}

//  Copies our environment without the variables that are set for each task.

static void
s_copy_environment (program_t *self)
{
    size_t count = 0;
    while (environ && environ [count])
        count++;
    self->environment = s_alloc (count + VARIABLES + 1, sizeof (char *));
    size_t kept = 0;
    for (size_t index = 0; index < count; index++) {
        if (s_is_ours (environ [index]))
            continue;
        self->environment [kept] = strdup (environ [index]);
        if (!self->environment [kept++])
            abort ();
    }
    for (size_t index = 0; index < VARIABLES; index++)
        self->environment [kept + index] = self->variables [index];
}

static void
s_free_environment (program_t *self)
{
    for (size_t index = 0; self->environment [index] != self->variables [0]; index++)
        free (self->environment [index]);
    free (self->environment);
}

//  What we block or ignore, a program must not; what our own parent ignores (SIGHUP under
//  nohup) stays ignored.

static void
s_set_attributes (program_t *self)
{
    static const int ours [] = {SIGPIPE, SIGINT,  SIGQUIT, SIGTERM,
                                SIGCHLD, SIGUSR1, SIGUSR2};
    sigset_t none;
    sigset_t defaults;
    sigemptyset (&none);
    sigemptyset (&defaults);
    for (size_t index = 0; index < sizeof ours / sizeof ours [0]; index++)
        sigaddset (&defaults, ours [index]);

    int failed = posix_spawnattr_init (&self->attributes);
    failed |= posix_spawnattr_setflags (&self->attributes, POSIX_SPAWN_SETPGROUP
                                                               | POSIX_SPAWN_SETSIGMASK
                                                               | POSIX_SPAWN_SETSIGDEF);
    failed |= posix_spawnattr_setpgroup (&self->attributes, 0);
    failed |= posix_spawnattr_setsigmask (&self->attributes, &none);
    failed |= posix_spawnattr_setsigdefault (&self->attributes, &defaults);
    assert (!failed);
}

program_t *
program_new (const char *shell, char *const *argv, const char *worker)
{
    assert (shell || (argv && argv [0]));
    program_t *self = s_alloc (1, sizeof (program_t));
    if (shell) {
        self->shell_argv [0] = "/bin/sh";
        self->shell_argv [1] = "-c";
        self->shell_argv [2] = (char *) shell;
    }
    self->name = shell ? shell : argv [0];
    self->argv = shell ? self->shell_argv : argv;
    while (self->argv [self->arguments])
        self->arguments++;
    self->replaced = s_alloc (self->arguments, sizeof (bool));
    self->started = s_alloc (self->arguments + 1, sizeof (char *));
    //  A payload may be an argument, but it never chooses the program, and a shell line
    //  never contains it: what a stranger pushes must not become code here.
    for (size_t index = 1; !shell && index < self->arguments; index++) {
        self->replaced [index] = strstr (argv [index], PLACE) != NULL;
        self->takes_payload |= self->replaced [index];
    }
    s_copy_environment (self);
    snprintf (self->variables [4], VARIABLE_SIZE, "STINT_WORKER=%s", worker);
    snprintf (self->variables [5], VARIABLE_SIZE, "STINT_PROGRESS_FD=%d",
              PROGRAM_PROGRESS_FD);
    s_set_attributes (self);
    return self;
}

void
program_destroy (program_t **self_p)
{
    program_t *self = *self_p;
    if (!self)
        return;
    posix_spawnattr_destroy (&self->attributes);
    s_free_environment (self);
    free (self->started);
    free (self->replaced);
    free (self);
    *self_p = NULL;
}

const char *
program_name (const program_t *self)
{
    return self->name;
}

//  Returns the argument with the payload in every place, as a text of its own, or null
//  when that is too long.

static char *
s_replace (const char *argument, stint_bytes_t payload)
{
    size_t places = 0;
    for (const char *place = argument; (place = strstr (place, PLACE)); place += 2)
        places++;
    if (payload.size >= PROGRAM_ARGUMENT_MAX)
        return NULL;
    size_t size = strlen (argument) - 2 * places + places * payload.size + 1;
    if (size > PROGRAM_ARGUMENT_MAX)
        return NULL;
    char *text = s_alloc (size, 1);
    char *end = text;
    const char *place;
    while ((place = strstr (argument, PLACE))) {
        end = mempcpy (end, argument, (size_t) (place - argument));
        if (payload.size)
            end = mempcpy (end, payload.data, payload.size);
        argument = place + 2;
    }
    memcpy (end, argument, strlen (argument));
    return text;
}

static void
s_free_arguments (program_t *self)
{
    for (size_t index = 0; index < self->arguments; index++) {
        if (self->replaced [index])
            free (self->started [index]);
        self->started [index] = NULL;
    }
}

static int
s_set_arguments (program_t *self, stint_bytes_t payload)
{
    if (self->takes_payload && payload.size && memchr (payload.data, 0, payload.size))
        return EILSEQ;
    int error = 0;
    for (size_t index = 0; index < self->arguments; index++) {
        if (!self->replaced [index])
            self->started [index] = self->argv [index];
        else if (!(self->started [index] = s_replace (self->argv [index], payload)))
            error = E2BIG;
    }
    return error;
}

static void
s_set_variables (program_t *self, const program_task_t *task)
{
    assert (strlen (task->group) <= 255);
    snprintf (self->variables [0], VARIABLE_SIZE, "STINT_TASK_ID=%" PRIu64, task->id);
    snprintf (self->variables [1], VARIABLE_SIZE, "STINT_GROUP=%s", task->group);
    snprintf (self->variables [2], VARIABLE_SIZE, "STINT_ATTEMPT=%" PRIu32, task->attempt);
    snprintf (self->variables [3], VARIABLE_SIZE, "STINT_FENCE=%" PRIu64, task->fence);
}

static void
s_close (int *descriptor)
{
    if (*descriptor >= 0)
        close (*descriptor);
    *descriptor = -1;
}

static void
s_close_pipe (int ends [2])
{
    s_close (&ends [0]);
    s_close (&ends [1]);
}

//  Opens a pipe whose one end, ours, does not block.

static int
s_open_pipe (int ends [2], int ours)
{
    if (pipe2 (ends, O_CLOEXEC) != 0)
        return errno;
    return fcntl (ends [ours], F_SETFL, O_NONBLOCK) == 0 ? 0 : errno;
}

static int
s_open_pipes (const program_t *self, pipes_t *pipes)
{
    *pipes = (pipes_t){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    int error = 0;
    if (!self->takes_payload)
        error = s_open_pipe (pipes->input, 1);
    else if ((pipes->input [0] = open ("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
        error = errno;
    if (!error)
        error = s_open_pipe (pipes->output, 0);
    if (!error)
        error = s_open_pipe (pipes->error, 0);
    if (!error)
        error = s_open_pipe (pipes->progress, 0);
    return error;
}

static int
s_spawn (program_t *self, const pipes_t *pipes, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init (&actions);
    error |= posix_spawn_file_actions_adddup2 (&actions, pipes->input [0], STDIN_FILENO);
    error |= posix_spawn_file_actions_adddup2 (&actions, pipes->output [1], STDOUT_FILENO);
    error |= posix_spawn_file_actions_adddup2 (&actions, pipes->error [1], STDERR_FILENO);
    error |= posix_spawn_file_actions_adddup2 (&actions, pipes->progress [1],
                                               PROGRAM_PROGRESS_FD);
    error |= posix_spawn_file_actions_addclosefrom_np (&actions, PROGRAM_PROGRESS_FD + 1);
    if (error)
        abort ();  //  These only allocate
    error = posix_spawnp (pid, self->started [0], &actions, &self->attributes,
                          self->started, self->environment);
    posix_spawn_file_actions_destroy (&actions);
    return error;
}

//  Gives the ends that are ours to the process. Without a pidfd nobody would hear of the
//  program's end, so it must not go on.

static int
s_hand_over (pipes_t *pipes, pid_t pid, program_process_t *process)
{
    int ended = pidfd_open (pid, 0);
    if (ended < 0) {
        int error = errno;
        kill (-pid, SIGKILL);
        waitpid (pid, NULL, 0);
        return error;
    }
    *process = (program_process_t){.pid = pid,
                                   .input = pipes->input [1],
                                   .output = pipes->output [0],
                                   .error = pipes->error [0],
                                   .progress = pipes->progress [0],
                                   .ended = ended};
    pipes->input [1] = pipes->output [0] = pipes->error [0] = pipes->progress [0] = -1;
    return 0;
}

int
program_start (program_t *self, const program_task_t *task, program_process_t *process)
{
    int error = s_set_arguments (self, task->payload);
    if (!error) {
        pipes_t pipes;
        pid_t pid = 0;
        s_set_variables (self, task);
        error = s_open_pipes (self, &pipes);
        if (!error)
            error = s_spawn (self, &pipes, &pid);
        if (!error)
            error = s_hand_over (&pipes, pid, process);
        s_close_pipe (pipes.input);
        s_close_pipe (pipes.output);
        s_close_pipe (pipes.error);
        s_close_pipe (pipes.progress);
    }
    s_free_arguments (self);
    //  Then it is our environment that is too long.
    return error == E2BIG && !self->takes_payload ? ENOMEM : error;
}
