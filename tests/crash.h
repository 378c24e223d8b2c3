//  crash: tasks whose results can be checked, and what client and worker leave behind
//  SPDX-License-Identifier: MPL-2.0
//
//  The programs that tests/e2e_crash.sh kills and judges share this. Everything about a
//  task follows from a seed and its index: size and bytes of its payload, how long it
//  takes, and its result, so that whoever knows both can tell whether a result is right.

#ifndef TESTS_CRASH_H
#define TESTS_CRASH_H

#include "stint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CRASH_FRAMED 66000  //  Bytes of a body that is too large for a header
#define CRASH_PAYLOAD_MAX 75000
#define CRASH_RESULT_MAX 75000

//  A line of the workers' file: an execution that was begun.

typedef struct {
    uint64_t id;     //  The broker's number of the task
    uint64_t fence;  //  Of the attempt
    uint64_t index;  //  Our number of the task, out of its payload
} crash_start_t;

//  A line of the client's file: a result that came.

typedef struct {
    uint64_t id;        //  The broker's number of the task
    uint64_t index;     //  Our number of the task
    uint64_t attempts;  //  That were used, as the broker says
} crash_end_t;

//  Says what is wrong and ends the process at once, whatever sockets are open.

static inline _Noreturn __attribute__ ((format (printf, 1, 2))) void
crash_fail (const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    fputs ("crash: WRONG: ", stderr);
    vfprintf (stderr, format, arguments);
    fputc ('\n', stderr);
    va_end (arguments);
    fflush (NULL);
    _exit (1);
}

//  Returns a number that looks random (splitmix64, Steele, Lea and Flood 2014).

static inline uint64_t
crash_mix (uint64_t value)
{
    value += UINT64_C (0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C (0x94d049bb133111eb);
    return value ^ value >> 31;
}

//  Fills bytes from a number on.

static inline void
crash_fill (uint8_t *bytes, size_t size, uint64_t number)
{
    for (size_t at = 0; at < size; at += sizeof number) {
        number = crash_mix (number);
        memcpy (bytes + at, &number, size - at < sizeof number ? size - at : sizeof number);
    }
}

//  With this in a seed all payloads are large.
#define CRASH_LARGE (UINT64_C (1) << 40)

//  Writes the payload of a task and returns its size. Most are small; one in a hundred is
//  of some pages, and one in a thousand travels in a frame of its own.

static inline size_t
crash_payload (uint64_t seed, uint64_t index, uint8_t bytes [CRASH_PAYLOAD_MAX])
{
    uint64_t chance = crash_mix (seed ^ crash_mix (index));
    size_t size = 16 + (chance >> 8) % 256;
    if (chance % 100 == 0 || (seed & CRASH_LARGE))
        size = 4000 + (chance >> 8) % 5000;
    if (chance % 1000 == 0)
        size += CRASH_FRAMED;
    memcpy (bytes, &index, sizeof index);
    memcpy (bytes + 8, &seed, sizeof seed);
    crash_fill (bytes + 16, size - 16, chance);
    return size;
}

//  Writes the result of a payload and returns its size: the index, a hash of the payload
//  (FNV-1a), and bytes that follow from it.

static inline size_t
crash_result (stint_bytes_t payload, uint8_t bytes [CRASH_RESULT_MAX])
{
    uint64_t hash = UINT64_C (0xcbf29ce484222325);
    for (size_t at = 0; at < payload.size; at++)
        hash = (hash ^ payload.data [at]) * UINT64_C (0x100000001b3);
    size_t size = 16 + hash % 64;
    if (hash % 128 == 7)
        size = 4000 + hash % 5000;
    if (hash % 1024 == 7)
        size += CRASH_FRAMED;
    memcpy (bytes, payload.data, 8);
    memcpy (bytes + 8, &hash, sizeof hash);
    crash_fill (bytes + 16, size - 16, hash);
    return size;
}

//  Returns the number that a text is, and ends the process when it is none.

static inline uint64_t
crash_number (const char *text)
{
    char *end;
    uint64_t number = strtoull (text, &end, 10);
    if (*text == 0 || *end)
        crash_fail ("'%s' is not a number", text);
    return number;
}

#endif
