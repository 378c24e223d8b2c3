//  explain_words: sentences with numbers in them, put together without the C library's help
//  SPDX-License-Identifier: MPL-2.0

#include "explain_words.h"

#include <string.h>

void
words_add (words_t *self, const char *text)
{
    size_t size = strlen (text);
    size_t room = sizeof self->text - 1 - self->size;
    size = size < room ? size : room;
    memcpy (self->text + self->size, text, size);
    self->size += size;
    self->text [self->size] = 0;
}

void
words_number (words_t *self, uint64_t number)
{
    char digits [24];
    size_t at = sizeof digits - 1;
    digits [at] = 0;
    do {
        digits [--at] = (char) ('0' + number % 10);
        number /= 10;
    } while (number > 0);
    words_add (self, digits + at);
}

void
words_count (words_t *self, uint64_t number, const char *noun)
{
    words_number (self, number);
    words_add (self, " ");
    words_add (self, noun);
    if (number != 1)
        words_add (self, "s");
}

void
words_span (words_t *self, uint64_t span_ms)
{
    static const struct {
        uint64_t span_ms;
        const char *name;
    } units [] = {{86400000, " d"}, {3600000, " h"}, {60000, " min"}, {1000, " s"}};
    if (span_ms < 1000) {
        words_number (self, span_ms);
        words_add (self, " ms");
        return;
    }
    size_t unit = 0;
    while (units [unit].span_ms > span_ms)
        unit++;
    words_number (self, span_ms / units [unit].span_ms);
    words_add (self, units [unit].name);
    uint64_t rest = span_ms % units [unit].span_ms;
    if (unit == 3 || rest < units [unit + 1].span_ms)
        return;
    words_add (self, " ");
    words_number (self, rest / units [unit + 1].span_ms);
    words_add (self, units [unit + 1].name);
}
