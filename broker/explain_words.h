//  explain_words: sentences with numbers in them, put together without the C library's help
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_EXPLAIN_WORDS_H
#define BROKER_EXPLAIN_WORDS_H

#include <stddef.h>
#include <stdint.h>

//  A sentence that grows. What does not fit is cut. All zeros is an empty one.

typedef struct {
    char text [1024];  //  With a null at its end
    size_t size;       //  Bytes before that
} words_t;

void words_add (words_t *self, const char *text);
void words_number (words_t *self, uint64_t number);

//  Adds a number, and a noun that gets an s unless there is one of it.
void words_count (words_t *self, uint64_t number, const char *noun);

//  Adds a span of time in its two largest units, rounded down: "850 ms", "12 s", "4 min
//  10 s", "3 h 5 min", "2 d 4 h".
void words_span (words_t *self, uint64_t span_ms);

#endif
