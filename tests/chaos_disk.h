//  chaos_disk: what the disk was told, in a log from which images of it can be made
//  SPDX-License-Identifier: MPL-2.0
//
//  Built as a shared object to be named in LD_PRELOAD. Every write, sync, cut, renaming and
//  removal of a file in the directory CHAOS_DISK_PATH is appended to the file
//  CHAOS_DISK_LOG: a line and its bytes when it begins, and a line when it has been done.
//  When a process starts, what the directory holds is written down too, so that the log
//  goes on after a death in the middle of a write. A death in the middle of an entry leaves
//  a part of it, which is taken away: its operation has not begun. Stamps are those of
//  history.h.

#ifndef TESTS_CHAOS_DISK_H
#define TESTS_CHAOS_DISK_H

#include "stint.h"

#define CHAOS_DISK_NAME 32  //  Bytes of a file's name, with its null

typedef enum {
    DISK_START = 1,  //  A process begins
    DISK_HOLDS,      //  What a file held then
    DISK_WRITE,      //  Bytes at an offset
    DISK_CUT,        //  The file gets the size that offset says
    DISK_SYNC,       //  The file, its bytes and its size
    DISK_MAKE,       //  A file is made, or emptied
    DISK_RENAME,     //  The bytes are the new name
    DISK_REMOVE,     //  A file is removed
    DISK_NAMES,      //  The directory itself is synced
    DISK_DONE        //  The one of that number was done; size is what came back
} disk_kind_t;

typedef struct {
    int64_t stamp;                //  When it began, or was done
    uint64_t number;              //  Of the operation, in this process
    uint64_t offset;              //  See the kinds
    int64_t size;                 //  Bytes that follow; for DISK_DONE what came back
    uint32_t kind;                //  A disk_kind_t
    uint32_t synced;              //  1: a write that is on the disk when it is done
    char name [CHAOS_DISK_NAME];  //  Of the file, in the directory
} disk_line_t;

#endif
