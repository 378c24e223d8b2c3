//  steps: the lines in which a program says how far it is
//  SPDX-License-Identifier: MPL-2.0

#include "steps.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE 4096  //  At once
#define READS_A_TURN 16

static bool
s_is_digit (char letter)
{
    return letter >= '0' && letter <= '9';
}

static const char *
s_skip_blanks (const char *at)
{
    return at + strspn (at, " \t");
}

//  Reads "40", "40.5" or "40.5 %" as thousandths; decimals beyond the first are cut off.
//  Returns what stands behind it, or null.

static const char *
s_read_percent (const char *at, uint32_t *thousandths)
{
    uint32_t whole = 0;
    if (!s_is_digit (*at))
        return NULL;
    for (; s_is_digit (*at) && whole <= 100; at++)
        whole = whole * 10 + (uint32_t) (*at - '0');
    *thousandths = whole * 10;
    if (*at == '.' && s_is_digit (at [1])) {
        *thousandths += (uint32_t) (at [1] - '0');
        at += 1 + strspn (at + 1, "0123456789");
    }
    if (*s_skip_blanks (at) == '%')
        at = s_skip_blanks (at) + 1;
    bool ends = *at == 0 || *at == ' ' || *at == '\t';
    return ends && *thousandths <= STINT_NOTE_DONE ? at : NULL;
}

//  Returns the text of a line, or null when it is no such line.

static const char *
s_read_line (const char *line, uint32_t *thousandths)
{
    static const char word [] = "progress";
    const char *at = line + sizeof word - 1;
    if (strncmp (line, word, sizeof word - 1) != 0 || s_skip_blanks (at) == at)
        return NULL;
    at = s_read_percent (s_skip_blanks (at), thousandths);
    return at ? s_skip_blanks (at) : NULL;
}

static void
s_copy (char *to, const char *from, size_t size)
{
    memcpy (to, from, size);
    to [size] = 0;
}

static void
s_end_line (steps_t *self)
{
    if (self->size > 0 && self->line [self->size - 1] == '\r')
        self->size--;
    self->line [self->size] = 0;
    self->size = 0;
    if (!*s_skip_blanks (self->line))
        return;
    uint32_t thousandths = 0;
    const char *text = s_read_line (self->line, &thousandths);
    if (text) {
        self->fresh = true;
        self->done = thousandths;
        s_copy (self->text, text, stint_note_cut (stint_bytes_of (text)).size);
    }
    else if (!self->faulty) {
        self->faulty = true;
        s_copy (self->fault, self->line, strnlen (self->line, sizeof self->fault - 1));
    }
}

void
steps_take (steps_t *self, stint_bytes_t bytes)
{
    while (bytes.size > 0) {
        const uint8_t *end = memchr (bytes.data, '\n', bytes.size);
        size_t size = end ? (size_t) (end - bytes.data) : bytes.size;
        size_t room = STEPS_LINE - 1 - self->size;
        size_t taken = size < room ? size : room;
        memcpy (self->line + self->size, bytes.data, taken);
        self->size += taken;
        if (!end)
            return;
        s_end_line (self);
        bytes.data += size + 1;
        bytes.size -= size + 1;
    }
}

bool
steps_read (steps_t *self, int descriptor)
{
    uint8_t bytes [READ_SIZE];
    for (int reads = 0; reads < READS_A_TURN; reads++) {
        ssize_t size = read (descriptor, bytes, sizeof bytes);
        if (size < 0)
            return errno == EAGAIN || errno == EINTR;
        if (size == 0)
            return false;
        steps_take (self, (stint_bytes_t){bytes, (size_t) size});
    }
    return true;
}
