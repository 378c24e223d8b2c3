//  terms: what a task asks for besides its payload
//  SPDX-License-Identifier: MPL-2.0

#include "terms.h"

#include "record_settings.h"
#include "stint_index.h"
#include "word.h"

const char *const terms_names [TERMS_NAMES] = {
    "priority", "max_attempts", "time_limit", "expires", "deadline", "key", "order"};

//  The greatest value of each number.

static const uint64_t s_most [TERMS_NUMBERS] = {TERMS_PRIORITIES, RECORD_ATTEMPTS_MAX,
                                                RECORD_SPAN_MAX, RECORD_SPAN_MAX,
                                                RECORD_SPAN_MAX};

bool
terms_any (const terms_t *self)
{
    uint64_t any = self->key.size | self->order.size;
    for (size_t index = 0; index < TERMS_NUMBERS; index++)
        any |= self->list [index];
    return any != 0;
}

//  Takes the value of one name. Returns false when there is no such name.

static bool
s_take (terms_t *self, stint_bytes_t name, stint_reader_t *reader)
{
    size_t index = 0;
    while (index < TERMS_NAMES && !word_is (name, terms_names [index]))
        index++;
    if (index < TERMS_NUMBERS)
        self->list [index] = stint_read_number (reader);
    else if (index < TERMS_NAMES)
        *(index == TERMS_NUMBERS ? &self->key : &self->order) = stint_read_bytes (reader);
    return index < TERMS_NAMES;
}

const char *
terms_read (terms_t *self, stint_bytes_t map)
{
    stint_reader_t reader = stint_reader_of (map);
    uint32_t pairs = stint_read_map (&reader);
    for (uint32_t pair = 0; pair < pairs; pair++) {
        stint_bytes_t name = stint_read_bytes (&reader);
        if (!s_take (self, name, &reader))
            return "a task can ask for priority, max_attempts, time_limit, expires, "
                   "deadline, key and order, and for nothing else";
    }
    if (reader.bad)
        return "key and order of a task are texts, all else it asks for are numbers";
    return NULL;
}

static bool
s_is_text (stint_bytes_t text)
{
    for (size_t index = 0; index < text.size; index++) {
        if (text.data [index] < ' ' || text.data [index] == 0x7f)
            return false;
    }
    return text.size <= TERMS_TEXT_MAX;
}

const char *
terms_check (const terms_t *self, uint64_t delay)
{
    for (size_t index = 0; index < TERMS_NUMBERS; index++) {
        if (self->list [index] > s_most [index])
            return "what a task asks for is out of its range: priority is 1 to 9, "
                   "max_attempts at most 65000";
    }
    if (!s_is_text (self->key) || !s_is_text (self->order))
        return "key and order of a task are at most 64 bytes of text without control "
               "characters";
    if (self->expires && self->deadline && self->expires > self->deadline)
        return "a task is to end before it may expire: its deadline is before its expires";
    if (delay
        && ((self->expires && self->expires <= delay)
            || (self->deadline && self->deadline <= delay)))
        return "a task would never run: its delay is not before its expires and deadline";
    return NULL;
}

void
terms_pack (const terms_t *self, stint_writer_t *out)
{
    stint_write_array (out, TERMS_NAMES);
    for (size_t index = 0; index < TERMS_NUMBERS; index++)
        stint_write_number (out, self->list [index]);
    stint_write_bytes (out, self->key);
    stint_write_bytes (out, self->order);
}

void
terms_unpack (terms_t *self, stint_reader_t *reader)
{
    *self = (terms_t){.list = {0}};
    uint32_t count = stint_read_array (reader);
    for (uint32_t index = 0; index < count && !reader->bad; index++) {
        if (index < TERMS_NUMBERS)
            self->list [index] = stint_read_number (reader);
        else if (index == TERMS_NUMBERS)
            self->key = stint_read_bytes (reader);
        else if (index == TERMS_NUMBERS + 1)
            self->order = stint_read_bytes (reader);
        else
            stint_read_skip (reader);
    }
}

uint64_t
terms_hash (const terms_t *self, uint64_t salt)
{
    uint64_t hash = salt;
    for (size_t index = 0; index < TERMS_NUMBERS; index++)
        hash = stint_index_mix (hash ^ self->list [index]) + index;
    hash = stint_index_text (self->key.data, self->key.size, hash) + 1;
    return stint_index_text (self->order.data, self->order.size, hash);
}
