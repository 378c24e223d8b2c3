//  fetch: bytes of the journal, from memory or from the engine
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_FETCH_H
#define BROKER_FETCH_H

#include "journal.h"
#include "store.h"

//  Returns bytes of a block. A block that left memory is read as a whole, its checksum is
//  tried, and it stays in memory for what is wanted of it next. Valid until the next call,
//  or the next journal_durable. Stops the broker when the block is broken or missing: it
//  held something that was accepted.
stint_bytes_t store_fetch (const store_engine_t *engine, store_t *store, journal_t *journal,
                           journal_place_t place);

#endif
