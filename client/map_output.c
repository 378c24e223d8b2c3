//  map_output: where the results of a map go: standard output, JSON lines, or files
//  SPDX-License-Identifier: MPL-2.0

#include "map_output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command_call.h"

int
map_output_open (const map_output_t *self)
{
    struct stat about;
    if (!self->out || mkdir (self->out, 0777) == 0)
        return COMMAND_OK;
    if (errno == EEXIST && stat (self->out, &about) == 0 && !S_ISDIR (about.st_mode))
        errno = ENOTDIR;
    if (errno == EEXIST && access (self->out, W_OK | X_OK) == 0)
        return COMMAND_OK;

    return command_fail (COMMAND_DISK, NULL, "cannot write into %s: %s", self->out,
                         strerror (errno));
}

static bool
s_write_all (int file, stint_bytes_t bytes)
{
    while (bytes.size > 0) {
        ssize_t size = write (file, bytes.data, bytes.size);
        if (size < 0 && errno != EINTR)
            return false;
        if (size > 0) {
            bytes.data += size;
            bytes.size -= (size_t) size;
        }
    }
    return true;
}

//  Writes beside the file and renames, so that a file that is there is a whole one.

static int
s_put_file (const char *directory, const char *path, const reorder_task_t *task)
{
    char part [PATH_MAX];
    snprintf (part, sizeof part, "%s/.%" PRIu64 ".part", directory, task->number);
    int file = open (part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool written = file >= 0 && s_write_all (file, task->result);
    int error = errno;
    if (file >= 0 && close (file) != 0 && written) {
        error = errno;
        written = false;
    }
    if (written && rename (part, path) != 0) {
        error = errno;
        written = false;
    }
    if (written)
        return COMMAND_OK;

    unlink (part);
    return command_fail (COMMAND_DISK, NULL, "cannot write %s: %s", path, strerror (error));
}

static int
s_put_json (const reorder_task_t *task, const char *path)
{
    stint_result_t result = {.id = task->id,
                             .number = (uint32_t) task->number,
                             .attempts = task->attempts,
                             .state = task->state,
                             .result = task->result};
    command_print_json_result (&result, path);
    return COMMAND_OK;
}

int
map_output_put (const map_output_t *self, const reorder_task_t *task)
{
    char path [PATH_MAX];
    bool done = task->state == STINT_DONE;
    if (self->out && done) {
        int size = snprintf (path, sizeof path, "%s/%" PRIu64, self->out, task->number);
        if (size < 0 || (size_t) size > sizeof path - 8)
            return command_fail (COMMAND_DISK, NULL,
                                 "the name of the directory is too long");

        int code = s_put_file (self->out, path, task);
        if (code != COMMAND_OK)
            return code;
    }
    if (self->json)
        return s_put_json (task, self->out && done ? path : NULL);

    stint_bytes_t bytes = task->result;
    if (!self->out && done) {
        if (bytes.size > 0)
            fwrite (bytes.data, 1, bytes.size, stdout);
        if (bytes.size == 0 || bytes.data [bytes.size - 1] != '\n')
            putchar ('\n');
    }
    return ferror (stdout) ? command_finish (COMMAND_OK) : COMMAND_OK;
}
