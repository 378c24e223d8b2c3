//  map_report: what a map says on standard error: its progress, and what failed
//  SPDX-License-Identifier: MPL-2.0

#include "map_report.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text.h"

#define WIDTH 80        //  Of a terminal that does not say how wide it is
#define ERROR_SIZE 128  //  Bytes kept of the text of an error
#define ERROR_MOST 100  //  Characters shown of it

typedef struct {
    uint64_t number;                  //  Of the task
    char label [REORDER_LABEL_SIZE];  //  First line of its payload
    uint32_t attempts;                //  That were used
    char error [ERROR_SIZE];          //  First line of the last error
} failure_t;

struct map_report {
    bool progress;                        //  There is a line of progress
    bool shown;                           //  It stands on the terminal now
    progress_t line;                      //  How it is made
    failure_t failures [MAP_REPORT_MAX];  //  The first that failed
    uint64_t failed;                      //  How many there were
};

map_report_t *
map_report_new (const char *name, bool progress, int64_t now)
{
    map_report_t *self = calloc (1, sizeof *self);
    assert (self);
    const char *terminal = getenv ("TERM");
    self->progress =
        progress && isatty (STDERR_FILENO) && terminal && strcmp (terminal, "dumb") != 0;
    progress_start (&self->line, name, now);
    return self;
}

void
map_report_destroy (map_report_t **self_p)
{
    assert (self_p);
    free (*self_p);
    *self_p = NULL;
}

bool
map_report_progress (const map_report_t *self)
{
    return self->progress;
}

//  Returns how many characters a line may have: one less than the terminal is wide, as
//  some go to the next line as soon as one is full.

static size_t
s_width (void)
{
    struct winsize size;
    if (ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        return size.ws_col - 1U;

    return WIDTH - 1;
}

void
map_report_hide (map_report_t *self)
{
    if (self->shown)
        fputs ("\r\033[K", stderr);
    self->shown = false;
}

void
map_report_draw (map_report_t *self, const progress_counts_t *counts, int64_t now)
{
    if (!self->progress || !progress_due (&self->line, now))
        return;

    char line [PROGRESS_LINE_SIZE];
    progress_line (&self->line, counts, now, s_width (), line);
    fprintf (stderr, "\r%s\033[K", line);
    self->shown = true;
}

void
map_report_failure (map_report_t *self, const reorder_task_t *task)
{
    if (self->failed++ >= MAP_REPORT_MAX)
        return;

    failure_t *failure = &self->failures [self->failed - 1];
    failure->number = task->number;
    failure->attempts = task->attempts;
    memcpy (failure->label, task->label, strnlen (task->label, REORDER_LABEL_SIZE - 1));
    if (task->state == STINT_CANCELLED)
        snprintf (failure->error, ERROR_SIZE, "cancelled");
    else
        text_first_line (task->result, ERROR_MOST, failure->error, ERROR_SIZE);
}

static int
s_compare (const void *one, const void *two)
{
    uint64_t first = ((const failure_t *) one)->number;
    uint64_t second = ((const failure_t *) two)->number;
    return (first > second) - (first < second);
}

static void
s_list_failures (map_report_t *self, uint64_t pushed)
{
    size_t count = self->failed < MAP_REPORT_MAX ? (size_t) self->failed : MAP_REPORT_MAX;
    qsort (self->failures, count, sizeof self->failures [0], s_compare);
    size_t widest = 0;
    for (size_t at = 0; at < count; at++) {
        size_t length = text_width (self->failures [at].label);
        widest = length > widest ? length : widest;
    }
    fprintf (stderr, "stint: %" PRIu64 " of %" PRIu64 " tasks failed:\n", self->failed,
             pushed);
    for (size_t at = 0; at < count; at++) {
        const failure_t *failure = &self->failures [at];
        size_t blank = widest - text_width (failure->label);
        fprintf (stderr, "  #%-6" PRIu64 "  %s%*s", failure->number, failure->label,
                 (int) blank, "");
        fprintf (stderr, "  %" PRIu32 " attempt%s  %s\n", failure->attempts,
                 failure->attempts == 1 ? " " : "s", failure->error);
    }
    if (self->failed > count)
        fprintf (stderr, "  and %" PRIu64 " more\n", self->failed - count);
}

void
map_report_end (map_report_t *self, const progress_counts_t *counts, int64_t now)
{
    if (self->progress) {
        char line [PROGRESS_LINE_SIZE];
        progress_last_line (&self->line, counts, now, s_width (), line);
        fprintf (stderr, "\r%s\033[K\n", line);
        self->shown = false;
    }
    if (self->failed > 0)
        s_list_failures (self, counts->pushed);
}
