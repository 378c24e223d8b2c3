//  judge: tells from histories whether a task was lost, doubled or made up
//  SPDX-License-Identifier: MPL-2.0
//
//  Lines about several tasks are spread out, all are sorted by task, and each task is then
//  judged by its own lines. A task may run under two numbers: it leaves for a worker before
//  its push is durable, and a broker that dies in between takes the push back. Only one of
//  the two may end.

#include "judge.h"

#include <stdlib.h>
#include <string.h>

//  What the lines of one task come to.

typedef struct {
    bool pushed;     //  Somebody began to push it
    bool accepted;   //  The broker said that it has it
    bool refused;    //  The broker said that it has it not
    bool ended;      //  A client saw that it ended, well or not
    bool done;       //  A client saw its result
    bool doubled;    //  There are two tasks of it, or two records
    bool wrong;      //  Bytes that nobody wrote
    bool unrun;      //  The result is of an attempt that never began
    uint64_t began;  //  Attempts
    uint64_t id;     //  The broker's number, of what has ended
    uint64_t fence;  //  Of the result, once it is known
} s_task_t;

static int
s_compare (uint64_t left, uint64_t right)
{
    return left < right ? -1 : left > right;
}

//  By task; a task's attempts come before what clients saw, and a result after them.

static int
s_by_task (const void *left, const void *right)
{
    const history_line_t *one = left, *other = right;
    int order = s_compare (one->index, other->index);
    return order ? order : s_compare (one->kind, other->kind);
}

//  Returns an array with a line for each task of each line.

static history_line_t *
s_spread (const history_line_t *lines, size_t count, size_t *total)
{
    *total = 0;
    for (size_t at = 0; at < count; at++)
        *total += lines [at].count;
    history_line_t *spread = malloc ((*total + 1) * sizeof *spread);
    if (!spread)
        abort ();
    size_t to = 0;
    for (size_t at = 0; at < count; at++) {
        for (uint32_t task = 0; task < lines [at].count; task++) {
            spread [to] = lines [at];
            spread [to++].index += task;
        }
    }
    return spread;
}

//  Returns true when one of the task's lines, all before this one, began that attempt.

static bool
s_began (const history_line_t *first, const history_line_t *line)
{
    for (; first < line; first++) {
        if (first->kind == HISTORY_BEGAN && first->fence == line->fence
            && first->id == line->id)
            return true;
    }
    return false;
}

static void
s_on_result (s_task_t *task, const history_line_t *first, const history_line_t *line)
{
    task->doubled |= task->ended && (task->fence != line->fence || task->id != line->id);
    task->unrun |= line->kind == HISTORY_RESULT && !s_began (first, line);
    task->id = line->id;
    task->fence = line->fence;
    task->ended = true;
    task->done |= line->kind == HISTORY_RESULT;
}

static void
s_take (s_task_t *task, const history_line_t *first, const history_line_t *line)
{
    switch ((history_kind_t) line->kind) {
        case HISTORY_PUSH:
            task->pushed = true;
            break;
        case HISTORY_ACCEPTED:
            task->accepted = true;
            break;
        case HISTORY_REFUSED:
            task->refused = true;
            break;
        case HISTORY_BEGAN:
            task->began++;
            break;
        case HISTORY_RESULT:
        case HISTORY_DEAD:
            s_on_result (task, first, line);
            break;
        case HISTORY_WRONG:
            task->wrong = true;
            break;
        case HISTORY_UNKNOWN:
        case HISTORY_ENDED:
        case HISTORY_TAKEN:
        default:
            break;
    }
}

static void
s_add (judge_t *self, const s_task_t *task)
{
    bool seen = task->ended || task->began > 0;
    bool unknown = task->pushed && !task->accepted && !task->refused;
    self->attempted += task->pushed;
    self->acknowledged += task->accepted;
    self->refused += task->refused && !task->accepted;
    self->unknown += unknown;
    self->recovered += unknown && task->ended;
    self->executions += task->began;
    self->again += task->began > 1 ? task->began - 1 : 0;
    self->recorded += task->done;
    self->dead += task->ended && !task->done;
    self->lost += task->accepted && !task->ended;
    self->duplicated += task->doubled;
    self->unexpected += task->wrong || task->unrun || (seen && !task->pushed)
                        || (seen && task->refused && !task->accepted);
}

judge_t
judge_lines (const history_line_t *lines, size_t count)
{
    judge_t self = {0};
    size_t total;
    history_line_t *spread = s_spread (lines, count, &total);
    qsort (spread, total, sizeof *spread, s_by_task);
    for (size_t at = 0; at < total;) {
        s_task_t task = {0};
        const history_line_t *first = &spread [at];
        for (; at < total && spread [at].index == first->index; at++)
            s_take (&task, first, &spread [at]);
        s_add (&self, &task);
    }
    free (spread);
    return self;
}

bool
judge_valid (const judge_t *self)
{
    return self->lost == 0 && self->duplicated == 0 && self->unexpected == 0;
}
