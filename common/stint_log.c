//  stint_log: one logfmt line on stderr for each event
//  SPDX-License-Identifier: MPL-2.0
//
//  This file has the only globals outside a main: the level, where stderr goes, and what
//  was folded or lost. A process has one stderr, so it has one of these; passing them
//  through each module that may log would say the same thing in a hundred signatures.
//  They are atomic, because the threads of libstint and of the store log too. No lock: a
//  thread that is stopped while it logs must not stop the others.

#include "stint_log.h"

#include "stint_units.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FOLDS 64           //  Names of events that can be folded; the others never are
#define TAIL_MAX 96        //  Room that each line keeps for repeated, lost, cut and the end
#define FIELD_NAME_MAX 64  //  Of the name of a field, as written

//  How often one event came. Never given back: the names are literals, so there are few.

typedef struct {
    _Atomic (const char *) event;  //  Its name; null while the place is free
    _Atomic int64_t since;         //  When its window began
    _Atomic uint64_t count;        //  How often it came in this window
    _Atomic uint64_t repeats;      //  How often it was not written, and not told yet
    _Atomic int level;             //  Its level when it was folded last
} fold_t;

static _Atomic int s_level = STINT_LOG_INFO;  //  What is written
static atomic_bool s_journal;                 //  Stderr is the journal
static _Atomic uint64_t s_lost;               //  Lines that stderr did not take
static fold_t s_folds [FOLDS];

//  A line while it is built.

typedef struct {
    char text [STINT_LOG_LINE_MAX];  //  What is there so far, without a null
    size_t used;                     //  How much that is
    bool cut;                        //  Fields were left out
} line_t;

//  A value while it is escaped.

typedef struct {
    char text [STINT_LOG_VALUE_MAX];  //  As it will be written, without its quotes
    size_t used;                      //  How much that is
    bool quoted;                      //  It cannot stand without quotes
} value_t;

static const char *const s_levels [] = {"error", "warning", "info", "debug"};

//  -------------------------------------------------------------------------------------
//  Values

//  Returns how many bytes the UTF-8 character at the head has and sets its code point; 0
//  when the bytes are not UTF-8 (RFC 3629: no surrogates, nothing longer than needed).
static size_t
s_take_character (const uint8_t *data, size_t size, uint32_t *code)
{
    static const uint32_t least [] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t head = data [0];
    if (head < 0x80) {
        *code = head;
        return 1;
    }
    size_t length = head >= 0xf0 ? 4 : head >= 0xe0 ? 3 : 2;
    if (head < 0xc0 || head > 0xf4 || length > size)
        return 0;

    uint32_t sum = head & (0x7fu >> length);
    for (size_t at = 1; at < length; at++) {
        if ((data [at] & 0xc0) != 0x80)
            return 0;

        sum = sum << 6 | (data [at] & 0x3fu);
    }
    if (sum < least [length] || sum > 0x10ffff || (sum >= 0xd800 && sum <= 0xdfff))
        return 0;

    *code = sum;
    return length;
}

//  Returns true for what is not to be seen but does something to a terminal or to the
//  order of the text around it: controls, separators of lines, marks of direction.
static bool
s_hidden (uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f)
           || (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e)
           || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

//  Writes how a character that cannot stand for itself is escaped. Eight bytes will do.
static void
s_escape (char *escape, uint32_t code, bool is_byte)
{
    if (code == '\n' || code == '\r' || code == '\t')
        snprintf (escape, 8, "\\%c", code == '\n' ? 'n' : code == '\r' ? 'r' : 't');
    else if (code == '"' || code == '\\')
        snprintf (escape, 8, "\\%c", (char) code);
    else if (is_byte || code < 0x80)
        snprintf (escape, 8, "\\x%02x", (unsigned) code & 0xff);
    else
        snprintf (escape, 8, "\\u%04x", (unsigned) code & 0xffff);
}

//  Adds the next character of the bytes to the value. Returns how many bytes that took, 0
//  when the value is full.
static size_t
s_value_add (value_t *self, const uint8_t *data, size_t size)
{
    uint32_t code = data [0];
    size_t taken = s_take_character (data, size, &code);
    bool plain = taken > 0 && code != '"' && code != '\\' && !s_hidden (code);
    char escape [8];
    if (!plain)
        s_escape (escape, code, taken == 0);

    size_t length = plain ? taken : strlen (escape);
    if (self->used + length > sizeof self->text - 3)
        return 0;

    memcpy (self->text + self->used, plain ? (const char *) data : escape, length);
    self->used += length;
    self->quoted = self->quoted || !plain || code == ' ' || code == '=';
    return taken ? taken : 1;
}

