//  store_lmdb_check: is the tree of an LMDB file whole?
//  SPDX-License-Identifier: MPL-2.0
//
//  The format is that of LMDB 0.9 on a machine with 64 bits, all numbers in its own order:
//
//      page        0  number, 8       8  unused, 2     10  flags, 2
//                 12  lower, 2       14  upper, 2          (or 12 pages, 4: a large value)
//                 16  places of nodes, 2 each, up to lower; the nodes are from upper on
//      node        0  size, 4         4  flags, 2       6  size of the key, 2     8  key
//                 in a branch size and flags are the number of a page
//      head page  16  magic, 4       20  version, 4    40  free tree, 48    88  main tree,
//      48
//                136  last page, 8  144  transaction, 8
//      tree        4  flags, 2        6  depth, 2      32  entries, 8    40  root, 8
//
//  Two heads take turns, so their transactions are neighbours, and the even one comes
//  first.

#include "store_lmdb_check.h"
#include "store_directory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define S_MAGIC 0xBEEFC0DEu
#define S_MAGIC_AT 16         //  In a head
#define S_TRANSACTION_AT 144  //  In a head: of the transaction that wrote it
#define S_HEADER 16           //  Bytes of a page before the places of its nodes
#define S_NODE 8              //  Bytes of a node before its key
#define S_DEPTH_MAX 32        //  LMDB's own limit
#define S_BRANCH 0x01
#define S_LEAF 0x02
#define S_OVERFLOW 0x04
#define S_HEAD 0x08
#define S_KINDS 0x0f
#define S_LARGE 0x01  //  Flag of a node: the value has pages of its own
#define S_NOWHERE UINT64_MAX
#define S_OURS 0x08  //  Flags of a tree whose keys are numbers; another is not ours

typedef struct {
    int file;                          //  Open for reading
    size_t page_size;                  //  Of LMDB, which is the system's
    uint64_t last;                     //  Last page that is used
    uint8_t *used;                     //  A bit a page
    uint64_t entries;                  //  Of the tree in hand, so far
    uint64_t key;                      //  Of the last entry of it
    bool lists;                        //  Its values are lists of free pages
    int error;                         //  Errno of a read
    char *fault;                       //  What is wrong
    size_t fault_size;                 //  Room for that
    uint8_t *pages [S_DEPTH_MAX + 1];  //  The one in hand at each depth
} s_check_t;

static uint64_t
s_number (const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;
    uint32_t word;
    uint16_t half;
    if (size == 8)
        memcpy (&number, bytes, size);
    else if (size == 4) {
        memcpy (&word, bytes, size);
        number = word;
    }
    else {
        memcpy (&half, bytes, sizeof half);
        number = half;
    }
    return number;
}

static bool
s_wrong (s_check_t *self, uint64_t page, const char *what)
{
    snprintf (self->fault, self->fault_size, "page %" PRIu64 " %s", page, what);
    return false;
}

static bool
s_read (s_check_t *self, uint64_t page, uint8_t *bytes, size_t size)
{
    ssize_t count = pread (self->file, bytes, size, (off_t) (page * self->page_size));
    if (count < 0) {
        self->error = errno;
        return false;
    }
    return (size_t) count == size || s_wrong (self, page, "is behind the end of the file");
}

//  Notes that pages are in use. Returns false when one of them was already.

static bool
s_use (s_check_t *self, uint64_t page, uint64_t count)
{
    if (page < 2 || page > self->last || count == 0 || count > self->last - page + 1)
        return s_wrong (self, page, "is not in the file, but the tree leads to it");
    for (; count-- > 0; page++) {
        if (self->used [page / 8] & 1u << page % 8)
            return s_wrong (self, page, "is in use twice");
        self->used [page / 8] |= (uint8_t) (1u << page % 8);
    }
    return true;
}

//  Checks a list of free pages: how many, then their numbers, which fall.

