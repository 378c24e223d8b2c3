//  chaos_replica: what a disk may hold after a loss of power, made from the log of
//  chaos_disk SPDX-License-Identifier: MPL-2.0
//
//  The model: what was synced is there. Of the writes since then any may be missing, in any
//  order, and each may be torn at sectors of 512 octets. A write with O_DSYNC is on the
//  disk when it is done, the others before it need not be. A change of a file's size is a
//  write like others. Names (new files, renamings, removals) come to the disk in their
//  order, and surely with a sync of the directory.

#ifndef TESTS_CHAOS_REPLICA_H
#define TESTS_CHAOS_REPLICA_H

#include "chaos_disk.h"

typedef struct chaos_replica chaos_replica_t;

//  Maps a log. Ends the process with a line when it is none.
chaos_replica_t *chaos_replica_new (const char *log);
void chaos_replica_destroy (chaos_replica_t **self_p);

//  Returns how many operations the log has; each is a point at which power may go.
uint64_t chaos_replica_operations (const chaos_replica_t *self);

//  Goes on to the operation of that number, from 0, which has begun and is not done. Only
//  forwards. Returns its time.
int64_t chaos_replica_go (chaos_replica_t *self, uint64_t operation);

//  Returns when the last sync of the data began behind which the directory was synced too:
//  what was written before is on the disk, and the anchor leads there.
int64_t chaos_replica_synced (const chaos_replica_t *self);

//  Makes an image of the directory: files of the store that may be there, LMDB's table of
//  readers apart. The kernel that an anchor names is not the one that runs. Files that are
//  there already are overwritten. Returns how many writes were not on the disk for certain.
size_t chaos_replica_image (const chaos_replica_t *self, const char *directory,
                            uint64_t *chance);

#endif
