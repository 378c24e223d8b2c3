//  query_write: pairs of an answer to a QUERY
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_QUERY_WRITE_H
#define BROKER_QUERY_WRITE_H

#include "stint_pack.h"

//  Writes a name and what it has.

static inline void
query_number (stint_writer_t *out, const char *name, uint64_t value)
{
    stint_write_text (out, name);
    stint_write_number (out, value);
}

static inline void
query_text (stint_writer_t *out, const char *name, const char *value)
{
    stint_write_text (out, name);
    stint_write_text (out, value);
}

//  Returns the milliseconds from one point in time to another, never less than none.

static inline uint64_t
query_span (int64_t from, int64_t to)
{
    return to > from ? (uint64_t) (to - from) : 0;
}

#endif
