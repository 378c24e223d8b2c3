//  store_directory: the directory a store lives in, and who may write there
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_STORE_DIRECTORY_H
#define BROKER_STORE_DIRECTORY_H

#include "stint.h"

//  Makes the directory, mode 0700, and those above it that are missing, durably.
//  Returns 0 or errno; ENOTDIR when something else has that name.
int directory_make (const char *path);

//  Takes the writer's place: locks PATH/stint.lock and writes our pid there. The lock
//  lasts until file is closed or the process ends. Returns 0, errno, or EWOULDBLOCK when
//  another process has it; its pid is then in holder, or zero when it cannot be known.
//  File is to be closed whenever it is not -1.
int directory_lock (const char *path, int *file, long *holder);

//  Puts the names in the directory onto the disk. Returns 0 or errno.
int directory_sync (const char *path);

//  Leaves the file PATH/stint.store, durably, unless it is there: from now on a journal
//  that is empty or missing is one that was lost, and not one that is yet to be made. All
//  that is in the directory must be on the disk. Returns 0 or errno.
int directory_mark (const char *path);

//  Returns true when that file is there.
bool directory_is_marked (const char *path);

//  Returns the path of a file in the directory, to be freed.
char *directory_file (const char *path, const char *name);

//  Returns what the file system has left for us, or zero when that cannot be known.
uint64_t directory_free_bytes (const char *path);

//  Returns what a person can do about an errno that came from there. Never null.
const char *directory_advice (const char *path, int error);

//  Writes to whom the directory belongs, or the lowest above it that can be seen, or a file
//  of a store in it. Returns false, and writes nothing, when all of that is ours, or nobody
//  can know.
bool directory_tell_owner (const char *path, char *text, size_t size);

//  Returns true when every user may put files there.
bool directory_is_open (const char *path);

#endif
