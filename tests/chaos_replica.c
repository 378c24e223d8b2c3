//  chaos_replica: what a disk may hold after a loss of power, from the log of chaos_disk
//  SPDX-License-Identifier: MPL-2.0
//
//  The replica knows two states: the disk's, with what waits for it, and the names that the
//  kernel knows. After the death of a process the log says what the kernel holds, which
//  settles writes that were begun only, and shows whether the log has missed any.

#include "chaos_replica.h"
#include "crash.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define S_DATA "data.mdb"  //  What a sync is waited for
#define S_FILES 4096       //  Most files that ever were
#define S_SECTOR 512       //  Octets that are written as one
#define S_BOOT_OFFSET 8    //  Of the kernel's name in stint.anchor

//  A write that waits for a sync.

typedef struct {
    const uint8_t *data;  //  In the log; null for a cut
    uint64_t offset;      //  Where, or the new size
    size_t size;          //  Bytes
    bool done;            //  The kernel has taken it
    bool forced;          //  It is on the disk for certain
} s_write_t;

typedef struct {
    uint8_t *disk;       //  Bytes that are on the disk
    size_t size;         //  How many
    size_t room;         //  How many fit
    s_write_t *waiting;  //  In their order
    size_t count;        //  How many
} s_file_t;

//  Which file a name leads to.

typedef struct {
    char name [CHAOS_DISK_NAME];  //  Empty when the place is free
    s_file_t *file;               //  Borrowed
} s_entry_t;

#define S_NAMES 16
typedef struct {
    s_entry_t entries [S_NAMES];
} s_names_t;

struct chaos_replica {
    const uint8_t *log;         //  Mapped
    size_t size;                //  Of it
    size_t at;                  //  The next line
    uint64_t passed;            //  Operations begun
    uint64_t operations;        //  In the whole log
    s_file_t *files [S_FILES];  //  All that ever were
    size_t file_count;          //  How many
    s_names_t disk;             //  Names that are on the disk
    s_names_t *waiting;         //  What they become, step by step
    size_t waiting_count;       //  How many steps
    s_names_t kernel;           //  Names as processes see them
    disk_line_t open;           //  The operation that is not done; kind 0 when none is
    const uint8_t *open_data;   //  Its bytes
    int64_t stamp;              //  When that began
    int64_t began;              //  When the last sync of the data that is done began
    int64_t synced;             //  The same of the last one behind which names were synced
};

static bool
s_begins (uint32_t kind)
{
    return kind >= DISK_WRITE && kind <= DISK_NAMES;
}

//  Reads the line at the place where the log is, and moves on. Returns false at the end; a
//  line cut short is one.

static bool
s_next (const chaos_replica_t *self, size_t *at, disk_line_t *line, const uint8_t **data)
{
    if (self->size - *at < sizeof *line)
        return false;
    memcpy (line, self->log + *at, sizeof *line);
    size_t size = line->kind == DISK_DONE ? 0 : (size_t) line->size;
    if (line->kind < DISK_START || line->kind > DISK_DONE)
        crash_fail ("the log is none");
    if (self->size - *at - sizeof *line < size)
        return false;
    *data = self->log + *at + sizeof *line;
    *at += sizeof *line + size;
    return true;
}

chaos_replica_t *
chaos_replica_new (const char *log)
{
    chaos_replica_t *self = calloc (1, sizeof *self);
    struct stat known;
    int file = open (log, O_RDONLY | O_CLOEXEC);
    if (!self)
        abort ();
    if (file < 0 || fstat (file, &known) != 0 || known.st_size == 0)
        crash_fail ("cannot read %s", log);
    self->size = (size_t) known.st_size;
    self->log = mmap (NULL, self->size, PROT_READ, MAP_PRIVATE, file, 0);
    if (self->log == MAP_FAILED)
        crash_fail ("cannot map %s", log);
    close (file);
    disk_line_t line;
    const uint8_t *data;
    for (size_t at = 0; s_next (self, &at, &line, &data);)
        self->operations += s_begins (line.kind);
    return self;
}

void
chaos_replica_destroy (chaos_replica_t **self_p)
{
    chaos_replica_t *self = *self_p;
    for (size_t file = 0; file < self->file_count; file++) {
        free (self->files [file]->disk);
        free (self->files [file]->waiting);
        free (self->files [file]);
    }
    free (self->waiting);
    munmap ((void *) (uintptr_t) self->log, self->size);
    free (self);
    *self_p = NULL;
}

uint64_t
chaos_replica_operations (const chaos_replica_t *self)
{
    return self->operations;
}

//  ---------------------------------------------------------------------------------
//  Names

static s_entry_t *
s_entry (s_names_t *names, const char *name)
{
    s_entry_t *free_entry = NULL;
    for (s_entry_t *entry = names->entries; entry < names->entries + S_NAMES; entry++) {
        if (strcmp (entry->name, name) == 0)
            return entry;
        if (entry->name [0] == 0 && !free_entry)
            free_entry = entry;
    }
    assert (free_entry);
    memset (free_entry, 0, sizeof *free_entry);
    return free_entry;
}

