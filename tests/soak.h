//  soak: what the programs that load a broker for long share: time, figures, and messages
//  SPDX-License-Identifier: MPL-2.0
//
//  They speak STP/1 over connections of their own (zmtp.h), many from one thread. What is
//  wrong ends the process with one line on stderr, and 1.

#ifndef TESTS_SOAK_H
#define TESTS_SOAK_H

#include "stint_wire.h"
#include "zmtp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static inline _Noreturn __attribute__ ((format (printf, 1, 2))) void
soak_fail (const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    fputs ("soak: WRONG: ", stderr);
    vfprintf (stderr, format, arguments);
    fputc ('\n', stderr);
    va_end (arguments);
    fflush (NULL);
    _exit (1);
}

//  Returns microseconds of a clock that never goes back.

static inline int64_t
soak_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline void *
soak_memory (void *memory, size_t count, size_t size)
{
    void *grown = realloc (memory, count * size);
    if (!grown)
        soak_fail ("no memory for %zu times %zu bytes", count, size);
    return grown;
}

//  Returns the number that an argument is.

static inline uint64_t
soak_number (const char *text)
{
    char *end;
    uint64_t number = strtoull (text, &end, 10);
    if (*text == 0 || *end)
        soak_fail ("'%s' is not a number", text);
    return number;
}

//  Returns a number that looks random (splitmix64, Steele, Lea and Flood 2014).

static inline uint64_t
soak_mix (uint64_t value)
{
    value += UINT64_C (0x9e3779b97f4a7c15);
    value = (value ^ value >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C (0x94d049bb133111eb);
    return value ^ value >> 31;
}

//  ---------------------------------------------------------------------------------
//  Times that were measured, in microseconds

typedef struct {
    uint32_t *times;  //  All of them
    size_t count;     //  How many
    size_t room;      //  How many fit
} soak_times_t;

static inline void
soak_note (soak_times_t *self, int64_t time)
{
    if (self->count == self->room) {
        self->room = self->room ? self->room * 2 : 4096;
        self->times = soak_memory (self->times, self->room, sizeof *self->times);
    }
    self->times [self->count++] = time < UINT32_MAX ? (uint32_t) time : UINT32_MAX;
}

static inline int
soak_compare (const void *one, const void *other)
{
    uint32_t left = *(const uint32_t *) one, right = *(const uint32_t *) other;
    return (left > right) - (left < right);
}

//  Returns the time that this part of all did not exceed, in milliseconds.

static inline double
soak_quantile (soak_times_t *self, double part)
{
    if (self->count == 0)
        return 0;
    qsort (self->times, self->count, sizeof *self->times, soak_compare);
    return self->times [(size_t) ((double) (self->count - 1) * part)] / 1000.0;
}

//  ---------------------------------------------------------------------------------
//  Messages

//  Queues the header that was written.

static inline void
soak_send (zmtp_t *to, const stint_writer_t *header)
{
    zmtp_send (to, stint_writer_bytes (header), false);
}

static inline void
soak_send_bare (zmtp_t *to, stint_writer_t *header, stp_command_t command)
{
    stint_wire_begin (header, command, 0);
    soak_send (to, header);
}

//  Takes the next message and understands it. It is valid until the next zmtp_read.

static inline bool
soak_hear (zmtp_t *from, stint_message_t *message)
{
    if (!zmtp_next (from))
        return false;
    if (stint_wire_decode (message, from->frames, from->frame_count) != STINT_WIRE_OK)
        soak_fail ("the broker sent a message that is not STP/1");
    return true;
}

#endif
