//  store_anchor: the way back to the last state of a file that surely is on the disk
//  SPDX-License-Identifier: MPL-2.0
//
//  A store that is not synced at every commit survives a crash of the broker, because
//  the kernel holds what was written, but not a crash of the machine: the disk may then
//  have the new head of the file without the pages it points to. An anchor is a copy of
//  the head from a moment when the whole file was on the disk. As long as the pages of
//  that moment are left alone, putting that head back undoes everything since.
//
//  The anchor is the file DIR/stint.anchor. It is there exactly while the store may have
//  unsynced pages.

#ifndef BROKER_STORE_ANCHOR_H
#define BROKER_STORE_ANCHOR_H

#include "stint.h"

//  Copies the first head_size bytes of the file, all of which must be on the disk, and
//  names the running kernel. Takes the place of the anchor before in one step. With no
//  bytes the anchor says that there is no way back. Returns 0 or errno.
int anchor_write (const char *directory, int file, size_t head_size);

//  After a sync that failed: the kernel may hold pages as written that are not on the
//  disk, so the next opening goes back even if the machine does not start again before.
void anchor_distrust (const char *directory);

//  Deletes the anchor. Everything must be on the disk. Returns 0 or errno.
int anchor_remove (const char *directory);

//  Before the file of that name in the directory is used: when an anchor is there and the
//  machine has started again since, puts the head back; when only the broker has, syncs
//  the file, because the kernel still holds all of it. Then deletes the anchor. Does
//  nothing without one. Returns 0, errno, or -1 when the anchor says that there is no way
//  back.
int anchor_recover (const char *directory, const char *name);

#endif
