//  verdict: how the end of a program is to be judged, and the words for it; pure
//  SPDX-License-Identifier: MPL-2.0

#ifndef WORKER_VERDICT_H
#define WORKER_VERDICT_H

#include "stint.h"

#define VERDICT_TEXT_MAX ((size_t) 16 << 10)  //  Longest text, in bytes

typedef enum {
    VERDICT_DONE = 1,    //  Exit 0
    VERDICT_LATER,       //  Exit 75: no attempt is used up
    VERDICT_REFUSED,     //  Exit 64-66, 76-78 or 100, or the task cannot be run at all
    VERDICT_RETRY,       //  Any other exit, a signal, or the time limit
    VERDICT_UNRUNNABLE,  //  Exit 126 or 127, or it could not be started: not the task's
                         //  fault
    VERDICT_CANCELLED    //  We ended it because somebody asked
} verdict_t;

//  Why we ended a program ourselves.

typedef enum {
    ENDING_NONE = 0,   //  We did not
    ENDING_CANCELLED,  //  Somebody asked
    ENDING_LATE,       //  It ran into the time limit
    ENDING_LONG        //  Its result was too long
} verdict_ending_t;

//  All that is known about the end of a program.

typedef struct {
    const char *name;         //  What people call the program
    int failure;              //  Why it could not be started, as program_start says, or 0
    verdict_ending_t ending;  //  Why we ended it
    int status;               //  How it ended, as waitpid says
    size_t payload_size;      //  Of the task, in bytes
    int64_t time_limit_ms;    //  That it had
    size_t result_max;        //  That it had, in bytes
    stint_bytes_t error;      //  The end of its standard error
} verdict_end_t;

//  Returns how to judge it.
verdict_t verdict_of (const verdict_end_t *end);

//  Writes what happened, then the last of the program's standard error that there is room
//  for: "exit 3: no such page", "signal 9 (Killed)", "time limit of 30 s". The text holds
//  VERDICT_TEXT_MAX bytes and gets no final null. Returns the length.
size_t verdict_text (const verdict_end_t *end, char *text);

#endif
