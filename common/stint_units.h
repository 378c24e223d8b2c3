//  stint_units: durations, sizes, counts and yes or no, as people write them
//  SPDX-License-Identifier: MPL-2.0
//
//  Each parser takes the whole text or refuses it: no blanks around it, nothing left
//  over, nothing that overflows. Each formatter writes the shortest text that its parser
//  takes back as the same value.

#ifndef STINT_UNITS_H
#define STINT_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  Bytes that hold whatever a formatter writes, with the final null.
#define STINT_UNITS_SIZE 64

//  Reads a duration such as "500ms", "30s", "2h30m" or "7d" as milliseconds. Units are d,
//  h, m, s and ms, each at most once, the larger first; a number without a unit is
//  refused, except "0". Returns false, and leaves ms alone, when it is none.
bool stint_units_parse_duration (const char *text, int64_t *ms);

//  Reads a size such as "4096", "64k", "16M", "2G" or "1T" as bytes. The units are powers
//  of 1024, capital or small. Returns false, and leaves size_bytes alone, when it is none.
bool stint_units_parse_size (const char *text, int64_t *size_bytes);

//  Reads a rate such as "100/s", "10/m" or "5/h" as how many an hour; "0" is none. Returns
//  false, and leaves hourly alone, when it is none of these.
bool stint_units_parse_rate (const char *text, int64_t *hourly);

//  Reads a whole number from -INT64_MAX to INT64_MAX. Returns false, and leaves count
//  alone, when it is none.
bool stint_units_parse_count (const char *text, int64_t *count);

//  Reads yes, true, on or 1; no, false, off or 0. Returns false, and leaves answer alone,
//  when it is none of them.
bool stint_units_parse_boolean (const char *text, bool *answer);

//  Writes a duration: 90000 as "1m30s", 0 as "0s". The value must not be negative. Each
//  of the formatters returns text, which must have STINT_UNITS_SIZE bytes.
char *stint_units_format_duration (int64_t ms, char *text);

//  Writes a size: 65536 as "64k", 1025 as "1025". The value must not be negative.
char *stint_units_format_size (int64_t size_bytes, char *text);

//  Writes a rate: 360000 as "100/s", 90 as "90/h", 0 as "0". The value must not be
//  negative.
char *stint_units_format_rate (int64_t hourly, char *text);

//  Writes a whole number.
char *stint_units_format_count (int64_t count, char *text);

//  Writes "yes" or "no".
char *stint_units_format_boolean (bool answer, char *text);

#endif
