//  history: what a process tried and saw, in a file that survives its death
//  SPDX-License-Identifier: MPL-2.0
//
//  The file grows, and is mapped, a stretch at a time.

#include "history.h"
#include "crash.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define S_STRETCH ((size_t) 8192)  //  Lines mapped at a time; whole pages

struct history {
    int file;               //  Open for reading and writing
    history_line_t *lines;  //  The stretch that is being written
    size_t used;            //  Lines in it
    size_t stretches;       //  That are full
};

int64_t
history_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

//  Maps the next stretch behind those that are full.

static void
s_stretch (history_t *self)
{
    size_t size = S_STRETCH * sizeof (history_line_t);
    off_t offset = (off_t) (self->stretches * size);
    if (self->lines)
        munmap (self->lines, size);
    if (ftruncate (self->file, offset + (off_t) size) != 0)
        crash_fail ("a history cannot grow");
    void *lines = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, self->file, offset);
    if (lines == MAP_FAILED)
        crash_fail ("a history cannot be mapped");
    self->lines = lines;
    self->used = 0;
}

history_t *
history_new (const char *directory, const char *what)
{
    history_t *self = calloc (1, sizeof *self);
    char *path;
    if (!self || asprintf (&path, "%s/%s.%ld", directory, what, (long) getpid ()) < 0)
        abort ();
    self->file = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (self->file < 0)
        crash_fail ("cannot make %s", path);
    free (path);
    s_stretch (self);
    return self;
}

void
history_destroy (history_t **self_p)
{
    history_t *self = *self_p;
    if (!self)
        return;
    munmap (self->lines, S_STRETCH * sizeof *self->lines);
    close (self->file);
    free (self);
    *self_p = NULL;
}

void
history_add (history_t *self, history_kind_t kind, uint64_t index, uint32_t count,
             uint64_t id, uint64_t fence)
{
    if (self->used == S_STRETCH) {
        self->stretches++;
        s_stretch (self);
    }
    history_line_t *line = &self->lines [self->used++];
    line->index = index;
    line->id = id;
    line->fence = fence;
    line->kind = (uint32_t) kind;
    line->count = count;
    atomic_signal_fence (memory_order_release);
    line->stamp = history_now ();
}

//  Appends the whole lines of one file to an array.

static void
s_read_file (const char *path, history_line_t **lines, size_t *count)
{
    struct stat known;
    int file = open (path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat (file, &known) != 0)
        crash_fail ("cannot read %s", path);
    size_t most = (size_t) known.st_size / sizeof **lines;
    *lines = realloc (*lines, (*count + most + 1) * sizeof **lines);
    if (!*lines)
        abort ();
    size_t size = most * sizeof **lines;
    uint8_t *to = (uint8_t *) (*lines + *count);
    memset (to, 0, size + sizeof **lines);
    for (size_t at = 0; at < size;) {
        ssize_t part = read (file, to + at, size - at);
        if (part <= 0)
            crash_fail ("cannot read %s", path);
        at += (size_t) part;
    }
    close (file);
    for (history_line_t *line = *lines + *count; most > 0 && line->stamp; line++, most--)
        ++*count;
}

history_line_t *
history_read (const char *directory, size_t *count)
{
    history_line_t *lines = NULL;
    *count = 0;
    DIR *listed = opendir (directory);
    if (!listed)
        crash_fail ("there is no directory %s", directory);
    struct dirent *entry;
    while ((entry = readdir (listed)) != NULL) {
        char *path;
        if (entry->d_name [0] == '.')
            continue;
        if (asprintf (&path, "%s/%s", directory, entry->d_name) < 0)
            abort ();
        s_read_file (path, &lines, count);
        free (path);
    }
    closedir (listed);
    return lines;
}
