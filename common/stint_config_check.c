//  stint_config_check: reads values by their type, compares paths, finds what was meant
//  SPDX-License-Identifier: MPL-2.0

#include "stint_config_inside.h"
#include "stint_units.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

//  -------------------------------------------------------------------------------------
//  Memory

//  Makes room for one element more each time: tables are small and built once.
void *
stint_config_grow (void *array, size_t count, size_t element_size)
{
    assert (count > 0 && element_size > 0);
    void *grown = reallocarray (array, count, element_size);
    if (!grown)
        abort ();

    memset ((char *) grown + (count - 1) * element_size, 0, element_size);
    return grown;
}

char *
stint_config_copy (const char *text, size_t size)
{
    char *copy = strndup (text, size);
    if (!copy)
        abort ();

    return copy;
}

//  -------------------------------------------------------------------------------------
//  Paths

stint_match_t
stint_config_match (const char *pattern, const char *path)
{
    stint_match_t match = {.kind = STINT_MATCH_NONE};
    for (;;) {
        size_t wanted = strcspn (pattern, "/");
        size_t there = strcspn (path, "/");
        match.named = wanted == 1 && *pattern == '*';
        if (match.named) {
            if (there == 0 || there > STINT_CONFIG_NAME_MAX)
                return match;

            memcpy (match.name, path, there);
            match.name [there] = 0;
        }
        else if (wanted != there || memcmp (pattern, path, there) != 0)
            return match;

        pattern += wanted;
        path += there;
        if (!*path) {
            match.kind = *pattern ? STINT_MATCH_SECTION : STINT_MATCH_OPTION;
            match.rest = *pattern ? pattern + 1 : pattern;
            return match;
        }
        if (!*pattern)
            return match;

        pattern++;
        path++;
    }
}

const stint_option_t *
stint_config_option (const stint_config_t *self, const char *path, stint_match_t *match)
{
    for (size_t at = 0; at < self->option_count; at++) {
        *match = stint_config_match (self->options [at]->path, path);
        if (match->kind == STINT_MATCH_OPTION)
            return self->options [at];
    }
    return NULL;
}

void
stint_config_path (const stint_option_t *option, const char *name, char *path)
{
    const char *star = strchr (option->path, '*');
    if (star && name)
        snprintf (path, STINT_CONFIG_PATH_MAX, "%.*s%s%s", (int) (star - option->path),
                  option->path, name, star + 1);
    else
        snprintf (path, STINT_CONFIG_PATH_MAX, "%s", option->path);
}

//  -------------------------------------------------------------------------------------
//  Values

const char *
stint_config_shown (const char *text, size_t size, char *shown)
{
    const size_t room = STINT_CONFIG_SHOWN_MAX - 4;
    size_t used = 0;
    while (used < size && used < room) {
        unsigned char byte = (unsigned char) text [used];
        bool harmless = byte >= 0x20 && byte != 0x7f;
        //  C1 controls, which UTF-8 writes as c2 80 to c2 9f
        if (used && (unsigned char) text [used - 1] == 0xc2 && byte < 0xa0)
            harmless = false;
        shown [used++] = harmless ? (char) byte : '?';
    }
    if (used < size) {
        //  Never half a character
        while (used && ((unsigned char) text [used] & 0xc0) == 0x80)
            used--;
        memcpy (shown + used, "...", 4);
    }
    else
        shown [used] = 0;
    return shown;
}

//  Writes a number as people write values of this option.
static const char *
s_number_text (const stint_option_t *option, int64_t number, char *text)
{
    if (option->type == STINT_OPTION_DURATION)
        return stint_units_format_duration (number, text);
    if (option->type == STINT_OPTION_SIZE)
        return stint_units_format_size (number, text);
    if (option->type == STINT_OPTION_RATE)
        return stint_units_format_rate (number, text);
    return stint_units_format_count (number, text);
}

//  Writes which values an option takes: "from 1 to 4096" or "1 or more".
static void
s_range_text (const stint_option_t *option, char *range, size_t size)
{
    char least [STINT_UNITS_SIZE];
    char most [STINT_UNITS_SIZE];
    s_number_text (option, option->minimum, least);
    if (option->maximum)
        snprintf (range, size, "from %s to %s", least,
                  s_number_text (option, option->maximum, most));
    else
        snprintf (range, size, "%s or more", least);
}

static bool
s_in_range (const stint_option_t *option, int64_t number)
{
    return number >= option->minimum && (!option->maximum || number <= option->maximum);
}

static bool
s_read_number (const stint_option_t *option, const char *text, int64_t *number,
               char *problem)
{
    bool parsed;
    const char *kind;
    if (option->type == STINT_OPTION_DURATION) {
        parsed = stint_units_parse_duration (text, number);
        kind = "a duration such as 500ms, 30s, 5m or 2h30m";
    }
    else if (option->type == STINT_OPTION_SIZE) {
        parsed = stint_units_parse_size (text, number);
        kind = "a size such as 4096, 64k, 16M or 2G";
    }
    else if (option->type == STINT_OPTION_RATE) {
        parsed = stint_units_parse_rate (text, number);
        kind = "a rate such as 100/s, 10/m or 5/h";
    }
    else {
        parsed = stint_units_parse_count (text, number);
        kind = "a whole number";
    }
    if (parsed && s_in_range (option, *number))
        return true;

    char range [2 * STINT_UNITS_SIZE + 16];
    char shown [STINT_CONFIG_SHOWN_MAX];
    s_range_text (option, range, sizeof range);
    stint_config_shown (text, strlen (text), shown);
    if (parsed)
        snprintf (problem, STINT_CONFIG_PROBLEM_MAX, "%s is out of range: %s", shown,
                  range);
    else
        snprintf (problem, STINT_CONFIG_PROBLEM_MAX, "\"%s\" is not %s, %s", shown, kind,
                  range);
    return false;
}