//  Escapes the bytes, at most as many as a value may have.
static void
s_value_set (value_t *self, stint_bytes_t bytes)
{
    //  A lone dash is what a null pointer is written as
    self->quoted = bytes.size == 0 || (bytes.size == 1 && bytes.data [0] == '-');
    self->used = 0;
    size_t at = 0;
    while (at < bytes.size) {
        size_t taken = s_value_add (self, bytes.data + at, bytes.size - at);
        if (taken == 0) {
            memcpy (self->text + self->used, "...", 3);
            self->used += 3;
            return;
        }
        at += taken;
    }
}

static void
s_value_set_plain (value_t *self, const char *text)
{
    self->quoted = false;
    self->used = strlen (text);
    assert (self->used < sizeof self->text);
    memcpy (self->text, text, self->used);
}

//  -------------------------------------------------------------------------------------
//  Lines

//  Adds text that needs no escape. The caller has seen to the room.
static void
s_line_add (line_t *self, const char *text, size_t size)
{
    assert (self->used + size <= sizeof self->text);
    memcpy (self->text + self->used, text, size);
    self->used += size;
}

static void
s_line_add_text (line_t *self, const char *text)
{
    s_line_add (self, text, strlen (text));
}

static void
s_line_add_number (line_t *self, const char *name, uint64_t number)
{
    char text [48];
    snprintf (text, sizeof text, " %s=%" PRIu64, name, number);
    s_line_add_text (self, text);
}

//  Starts a line with the time or the journal's priority, the level and the event.
static void
s_line_start (line_t *self, int64_t now, stint_log_level_t level, const char *event)
{
    static const char *const priorities [] = {"<3>", "<4>", "<6>", "<7>"};
    char stamp [48] = "";
    if (!atomic_load (&s_journal)) {
        time_t seconds = (time_t) (now / 1000);
        struct tm day;
        size_t used = 0;
        if (gmtime_r (&seconds, &day))
            used = strftime (stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &day);
        snprintf (stamp + used, sizeof stamp - used, ".%03uZ ", (unsigned) (now % 1000));
    }
    self->used = 0;
    self->cut = false;
    s_line_add_text (self, stamp [0] ? stamp : priorities [level]);
    s_line_add_text (self, s_levels [level]);
    s_line_add_text (self, " ");
    s_line_add (self, event, strnlen (event, FIELD_NAME_MAX));
}

//  Copies the name of a field, with "_" for what would break the line.
static size_t
s_name (char *text, const char *name)
{
    size_t used = 0;
    for (; used < FIELD_NAME_MAX && name [used]; used++) {
        char letter = name [used];
        bool fits = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')
                    || (letter >= '0' && letter <= '9') || letter == '.' || letter == '-';
        text [used] = fits ? letter : '_';
    }
    return used;
}

static void
s_on_duration (value_t *value, int64_t ms)
{
    char text [STINT_UNITS_SIZE + 1] = "-";
    bool negative = ms < 0;
    if (ms == INT64_MIN)
        ms++;  //  Has no positive counterpart; a millisecond in 300 million years
    stint_units_format_duration (negative ? -ms : ms, text + negative);
    s_value_set_plain (value, text);
}

static void
s_on_number (value_t *value, const stint_field_t *field)
{
    char text [32];
    if (field->type == STINT_FIELD_SIGNED)
        snprintf (text, sizeof text, "%" PRId64, field->integer);
    else
        snprintf (text, sizeof text, "%" PRIu64, field->number);
    s_value_set_plain (value, text);
}

//  Writes the value of a field as it stands in the line, without its quotes.
static void
s_field_value (value_t *value, const stint_field_t *field)
{
    switch (field->type) {
        case STINT_FIELD_BYTES:
            if (field->bytes.data)
                s_value_set (value, field->bytes);
            else
                s_value_set_plain (value, "-");
            break;
        case STINT_FIELD_NUMBER:
        case STINT_FIELD_SIGNED:
            s_on_number (value, field);
            break;
        case STINT_FIELD_DURATION:
            s_on_duration (value, field->integer);
            break;
        case STINT_FIELD_BOOLEAN:
            s_value_set_plain (value, field->number ? "yes" : "no");
            break;
        case STINT_FIELD_END:
            assert (false);  //  The list ended here
    }
}

