//  text: bytes and numbers made fit for the eyes of people
//  SPDX-License-Identifier: MPL-2.0

#include "text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NEAREST_MAX 40  //  Longest word that is compared with names

//  Returns how many bytes follow this first byte of a character, and the range in which
//  the first of them must lie (Unicode 15, table 3-7). -1 when it cannot be a first byte.
static int
s_follow (uint8_t first, uint8_t *low, uint8_t *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (first < 0x80)
        return 0;
    if (first >= 0xc2 && first <= 0xdf)
        return 1;
    if (first >= 0xe0 && first <= 0xef) {
        *low = first == 0xe0 ? 0xa0 : 0x80;
        *high = first == 0xed ? 0x9f : 0xbf;
        return 2;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        *low = first == 0xf0 ? 0x90 : 0x80;
        *high = first == 0xf4 ? 0x8f : 0xbf;
        return 3;
    }
    return -1;
}

size_t
text_character (stint_bytes_t bytes, bool *valid)
{
    assert (bytes.size > 0);
    uint8_t low;
    uint8_t high;
    int follow = s_follow (bytes.data [0], &low, &high);
    size_t size = 1;
    while (follow > 0 && size < bytes.size && bytes.data [size] >= low
           && bytes.data [size] <= high) {
        low = 0x80;
        high = 0xbf;
        size++;
        follow--;
    }
    *valid = follow == 0;
    return size;
}

bool
text_is_utf8 (stint_bytes_t bytes)
{
    bool valid = true;
    while (bytes.size > 0 && valid) {
        size_t size = text_character (bytes, &valid);
        bytes.data += size;
        bytes.size -= size;
    }
    return valid;
}

size_t
text_width (const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((uint8_t) *text & 0xc0) != 0x80;  //  Not for what continues a character
    return width;
}

//  Returns true for a character that moves the cursor or worse: C0, DEL and C1.
static bool
s_controls (const uint8_t *data, size_t size)
{
    return (size == 1 && (data [0] < 0x20 || data [0] == 0x7f))
           || (size == 2 && data [0] == 0xc2 && data [1] < 0xa0);
}

static stint_bytes_t
s_first_line (stint_bytes_t bytes)
{
    while (bytes.size > 0 && memchr (" \t\r\n", bytes.data [0], 4)) {
        bytes.data++;
        bytes.size--;
    }
    if (bytes.size > 0) {
        const uint8_t *end = memchr (bytes.data, '\n', bytes.size);
        if (end)
            bytes.size = (size_t) (end - bytes.data);
    }
    while (bytes.size > 0 && memchr (" \t\r", bytes.data [bytes.size - 1], 3))
        bytes.size--;

    return bytes;
}

char *
text_first_line (stint_bytes_t bytes, size_t most, char *line, size_t size)
{
    assert (line && size > 4);
    stint_bytes_t rest = s_first_line (bytes);
    size_t at = 0;
    size_t characters = 0;
    size_t cut = 0;  //  Where the dots go when the line turns out too long
    while (rest.size > 0) {
        bool valid;
        size_t taken = text_character (rest, &valid);
        bool shown = valid && !s_controls (rest.data, taken);
        size_t wanted = shown ? taken : 1;
        if (characters == most || at + wanted > size - 1) {
            memcpy (line + cut, "...", 4);
            return line;
        }
        if (shown)
            memcpy (line + at, rest.data, taken);
        else
            line [at] = '?';
        at += wanted;
        characters++;
        if (characters + 3 <= most && at + 4 <= size)
            cut = at;
        rest.data += taken;
        rest.size -= taken;
    }
    line [at] = 0;
    return line;
}

char *
text_next_line (stint_bytes_t *rest, char *line, size_t size)
{
    const uint8_t *end = rest->size > 0 ? memchr (rest->data, '\n', rest->size) : NULL;
    size_t length = end ? (size_t) (end - rest->data) : rest->size;
    text_first_line ((stint_bytes_t){rest->data, length}, size, line, size);
    rest->data += length + (end != NULL);
    rest->size -= length + (end != NULL);
    return line;
}

