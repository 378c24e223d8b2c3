//  exec: runs one program for each task, in slots, from one poll loop
//  SPDX-License-Identifier: MPL-2.0
//
//  The contract with a program: the payload comes on its standard input, or in place of
//  every "{}" in its arguments (its input is then empty); its standard output is the
//  result; the end of its standard error says what went wrong. It finds $STINT_TASK_ID,
//  $STINT_GROUP, $STINT_ATTEMPT, $STINT_FENCE and $STINT_WORKER in its environment. Its
//  exit code is the verdict (see verdict_t). It may write how far it is to the descriptor
//  $STINT_PROGRESS_FD, which is 3, in lines (see steps.h): echo "progress 40 page 4" >&3.
//
//  Each program leads a process group of its own. When it has ended, or must end, the
//  whole group goes with it: SIGTERM first, SIGKILL when the grace is over.
//
//  An exec belongs to the thread that made it and knows no clock: now is in milliseconds,
//  from any clock that never goes back. It takes in every child of the process that has
//  ended, those of its programs' children that lost their parent included, so nothing
//  else in the process may start children of its own.

#ifndef WORKER_EXEC_H
#define WORKER_EXEC_H

#include "program.h"
#include "verdict.h"

#define EXEC_NEVER INT64_MAX
#define EXEC_SLOTS_MAX 4096
#define EXEC_DESCRIPTORS_PER_SLOT 5          //  Of our own; eight more while one starts
#define EXEC_RESULT_MAX ((size_t) 64 << 20)  //  Longest result, in bytes

typedef struct exec exec_t;

//  What to run and within which limits. Texts and arguments are borrowed for the life of
//  the exec.

typedef struct {
    const char *shell;      //  A line for /bin/sh -c; null when argv is given
    char *const *argv;      //  A program and its arguments, null at the end
    const char *worker;     //  For $STINT_WORKER
    uint32_t slots;         //  Most programs at once, 1 to EXEC_SLOTS_MAX
    int64_t time_limit_ms;  //  For each program; 0 for none
    int64_t grace_ms;       //  From SIGTERM to SIGKILL
    size_t result_max;      //  Longest result, in bytes; 0 for EXEC_RESULT_MAX
} exec_settings_t;

//  What became of a task. The bytes are valid until the next call on the exec.

typedef struct {
    void *tag;             //  As it came with exec_start
    verdict_t verdict;     //  How to judge it
    stint_bytes_t result;  //  Standard output when done, else empty
    stint_bytes_t text;    //  Why it was not done, else empty: "exit 3: no such page"
    int64_t ran_ms;        //  From its start to its end
} exec_outcome_t;

//  What a running program says of itself. The texts are valid until the next call on the
//  exec.

typedef struct {
    void *tag;          //  As it came with exec_start
    double done;        //  How far it is, from 0 to 1; negative when it does not say
    const char *text;   //  What it says beside that
    const char *fault;  //  The first of its lines that says nothing; null for none, and
                        //  when it was returned already
} exec_progress_t;

//  Creates an exec with all slots free. Makes the process ignore SIGPIPE, adopt orphans
//  (PR_SET_CHILD_SUBREAPER), and opens /dev/null where standard input, output or error is
//  closed. Aborts when memory runs out.
exec_t *exec_new (const exec_settings_t *settings);

//  Kills what still runs, waits for its end, and sets the caller's pointer to null.
void exec_destroy (exec_t **self_p);

//  Returns how many more tasks may be started now.
uint32_t exec_free (const exec_t *self);

//  Starts the program for a task; a slot must be free. The tag is the caller's name for
//  it. The task's payload and group are borrowed until its outcome was returned. A program
//  that cannot be started shows as an outcome, like one that fails later.
void exec_start (exec_t *self, void *tag, const program_task_t *task, int64_t now);

//  Ends the program of the task with that tag: SIGTERM now, SIGKILL after the grace. Its
//  outcome follows. Does nothing when there is none, or when it is ending already.
void exec_cancel (exec_t *self, const void *tag, int64_t now);

//  Lets programs go on as far as they can without waiting. Returns true with the outcome
//  of a task that has ended, whose slot is then free; false when there is none for now.
bool exec_next (exec_t *self, int64_t now, exec_outcome_t *outcome);

//  Returns true with what a program has said of itself in exec_next, the last of it when
//  that is more; false when no other program has said anything.
bool exec_next_progress (exec_t *self, exec_progress_t *progress);

//  Returns the descriptor that is readable when exec_next has something to do.
int exec_fd (const exec_t *self);

//  Returns when exec_next wants to be called at the latest, or EXEC_NEVER.
int64_t exec_deadline (const exec_t *self);

#endif
