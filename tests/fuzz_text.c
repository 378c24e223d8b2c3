//  fuzz_text: what people and peers write, through all that reads it or shows it
//  SPDX-License-Identifier: MPL-2.0
//
//  The first octet says what the rest is: 0 a text that may be a duration, a size, a count
//  or a yes, 1 an endpoint, 2 what an answer of the broker holds, 3 bytes for a terminal, 4
//  lines of tasks. Units that are read must come back as they are written; JSON must pass
//  a strict checker and have no octet that is not UTF-8; a line for a terminal must have
//  neither a control character nor more characters than were asked for.

#include "answer.h"
#include "fuzz.h"
#include "input.h"
#include "json.h"
#include "stint_endpoint.h"
#include "stint_pack.h"
#include "stint_units.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

//  ---------------------------------------------------------------------------------
//  Units and endpoints

static void
s_try_units (const char *text)
{
    char written [STINT_UNITS_SIZE];
    int64_t value = -1, again = -1;
    bool answer, same;
    if (stint_units_parse_duration (text, &value)) {
        must (value >= 0, "a duration below zero");
        stint_units_format_duration (value, written);
        must (stint_units_parse_duration (written, &again) && again == value,
              "%s came back as %s", text, written);
    }
    if (stint_units_parse_size (text, &value)) {
        must (value >= 0, "a size below zero");
        stint_units_format_size (value, written);
        must (stint_units_parse_size (written, &again) && again == value,
              "%s came back as %s", text, written);
    }
    if (stint_units_parse_count (text, &value)) {
        stint_units_format_count (value, written);
        must (stint_units_parse_count (written, &again) && again == value,
              "%s came back as %s", text, written);
    }
    if (stint_units_parse_boolean (text, &answer)) {
        stint_units_format_boolean (answer, written);
        must (stint_units_parse_boolean (written, &same) && same == answer,
              "%s came back as %s", text, written);
    }
}

static void
s_try_endpoint (const char *text)
{
    stint_endpoint_t endpoint;
    bool valid = stint_endpoint_is_valid (text);
    stint_status_t status = stint_endpoint_find (&endpoint, text);
    must (strlen (endpoint.address) <= STINT_ENDPOINT_MAX, "an address that is too long");
    if (!*text)
        return;
    must ((status == STINT_OK) == valid, "found and not valid, or the other way round");
    must (!valid || strcmp (endpoint.address, text) == 0, "another endpoint");
}

//  ---------------------------------------------------------------------------------
//  JSON, as RFC 8259 has it

static const char *s_check_value (const char *at, int depth);

static const char *
s_check_string (const char *at)
{
    if (*at++ != '"')
        return NULL;
    while (*at != '"') {
        if ((unsigned char) *at < 0x20)
            return NULL;
        if (*at++ != '\\')
            continue;
        if (*at == 'u') {
            if (strspn (at + 1, "0123456789abcdefABCDEF") < 4)
                return NULL;
            at += 4;
        }
        else if (!*at || !strchr ("\"\\/bfnrt", *at))
            return NULL;
        at++;
    }
    return at + 1;
}

static const char *
s_check_number (const char *at)
{
    at += *at == '-';
    size_t digits = strspn (at, "0123456789");
    if (digits == 0 || (digits > 1 && *at == '0'))
        return NULL;
    return at + digits;
}

static const char *
s_check_word (const char *at)
{
    static const char *const words [] = {"true", "false", "null"};
    for (size_t index = 0; index < 3; index++) {
        if (strncmp (at, words [index], strlen (words [index])) == 0)
            return at + strlen (words [index]);
    }
    return NULL;
}

//  An array or an object.

static const char *
s_check_elements (const char *at, int depth)
{
    bool object = *at++ == '{';
    char close = object ? '}' : ']';
    if (*at == close)
        return at + 1;
    while (at) {
        if (object) {
            at = s_check_string (at);
            if (!at || *at++ != ':')
                return NULL;
        }
        at = s_check_value (at, depth + 1);
        if (!at || *at == close)
            return at ? at + 1 : NULL;
        if (*at++ != ',')
            return NULL;
    }
    return NULL;
}

static const char *
s_check_value (const char *at, int depth)
{
    if (depth > 64)
        return NULL;
    if (*at == '"')
        return s_check_string (at);
    if (*at == '{' || *at == '[')
        return s_check_elements (at, depth);
    if (*at == '-' || (*at >= '0' && *at <= '9'))
        return s_check_number (at);
    return s_check_word (at);
}