//  Adds a field, or notes that it did not fit.
static void
s_line_add_field (line_t *self, const stint_field_t *field)
{
    char name [FIELD_NAME_MAX];
    size_t name_size = s_name (name, field->name);
    value_t value;
    value.used = 0;
    s_field_value (&value, field);

    size_t wanted = 1 + name_size + 1 + value.used + 2;
    if (self->used + wanted > sizeof self->text - TAIL_MAX) {
        self->cut = true;
        return;
    }
    s_line_add_text (self, " ");
    s_line_add (self, name, name_size);
    s_line_add_text (self, value.quoted ? "=\"" : "=");
    s_line_add (self, value.text, value.used);
    s_line_add_text (self, value.quoted ? "\"" : "");
}

//  Ends the line and lets it out in one write. Keeps errno for the caller.
static void
s_line_send (line_t *self, uint64_t repeats)
{
    uint64_t lost = atomic_exchange (&s_lost, 0);
    if (repeats)
        s_line_add_number (self, "repeated", repeats);
    if (lost)
        s_line_add_number (self, "lost", lost);
    if (self->cut)
        s_line_add_text (self, " cut=yes");
    s_line_add_text (self, "\n");

    int error = errno;
    ssize_t written;
    do
        written = write (STDERR_FILENO, self->text, self->used);
    while (written == -1 && errno == EINTR);
    if (written != (ssize_t) self->used)
        atomic_fetch_add (&s_lost, lost + 1);
    errno = error;
}

//  -------------------------------------------------------------------------------------
//  Repeats

//  Returns the place of the event, a new one when it never came before. Null when the
//  table is full: such an event is never folded.
static fold_t *
s_fold (const char *event)
{
    uint32_t hash = 2166136261u;  //  FNV-1a
    for (const char *letter = event; *letter; letter++)
        hash = (hash ^ (uint8_t) *letter) * 16777619u;

    for (uint32_t probe = 0; probe < FOLDS; probe++) {
        fold_t *fold = &s_folds [(hash + probe) % FOLDS];
        const char *there = NULL;
        if (atomic_compare_exchange_strong (&fold->event, &there, event)
            || strcmp (there, event) == 0)
            return fold;
    }
    return NULL;
}

static bool
s_window_is_over (int64_t since, int64_t now)
{
    return now < since || now - since >= STINT_LOG_WINDOW_MS;
}

//  Returns true when the event may be written now, and sets how many were not before it.
static bool
s_fold_admits (fold_t *self, int64_t now, stint_log_level_t level, uint64_t *repeats)
{
    int64_t since = atomic_load (&self->since);
    if (s_window_is_over (since, now)
        && atomic_compare_exchange_strong (&self->since, &since, now)) {
        atomic_store (&self->count, 1);
        *repeats = atomic_exchange (&self->repeats, 0);
        return true;
    }
    if (atomic_fetch_add (&self->count, 1) < STINT_LOG_BURST)
        return true;

    atomic_store (&self->level, (int) level);
    atomic_fetch_add (&self->repeats, 1);
    return false;
}

void
stint_log_repeats_at (int64_t now, bool all)
{
    for (size_t at = 0; at < FOLDS; at++) {
        fold_t *fold = &s_folds [at];
        const char *event = atomic_load (&fold->event);
        if (!event || (!all && !s_window_is_over (atomic_load (&fold->since), now)))
            continue;

        uint64_t repeats = atomic_exchange (&fold->repeats, 0);
        if (repeats) {
            line_t line;
            s_line_start (&line, now, (stint_log_level_t) atomic_load (&fold->level),
                          event);
            s_line_send (&line, repeats);
        }
    }
}

//  -------------------------------------------------------------------------------------
//  Calls

