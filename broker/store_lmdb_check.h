//  store_lmdb_check: is the tree of an LMDB file whole?
//  SPDX-License-Identifier: MPL-2.0
//
//  LMDB trusts its file: pages have no checksums, and a damaged one ends the process, hides
//  blocks, or lets pages be written over that are in use. The sums of the journal tell of
//  the bytes of a block, but not of the pages that lead to it. So all of these are looked
//  at before LMDB sees the file: the heads, the branches and leaves of both trees, the
//  first page of each large value, and the list of free pages. What it costs is a read of
//  one page in some hundred, and of the first page of each large block, which is read next
//  anyhow.

#ifndef BROKER_STORE_LMDB_CHECK_H
#define BROKER_STORE_LMDB_CHECK_H

#include "stint.h"

//  Checks DIRECTORY/data.mdb, which no process writes to. Returns 0 when it is whole, empty
//  or not there, errno when it cannot be read, or -1 with a few words in fault that say
//  which page is wrong. A file that does not begin as one of LMDB does is left to LMDB, and
//  0 is returned.
int lmdb_check (const char *directory, char *fault, size_t fault_size);

//  Returns true when these bytes are zeros or none, or the head of a file that has had no
//  transaction yet.
bool lmdb_check_unborn (const uint8_t *page, size_t size);

#endif
