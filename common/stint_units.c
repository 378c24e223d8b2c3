//  stint_units: durations, sizes, counts and yes or no, as people write them
//  SPDX-License-Identifier: MPL-2.0

#include "stint_units.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *name;  //  As it follows the number
    int64_t worth;     //  In the smallest unit
} unit_t;

//  Largest first: that is the order in which a duration is written.
static const unit_t s_durations [] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};

static const unit_t s_sizes [] = {
    {"T", INT64_C (1) << 40},
    {"G", INT64_C (1) << 30},
    {"M", INT64_C (1) << 20},
    {"k", INT64_C (1) << 10},
};

static const unit_t s_rates [] = {{"/s", 3600}, {"/m", 60}, {"/h", 1}};

#define DURATIONS (sizeof s_durations / sizeof s_durations [0])
#define SIZES (sizeof s_sizes / sizeof s_sizes [0])
#define RATES (sizeof s_rates / sizeof s_rates [0])

//  Reads the digits at *text and moves it past them. Returns false when there are none or
//  the number does not fit.
static bool
s_take_digits (const char **text, int64_t *number)
{
    const char *next = *text;
    int64_t sum = 0;
    while (*next >= '0' && *next <= '9') {
        int digit = *next++ - '0';
        if (sum > (INT64_MAX - digit) / 10)
            return false;

        sum = sum * 10 + digit;
    }
    if (next == *text)
        return false;

    *text = next;
    *number = sum;
    return true;
}

//  Adds number times worth to the sum. Returns false when that does not fit.
static bool
s_add (int64_t *sum, int64_t number, int64_t worth)
{
    if (number > (INT64_MAX - *sum) / worth)
        return false;

    *sum += number * worth;
    return true;
}

//  Takes the unit at *text, which must come after the units before `from`. Returns its
//  place, or DURATIONS when there is none.
static size_t
s_take_duration_unit (const char **text, size_t from)
{
    size_t length = strspn (*text, "dhms");
    for (size_t at = from; at < DURATIONS; at++) {
        if (strlen (s_durations [at].name) == length
            && memcmp (s_durations [at].name, *text, length) == 0) {
            *text += length;
            return at;
        }
    }
    return DURATIONS;
}

bool
stint_units_parse_duration (const char *text, int64_t *ms)
{
    assert (text && ms);
    if (strcmp (text, "0") == 0) {
        *ms = 0;
        return true;
    }
    int64_t sum = 0;
    size_t from = 0;
    do {
        int64_t number;
        if (!s_take_digits (&text, &number))
            return false;

        size_t at = s_take_duration_unit (&text, from);
        if (at == DURATIONS || !s_add (&sum, number, s_durations [at].worth))
            return false;

        from = at + 1;
    } while (*text);
    *ms = sum;
    return true;
}

//  Returns what a size is multiplied with for a unit's letter, 0 when it is no unit.
static int64_t
s_size_worth (char letter)
{
    for (size_t at = 0; at < SIZES; at++) {
        char capital = s_sizes [at].name [0] == 'k' ? 'K' : s_sizes [at].name [0];
        if (letter == capital || letter == capital + ('a' - 'A'))
            return s_sizes [at].worth;
    }
    return 0;
}

bool
stint_units_parse_size (const char *text, int64_t *size_bytes)
{
    assert (text && size_bytes);
    int64_t number;
    if (!s_take_digits (&text, &number))
        return false;

    int64_t worth = 1;
    if (*text) {
        worth = s_size_worth (*text);
        if (!worth || text [1])
            return false;
    }
    int64_t sum = 0;
    if (!s_add (&sum, number, worth))
        return false;

    *size_bytes = sum;
    return true;
}

bool
stint_units_parse_rate (const char *text, int64_t *hourly)
{
    assert (text && hourly);
    if (strcmp (text, "0") == 0) {
        *hourly = 0;
        return true;
    }
    int64_t number;
    if (!s_take_digits (&text, &number) || *text != '/')
        return false;

    size_t at = 0;
    while (at < RATES && strcmp (s_rates [at].name, text) != 0)
        at++;
    int64_t sum = 0;
    if (at == RATES || !s_add (&sum, number, s_rates [at].worth))
        return false;

    *hourly = sum;
    return true;
}

bool
stint_units_parse_count (const char *text, int64_t *count)
{
    assert (text && count);
    bool negative = *text == '-';
    if (negative)
        text++;

    int64_t number;
    if (!s_take_digits (&text, &number) || *text)
        return false;

    *count = negative ? -number : number;
    return true;
}

bool
stint_units_parse_boolean (const char *text, bool *answer)
{
    static const char *const words [] = {"no",  "false", "off", "0",
                                         "yes", "true",  "on",  "1"};
    assert (text && answer);
    for (size_t at = 0; at < sizeof words / sizeof words [0]; at++) {
        if (strcmp (text, words [at]) == 0) {
            *answer = at >= 4;
            return true;
        }
    }
    return false;
}

char *
stint_units_format_duration (int64_t ms, char *text)
{
    assert (ms >= 0 && text);
    size_t used = 0;
    for (size_t at = 0; at < DURATIONS; at++) {
        int64_t number = ms / s_durations [at].worth;
        ms %= s_durations [at].worth;
        if (number)
            used += (size_t) snprintf (text + used, STINT_UNITS_SIZE - used,
                                       "%" PRId64 "%s", number, s_durations [at].name);
    }
    if (used == 0)
        snprintf (text, STINT_UNITS_SIZE, "0s");
    return text;
}

char *
stint_units_format_size (int64_t size_bytes, char *text)
{
    assert (size_bytes >= 0 && text);
    for (size_t at = 0; at < SIZES; at++) {
        if (size_bytes && size_bytes % s_sizes [at].worth == 0) {
            snprintf (text, STINT_UNITS_SIZE, "%" PRId64 "%s",
                      size_bytes / s_sizes [at].worth, s_sizes [at].name);
            return text;
        }
    }
    return stint_units_format_count (size_bytes, text);
}

char *
stint_units_format_rate (int64_t hourly, char *text)
{
    assert (hourly >= 0 && text);
    size_t at = 0;
    while (hourly % s_rates [at].worth != 0)
        at++;
    if (hourly == 0)
        return stint_units_format_count (0, text);
    snprintf (text, STINT_UNITS_SIZE, "%" PRId64 "%s", hourly / s_rates [at].worth,
              s_rates [at].name);
    return text;
}

char *
stint_units_format_count (int64_t count, char *text)
{
    assert (text);
    snprintf (text, STINT_UNITS_SIZE, "%" PRId64, count);
    return text;
}

char *
stint_units_format_boolean (bool answer, char *text)
{
    assert (text);
    snprintf (text, STINT_UNITS_SIZE, "%s", answer ? "yes" : "no");
    return text;
}
