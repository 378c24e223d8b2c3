//  map_report: what a map says on standard error: its progress, and what failed
//  SPDX-License-Identifier: MPL-2.0

#ifndef CLIENT_MAP_REPORT_H
#define CLIENT_MAP_REPORT_H

#include "progress.h"
#include "reorder.h"

#define MAP_REPORT_MAX 100  //  Failures that are listed; the others are only counted

typedef struct map_report map_report_t;

//  Begins at now. There is a line of progress only when it is asked for and standard error
//  is a terminal. Borrows the name. Aborts when memory runs out.
map_report_t *map_report_new (const char *name, bool progress, int64_t now);

//  Destroys it and sets the caller's pointer to null.
void map_report_destroy (map_report_t **self_p);

//  Returns true when there is a line of progress.
bool map_report_progress (const map_report_t *self);

//  Takes the line of progress away, before something else is written to the terminal.
void map_report_hide (map_report_t *self);

//  Draws the line of progress if it is time for that.
void map_report_draw (map_report_t *self, const progress_counts_t *counts, int64_t now);

//  Notes a task that failed. Copies.
void map_report_failure (map_report_t *self, const reorder_task_t *task);

//  Draws the last line of progress, which stays, and lists what failed.
void map_report_end (map_report_t *self, const progress_counts_t *counts, int64_t now);

#endif