static bool
s_check_list (s_check_t *self, uint64_t page, const uint8_t *bytes, size_t size)
{
    uint64_t before = S_NOWHERE;
    uint64_t count = size >= 8 ? s_number (bytes, 8) : 0;
    if (size < 8 || count > size / 8 - 1)
        return s_wrong (self, page, "has a broken list of free pages");
    for (uint64_t at = 1; at <= count; at++) {
        uint64_t listed = s_number (bytes + 8 * at, 8);
        if (listed >= before)
            return s_wrong (self, page, "has a broken list of free pages");
        if (!s_use (self, listed, 1))
            return false;
        before = listed;
    }
    return true;
}

//  Checks a value that has pages of its own, and a list in it.

static bool
s_check_large (s_check_t *self, uint64_t page, uint64_t size)
{
    uint8_t header [S_HEADER];
    if (page < 2 || page > self->last || size > self->last * self->page_size)
        return s_wrong (self, page, "is not in the file, but the tree leads to it");
    if (!s_read (self, page, header, sizeof header))
        return false;
    uint64_t pages = s_number (header + 12, 4);
    uint64_t least = (S_HEADER + size + self->page_size - 1) / self->page_size;
    if (s_number (header, 8) != page || (header [10] & S_KINDS) != S_OVERFLOW
        || pages < least)
        return s_wrong (self, page, "is not the large value that it should be");
    if (!s_use (self, page, pages) || !self->lists)
        return self->fault [0] == 0;

    uint8_t *bytes = malloc (least * self->page_size);
    assert (bytes);
    bool good = s_read (self, page, bytes, least * self->page_size)
                && s_check_list (self, page, bytes + S_HEADER, size);
    free (bytes);
    return good;
}

//  Checks an entry: its key, which is above those before it, and its value.

static bool
s_check_entry (s_check_t *self, uint64_t page, const uint8_t *node, size_t room)
{
    uint64_t size = s_number (node, 4);
    uint64_t key = room >= S_NODE + 8 ? s_number (node + S_NODE, 8) : 0;
    bool large = node [4] & S_LARGE;
    if (room < S_NODE + 8 || s_number (node + 6, 2) != 8 || (node [4] & ~S_LARGE)
        || (large ? 8 : size) > room - S_NODE - 8 || (self->entries && key <= self->key))
        return s_wrong (self, page, "has a broken entry");
    self->entries++;
    self->key = key;
    const uint8_t *value = node + S_NODE + 8;
    if (large)
        return s_check_large (self, s_number (value, 8), size);
    return !self->lists || s_check_list (self, page, value, size);
}

//  Returns how many nodes a page has, or -1 when it is not the page that it should be.

static int
s_count_nodes (const s_check_t *self, const uint8_t *bytes, uint64_t page, unsigned kind)
{
    size_t lower = s_number (bytes + 12, 2);
    size_t upper = s_number (bytes + 14, 2);
    bool good = s_number (bytes, 8) == page && (bytes [10] & S_KINDS) == kind
                && lower >= S_HEADER + 2 && lower % 2 == 0 && lower <= upper
                && upper <= self->page_size;
    return good ? (int) (lower - S_HEADER) / 2 : -1;
}

//  Checks a page that is so many levels above the leaves, and all below it.

static bool
s_check_page (s_check_t *self, uint64_t page, unsigned level)
{
    uint8_t *bytes = self->pages [level];
    if (!s_use (self, page, 1) || !s_read (self, page, bytes, self->page_size))
        return false;
    int count = s_count_nodes (self, bytes, page, level ? S_BRANCH : S_LEAF);
    if (count < 0)
        return s_wrong (self, page, "is not the page of the tree that it should be");
    for (int at = 0; at < count; at++) {
        size_t place = s_number (bytes + S_HEADER + 2 * at, 2);
        if (place < s_number (bytes + 14, 2) || place + S_NODE > self->page_size)
            return s_wrong (self, page, "has a broken entry");
        const uint8_t *node = bytes + place;
        size_t room = self->page_size - place;
        if (level == 0) {
            if (!s_check_entry (self, page, node, room))
                return false;
            continue;
        }
        uint64_t next = s_number (node, 4) | s_number (node + 4, 2) << 32;
        uint64_t key_size = s_number (node + 6, 2);
        bool above = key_size == 8 && room >= S_NODE + 8;
        if (at > 0 && (!above || s_number (node + S_NODE, 8) <= self->key))
            return s_wrong (self, page, "has a broken entry");
        if (!s_check_page (self, next, level - 1))
            return false;
    }
    return true;
}

