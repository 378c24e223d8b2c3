//  answer: looks things up by name in a packed answer of the broker
//  SPDX-License-Identifier: MPL-2.0

#include "answer.h"

#include <assert.h>
#include <string.h>

#include "stint_pack.h"

static const stint_bytes_t s_empty = {NULL, 0};

stint_bytes_t
answer_value (stint_bytes_t map, const char *name)
{
    assert (name);
    stint_reader_t reader = stint_reader_of (map);
    if (map.size == 0 || stint_read_type (&reader) != STINT_TYPE_MAP)
        return s_empty;

    size_t size = strlen (name);
    uint32_t count = stint_read_map (&reader);
    for (uint32_t at = 0; at < count; at++) {
        stint_bytes_t key = s_empty;
        if (stint_read_type (&reader) == STINT_TYPE_TEXT)
            key = stint_read_bytes (&reader);
        else
            stint_read_skip (&reader);
        stint_bytes_t value = stint_read_skip (&reader);
        if (key.size == size && size > 0 && memcmp (key.data, name, size) == 0)
            return value;
    }
    return s_empty;
}

bool
answer_has_number (stint_bytes_t map, const char *name)
{
    stint_bytes_t value = answer_value (map, name);
    if (value.size == 0)
        return false;

    stint_reader_t reader = stint_reader_of (value);
    stint_read_number (&reader);
    return !reader.bad;
}

uint64_t
answer_number (stint_bytes_t map, const char *name)
{
    stint_bytes_t value = answer_value (map, name);
    if (value.size == 0)
        return 0;

    stint_reader_t reader = stint_reader_of (value);
    return stint_read_number (&reader);
}

char *
answer_text (stint_bytes_t map, const char *name, char *text, size_t size)
{
    assert (text && size > 0);
    text [0] = 0;
    stint_bytes_t value = answer_value (map, name);
    if (value.size == 0)
        return text;

    stint_reader_t reader = stint_reader_of (value);
    stint_bytes_t bytes = stint_read_bytes (&reader);
    size_t length = bytes.size < size ? bytes.size : size - 1;
    if (length > 0)
        memcpy (text, bytes.data, length);
    text [length] = 0;
    return text;
}

bool
answer_is (stint_bytes_t map, const char *name, const char *text)
{
    stint_bytes_t value = answer_value (map, name);
    if (value.size == 0)
        return false;

    stint_reader_t reader = stint_reader_of (value);
    stint_bytes_t bytes = stint_read_bytes (&reader);
    return bytes.size == strlen (text) && memcmp (bytes.data, text, bytes.size) == 0;
}

uint32_t
answer_count (stint_bytes_t map, const char *name)
{
    stint_bytes_t value = answer_value (map, name);
    if (value.size == 0)
        return 0;

    stint_reader_t reader = stint_reader_of (value);
    return stint_read_array (&reader);
}

stint_bytes_t
answer_elements (stint_bytes_t map, const char *name)
{
    stint_bytes_t value = answer_value (map, name);
    if (value.size == 0)
        return s_empty;

    stint_reader_t reader = stint_reader_of (value);
    if (stint_read_type (&reader) != STINT_TYPE_ARRAY)
        return s_empty;

    stint_read_array (&reader);
    return (stint_bytes_t){reader.at, (size_t) (reader.end - reader.at)};
}

stint_bytes_t
answer_take (stint_bytes_t *elements)
{
    assert (elements);
    if (elements->size == 0)
        return s_empty;

    stint_reader_t reader = stint_reader_of (*elements);
    stint_bytes_t element = stint_read_skip (&reader);
    elements->data = reader.at;
    elements->size = (size_t) (reader.end - reader.at);
    return element;
}