char *
text_number (uint64_t number, bool grouped, char *line)
{
    char digits [24];
    int length = snprintf (digits, sizeof digits, "%" PRIu64, number);
    char *to = line;
    for (int at = 0; at < length; at++) {
        if (grouped && at > 0 && (length - at) % 3 == 0)
            *to++ = ' ';
        *to++ = digits [at];
    }
    *to = 0;
    return line;
}

char *
text_span (int64_t ms, char *line)
{
    static const struct {
        int64_t worth;      //  Seconds in one
        const char *name;   //  Of the unit
        const char *below;  //  Of the next smaller unit
        int64_t part;       //  Seconds in one of those
    } units [] = {
        {86400, "d", "h", 3600},
        {3600, "h", "min", 60},
        {60, "min", "s", 1},
    };
    int64_t seconds = ms / 1000;
    for (size_t at = 0; at < sizeof units / sizeof units [0]; at++) {
        if (seconds < units [at].worth)
            continue;

        snprintf (line, TEXT_NUMBER_SIZE, "%" PRId64 " %s %" PRId64 " %s",
                  seconds / units [at].worth, units [at].name,
                  seconds % units [at].worth / units [at].part, units [at].below);
        return line;
    }
    if (ms < 1000)
        snprintf (line, TEXT_NUMBER_SIZE, "%" PRId64 " ms", ms < 0 ? 0 : ms);
    else
        snprintf (line, TEXT_NUMBER_SIZE, "%" PRId64 ".%" PRId64 " s", seconds,
                  ms % 1000 / 100);
    return line;
}

char *
text_size (uint64_t size_bytes, char *line)
{
    static const char units [] = "kMGTPE";
    if (size_bytes < 1000) {
        snprintf (line, TEXT_NUMBER_SIZE, "%" PRIu64 " B", size_bytes);
        return line;
    }
    size_t unit = 0;
    uint64_t worth = 1000;
    while (size_bytes / worth >= 1000) {
        worth *= 1000;
        unit++;
    }
    snprintf (line, TEXT_NUMBER_SIZE, "%" PRIu64 ".%" PRIu64 " %cB", size_bytes / worth,
              size_bytes % worth / (worth / 10), units [unit]);
    return line;
}

static size_t
s_least (size_t one, size_t two)
{
    return one < two ? one : two;
}

//  Returns how many letters must be changed, added, dropped or swapped with their
//  neighbour to get from one word to the other (optimal string alignment).
static size_t
s_distance (const char *from, const char *to)
{
    size_t rows [3][NEAREST_MAX + 1];
    size_t width = strlen (to);
    for (size_t at = 0; at <= width; at++)
        rows [0][at] = at;
    for (size_t y = 1; y <= strlen (from); y++) {
        size_t *row = rows [y % 3];
        const size_t *above = rows [(y + 2) % 3];
        const size_t *before = rows [(y + 1) % 3];
        row [0] = y;
        for (size_t x = 1; x <= width; x++) {
            size_t changed = above [x - 1] + (from [y - 1] != to [x - 1]);
            row [x] = s_least (changed, s_least (above [x], row [x - 1]) + 1);
            if (y > 1 && x > 1 && from [y - 1] == to [x - 2] && from [y - 2] == to [x - 1])
                row [x] = s_least (row [x], before [x - 2] + 1);
        }
    }
    return rows [strlen (from) % 3][width];
}

const char *
text_nearest (const char *word, const void *names, size_t count, size_t stride)
{
    const char *nearest = NULL;
    size_t least = (strlen (word) + 2) / 3;
    if (strlen (word) > NEAREST_MAX)
        return NULL;

    for (size_t at = 0; at < count; at++) {
        const char *name;
        memcpy (&name, (const char *) names + at * stride, sizeof name);
        if (!name || strlen (name) > NEAREST_MAX)
            continue;

        size_t distance = s_distance (word, name);
        if (distance <= least && distance < strlen (name)) {
            nearest = name;
            least = distance;
            if (least == 0)
                break;
            least--;
        }
    }
    return nearest;
}
