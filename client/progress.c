//  progress: the line that tells how far a set of tasks has come
//  SPDX-License-Identifier: MPL-2.0

#include "progress.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define MARK_MS 500        //  Between two marks: the rate is over the last eight seconds
#define BAR_MAX 20         //  Characters of the bar
#define BAR_MIN 5          //  A shorter bar tells nothing
#define NAME_MAX_SHOWN 24  //  Characters of the name
#define PART_SIZE 96       //  Bytes of one part of the line
#define SPAN_MAX_S 8640000.0

void
progress_start (progress_t *self, const char *name, int64_t now)
{
    assert (self && name);
    *self = (progress_t){.name = name, .started_at = now};
    self->marks [0] = (progress_mark_t){now, 0};
    self->mark_count = 1;
}

bool
progress_due (progress_t *self, int64_t now)
{
    if (self->drawn && now - self->drawn_at < PROGRESS_INTERVAL_MS)
        return false;

    self->drawn = true;
    self->drawn_at = now;
    return true;
}

double
progress_rate (progress_t *self, const progress_counts_t *counts, int64_t now)
{
    const progress_mark_t *newest = &self->marks [(self->mark_count - 1) % PROGRESS_MARKS];
    if (now - newest->at >= MARK_MS) {
        self->marks [self->mark_count % PROGRESS_MARKS] =
            (progress_mark_t){now, counts->ended};
        self->mark_count++;
    }
    size_t kept = self->mark_count < PROGRESS_MARKS ? self->mark_count : PROGRESS_MARKS;
    const progress_mark_t *oldest =
        &self->marks [(self->mark_count - kept) % PROGRESS_MARKS];
    if (now <= oldest->at || counts->ended <= oldest->ended)
        return 0;

    return (double) (counts->ended - oldest->ended) * 1000.0 / (double) (now - oldest->at);
}

//  The parts of a line. What is empty is left out.

typedef struct {
    char name [PART_SIZE];     //  album
    char percent [PART_SIZE];  //  71 %
    char count [PART_SIZE];    //  7 102/10 000
    char running [PART_SIZE];  //  12 running
    char failed [PART_SIZE];   //  3 failed
    char rate [PART_SIZE];     //  812/s
    char end [PART_SIZE];      //  ETA 4 s
} parts_t;

static void
s_write_counts (parts_t *parts, const progress_counts_t *counts)
{
    char ended [TEXT_NUMBER_SIZE];
    char other [TEXT_NUMBER_SIZE];
    text_number (counts->ended, true, ended);
    if (counts->total == 0)
        snprintf (parts->count, PART_SIZE, "%s of %s so far", ended,
                  text_number (counts->pushed, true, other));
    else {
        snprintf (parts->count, PART_SIZE, "%s/%s%s", ended, counts->exact ? "" : "~",
                  text_number (counts->total, true, other));
        double share = (double) counts->ended * 100.0 / (double) counts->total;
        snprintf (parts->percent, PART_SIZE, "%3d %%", share > 100.0 ? 100 : (int) share);
    }
    snprintf (parts->running, PART_SIZE, "%s running",
              text_number (counts->running, true, other));
    if (counts->failed > 0)
        snprintf (parts->failed, PART_SIZE, "%s failed",
                  text_number (counts->failed, true, other));
}

//  Returns how many characters the line has when it is made of these parts, the bar apart.

static size_t
s_length (const parts_t *parts)
{
    const char *all [] = {parts->name,   parts->percent, parts->count, parts->running,
                          parts->failed, parts->rate,    parts->end};
    size_t length = 0;
    for (size_t at = 0; at < sizeof all / sizeof all [0]; at++) {
        for (const char *byte = all [at]; *byte; byte++)
            length += ((uint8_t) *byte & 0xc0) != 0x80;
        length += all [at][0] ? 2 : 0;
    }
    return length > 2 ? length - 2 : 0;
}

static void
s_append (char *line, const char *part)
{
    size_t used = strlen (line);
    if (*part)
        snprintf (line + used, PROGRESS_LINE_SIZE - used, "%s%s", used ? "  " : "", part);
}

//  Makes the bar as long as the width lets it be, or empty when that is too short.

static void
s_write_bar (char *bar, size_t room, const progress_counts_t *counts)
{
    bar [0] = 0;
    if (counts->total == 0 || room < BAR_MIN + 4)
        return;

    size_t length = room - 4 < BAR_MAX ? room - 4 : BAR_MAX;
    uint64_t ended = counts->ended < counts->total ? counts->ended : counts->total;
    size_t full = (size_t) ((double) ended / (double) counts->total * (double) length);
    bar [0] = '[';
    memset (bar + 1, '-', length);
    memset (bar + 1, '#', full);
    bar [length + 1] = ']';
    bar [length + 2] = 0;
}

//  Leaves parts out, the least telling first, until the line fits.

static char *
s_fit (parts_t *parts, const progress_counts_t *counts, size_t width, char *line)
{
    char *least_first [] = {parts->rate,    parts->end,    parts->running, parts->name,
                            parts->percent, parts->failed, parts->count};
    for (size_t at = 0; at < sizeof least_first / sizeof least_first [0]; at++) {
        if (s_length (parts) <= width)
            break;
        least_first [at][0] = 0;
    }
    char bar [BAR_MAX + 4];
    size_t length = s_length (parts);
    s_write_bar (bar, width > length ? width - length : 0, counts);
    const char *in_order [] = {parts->name,    bar,           parts->percent, parts->count,
                               parts->running, parts->failed, parts->rate,    parts->end};
    line [0] = 0;
    for (size_t at = 0; at < sizeof in_order / sizeof in_order [0]; at++)
        s_append (line, in_order [at]);

    return line;
}

static void
s_write_rate (parts_t *parts, const progress_counts_t *counts, double rate)
{
    if (rate >= 10)
        snprintf (parts->rate, PART_SIZE, "%.0f/s", rate);
    else if (rate > 0)
        snprintf (parts->rate, PART_SIZE, "%.1f/s", rate);
    if (counts->total <= counts->ended || rate <= 0)
        return;

    double seconds = (double) (counts->total - counts->ended) / rate;
    if (seconds > SPAN_MAX_S)
        return;

    //  Tenths of a second would only flicker.
    int64_t whole_s = (int64_t) (seconds + 0.999);
    char span [TEXT_NUMBER_SIZE];
    if (whole_s < 60)
        snprintf (parts->end, PART_SIZE, "ETA %" PRId64 " s", whole_s);
    else
        snprintf (parts->end, PART_SIZE, "ETA %s", text_span (whole_s * 1000, span));
}

char *
progress_line (progress_t *self, const progress_counts_t *counts, int64_t now, size_t width,
               char *line)
{
    assert (self && counts && line);
    parts_t parts = {.name = ""};
    text_first_line (stint_bytes_of (self->name), NAME_MAX_SHOWN, parts.name, PART_SIZE);
    s_write_counts (&parts, counts);
    s_write_rate (&parts, counts, progress_rate (self, counts, now));
    return s_fit (&parts, counts, width, line);
}

char *
progress_last_line (progress_t *self, const progress_counts_t *counts, int64_t now,
                    size_t width, char *line)
{
    assert (self && counts && line);
    parts_t parts = {.name = ""};
    text_first_line (stint_bytes_of (self->name), NAME_MAX_SHOWN, parts.name, PART_SIZE);
    s_write_counts (&parts, counts);
    text_span (now - self->started_at, parts.end);
    return s_fit (&parts, counts, width, line);
}
