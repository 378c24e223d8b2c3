//  crash_check: tells from what workers and client wrote down what was run how often
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: crash_check STARTS ENDS TASKS
//
//  Prints one line of NAME=NUMBER: `executions` begun in all, `ended` results, `again`
//  executions of a task behind its first, `never` tasks that ran but were never accepted
//  (their push un-happened with a broker and was made anew under another number), `twice`
//  attempts that ran more than once, `unrun` results of tasks that nobody ran, `lost` tasks
//  without a result, `doubled` results behind a task's first. The last four must be 0.

#include "crash.h"

typedef struct {
    void *lines;   //  What the file holds
    size_t count;  //  How many lines
} s_file_t;

//  Reads what an open file holds; a file that is not open or not whole has no lines.

static s_file_t
s_read_lines (FILE *file, size_t line)
{
    s_file_t self = {NULL, 0};
    if (!file || fseek (file, 0, SEEK_END) != 0)
        return self;
    size_t size = (size_t) ftell (file);
    rewind (file);
    self.lines = malloc (size + 1);
    self.count = size / line;
    if (self.lines && fread (self.lines, line, self.count, file) != self.count) {
        free (self.lines);
        self.lines = NULL;
    }
    fclose (file);
    return self;
}

static s_file_t
s_read (const char *path, size_t line)
{
    s_file_t self = s_read_lines (fopen (path, "re"), line);
    if (!self.lines)
        crash_fail ("cannot read %s", path);
    return self;
}

static int
s_compare (uint64_t left, uint64_t right)
{
    return left < right ? -1 : left > right;
}

static int
s_by_attempt (const void *left, const void *right)
{
    const crash_start_t *one = left, *other = right;
    int order = s_compare (one->id, other->id);
    return order ? order : s_compare (one->fence, other->fence);
}

static int
s_by_index (const void *left, const void *right)
{
    return s_compare (((const crash_end_t *) left)->index,
                      ((const crash_end_t *) right)->index);
}

static int
s_by_id (const void *left, const void *right)
{
    return s_compare (((const crash_end_t *) left)->id, ((const crash_end_t *) right)->id);
}

//  Counts lost and doubled tasks.

static void
s_judge_ends (s_file_t *ends, uint64_t tasks)
{
    crash_end_t *end = ends->lines;
    uint64_t different = 0;
    qsort (end, ends->count, sizeof *end, s_by_index);
    for (size_t at = 0; at < ends->count; at++)
        different += at == 0 || end [at].index != end [at - 1].index;
    printf ("ended=%zu lost=%llu doubled=%llu ", ends->count,
            (unsigned long long) (tasks - different),
            (unsigned long long) (ends->count - different));
}

//  Walks both files in order of the broker's numbers.

static void
s_judge_starts (s_file_t *starts, s_file_t *ends)
{
    crash_start_t *start = starts->lines;
    crash_end_t *end = ends->lines;
    uint64_t again = 0, never = 0, twice = 0, ran = 0;
    size_t at_end = 0;
    qsort (start, starts->count, sizeof *start, s_by_attempt);
    qsort (end, ends->count, sizeof *end, s_by_id);
    for (size_t at = 0; at < starts->count; at++) {
        bool same = at > 0 && start [at].id == start [at - 1].id;
        if (same) {
            again++;
            twice += start [at].fence == start [at - 1].fence;
            continue;
        }
        while (at_end < ends->count && end [at_end].id < start [at].id)
            at_end++;
        bool ended = at_end < ends->count && end [at_end].id == start [at].id;
        never += !ended;
        ran += ended;
    }
    printf ("executions=%zu again=%llu never=%llu twice=%llu unrun=%llu\n", starts->count,
            (unsigned long long) again, (unsigned long long) never,
            (unsigned long long) twice, (unsigned long long) (ends->count - ran));
}

int
main (int argc, char **argv)
{
    if (argc != 4)
        crash_fail ("usage: crash_check STARTS ENDS TASKS");
    s_file_t starts = s_read (argv [1], sizeof (crash_start_t));
    s_file_t ends = s_read (argv [2], sizeof (crash_end_t));
    s_judge_ends (&ends, crash_number (argv [3]));
    s_judge_starts (&starts, &ends);
    free (starts.lines);
    free (ends.lines);
    return 0;
}