static s_file_t *
s_file (chaos_replica_t *self, const char *name)
{
    return s_entry (&self->kernel, name)->file;
}

//  The names have changed; the disk will hear of it.

static void
s_names_changed (chaos_replica_t *self)
{
    size_t size = (self->waiting_count + 1) * sizeof *self->waiting;
    self->waiting = realloc (self->waiting, size);
    assert (self->waiting);
    self->waiting [self->waiting_count++] = self->kernel;
}

static s_file_t *
s_make (chaos_replica_t *self, const char *name)
{
    assert (self->file_count < S_FILES);
    s_file_t *file = calloc (1, sizeof *file);
    assert (file);
    self->files [self->file_count++] = file;
    s_entry_t *entry = s_entry (&self->kernel, name);
    memcpy (entry->name, name, CHAOS_DISK_NAME);
    entry->file = file;
    s_names_changed (self);
    return file;
}

static void
s_rename (chaos_replica_t *self, const char *from, const char *to)
{
    s_entry_t *source = s_entry (&self->kernel, from);
    s_file_t *file = source->file;
    memset (source, 0, sizeof *source);
    s_entry_t *target = s_entry (&self->kernel, to);
    snprintf (target->name, sizeof target->name, "%s", to);
    target->file = file;
    s_names_changed (self);
}

//  ---------------------------------------------------------------------------------
//  Bytes

static void
s_resize (s_file_t *file, size_t size)
{
    if (size > file->room || !file->disk) {
        file->room = size * 2 + 1;
        file->disk = realloc (file->disk, file->room);
        assert (file->disk);
    }
    if (size > file->size)
        memset (file->disk + file->size, 0, size - file->size);
    file->size = size;
}

//  Does a part of a write.

static void
s_apply (s_file_t *file, const s_write_t *write, size_t from, size_t size)
{
    if (!write->data) {
        s_resize (file, (size_t) write->offset);
        return;
    }
    if (size == 0)
        return;
    if (!file->disk || write->offset + from + size > file->size)
        s_resize (file, (size_t) write->offset + from + size);
    memcpy (file->disk + write->offset + from, write->data + from, size);
}

static void
s_wait (s_file_t *file, const disk_line_t *line, const uint8_t *data)
{
    if ((file->count & (file->count - 1)) == 0) {
        size_t room = file->count ? file->count * 2 : 1;
        file->waiting = realloc (file->waiting, room * sizeof *file->waiting);
        assert (file->waiting);
    }
    bool cut = line->kind == DISK_CUT;
    file->waiting [file->count++] = (s_write_t){
        cut ? NULL : data, line->offset, cut ? 0 : (size_t) line->size, false, false};
}

//  All that waits is on the disk.

static void
s_sync (s_file_t *file)
{
    for (size_t at = 0; at < file->count; at++)
        s_apply (file, &file->waiting [at], 0, file->waiting [at].size);
    file->count = 0;
}

//  ---------------------------------------------------------------------------------
//  The log

static void
s_on_begin (chaos_replica_t *self, const disk_line_t *line, const uint8_t *data)
{
    self->open = *line;
    self->open_data = data;
    self->stamp = line->stamp;
    self->passed++;
    if (line->kind != DISK_WRITE && line->kind != DISK_CUT)
        return;
    s_file_t *file = s_file (self, line->name);
    if (!file)
        file = s_make (self, line->name);
    s_wait (file, line, data);
}

//  The write that was open is done, perhaps only in part.

static void
s_write_done (s_file_t *file, const disk_line_t *open, int64_t result)
{
    s_write_t *write = &file->waiting [file->count - 1];
    if (result < 0) {
        file->count--;
        return;
    }
    write->done = true;
    write->forced = open->synced;
    if (write->data)
        write->size = (size_t) result;
}

static void
s_on_done (chaos_replica_t *self, const disk_line_t *line)
{
    disk_line_t open = self->open;
    self->open.kind = 0;
    if (open.number != line->number)
        crash_fail ("the log is out of order");
    s_file_t *file = s_file (self, open.name);
    if (open.kind == DISK_WRITE || open.kind == DISK_CUT)
        s_write_done (file, &open, line->size);
    if (line->size < 0)
        return;
    if (open.kind == DISK_SYNC && file)
        s_sync (file);
    if (open.kind == DISK_SYNC && strcmp (open.name, S_DATA) == 0)
        self->began = open.stamp;
    if (open.kind == DISK_NAMES) {
        self->disk = self->kernel;
        self->waiting_count = 0;
        self->synced = self->began;
    }
    if (open.kind == DISK_MAKE && file)
        s_wait (file, &(disk_line_t){.kind = DISK_CUT}, NULL);
    else if (open.kind == DISK_MAKE)
        s_make (self, open.name);
    if (open.kind == DISK_RENAME)
        s_rename (self, open.name, (const char *) self->open_data);
    if (open.kind == DISK_REMOVE && file) {
        memset (s_entry (&self->kernel, open.name), 0, sizeof (s_entry_t));
        s_names_changed (self);
    }
}

