//  bench_home: the directory where the server of a peer keeps its files
//  SPDX-License-Identifier: MPL-2.0
//
//  All functions are for the process that becomes the server. What cannot be made or
//  written ends it by bench_fail.

#ifndef TESTS_BENCH_HOME_H
#define TESTS_BENCH_HOME_H

#include "bench.h"

#define BENCH_HOME_MAX 512

//  Makes the directory: the store when durable, else one by the socket's name, a point and
//  the peer's name. Writes its absolute path. A directory of that name below it must not
//  be there yet and is made: a server never meets what an earlier one has left.
void bench_home_make (const bench_t *bench, const char *below, char home [BENCH_HOME_MAX]);

//  Writes a text file in the directory, as printf writes it.
void bench_home_write (const char *home, const char *name, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

#endif