//  ---------------------------------------------------------------------------------
//  Answers of the broker, and bytes for a terminal

static void
s_look_up (stint_bytes_t map)
{
    char text [16];
    static const char *const names [] = {"tasks", "groups", "group", "version", "", "id"};
    for (size_t index = 0; index < sizeof names / sizeof names [0]; index++) {
        stint_bytes_t value = answer_value (map, names [index]);
        must (value.size == 0 || stint_pack_valid (value, SIZE_MAX), "a broken value");
        must (answer_has_number (map, names [index])
                  || answer_number (map, names [index]) == 0,
              "a number that is not there");
        answer_text (map, names [index], text, sizeof text);
        must (memchr (text, 0, sizeof text), "a text without an end");
        stint_bytes_t elements = answer_elements (map, names [index]);
        uint32_t count = answer_count (map, names [index]);
        for (uint32_t element = 0; element < count; element++) {
            stint_bytes_t taken = answer_take (&elements);
            must (stint_pack_valid (taken, SIZE_MAX), "a broken element");
            answer_number (taken, "task");
        }
    }
}

static void
s_check_json (const char *json, size_t size)
{
    const char *end = s_check_value (json, 0);
    must (end && end == json + size, "no JSON: %s", json);
    must (text_is_utf8 ((stint_bytes_t){(const uint8_t *) json, size}), "no UTF-8");
}

static void
s_try_answer (stint_bytes_t packed)
{
    char *json = NULL;
    size_t size = 0;
    FILE *file = open_memstream (&json, &size);
    must (file, "no memory");
    bool good = json_put_packed (file, packed, NULL);
    fclose (file);
    must (good == stint_pack_valid (packed, SIZE_MAX), "whether it is well formed");
    s_check_json (json, size);
    free (json);
    if (good)
        s_look_up (packed);
}

static void
s_try_terminal (stint_bytes_t bytes)
{
    char line [64];
    size_t most = bytes.size % 50;
    text_first_line (bytes, most, line, sizeof line);
    for (const char *letter = line; *letter; letter++)
        must ((unsigned char) *letter >= 0x20 && *letter != 0x7f, "a control character");
    must (text_is_utf8 (stint_bytes_of (line)), "a line that is no UTF-8");
    must (text_width (line) <= most || most < 3, "%zu characters, not %zu",
          text_width (line), most);

    char *json = NULL;
    size_t size = 0;
    FILE *file = open_memstream (&json, &size);
    must (file, "no memory");
    fputc ('{', file);
    json_put_body (file, "payload", bytes);
    fputc ('}', file);
    fclose (file);
    s_check_json (json, size);
    free (json);
}

static void
s_try_lines (stint_bytes_t bytes)
{
    int descriptor = memfd_create ("fuzz_text", MFD_CLOEXEC);
    must (descriptor >= 0, "no file in memory");
    must (write (descriptor, bytes.data, bytes.size) == (ssize_t) bytes.size,
          "not written");
    char name [64];
    snprintf (name, sizeof name, "/proc/self/fd/%d", descriptor);
    char *names [] = {name};
    input_t *input = input_new_lines (names, 1, bytes.size % 2 ? '\n' : '\0');
    must (input_check (input), "%s", input_error (input));
    stint_bytes_t task;
    size_t taken = 0;
    input_status_t status;
    while ((status = input_next (input, &task)) == INPUT_TASK)
        taken += task.size + 1;
    must (status == INPUT_END, "%s", input_error (input));
    must (taken == bytes.size || taken == bytes.size + 1, "tasks of %zu bytes", taken);
    input_destroy (&input);
    close (descriptor);
}

int
fuzz_text (const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t *copy = fuzz_copy (data + 1, size - 1);
    char *text = calloc (1, size);
    must (text, "no memory");
    memcpy (text, copy, size - 1);
    stint_bytes_t bytes = {copy, size - 1};
    switch (data [0] % 5) {
        case 0:
            s_try_units (text);
            break;
        case 1:
            s_try_endpoint (text);
            break;
        case 2:
            s_try_answer (bytes);
            break;
        case 3:
            s_try_terminal (bytes);
            break;
        default:
            s_try_lines (bytes);
    }
    free (text);
    free (copy);
    return 0;
}
