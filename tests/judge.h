//  judge: tells from histories whether a task was lost, doubled or made up
//  SPDX-License-Identifier: MPL-2.0
//
//  In the manner of Jepsen's total-queue. The histories are those of a whole run whose
//  clients have collected everything in the end. A push without an answer is unknown: it
//  may have worked or not, and when it has, it is recovered.

#ifndef TESTS_JUDGE_H
#define TESTS_JUDGE_H

#include "history.h"

typedef struct {
    uint64_t attempted;     //  Tasks that somebody began to push
    uint64_t acknowledged;  //  Of these, those that the broker has accepted
    uint64_t refused;       //  Those that it has refused for certain
    uint64_t unknown;       //  Those without an answer
    uint64_t recovered;     //  Of the unknown ones, those that came to a result
    uint64_t executions;    //  Attempts that began
    uint64_t again;         //  Of these, those of a task that had begun before
    uint64_t recorded;      //  Tasks with a result
    uint64_t dead;          //  Tasks that ended otherwise
    uint64_t lost;          //  Accepted, and no end was ever seen
    uint64_t duplicated;    //  Tasks with two different records, or under two numbers
    uint64_t unexpected;    //  Seen though never pushed, refused or never run; wrong bytes
} judge_t;

//  Judges. The lines stay as they are.
judge_t judge_lines (const history_line_t *lines, size_t count);

//  Returns true when nothing was lost, duplicated or unexpected.
bool judge_valid (const judge_t *self);

#endif
