//  host: what the kernel lets us have: open files, and memory that we give back
//  SPDX-License-Identifier: MPL-2.0

#include "host.h"

#include "stint_log.h"

#include <errno.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOKS 5  //  That find much free memory before it is given back

uint64_t
host_raise_files (void)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
        return 0;
    struct rlimit raised = {limit.rlim_max, limit.rlim_max};
    if (limit.rlim_cur < limit.rlim_max && setrlimit (RLIMIT_NOFILE, &raised) == 0)
        return raised.rlim_cur;
    return limit.rlim_cur;
}

bool
host_is_crowded (void)
{
    int handle = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (handle >= 0)
        close (handle);
    return handle < 0 && (errno == EMFILE || errno == ENFILE);
}

static void
s_look_at_files (host_t *self)
{
    host_reserve ();
    bool crowded = host_is_crowded ();
    if (crowded == self->crowded)
        return;
    self->crowded = crowded;
    if (crowded)
        stint_log (
            STINT_LOG_WARNING, "broker.crowded",
            stint_field_text ("why", "no open file is left: new connections are closed"),
            stint_field_text ("do", "raise ulimit -n (LimitNOFILE), or see who "
                                    "holds so many connections"));
    else
        stint_log (STINT_LOG_INFO, "broker.roomy",
                   stint_field_text ("why", "connections are taken again"));
}

static void
s_look_at_memory (host_t *self)
{
#ifdef __GLIBC__
    if (mallinfo2 ().fordblks < HOST_SPARE_MAX)
        self->spare = 0;
    else if (++self->spare == LOOKS) {
        malloc_trim (0);
        self->spare = 0;
    }
#else
    (void) self;
#endif
}

void
host_look (host_t *self, int64_t now)
{
    if (now < self->look_at)
        return;
    self->look_at = now + HOST_LOOK_MS;
    s_look_at_files (self);
    s_look_at_memory (self);
}
