//  input: the tasks of a map, read from files or from standard input one after another
//  SPDX-License-Identifier: MPL-2.0
//
//  Never waits: a pipe that has nothing to say for now says INPUT_LATER, so that results
//  can be fetched in the meantime. Holds one task and what was read ahead of it.

#ifndef CLIENT_INPUT_H
#define CLIENT_INPUT_H

#include "stint.h"

#define INPUT_TASK_MAX ((size_t) 64 << 20)  //  Longest task, in bytes

typedef struct input input_t;

typedef enum {
    INPUT_TASK,   //  Here is one
    INPUT_LATER,  //  None now; wait for input_descriptor to be readable
    INPUT_END,    //  There are no more
    INPUT_FAULT   //  A file cannot be read, or a task is too long; see input_error
} input_status_t;

//  Creates an input of the tasks in the named files, which end in the separator each; "-"
//  is standard input, and so is no name at all. Borrows the names.
input_t *input_new_lines (char *const *names, size_t count, char separator);

//  Creates an input whose tasks are the words themselves. Borrows the words.
input_t *input_new_words (char *const *words, size_t count);

//  Closes the files and sets the caller's pointer to null.
void input_destroy (input_t **self_p);

//  Returns false when a file cannot be opened, so that nothing is pushed before that is
//  known.
bool input_check (input_t *self);

//  Brings the next task, without its separator; a last one need not have any. It is valid
//  until the next call.
input_status_t input_next (input_t *self, stint_bytes_t *task);

//  Returns the descriptor that was not readable, -1 when there is none.
int input_descriptor (const input_t *self);

//  Returns how many tasks there will be when this many were brought so far: counted when
//  `exact` is set, else estimated from the sizes of the files; 0 when nobody knows.
uint64_t input_total (const input_t *self, uint64_t brought, bool *exact);

//  Returns what is wrong, one line. Valid as long as the input.
const char *input_error (const input_t *self);

//  Returns what to do about it, one line; null when that is plain.
const char *input_advice (const input_t *self);

#endif
