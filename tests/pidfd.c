//  pidfd: pidfd_open by other means, for programs under a valgrind that does not know it
//  SPDX-License-Identifier: MPL-2.0
//
//  What LD_PRELOAD names in tests/valgrind.sh. The descriptor is the reading end of a pipe
//  that a thread closes when the child has ended, so that it gets ready to be read as the
//  kernel's would. The child stays to be waited for.

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    pid_t pid;  //  Whose end is awaited
    int pipe;   //  Closed then
} s_watch_t;

static void *
s_watch (void *argument)
{
    s_watch_t *self = argument;
    siginfo_t info;
    while (waitid (P_PID, (id_t) self->pid, &info, WEXITED | WNOWAIT) == 0
           && !info.si_pid) {
    }
    close (self->pipe);
    free (self);
    return NULL;
}

int __attribute__ ((visibility ("default"))) pidfd_open (pid_t pid, unsigned int flags)
{
    (void) flags;
    int ends [2];
    if (pipe2 (ends, O_CLOEXEC) != 0)
        return -1;
    s_watch_t *watch = malloc (sizeof (s_watch_t));
    if (!watch)
        abort ();
    *watch = (s_watch_t){pid, ends [1]};
    sigset_t all, before;
    sigfillset (&all);
    pthread_t thread;
    pthread_sigmask (SIG_SETMASK, &all, &before);
    if (pthread_create (&thread, NULL, s_watch, watch) != 0)
        abort ();
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    pthread_detach (thread);
    return ends [0];
}