//  A new process tells what the kernel holds: writes that were not done by the one before
//  become what is there now.

static void
s_on_holds (chaos_replica_t *self, const disk_line_t *line, const uint8_t *data)
{
    size_t size = (size_t) line->size;
    s_file_t *file = s_file (self, line->name);
    if (!file)
        file = s_make (self, line->name);
    for (size_t at = 0; at < file->count; at++) {
        s_write_t *write = &file->waiting [at];
        bool whole = write->data && write->offset + write->size <= size;
        if (!write->done && whole)
            write->data = data + write->offset;
        else if (!write->done) {
            //  Those behind it keep their order: they may overlap
            memmove (write, write + 1, (--file->count - at) * sizeof *write);
            at--;
        }
    }

    //  What the log says must come to just that, or it has missed a write
    s_file_t now = {.size = 0};
    s_resize (&now, file->size);
    if (file->size > 0)
        memcpy (now.disk, file->disk, file->size);
    now.waiting = file->waiting;
    now.count = file->count;
    s_sync (&now);
    bool same = now.size == size && (size == 0 || memcmp (now.disk, data, size) == 0);
    bool ours = strcmp (line->name, "data.mdb") == 0;
    free (now.disk);
    if (ours && !same && self->passed > 0)
        crash_fail ("the log has missed a write of %s: it comes to %zu bytes, not %zu",
                    line->name, now.size, size);
    if (!same) {
        file->count = 0;
        s_resize (file, size);
        if (size > 0)
            memcpy (file->disk, data, size);
    }
}

static void
s_take (chaos_replica_t *self, const disk_line_t *line, const uint8_t *data)
{
    if (s_begins (line->kind))
        s_on_begin (self, line, data);
    else if (line->kind == DISK_DONE)
        s_on_done (self, line);
    else if (line->kind == DISK_HOLDS)
        s_on_holds (self, line, data);
    else
        self->open.kind = 0;
}

int64_t
chaos_replica_go (chaos_replica_t *self, uint64_t operation)
{
    disk_line_t line;
    const uint8_t *data;
    while (self->passed <= operation && s_next (self, &self->at, &line, &data))
        s_take (self, &line, data);
    return self->stamp;
}

//  ---------------------------------------------------------------------------------
//  Images

static uint64_t
s_draw (uint64_t *chance, uint64_t limit)
{
    *chance = crash_mix (*chance);
    return (*chance >> 16) % limit;
}

//  Does what came to the disk of one write: all, nothing, or some sectors.

static void
s_apply_some (s_file_t *image, const s_write_t *write, uint64_t *chance, uint64_t keep)
{
    bool whole = write->forced || s_draw (chance, 100) < keep;
    if (whole || !write->data) {
        if (whole)
            s_apply (image, write, 0, write->size);
        return;
    }
    if (s_draw (chance, 2) == 0)
        return;
    for (size_t from = 0; from < write->size;) {
        size_t size = S_SECTOR - (write->offset + from) % S_SECTOR;
        size = size < write->size - from ? size : write->size - from;
        if (s_draw (chance, 100) < keep)
            s_apply (image, write, from, size);
        from += size;
    }
}

static void
s_write_image (const char *directory, const char *name, const s_file_t *image)
{
    char *path;
    if (asprintf (&path, "%s/%s", directory, name) < 0)
        abort ();
    int file = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t count = file < 0 ? -1 : pwrite (file, image->disk, image->size, 0);
    if (count != (ssize_t) image->size)
        crash_fail ("cannot write %s", path);
    close (file);
    free (path);
}

static size_t
s_image_file (const s_file_t *file, const char *directory, const char *name,
              uint64_t *chance)
{
    static const uint64_t keeps [] = {0, 10, 50, 90, 100};
    s_file_t image = {.size = 0};
    uint64_t keep = keeps [s_draw (chance, 5)];
    s_resize (&image, file->size);
    if (file->size > 0)
        memcpy (image.disk, file->disk, file->size);
    for (size_t at = 0; at < file->count; at++)
        s_apply_some (&image, &file->waiting [at], chance, keep);
    if (strcmp (name, "stint.anchor") == 0 && image.size > S_BOOT_OFFSET)
        image.disk [S_BOOT_OFFSET] = 'x';
    s_write_image (directory, name, &image);
    free (image.disk);
    return file->count;
}

int64_t
chaos_replica_synced (const chaos_replica_t *self)
{
    return self->synced;
}

size_t
chaos_replica_image (const chaos_replica_t *self, const char *directory, uint64_t *chance)
{
    size_t unsure = 0;
    uint64_t step = s_draw (chance, self->waiting_count + 1);
    const s_names_t *names = step == 0 ? &self->disk : &self->waiting [step - 1];
    for (const s_entry_t *entry = names->entries; entry < names->entries + S_NAMES;
         entry++) {
        if (entry->name [0] && entry->file && strcmp (entry->name, "lock.mdb") != 0
            && strcmp (entry->name, "stint.lock") != 0)
            unsure += s_image_file (entry->file, directory, entry->name, chance);
    }
    return unsure;
}