static bool
s_read_boolean (const char *text, int64_t *number, char *problem)
{
    bool answer;
    if (stint_units_parse_boolean (text, &answer)) {
        *number = answer;
        return true;
    }
    char shown [STINT_CONFIG_SHOWN_MAX];
    snprintf (problem, STINT_CONFIG_PROBLEM_MAX, "\"%s\" is neither yes nor no",
              stint_config_shown (text, strlen (text), shown));
    return false;
}

//  Adds to what is in the text, as much as there is room.
static void
s_append (char *text, size_t size, const char *more, size_t more_size)
{
    size_t used = strlen (text);
    snprintf (text + used, size - used, "%.*s", (int) more_size, more);
}

static bool
s_read_choice (const stint_option_t *option, const char *text, int64_t *number,
               char *problem)
{
    size_t size = strlen (text);
    stint_nearest_t nearest = stint_nearest_new (text, size);
    char all [STINT_CONFIG_PROBLEM_MAX / 2] = "";
    const char *next = option->choices;
    for (int64_t index = 0;; index++) {
        size_t length = strcspn (next, "|");
        if (length == size && memcmp (next, text, size) == 0) {
            *number = index;
            return true;
        }
        stint_nearest_offer (&nearest, next, length);
        if (index)
            s_append (all, sizeof all, ", ", 2);
        s_append (all, sizeof all, next, length);
        next += length;
        if (!*next++)
            break;
    }
    char shown [STINT_CONFIG_SHOWN_MAX];
    snprintf (problem, STINT_CONFIG_PROBLEM_MAX, "\"%s\" is not one of %s",
              stint_config_shown (text, size, shown), all);
    if (nearest.best [0]) {
        s_append (problem, STINT_CONFIG_PROBLEM_MAX, "; did you mean \"", 16);
        s_append (problem, STINT_CONFIG_PROBLEM_MAX, nearest.best, sizeof nearest.best);
        s_append (problem, STINT_CONFIG_PROBLEM_MAX, "\"?", 2);
    }
    return false;
}

static bool
s_read_text (const stint_option_t *option, const char *text, int64_t *number, char *problem)
{
    int64_t most = option->maximum ? option->maximum : STINT_CONFIG_TEXT_MAX;
    int64_t size = (int64_t) strlen (text);
    *number = size;
    if (size >= option->minimum && size <= most)
        return true;

    if (size == 0)
        snprintf (problem, STINT_CONFIG_PROBLEM_MAX, "must not be empty");
    else
        snprintf (problem, STINT_CONFIG_PROBLEM_MAX,
                  "has %lld bytes; from %lld to %lld fit", (long long) size,
                  (long long) option->minimum, (long long) most);
    return false;
}

bool
stint_config_read (const stint_option_t *option, const char *text, int64_t *number,
                   char *problem)
{
    switch (option->type) {
        case STINT_OPTION_TEXT:
        case STINT_OPTION_LIST:
            return s_read_text (option, text, number, problem);
        case STINT_OPTION_COUNT:
        case STINT_OPTION_DURATION:
        case STINT_OPTION_SIZE:
        case STINT_OPTION_RATE:
            return s_read_number (option, text, number, problem);
        case STINT_OPTION_BOOLEAN:
            return s_read_boolean (text, number, problem);
        case STINT_OPTION_CHOICE:
            return s_read_choice (option, text, number, problem);
    }
    assert (false);  //  No such type
    return false;
}

//  -------------------------------------------------------------------------------------
//  What was meant

#define NEAREST_MAX 40  //  Longer names are not compared

//  Returns how many letters must be put in, left out, replaced or swapped with their
//  neighbour to make one word the other (optimal string alignment distance).
static size_t
s_distance (const char *one, size_t one_size, const char *other, size_t other_size)
{
    size_t rows [3][NEAREST_MAX + 1];
    size_t *before = rows [0], *above = rows [1], *row = rows [2];
    for (size_t across = 0; across <= other_size; across++)
        above [across] = before [across] = across;

    for (size_t down = 1; down <= one_size; down++) {
        row [0] = down;
        for (size_t across = 1; across <= other_size; across++) {
            bool same = one [down - 1] == other [across - 1];
            size_t least = above [across - 1] + !same;
            if (above [across] + 1 < least)
                least = above [across] + 1;
            if (row [across - 1] + 1 < least)
                least = row [across - 1] + 1;
            if (down > 1 && across > 1 && one [down - 1] == other [across - 2]
                && one [down - 2] == other [across - 1] && before [across - 2] + 1 < least)
                least = before [across - 2] + 1;
            row [across] = least;
        }
        size_t *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return above [other_size];
}

stint_nearest_t
stint_nearest_new (const char *wanted, size_t size)
{
    //  About one letter in three may be wrong, at most three
    size_t allowed = size < 3 ? 1 : (size + 1) / 3;
    if (allowed > 3)
        allowed = 3;
    return (stint_nearest_t){.wanted = wanted, .size = size, .distance = allowed + 1};
}

void
stint_nearest_offer (stint_nearest_t *self, const char *candidate, size_t size)
{
    if (size > NEAREST_MAX || self->size > NEAREST_MAX || size == 0)
        return;

    size_t distance = s_distance (self->wanted, self->size, candidate, size);
    if (distance < self->distance && distance < size) {
        self->distance = distance;
        memcpy (self->best, candidate, size);
        self->best [size] = 0;
    }
}
