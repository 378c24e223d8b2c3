//  stint_log: one logfmt line on stderr for each event
//  SPDX-License-Identifier: MPL-2.0
//
//      stint_log (STINT_LOG_INFO, "task.dead", stint_field_text ("group", group),
//                 stint_field_number ("id", id));
//
//      2026-11-22T20:55:01.123Z info task.dead group=resize id=812
//
//  The name of an event is a literal, two lower-case words joined by a dot; anything from
//  outside goes into a field, where it is quoted and escaped: no control character, line
//  break or broken UTF-8 ever leaves as it came. When stderr is the journal, its priority
//  stands in place of the time: "<6>info task.dead ...".
//
//  Any thread may log. A line is built on the stack and leaves in one write, at most
//  STINT_LOG_LINE_MAX bytes; a longer value is cut and ends in "...", fields that do not
//  fit are left out and the line ends in cut=yes. A line that stderr did not take is
//  counted, and the next one that leaves says lost=N. Ignore SIGPIPE before logging.
//
//  An event that comes more than STINT_LOG_BURST times in STINT_LOG_WINDOW_MS is counted
//  instead of written; its next line after that says repeated=N. At level debug nothing is
//  folded.

#ifndef STINT_LOG_H
#define STINT_LOG_H

#include "stint.h"

#define STINT_LOG_LINE_MAX 4096    //  PIPE_BUF: lines of several writers never mix
#define STINT_LOG_VALUE_MAX 1024   //  Bytes of one value, as written
#define STINT_LOG_BURST 20         //  Lines of one event that pass in a window
#define STINT_LOG_WINDOW_MS 10000  //  How long a window is

//  How much an event matters; those above the level that was set are dropped.

typedef enum {
    STINT_LOG_ERROR,    //  Something does not work; somebody should look
    STINT_LOG_WARNING,  //  Something odd that was coped with
    STINT_LOG_INFO,     //  What an operator follows: starts, stops, dead tasks
    STINT_LOG_DEBUG     //  What a developer follows
} stint_log_level_t;

typedef enum {
    STINT_FIELD_END,       //  Ends a list of fields
    STINT_FIELD_BYTES,     //  bytes
    STINT_FIELD_NUMBER,    //  number
    STINT_FIELD_SIGNED,    //  integer
    STINT_FIELD_DURATION,  //  integer, milliseconds
    STINT_FIELD_BOOLEAN    //  number, 0 or 1
} stint_field_type_t;

//  One name=value of a line. Made by the functions below and borrowed for the call.

typedef struct {
    const char *name;         //  Lower-case words joined by "_"
    stint_field_type_t type;  //  Which of the values counts
    stint_bytes_t bytes;      //  A text, not ended by a null
    uint64_t number;          //  A count, a size or a number of something
    int64_t integer;          //  A number that may be negative
} stint_field_t;

//  Sets the level; the default is info. Looks whether stderr is the journal. Opens
//  /dev/null on descriptors 0 to 2 that are closed, so that no line ever lands in a file
//  or socket of the program. Once, at the start of a program, before any thread.
void stint_log_start (stint_log_level_t level);

//  Sets the level later on, as a reload does. From any thread.
void stint_log_set_level (stint_log_level_t level);

//  Returns the level of that name: "error", "warning", "info" or "debug". Asserts that it
//  is one of them.
stint_log_level_t stint_log_level (const char *name);

//  Writes one event with any number of fields, or none. The event must be a literal.
#define stint_log(level, ...) STINT_LOG_SPLIT (level, __VA_ARGS__, stint_field_end ())
#define STINT_LOG_SPLIT(level, event, ...)                                                 \
    stint_log_fields ((level), "" event, (const stint_field_t []){__VA_ARGS__})

//  Writes one event at level error, tells all repeats, and ends the process with that exit
//  code at once: no exit handlers run, because other threads may still be at work.
#define stint_log_fatal(code, ...) STINT_LOG_END (code, __VA_ARGS__, stint_field_end ())
#define STINT_LOG_END(code, event, ...)                                                    \
    stint_log_fatal_fields ((code), "" event, (const stint_field_t []){__VA_ARGS__})

//  A text; a null pointer is written as "-".
stint_field_t stint_field_text (const char *name, const char *text);

//  Bytes that are meant as a text; bytes that are none are escaped.
stint_field_t stint_field_bytes (const char *name, stint_bytes_t bytes);

//  A number of something: an id, a count, a size in bytes.
stint_field_t stint_field_number (const char *name, uint64_t number);

//  A number that may be negative.
stint_field_t stint_field_signed (const char *name, int64_t number);

//  A span of milliseconds, written as "1m30s"; a negative one with a minus sign.
stint_field_t stint_field_duration (const char *name, int64_t ms);

//  "yes" or "no".
stint_field_t stint_field_boolean (const char *name, bool answer);

//  The errno of a failed call, as its text: "No space left on device".
stint_field_t stint_field_errno (const char *name, int error);

//  Ends a list of fields.
stint_field_t stint_field_end (void);

//  Writes a line for each event that was folded and whose window is over; all of them
//  when `all` is set. For the end of a program, and for one that may fall silent. Logging
//  anything does the same for the windows that are over.
void stint_log_repeats (bool all);

//  What the macros call. The list ends with stint_field_end ().
void stint_log_fields (stint_log_level_t level, const char *event,
                       const stint_field_t *fields);
_Noreturn void stint_log_fatal_fields (int code, const char *event,
                                       const stint_field_t *fields);

//  As stint_log_fields and stint_log_repeats, with the caller's clock: milliseconds since
//  1970. For tests and the simulator.
void stint_log_fields_at (int64_t now, stint_log_level_t level, const char *event,
                          const stint_field_t *fields);
void stint_log_repeats_at (int64_t now, bool all);

#endif