void
stint_log_fields_at (int64_t now, stint_log_level_t level, const char *event,
                     const stint_field_t *fields)
{
    assert (event && fields && level >= STINT_LOG_ERROR && level <= STINT_LOG_DEBUG);
    int most = atomic_load (&s_level);
    if ((int) level > most)
        return;

    uint64_t repeats = 0;
    fold_t *fold = most == STINT_LOG_DEBUG ? NULL : s_fold (event);
    if (fold && !s_fold_admits (fold, now, level, &repeats))
        return;

    line_t line;
    s_line_start (&line, now, level, event);
    for (; fields->type != STINT_FIELD_END; fields++)
        s_line_add_field (&line, fields);
    s_line_send (&line, repeats);
    stint_log_repeats_at (now, false);
}

//  Returns the time. The one place where logging asks for it.
static int64_t
s_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
stint_log_fields (stint_log_level_t level, const char *event, const stint_field_t *fields)
{
    if ((int) level <= atomic_load (&s_level))
        stint_log_fields_at (s_now (), level, event, fields);
}

void
stint_log_repeats (bool all)
{
    stint_log_repeats_at (s_now (), all);
}

void
stint_log_fatal_fields (int code, const char *event, const stint_field_t *fields)
{
    stint_log_repeats (true);

    //  Not through the folding: why the process ends is never left out
    line_t line;
    s_line_start (&line, s_now (), STINT_LOG_ERROR, event);
    for (; fields->type != STINT_FIELD_END; fields++)
        s_line_add_field (&line, fields);
    s_line_send (&line, 0);
    _exit (code);
}

//  Returns true when stderr is the stream that systemd connected to the journal. The
//  variable alone does not say so: it is inherited by programs whose stderr is a file.
static bool
s_stderr_is_journal (void)
{
    const char *stream = getenv ("JOURNAL_STREAM");
    struct stat status;
    if (!stream || fstat (STDERR_FILENO, &status) != 0)
        return false;

    char expected [64];
    snprintf (expected, sizeof expected, "%ju:%ju", (uintmax_t) status.st_dev,
              (uintmax_t) status.st_ino);
    return strcmp (stream, expected) == 0;
}

void
stint_log_start (stint_log_level_t level)
{
    int descriptor;
    do
        descriptor = open ("/dev/null", O_RDWR | O_CLOEXEC);
    while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    if (descriptor > STDERR_FILENO)
        close (descriptor);

    atomic_store (&s_journal, s_stderr_is_journal ());
    stint_log_set_level (level);
}

void
stint_log_set_level (stint_log_level_t level)
{
    assert (level >= STINT_LOG_ERROR && level <= STINT_LOG_DEBUG);
    atomic_store (&s_level, (int) level);
}

stint_log_level_t
stint_log_level (const char *name)
{
    int level = STINT_LOG_ERROR;
    while (strcmp (s_levels [level], name) != 0) {
        level++;
        assert (level <= STINT_LOG_DEBUG);
    }
    return (stint_log_level_t) level;
}

stint_field_t
stint_field_text (const char *name, const char *text)
{
    stint_bytes_t bytes = {(const uint8_t *) text, text ? strlen (text) : 0};
    return (stint_field_t){.name = name, .type = STINT_FIELD_BYTES, .bytes = bytes};
}

stint_field_t
stint_field_bytes (const char *name, stint_bytes_t bytes)
{
    if (!bytes.data)
        bytes = stint_bytes_of ("");
    return (stint_field_t){.name = name, .type = STINT_FIELD_BYTES, .bytes = bytes};
}

stint_field_t
stint_field_number (const char *name, uint64_t number)
{
    return (stint_field_t){.name = name, .type = STINT_FIELD_NUMBER, .number = number};
}

stint_field_t
stint_field_signed (const char *name, int64_t number)
{
    return (stint_field_t){.name = name, .type = STINT_FIELD_SIGNED, .integer = number};
}

stint_field_t
stint_field_duration (const char *name, int64_t ms)
{
    return (stint_field_t){.name = name, .type = STINT_FIELD_DURATION, .integer = ms};
}

stint_field_t
stint_field_boolean (const char *name, bool answer)
{
    return (stint_field_t){.name = name, .type = STINT_FIELD_BOOLEAN, .number = answer};
}

stint_field_t
stint_field_errno (const char *name, int error)
{
    const char *text = strerrordesc_np (error);
    return stint_field_text (name, text ? text : "unknown error");
}

stint_field_t
stint_field_end (void)
{
    return (stint_field_t){.type = STINT_FIELD_END};
}
