//  progress: the line that tells how far a set of tasks has come
//  SPDX-License-Identifier: MPL-2.0
//
//      album  [##########------]  71 %  7 102/10 000  12 running  3 failed  812/s  ETA 4 s
//
//  Knows no clock and no terminal: the time comes in as milliseconds of a clock that
//  never goes back, the width as a number of characters, and the line goes out as text.

#ifndef CLIENT_PROGRESS_H
#define CLIENT_PROGRESS_H

#include "stint.h"

#define PROGRESS_LINE_SIZE 512    //  Bytes that hold any line, with the final null
#define PROGRESS_INTERVAL_MS 100  //  A line is drawn ten times a second at most
#define PROGRESS_MARKS 16         //  Points from which the rate is reckoned

//  How far it is. Filled in by the caller.

typedef struct {
    uint64_t pushed;   //  Tasks the broker has
    uint64_t ended;    //  Of these, how many have ended, well or not
    uint64_t failed;   //  Of these, how many not well
    uint64_t running;  //  Tasks a worker holds now
    uint64_t total;    //  Tasks there will be; 0 while nobody knows
    bool exact;        //  The total is counted, not estimated
} progress_counts_t;

typedef struct {
    int64_t at;      //  When it was taken
    uint64_t ended;  //  How many tasks had ended then
} progress_mark_t;

typedef struct {
    const char *name;                        //  What stands first; borrowed
    int64_t started_at;                      //  When it began
    int64_t drawn_at;                        //  When a line was last due
    progress_mark_t marks [PROGRESS_MARKS];  //  A ring, one every half second
    size_t mark_count;                       //  Marks that were ever taken
    bool drawn;                              //  A line was due before
} progress_t;

//  Begins at now.
void progress_start (progress_t *self, const char *name, int64_t now);

//  Returns true when it is time for a new line, and then counts it as drawn.
bool progress_due (progress_t *self, int64_t now);

//  Returns how many tasks ended in a second, over the last few seconds. Takes a mark, so
//  call it often.
double progress_rate (progress_t *self, const progress_counts_t *counts, int64_t now);

//  Writes the line for now, at most width characters long: parts are left out, the bar
//  first, when they do not fit. While the total is not known there is no bar. Returns line,
//  which must have PROGRESS_LINE_SIZE bytes.
char *progress_line (progress_t *self, const progress_counts_t *counts, int64_t now,
                     size_t width, char *line);

//  Writes the last line, with the time it all took in place of rate and ETA.
char *progress_last_line (progress_t *self, const progress_counts_t *counts, int64_t now,
                          size_t width, char *line);

#endif