static bool
s_check_tree (s_check_t *self, const uint8_t *tree, uint64_t head, bool lists)
{
    uint64_t depth = s_number (tree + 6, 2), root = s_number (tree + 40, 8);
    self->entries = self->key = 0;
    self->lists = lists;
    if (depth > S_DEPTH_MAX || (depth == 0) != (root == S_NOWHERE))
        return s_wrong (self, head, "is a broken head");
    if (depth > 0 && !s_check_page (self, root, (unsigned) depth - 1))
        return false;
    return self->entries == s_number (tree + 32, 8)
           || s_wrong (self, head, "counts other entries than there are");
}

//  Checks both heads, of which the newer one counts, and its trees.

static bool
s_check_heads (s_check_t *self, const uint8_t *heads, uint64_t pages)
{
    uint64_t even = s_number (heads + S_TRANSACTION_AT, 8);
    uint64_t odd = s_number (heads + self->page_size + S_TRANSACTION_AT, 8);
    uint64_t newer = odd > even;
    if ((even || odd) && (even % 2 != 0 || (even > odd ? even - odd : odd - even) != 1))
        return s_wrong (self, newer, "is a head that does not follow the other");
    const uint8_t *head = heads + newer * self->page_size;
    self->last = s_number (head + 136, 8);
    if (self->last < 1 || self->last > UINT32_MAX * UINT64_C (4))
        return s_wrong (self, newer, "is a broken head");

    //  The last pages may be free ones that were never written
    uint64_t most = self->last > pages ? self->last : pages;
    self->used = calloc (most / 8 + 1, 1);
    assert (self->used);
    return s_check_tree (self, head + 40, newer, true)
           && (s_number (head + 88 + 4, 2) != S_OURS
               || s_check_tree (self, head + 88, newer, false));
}

//  Returns true for a page that says that it is a head of LMDB's.

static bool
s_is_head (const uint8_t *page)
{
    return s_number (page + S_MAGIC_AT, 4) == S_MAGIC && (page [10] & S_KINDS) == S_HEAD;
}

static bool
s_check (s_check_t *self)
{
    struct stat known;
    uint8_t *heads = malloc (2 * self->page_size);
    assert (heads);
    for (int level = 0; level <= S_DEPTH_MAX; level++) {
        self->pages [level] = malloc (self->page_size);
        assert (self->pages [level]);
    }
    if (fstat (self->file, &known) != 0)
        self->error = errno;
    bool good = self->error == 0;
    if (good && known.st_size >= (off_t) (2 * self->page_size)) {
        good = s_read (self, 0, heads, 2 * self->page_size);
        if (good && s_is_head (heads) && s_is_head (heads + self->page_size))
            good = s_check_heads (self, heads, (uint64_t) known.st_size / self->page_size);
    }
    for (int level = 0; level <= S_DEPTH_MAX; level++)
        free (self->pages [level]);
    free (self->used);
    free (heads);
    return good;
}

int
lmdb_check (const char *directory, char *fault, size_t fault_size)
{
    char *path = directory_file (directory, "data.mdb");
    s_check_t self = {.file = open (path, O_RDONLY | O_CLOEXEC),
                      .page_size = (size_t) sysconf (_SC_PAGESIZE),
                      .fault = fault,
                      .fault_size = fault_size};
    free (path);
    if (self.file < 0)
        return errno == ENOENT ? 0 : errno;

    *fault = 0;
    bool good = s_check (&self);
    close (self.file);
    return good ? 0 : self.error ? self.error : -1;
}

bool
lmdb_check_unborn (const uint8_t *page, size_t size)
{
    size_t zeros = 0;
    while (zeros < size && page [zeros] == 0)
        zeros++;
    if (zeros == size || size < S_TRANSACTION_AT + 8)
        return zeros == size;

    return s_number (page + S_MAGIC_AT, 4) == S_MAGIC
           && s_number (page + S_TRANSACTION_AT, 8) == 0;
}
