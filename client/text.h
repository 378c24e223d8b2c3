//  text: bytes and numbers made fit for the eyes of people
//  SPDX-License-Identifier: MPL-2.0
//
//  Payloads, results and errors come from strangers. What is shown of them on a terminal
//  goes through here, so that no control character and no broken UTF-8 gets there.

#ifndef CLIENT_TEXT_H
#define CLIENT_TEXT_H

#include "stint.h"

//  Bytes that hold what the functions below write of a number, with the final null.
#define TEXT_NUMBER_SIZE 48

//  Returns how many bytes the first character of non-empty bytes takes. When they do not
//  begin with well-formed UTF-8, sets valid to false and returns how many bytes are to be
//  replaced by one U+FFFD (the "maximal subpart" of Unicode 15, chapter 3.9).
size_t text_character (stint_bytes_t bytes, bool *valid);

//  Returns true when the bytes are well-formed UTF-8.
bool text_is_utf8 (stint_bytes_t bytes);

//  Returns how many characters a text has that is well-formed UTF-8.
size_t text_width (const char *text);

//  Writes the first line that is not blank, at most `most` characters of it, with "?" for
//  what cannot be shown and "..." in place of what was cut. The line has size bytes, which
//  may cut it further. Returns line.
char *text_first_line (stint_bytes_t bytes, size_t most, char *line, size_t size);

//  Takes a line away from the beginning of bytes and writes it like text_first_line, cut
//  only by the size bytes of line. Returns line.
char *text_next_line (stint_bytes_t *rest, char *line, size_t size);

//  Writes a number, with a space between groups of three digits when grouped: "12 345".
//  Returns line, which must have TEXT_NUMBER_SIZE bytes; so do the next two.
char *text_number (uint64_t number, bool grouped, char *line);

//  Writes a span of time in its two largest units, rounded down: "850 ms", "12.4 s",
//  "4 min 10 s", "3 h 5 min", "2 d 4 h".
char *text_span (int64_t ms, char *line);

//  Writes a number of bytes: "812 B", "41.2 MB", in powers of 1000.
char *text_size (uint64_t size_bytes, char *line);

//  Returns the one of the count names that is nearest to a mistyped word, or null when
//  none is near: at most a third of its letters wrong, missing, added or swapped. The
//  names stand `stride` bytes apart, each a pointer to a text.
const char *text_nearest (const char *word, const void *names, size_t count, size_t stride);

#endif
