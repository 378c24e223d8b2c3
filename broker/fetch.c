//  fetch: bytes of the journal, from memory or from the engine
//  SPDX-License-Identifier: MPL-2.0

#include "fetch.h"

#include "stint_log.h"

stint_bytes_t
store_fetch (const store_engine_t *engine, store_t *store, journal_t *journal,
             journal_place_t place)
{
    stint_bytes_t bytes = journal_bytes (journal, place);
    if (bytes.data)
        return bytes;
    stint_bytes_t block =
        engine->read (store, place.block, 0, journal_size (journal, place.block));
    const char *fault = journal_load (journal, place.block, block);
    if (fault)
        stint_log_fatal (74, "store.block_broken",
                         stint_field_number ("block", place.block),
                         stint_field_text ("fault", fault),
                         stint_field_text ("do", "restore the store from a copy"));
    return journal_bytes (journal, place);
}
