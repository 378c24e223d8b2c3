//  input: the tasks of a map, read from files or from standard input one after another
//  SPDX-License-Identifier: MPL-2.0

#include "input.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE ((size_t) 64 << 10)

struct input {
    char *const *names;  //  Files, or the tasks themselves
    size_t count;        //  How many
    size_t at;           //  The one that is read, or comes next
    bool words;          //  The names are the tasks
    char separator;      //  Ends a task
    int file;            //  Being read; -1 when none is
    bool pollable;       //  The file may have nothing to say for a while
    bool ended;          //  All was read
    uint8_t *data;       //  What was read
    size_t start;        //  Where the next task begins
    size_t searched;     //  No separator before this
    size_t size;         //  One past the last byte that was read
    size_t capacity;     //  Bytes there is room for
    uint64_t taken;      //  Tasks that were taken from this file
    uint64_t consumed;   //  Bytes of all tasks that were brought, with separators
    uint64_t bytes;      //  Bytes of all files together; 0 when nobody knows
    char error [512];    //  What is wrong
    const char *advice;  //  What to do about it; null when that is plain
};

static char *const s_standard_input [] = {"-"};

input_t *
input_new_lines (char *const *names, size_t count, char separator)
{
    input_t *self = calloc (1, sizeof *self);
    assert (self);
    self->names = count > 0 ? names : s_standard_input;
    self->count = count > 0 ? count : 1;
    self->separator = separator;
    self->file = -1;
    return self;
}

input_t *
input_new_words (char *const *words, size_t count)
{
    input_t *self = input_new_lines (words, count, 0);
    self->count = count;
    self->words = true;
    return self;
}

static void
s_close (input_t *self)
{
    if (self->file > STDIN_FILENO)
        close (self->file);
    self->file = -1;
}

void
input_destroy (input_t **self_p)
{
    assert (self_p);
    input_t *self = *self_p;
    if (!self)
        return;

    s_close (self);
    free (self->data);
    free (self);
    *self_p = NULL;
}

static bool
s_is_standard_input (const char *name)
{
    return name [0] == '-' && name [1] == 0;
}

static bool
s_fail (input_t *self, const char *name)
{
    snprintf (self->error, sizeof self->error, "cannot read %s: %s",
              s_is_standard_input (name) ? "standard input" : name, strerror (errno));
    return false;
}

bool
input_check (input_t *self)
{
    if (self->words)
        return true;

    bool known = true;
    uint64_t bytes = 0;
    for (size_t at = 0; at < self->count; at++) {
        const char *name = self->names [at];
        bool standard = s_is_standard_input (name);
        struct stat about;
        if (standard ? fstat (STDIN_FILENO, &about) : stat (name, &about))
            return s_fail (self, name);
        if (!standard && access (name, R_OK))
            return s_fail (self, name);
        if (S_ISDIR (about.st_mode)) {
            errno = EISDIR;
            return s_fail (self, name);
        }
        off_t begin = standard ? lseek (STDIN_FILENO, 0, SEEK_CUR) : 0;
        known = known && S_ISREG (about.st_mode) && begin >= 0;
        if (known && about.st_size > begin)
            bytes += (uint64_t) (about.st_size - begin);
    }
    self->bytes = known ? bytes : 0;
    return true;
}

//  Opens the next file. Returns INPUT_TASK when it is open, INPUT_END after the last.

