//  host_accept: connections that come when no open file is left are closed at once
//  SPDX-License-Identifier: MPL-2.0
//
//  libzmq 4.3.4 aborts when accept fails with EMFILE on an ipc socket, so whoever opens
//  enough connections, on any endpoint, would end the broker; on a tcp socket it tries
//  again and again without a pause, and whoever waits in the backlog learns nothing. So
//  accept and accept4 are taken from the C library, as its manual allows. One file is kept
//  in reserve: it is let go to take the connection, which is then closed, and taken again.
//  The peer sees the end of its connection, and libzmq one that was given up
//  (ECONNABORTED).

#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

//  What takes the place of a function has no argument to keep its state in.
static atomic_int s_reserve = -1;

void
host_reserve (void)
{
    if (atomic_load (&s_reserve) >= 0)
        return;
    int file = open ("/", O_PATH | O_CLOEXEC), none = -1;
    if (file >= 0 && !atomic_compare_exchange_strong (&s_reserve, &none, file))
        close (file);
}

static int
s_accept (int file, struct sockaddr *address, socklen_t *size, int flags)
{
    int accepted = (int) syscall (SYS_accept4, file, address, size, flags);
    if (accepted >= 0 || (errno != EMFILE && errno != ENFILE))
        return accepted;

    int reserve = atomic_exchange (&s_reserve, -1);
    if (reserve >= 0) {
        close (reserve);
        accepted = (int) syscall (SYS_accept4, file, NULL, NULL, SOCK_CLOEXEC);
        if (accepted >= 0)
            close (accepted);
        host_reserve ();
    }
    errno = ECONNABORTED;
    return -1;
}

STINT_EXPORT int
accept (int file, __SOCKADDR_ARG address, socklen_t *restrict size)
{
    return s_accept (file, address.__sockaddr__, size, 0);
}

STINT_EXPORT int
accept4 (int file, __SOCKADDR_ARG address, socklen_t *restrict size, int flags)
{
    return s_accept (file, address.__sockaddr__, size, flags);
}
