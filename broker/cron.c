//  cron: when a schedule runs: a line of five fields, or a span, and a zone
//  SPDX-License-Identifier: MPL-2.0
//
//  Days are counted from 1 January 1970, which was a Thursday, in the Gregorian calendar
//  for all times. It repeats itself after 400 years, which are whole weeks: a line that
//  does not come to run in these never does.

#include "cron.h"

#include <stddef.h>
#include <string.h>

#define DAY_MS ((int64_t) 24 * 60 * CRON_MINUTE_MS)
#define CYCLE_MONTHS (400 * 12 + 1)
#define EVERY_MAX ((int64_t) 366 * DAY_MS)

//  ---------------------------------------------------------------------------------
//  Fields

static const char s_months [] = "janfebmaraprmayjunjulaugsepoctnovdec";
static const char s_weekdays [] = "sunmontuewedthufrisat";

static const struct {
    uint32_t least;
    uint32_t most;
    const char *names;  //  Three letters each, from least on; null: there are none
    const char *fault;
} s_fields [] = {
    {0, 59, NULL,
     "the first field of a line, the minute, is 0 to 59: a number, a range as 10-30, a "
     "step "
     "as */15, a list of these as 0,30, or *"},
    {0, 23, NULL,
     "the second field of a line, the hour, is 0 to 23: a number, a range as 9-17, a step "
     "as */6, a list of these as 6,18, or *"},
    {1, 31, NULL,
     "the third field of a line, the day of the month, is 1 to 31: a number, a range as "
     "1-7, a step as */2, a list of these as 1,15, or *"},
    {1, 12, s_months,
     "the fourth field of a line, the month, is 1 to 12 or jan to dec: a number, a range "
     "as jun-aug, a step as */3, a list of these as 1,7, or *"},
    {0, 7, s_weekdays,
     "the fifth field of a line, the day of the week, is 0 to 7 or sun to sat, 0 and 7 are "
     "Sunday: a number, a range as mon-fri, a list of these as 1,3, or *"},
};

#define FIELDS (sizeof s_fields / sizeof s_fields [0])

typedef struct {
    const uint8_t *at;   //  Next octet
    const uint8_t *end;  //  One past the last
} s_text_t;

static bool
s_take (s_text_t *text, char letter)
{
    if (text->at == text->end || *text->at != (uint8_t) letter)
        return false;
    text->at++;
    return true;
}

static bool
s_is_digit (const s_text_t *text)
{
    return text->at < text->end && *text->at >= '0' && *text->at <= '9';
}

//  Reads a number of at most eight digits.

static bool
s_take_number (s_text_t *text, uint32_t *number)
{
    const uint8_t *begin = text->at;
    *number = 0;
    while (s_is_digit (text) && text->at - begin < 8)
        *number = *number * 10 + (uint32_t) (*text->at++ - '0');
    return text->at > begin && !s_is_digit (text);
}

static bool
s_is_name (const s_text_t *text, const char *name)
{
    if (text->end - text->at < 3)
        return false;
    for (size_t index = 0; index < 3; index++) {
        if ((text->at [index] | 0x20) != (uint8_t) name [index])
            return false;
    }
    return true;
}

//  Reads a number of the field, or a name of one.

static bool
s_take_value (s_text_t *text, size_t field, uint32_t *value)
{
    const char *names = s_fields [field].names;
    for (uint32_t index = 0; names && names [index * 3]; index++) {
        if (s_is_name (text, names + (size_t) index * 3)) {
            text->at += 3;
            *value = s_fields [field].least + index;
            return true;
        }
    }
    return s_take_number (text, value) && *value >= s_fields [field].least
           && *value <= s_fields [field].most;
}

//  Reads one element of a list: "*", "5", "1-5", each with a step or without.

static bool
s_take_range (s_text_t *text, size_t field, uint64_t *bits)
{
    uint32_t from = s_fields [field].least;
    uint32_t to = s_fields [field].most;
    uint32_t step = 1;
    if (!s_take (text, '*')) {
        if (!s_take_value (text, field, &from))
            return false;
        bool range = s_take (text, '-');
        if (range && !s_take_value (text, field, &to))
            return false;
        if (!range && (text->at == text->end || *text->at != '/'))
            to = from;
    }
    if (s_take (text, '/') && (!s_take_number (text, &step) || step == 0))
        return false;
    for (uint64_t value = from; value <= to; value += step)
        *bits |= (uint64_t) 1 << value;
    return from <= to;
}

