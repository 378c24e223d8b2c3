//  history: what a process tried and saw, in a file that survives its death
//  SPDX-License-Identifier: MPL-2.0
//
//  One file a process, only appended to, mapped into memory: a line that was written is in
//  the kernel's hands at once, so SIGKILL takes nothing back. A process may die in a line;
//  such a line has no stamp and is not there. Stamps are those of CLOCK_MONOTONIC, which
//  all processes of a machine share.

#ifndef TESTS_HISTORY_H
#define TESTS_HISTORY_H

#include "stint.h"

//  What happened. A push without an answer is unknown: it may have worked.

typedef enum {
    HISTORY_PUSH = 1,  //  Tasks from index on, count of them, are about to be pushed
    HISTORY_ACCEPTED,  //  ok: the broker has accepted them
    HISTORY_REFUSED,   //  fail: the broker has refused them for certain
    HISTORY_UNKNOWN,   //  unknown: no answer came in time
    HISTORY_BEGAN,     //  A worker begins an attempt
    HISTORY_ENDED,     //  It has handed the result over
    HISTORY_RESULT,    //  A client has seen a result
    HISTORY_DEAD,      //  A client has seen that the task ended otherwise
    HISTORY_TAKEN,     //  It is about to tell the broker that it has the result
    HISTORY_WRONG      //  Bytes that nobody wrote
} history_kind_t;

typedef struct {
    int64_t stamp;   //  Nanoseconds, written last; 0 when the line is not whole
    uint64_t index;  //  Our number of the task, or of the first of several
    uint64_t id;     //  The broker's number of the task; 0 where it is not known
    uint64_t fence;  //  Of the attempt; 0 where it is not known
    uint32_t kind;   //  A history_kind_t
    uint32_t count;  //  Tasks that the line is about
} history_line_t;

typedef struct history history_t;

//  Creates the history of this process: the file DIRECTORY/WHAT.PID. Ends the process with
//  a line on stderr when that is not possible. Destroying it nulls the caller's pointer.
history_t *history_new (const char *directory, const char *what);
void history_destroy (history_t **self_p);

//  Appends a line, stamped with now.
void history_add (history_t *self, history_kind_t kind, uint64_t index, uint32_t count,
                  uint64_t id, uint64_t fence);

//  Returns the time that stamps are made of.
int64_t history_now (void);

//  Reads all histories of a directory, one after another. Returns an array to be freed and
//  its length. Ends the process as above.
history_line_t *history_read (const char *directory, size_t *count);

#endif
