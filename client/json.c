//  json: JSON text for packed answers, names and payloads
//  SPDX-License-Identifier: MPL-2.0

#include "json.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "stint_pack.h"
#include "text.h"

//  Answers are lists of up to 1000 maps of some 30 values; nothing near this is honest.
#define ITEMS_MAX ((size_t) 1 << 22)

static void
s_put_escaped (FILE *file, uint8_t byte)
{
    switch (byte) {
        case '"':
            fputs ("\\\"", file);
            break;
        case '\\':
            fputs ("\\\\", file);
            break;
        case '\n':
            fputs ("\\n", file);
            break;
        case '\r':
            fputs ("\\r", file);
            break;
        case '\t':
            fputs ("\\t", file);
            break;
        default:
            fprintf (file, "\\u%04x", (unsigned) byte);
    }
}

static bool
s_is_plain (uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

void
json_put_text (FILE *file, stint_bytes_t text)
{
    assert (file);
    putc ('"', file);
    while (text.size > 0) {
        size_t size = 0;
        while (size < text.size && s_is_plain (text.data [size]))
            size++;
        if (size > 0)
            fwrite (text.data, 1, size, file);
        else {
            bool valid;
            size = text_character (text, &valid);
            if (!valid)
                fputs ("\xef\xbf\xbd", file);  //  U+FFFD
            else if (size == 1)
                s_put_escaped (file, text.data [0]);
            else
                fwrite (text.data, 1, size, file);
        }
        text.data += size;
        text.size -= size;
    }
    putc ('"', file);
}

void
json_put_base64 (FILE *file, stint_bytes_t bytes)
{
    static const char digits [] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    putc ('"', file);
    for (size_t at = 0; at < bytes.size; at += 3) {
        size_t left = bytes.size - at;
        uint32_t three = (uint32_t) bytes.data [at] << 16;
        if (left > 1)
            three |= (uint32_t) bytes.data [at + 1] << 8;
        if (left > 2)
            three |= bytes.data [at + 2];
        putc (digits [three >> 18], file);
        putc (digits [three >> 12 & 63], file);
        putc (left > 1 ? digits [three >> 6 & 63] : '=', file);
        putc (left > 2 ? digits [three & 63] : '=', file);
    }
    putc ('"', file);
}

void
json_put_body (FILE *file, const char *name, stint_bytes_t bytes)
{
    if (text_is_utf8 (bytes)) {
        fprintf (file, "\"%s\":", name);
        json_put_text (file, bytes);
    }
    else {
        fprintf (file, "\"%s_base64\":", name);
        json_put_base64 (file, bytes);
    }
}

//  Numbers from 0 up need all of uint64_t, those below all of int64_t.

static void
s_put_number (FILE *file, stint_reader_t *reader)
{
    stint_reader_t ahead = *reader;
    uint64_t number = stint_read_number (&ahead);
    if (!ahead.bad) {
        *reader = ahead;
        fprintf (file, "%" PRIu64, number);
    }
    else
        fprintf (file, "%" PRId64, stint_read_signed (reader));
}

static void
s_put_key (FILE *file, stint_reader_t *reader)
{
    switch (stint_read_type (reader)) {
        case STINT_TYPE_TEXT:
        case STINT_TYPE_BYTES:
            json_put_text (file, stint_read_bytes (reader));
            break;
        case STINT_TYPE_NUMBER:
            putc ('"', file);
            s_put_number (file, reader);
            putc ('"', file);
            break;
        case STINT_TYPE_NONE:
        case STINT_TYPE_NIL:
        case STINT_TYPE_BOOLEAN:
        case STINT_TYPE_REAL:
        case STINT_TYPE_ARRAY:
        case STINT_TYPE_MAP:
        case STINT_TYPE_EXTENSION:
            stint_read_skip (reader);
            fputs ("\"\"", file);
    }
}

static void s_put_value (FILE *file, stint_reader_t *reader, const json_name_t *names);

static void
s_put_array (FILE *file, stint_reader_t *reader, const json_name_t *names)
{
    uint32_t count = stint_read_array (reader);
    putc ('[', file);
    for (uint32_t at = 0; at < count; at++) {
        if (at > 0)
            putc (',', file);
        s_put_value (file, reader, names);
    }
    putc (']', file);
}

//  Finds the name of the entry that comes next. Returns false when it has none of its own.

static bool
s_find_name (const stint_reader_t *reader, const json_name_t *names, const char **shown)
{
    stint_reader_t ahead = *reader;
    if (!names || stint_read_type (&ahead) != STINT_TYPE_TEXT)
        return false;
    stint_bytes_t key = stint_read_bytes (&ahead);
    for (; names->name; names++) {
        if (strlen (names->name) == key.size
            && memcmp (names->name, key.data, key.size) == 0) {
            *shown = names->shown;
            return true;
        }
    }
    return false;
}

static void
s_put_entries (FILE *file, stint_reader_t *reader, const json_name_t *names)
{
    uint32_t count = stint_read_map (reader);
    bool first = true;
    for (uint32_t at = 0; at < count; at++) {
        const char *shown = NULL;
        bool named = s_find_name (reader, names, &shown);
        if (named && !shown) {
            stint_read_skip (reader);
            stint_read_skip (reader);
            continue;
        }
        if (!first)
            putc (',', file);
        first = false;
        if (named) {
            stint_read_skip (reader);
            json_put_text (file, stint_bytes_of (shown));
        }
        else
            s_put_key (file, reader);
        putc (':', file);
        s_put_value (file, reader, names);
    }
}

//  Goes as deep as the validator lets a value nest: STINT_PACK_DEPTH.

static void
s_put_value (FILE *file, stint_reader_t *reader, const json_name_t *names)
{
    switch (stint_read_type (reader)) {
        case STINT_TYPE_BOOLEAN:
            fputs (stint_read_boolean (reader) ? "true" : "false", file);
            break;
        case STINT_TYPE_NUMBER:
            s_put_number (file, reader);
            break;
        case STINT_TYPE_TEXT:
        case STINT_TYPE_BYTES:
            json_put_text (file, stint_read_bytes (reader));
            break;
        case STINT_TYPE_ARRAY:
            s_put_array (file, reader, names);
            break;
        case STINT_TYPE_MAP:
            putc ('{', file);
            s_put_entries (file, reader, names);
            putc ('}', file);
            break;
        case STINT_TYPE_NIL:
        case STINT_TYPE_REAL:
        case STINT_TYPE_EXTENSION:
        case STINT_TYPE_NONE:
            stint_read_skip (reader);
            fputs ("null", file);
    }
}

bool
json_put_packed (FILE *file, stint_bytes_t packed, const json_name_t *names)
{
    if (!stint_pack_valid (packed, ITEMS_MAX)) {
        fputs ("null", file);
        return false;
    }
    stint_reader_t reader = stint_reader_of (packed);
    s_put_value (file, &reader, names);
    return true;
}

bool
json_put_entries (FILE *file, stint_bytes_t map, const json_name_t *names)
{
    stint_reader_t reader = stint_reader_of (map);
    if (!stint_pack_valid (map, ITEMS_MAX) || stint_read_type (&reader) != STINT_TYPE_MAP)
        return false;

    s_put_entries (file, &reader, names);
    return true;
}
