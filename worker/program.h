//  program: starts a program for one task, with its pipes, arguments and environment
//  SPDX-License-Identifier: MPL-2.0

#ifndef WORKER_PROGRAM_H
#define WORKER_PROGRAM_H

#include "stint.h"
#include <sys/types.h>

#define PROGRAM_ARGUMENT_MAX ((size_t) 128 << 10)  //  Linux takes no longer argument
#define PROGRAM_PROGRESS_FD 3                      //  Where it says how far it is

typedef struct program program_t;

//  One task to run. The payload and the group are borrowed until its program has ended.

typedef struct {
    stint_bytes_t payload;  //  For the program
    const char *group;      //  For $STINT_GROUP, at most 255 bytes
    uint64_t id;            //  For $STINT_TASK_ID
    uint64_t fence;         //  For $STINT_FENCE
    uint32_t attempt;       //  For $STINT_ATTEMPT
    int64_t time_limit_ms;  //  How long it may run; 0 for as long as the worker allows
} program_task_t;

//  A running program as its starter sees it. All descriptors are closed on exec and do
//  not block; each is the caller's to close.

typedef struct {
    pid_t pid;     //  Also the number of its process group
    int input;     //  Write end of its standard input; -1 when that is /dev/null
    int output;    //  Read end of its standard output
    int error;     //  Read end of its standard error
    int progress;  //  Read end of its descriptor PROGRAM_PROGRESS_FD
    int ended;     //  A pidfd: readable when the program has ended
} program_process_t;

//  Creates what starts the program: a line for /bin/sh -c, or, when shell is null, argv
//  with a null at its end, looked up in $PATH. Borrows both and the worker's name for its
//  life; copies the environment. Aborts when memory runs out.
program_t *program_new (const char *shell, char *const *argv, const char *worker);

//  Sets the caller's pointer to null. Programs that run go on.
void program_destroy (program_t **self_p);

//  Returns what people would call the program: the shell line or the first of argv.
const char *program_name (const program_t *self);

//  Starts the program for a task, as leader of a process group of its own, with no signal
//  blocked and none of our descriptors. Returns 0 and fills in the process, or the error:
//  E2BIG: the payload does not fit into an argument; EILSEQ: it holds a zero byte, which
//  no argument can; every other (ENOENT, EACCES, EAGAIN ...) is not the payload's fault.
int program_start (program_t *self, const program_task_t *task, program_process_t *process);

#endif
