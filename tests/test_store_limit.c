//  test_store_limit: how a store makes room before it says that it is at its limit
//  SPDX-License-Identifier: MPL-2.0

#include "store_fixture.h"
#include "store_lmdb_file.h"

#include <criterion/criterion.h>

//  Twelve of sixteen MiB are in use, and four more have just been freed: pages that the
//  transaction before has freed are not used again yet.

Test (store_limit, what_is_forgotten_makes_room_before_the_store_is_at_its_limit)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    self->options.size_max = 16 << 20;
    lmdb_file_t file;
    cr_assert (lmdb_file_open (&file, &self->options));
    static uint8_t block [1 << 20];
    stint_bytes_t blocks [4];
    uint64_t deleted = 0;
    for (size_t index = 0; index < 4; index++)
        blocks [index] = (stint_bytes_t){block, sizeof block};
    for (uint64_t number = 1; number < 400; number += 4) {
        writer_commit_t commit = {.number = number,
                                  .blocks = blocks,
                                  .count = 4,
                                  .trim_to = number > 8 ? number - 9 : 0,
                                  .deleted = deleted};
        cr_assert (lmdb_file_commit (&file, &commit), "block %lu: %s", number,
                   file.failure);
        deleted = commit.deleted;
    }
    lmdb_file_close (&file);
    store_fixture_destroy (&self);
}
