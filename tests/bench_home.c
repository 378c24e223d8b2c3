//  bench_home: the directory where the server of a peer keeps its files
//  SPDX-License-Identifier: MPL-2.0

#include "bench_home.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

//  Puts two parts of a path together.

static void
s_join (char *path, size_t size, const char *home, const char *between, const char *name)
{
    int length = snprintf (path, size, "%s%s%s", home, between, name);
    if (length < 0 || (size_t) length >= size)
        bench_fail ("%s is too long a path", home);
}

void
bench_home_make (const bench_t *bench, const char *below, char home [BENCH_HOME_MAX])
{
    char path [BENCH_HOME_MAX], real [PATH_MAX];
    if (bench->store)
        s_join (path, sizeof path, bench->store, "", "");
    else
        s_join (path, sizeof path, bench->socket, ".", bench->peer->name);
    if ((mkdir (path, 0700) != 0 && errno != EEXIST) || realpath (path, real) == NULL)
        bench_fail ("%s: %s", path, strerror (errno));
    s_join (home, BENCH_HOME_MAX, real, "", "");
    s_join (path, sizeof path, home, "/", below);
    if (mkdir (path, 0700) != 0)
        bench_fail ("%s: %s", path, strerror (errno));
}

void
bench_home_write (const char *home, const char *name, const char *format, ...)
{
    char path [PATH_MAX];
    s_join (path, sizeof path, home, "/", name);
    FILE *file = fopen (path, "w");
    bool good = file != NULL;
    if (good) {
        va_list arguments;
        va_start (arguments, format);
        good = vfprintf (file, format, arguments) >= 0;
        va_end (arguments);
        good = fclose (file) == 0 && good;
    }
    if (!good)
        bench_fail ("%s: %s", path, strerror (errno));
}