//  Reads a field. Returns false when it is none.

static bool
s_take_field (s_text_t *text, size_t field, uint64_t *bits)
{
    *bits = 0;
    do {
        if (!s_take_range (text, field, bits))
            return false;
    } while (s_take (text, ','));
    return true;
}

static bool
s_take_blanks (s_text_t *text)
{
    bool any = false;
    while (s_take (text, ' ') || s_take (text, '\t'))
        any = true;
    return any;
}

//  Reads the five fields, and nothing behind them.

static const char *
s_parse_fields (cron_t *self, s_text_t text)
{
    uint64_t bits [FIELDS];
    bool open [FIELDS];  //  Begins with "*"
    for (size_t field = 0; field < FIELDS; field++) {
        if ((field > 0 && !s_take_blanks (&text)) || text.at == text.end)
            return "a line has five fields, \"minute hour day month weekday\", as in "
                   "\"30 7 * * mon-fri\", or is \"@every 90s\", \"@hourly\", \"@daily\", "
                   "\"@weekly\", \"@monthly\" or \"@yearly\"";
        open [field] = *text.at == '*';
        if (!s_take_field (&text, field, &bits [field])
            || (text.at < text.end && *text.at != ' ' && *text.at != '\t'))
            return s_fields [field].fault;
    }
    s_take_blanks (&text);
    if (text.at < text.end)
        return "a line has five fields, and this one has more behind them";
    self->minutes = bits [0];
    self->hours = (uint32_t) bits [1];
    self->days = (uint32_t) bits [2];
    self->months = (uint32_t) bits [3];
    self->weekdays = (uint32_t) (bits [4] | bits [4] >> 7) & 0x7f;
    self->either = !open [2] && !open [4];
    return NULL;
}

//  ---------------------------------------------------------------------------------
//  Days

//  Returns the day that a month of a year begins with (Howard Hinnant, days_from_civil).
//  Months count from 0, and may be beyond their year.

static int64_t
s_month_begin (int64_t month)
{
    int64_t shifted = month - 2;  //  From March
    int64_t year = (shifted >= 0 ? shifted : shifted - 11) / 12;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (shifted - year * 12) + 2) / 5;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

//  Returns the month, from year 0, that a day is in.

static int64_t
s_month_of (int64_t day)
{
    int64_t shifted = day + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    return (year + era * 400) * 12 + (5 * of_year + 2) / 153 + 2;
}

static bool
s_has (uint64_t bits, int64_t index)
{
    return (bits >> index & 1) != 0;
}

static bool
s_is_day (const cron_t *self, int64_t day, int64_t of_month)
{
    bool month = s_has (self->days, of_month);
    bool week = s_has (self->weekdays, ((day + 4) % 7 + 7) % 7);
    return self->either ? month || week : month && week;
}

//  Returns the first day from this one on that a line runs on, or -1: there is none.

static int64_t
s_next_day (const cron_t *self, int64_t day)
{
    int64_t month = s_month_of (day);
    for (int count = 0; count < CYCLE_MONTHS; count++, month++) {
        if (!s_has (self->months, month % 12 + 1))
            continue;
        int64_t begin = s_month_begin (month);
        int64_t end = s_month_begin (month + 1);
        for (int64_t at = day > begin ? day : begin; at < end; at++) {
            if (s_is_day (self, at, at - begin + 1))
                return at;
        }
    }
    return -1;
}

//  Returns the first minute of a day from this one on, or -1: it is another day's.

static int64_t
s_next_minute (const cron_t *self, int64_t minute)
{
    for (; minute < 24 * 60; minute++) {
        if (!s_has (self->hours, minute / 60))
            minute += 59 - minute % 60;
        else if (s_has (self->minutes, minute % 60))
            return minute;
    }
    return -1;
}

int64_t
cron_next (const cron_t *self, int64_t after)
{
    if (self->every_ms > 0) {
        if (after < self->begin)
            return self->begin + self->every_ms;
        return after + self->every_ms - (after - self->begin) % self->every_ms;
    }
    int64_t shift = self->zone * CRON_MINUTE_MS;
    int64_t local = after + shift;
    int64_t day = (local >= 0 ? local : local - DAY_MS + 1) / DAY_MS;
    int64_t minute = s_next_minute (self, (local - day * DAY_MS) / CRON_MINUTE_MS + 1);
    if (s_next_day (self, day) != day || minute < 0) {
        day = s_next_day (self, day + 1);
        minute = s_next_minute (self, 0);
    }
    return day * DAY_MS + minute * CRON_MINUTE_MS - shift;
}