static input_status_t
s_open (input_t *self)
{
    if (self->at == self->count) {
        self->ended = true;
        return INPUT_END;
    }
    const char *name = self->names [self->at];
    self->file =
        s_is_standard_input (name) ? STDIN_FILENO : open (name, O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (self->file < 0 || fstat (self->file, &about)) {
        s_fail (self, name);
        return INPUT_FAULT;
    }
    self->pollable = !S_ISREG (about.st_mode);
    self->at++;
    self->taken = 0;
    return INPUT_TASK;
}

//  Makes room for one more read behind what was read.

static void
s_make_room (input_t *self)
{
    if (self->start > 0) {
        memmove (self->data, self->data + self->start, self->size - self->start);
        self->size -= self->start;
        self->searched -= self->start;
        self->start = 0;
    }
    if (self->capacity - self->size < READ_SIZE) {
        self->capacity = self->capacity ? self->capacity * 2 : READ_SIZE * 2;
        self->data = realloc (self->data, self->capacity);
        assert (self->data);
    }
}

//  Reads more. Returns INPUT_TASK when something came, INPUT_END at the end of this file.

static input_status_t
s_read (input_t *self)
{
    if (self->pollable) {
        struct pollfd item = {.fd = self->file, .events = POLLIN};
        if (poll (&item, 1, 0) <= 0)
            return INPUT_LATER;
    }
    s_make_room (self);
    ssize_t size = read (self->file, self->data + self->size, READ_SIZE);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return INPUT_LATER;
    if (size < 0) {
        s_fail (self, self->names [self->at - 1]);
        return INPUT_FAULT;
    }
    self->size += (size_t) size;
    return size > 0 ? INPUT_TASK : INPUT_END;
}

//  Takes the task that ends at a place from what was read.

static input_status_t
s_take (input_t *self, size_t end, size_t separator, stint_bytes_t *task)
{
    *task = (stint_bytes_t){self->data + self->start, end - self->start};
    self->taken++;
    self->consumed += task->size + separator;
    self->start = end + separator;
    self->searched = self->start;
    return INPUT_TASK;
}

//  Looks for a whole task in what was read. Returns INPUT_LATER when there is none yet.

static input_status_t
s_find (input_t *self, stint_bytes_t *task)
{
    if (self->searched < self->size) {
        const uint8_t *end = memchr (self->data + self->searched, self->separator,
                                     self->size - self->searched);
        if (end)
            return s_take (self, (size_t) (end - self->data), 1, task);
    }
    self->searched = self->size;
    if (self->size - self->start <= INPUT_TASK_MAX)
        return INPUT_LATER;

    const char *name = self->names [self->at - 1];
    snprintf (self->error, sizeof self->error,
              "%.256s: %s %" PRIu64 " is longer than 64 MiB, the most that a task may be",
              s_is_standard_input (name) ? "standard input" : name,
              self->separator == '\n' ? "line" : "task", self->taken + 1);
    self->advice = "keep such tasks in files and push their names: stint map --files "
                   "GROUP FILE...";
    return INPUT_FAULT;
}

static input_status_t
s_next_line (input_t *self, stint_bytes_t *task)
{
    while (!self->ended) {
        input_status_t status = s_find (self, task);
        if (status != INPUT_LATER)
            return status;

        status = self->file < 0 ? s_open (self) : s_read (self);
        if (status == INPUT_TASK)
            continue;
        if (status != INPUT_END || self->ended)
            return status;

        s_close (self);
        if (self->start < self->size)
            return s_take (self, self->size, 0, task);
    }
    return INPUT_END;
}

input_status_t
input_next (input_t *self, stint_bytes_t *task)
{
    if (!self->words)
        return s_next_line (self, task);

    if (self->at == self->count)
        return INPUT_END;

    *task = stint_bytes_of (self->names [self->at++]);
    return INPUT_TASK;
}

int
input_descriptor (const input_t *self)
{
    return self->file;
}

uint64_t
input_total (const input_t *self, uint64_t brought, bool *exact)
{
    *exact = self->words || self->ended;
    if (self->words)
        return self->count;
    if (self->ended)
        return brought;
    if (self->bytes == 0 || self->consumed == 0)
        return 0;

    double share = (double) self->consumed / (double) self->bytes;
    uint64_t total = (uint64_t) ((double) brought / share + 0.5);
    return total > brought ? total : brought;
}

const char *
input_error (const input_t *self)
{
    return self->error;
}

const char *
input_advice (const input_t *self)
{
    return self->advice;
}
