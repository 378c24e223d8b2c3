//  test_host: open files and memory that the broker may have
//  SPDX-License-Identifier: MPL-2.0

#include "host.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

Test (host, the_limit_of_open_files_is_raised_as_far_as_it_goes)
{
    struct rlimit limit;
    getrlimit (RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 100;
    cr_assert_eq (setrlimit (RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq (host_raise_files (), limit.rlim_max);
    cr_assert_eq (host_raise_files (), limit.rlim_max, "a second time");
    struct rlimit raised;
    getrlimit (RLIMIT_NOFILE, &raised);
    cr_assert_eq (raised.rlim_cur, limit.rlim_max);
}

Test (host, it_is_crowded_when_no_file_can_be_opened_and_not_afterwards)
{
    struct rlimit limit;
    int files [64] = {0}, count = 0;
    getrlimit (RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;
    setrlimit (RLIMIT_NOFILE, &limit);
    cr_assert (!host_is_crowded ());
    while (count < 64 && (files [count] = dup (STDERR_FILENO)) >= 0)
        count++;
    cr_assert_lt (count, 64);
    cr_assert (host_is_crowded ());

    host_t host = {0};
    host_look (&host, 1000);
    cr_assert (host.crowded);
    close (files [0]);
    close (files [1]);  //  One of the two is kept in reserve
    host_look (&host, 1000 + HOST_LOOK_MS - 1);
    cr_assert (host.crowded, "before it is time");
    host_look (&host, 1000 + HOST_LOOK_MS);
    cr_assert (!host.crowded);
}

//  Returns the anonymous memory of this process, in KiB.

static unsigned long
s_memory (void)
{
    char line [256];
    unsigned long found = 0;
    FILE *file = fopen ("/proc/self/status", "re");
    cr_assert (file);
    while (fgets (line, sizeof line, file)) {
        if (strncmp (line, "RssAnon:", 8) == 0)
            found = strtoul (line + 8, NULL, 10);
    }
    fclose (file);
    return found;
}

//  Many blocks, one that stays behind them: the C library keeps them all. A build with a
//  sanitizer has another allocator.

Test (host, memory_that_is_free_for_a_while_is_given_back)
{
#ifndef __SANITIZE_ADDRESS__
    enum {
        BLOCKS = 4000,
        SIZE = 60000
    };
    static char *blocks [BLOCKS];
    host_t host = {0};
    int64_t now = 1000;
    for (int index = 0; index < BLOCKS; index++) {
        blocks [index] = malloc (SIZE);
        memset (blocks [index], 'x', SIZE);
    }
    for (int index = 0; index < BLOCKS - 1; index++)
        free (blocks [index]);
    unsigned long before = s_memory ();
    cr_assert_gt (before, 200000, "%lu KiB", before);
    for (int look = 0; look < 4; look++, now += HOST_LOOK_MS)
        host_look (&host, now);
    cr_assert_gt (s_memory (), 200000, "not at once");
    host_look (&host, now);
    cr_assert_lt (s_memory (), 50000, "%lu KiB", s_memory ());
    free (blocks [BLOCKS - 1]);
#else
    (void) s_memory;
#endif
}