//  ---------------------------------------------------------------------------------
//  Lines

static bool
s_begins (stint_bytes_t line, const char *text)
{
    size_t size = strlen (text);
    return line.size >= size && memcmp (line.data, text, size) == 0;
}

//  Reads a span such as "90s" or "1h30m".

static const char *
s_parse_every (cron_t *self, s_text_t text)
{
    static const char units [] = "smhd";
    static const int64_t spans [] = {1000, 60000, 3600000, DAY_MS};
    s_take_blanks (&text);
    while (text.at < text.end) {
        uint32_t number;
        size_t unit = 0;
        if (!s_take_number (&text, &number))
            break;
        while (units [unit] && !s_take (&text, units [unit]))
            unit++;
        if (!units [unit])
            break;
        self->every_ms += number * spans [unit];
    }
    if (text.at < text.end || self->every_ms < 1000 || self->every_ms > EVERY_MAX)
        return "@every is followed by a span from 1s to 366d, of s, m, h and d, as in "
               "\"@every 90s\" or \"@every 1h30m\"";
    return NULL;
}

static const struct {
    const char *name;
    const char *line;  //  That it stands for
} s_names [] = {
    {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

const char *
cron_parse (cron_t *self, stint_bytes_t line)
{
    *self = (cron_t){.every_ms = 0};
    if (line.size == 0)
        return "a schedule needs a line that says when it runs, as in \"30 7 * * mon-fri\" "
               "or \"@every 90s\"";
    if (line.size > CRON_LINE_MAX)
        return "a line has at most 128 bytes";
    for (size_t index = 0; index < sizeof s_names / sizeof s_names [0]; index++) {
        if (s_begins (line, s_names [index].name)
            && line.size == strlen (s_names [index].name))
            return cron_parse (self, stint_bytes_of (s_names [index].line));
    }
    s_text_t text = {line.data, line.data + line.size};
    if (s_begins (line, "@every ")) {
        text.at += strlen ("@every ");
        return s_parse_every (self, text);
    }
    s_take_blanks (&text);
    const char *fault = s_parse_fields (self, text);
    if (!fault && s_next_day (self, 0) < 0)
        return "this line never runs: none of its months has such a day, as 30 February";
    return fault;
}

const char *
cron_parse_zone (stint_bytes_t text, int64_t *minutes)
{
    const uint8_t *at = text.data;
    *minutes = 0;
    if (text.size == 0 || (text.size == 3 && memcmp (at, "UTC", 3) == 0))
        return NULL;
    bool digits = text.size == 6 && (at [0] == '+' || at [0] == '-') && at [3] == ':';
    for (size_t index = 1; digits && index < 6; index++)
        digits = index == 3 || (at [index] >= '0' && at [index] <= '9');
    if (!digits)
        return "the zone is UTC or a fixed offset such as +02:00: zones with a name, such "
               "as Europe/Berlin, are left out for now, because the broker does not know "
               "when their clocks change";
    int64_t hours = (at [1] - '0') * 10 + at [2] - '0';
    int64_t rest = (at [4] - '0') * 10 + at [5] - '0';
    if (rest > 59 || hours * 60 + rest > CRON_ZONE_MAX)
        return "the offset of a zone is from -14:00 to +14:00";
    *minutes = (at [0] == '-' ? -1 : 1) * (hours * 60 + rest);
    return NULL;
}

void
cron_format_zone (int64_t minutes, char text [CRON_ZONE_SIZE])
{
    int64_t ahead = minutes < 0 ? -minutes : minutes;
    const char zone [] = {minutes < 0 ? '-' : '+',
                          (char) ('0' + ahead / 600),
                          (char) ('0' + ahead / 60 % 10),
                          ':',
                          (char) ('0' + ahead % 60 / 10),
                          (char) ('0' + ahead % 10),
                          '\0'};
    memcpy (text, minutes ? zone : "UTC", minutes ? sizeof zone : 4);
}
