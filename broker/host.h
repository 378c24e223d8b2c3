//  host: what the kernel lets us have: open files, and memory that we give back
//  SPDX-License-Identifier: MPL-2.0
//
//  Each connection takes an open file. When there is none left, new ones are closed at once
//  until another one ends (host_accept.c); we look, and write it to the log.
//
//  After a peer that took much memory has gone, as one that asks and never reads, the C
//  library keeps that memory for us. What is not used for a while is given back.

#ifndef BROKER_HOST_H
#define BROKER_HOST_H

#include "stint.h"

#define HOST_LOOK_MS 2000                   //  Between two looks
#define HOST_SPARE_MAX ((size_t) 64 << 20)  //  Bytes of free memory that we may keep

//  What was found at the last look. All zeros in the beginning.

typedef struct {
    int64_t look_at;  //  When to look again
    bool crowded;     //  No open file was left
    uint32_t spare;   //  Looks in a row that found much free memory
} host_t;

//  Raises the limit of open files as far as it may go without a privilege, and returns it.
uint64_t host_raise_files (void);

//  Keeps a file open that makes room to turn away connections, for the whole process. Does
//  nothing when there is one, or no file is left.
void host_reserve (void);

//  Returns true when the process cannot open one more file.
bool host_is_crowded (void);

//  Looks, when it is time: logs when connections cannot be taken, and when they can be
//  again; gives back memory that was free at five looks in a row.
void host_look (host_t *self, int64_t now);

#endif
