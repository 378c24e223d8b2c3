//  test_wire_protocol: the code says what PROTOCOL.md says, octet for octet
//  SPDX-License-Identifier: MPL-2.0
//
//  tests/golden/commands.txt has a message of every command, a line each: its name and its
//  octets. They must be written exactly so by this version and every later one, or peers of
//  other versions are lost.

#include "stint_wire.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static stint_writer_t s_writer;  //  Criterion runs each test in a process of its own

//  Opens a file of the source tree, from its root or from below it.

static FILE *
s_open (const char *path)
{
    char name [256];
    const char *up = "../../../";
    for (size_t depth = 0; depth <= 3; depth++) {
        snprintf (name, sizeof name, "%.*s%s", (int) depth * 3, up, path);
        FILE *file = fopen (name, "r");
        if (file)
            return file;
    }
    cr_assert_fail ("%s is not to be found from here", path);
    return NULL;
}

//  ---------------------------------------------------------------------------------
//  Golden messages

//  The fields that golden messages have, by command, besides the list.

static const struct {
    stp_command_t command;
    const char *letters;
} s_golden [] = {
    {STP_PUSH, "rgpsbqt"},   {STP_BATCH, "rgn"},
    {STP_COLLECT, "rbck"},   {STP_CANCEL, "ri"},
    {STP_GROUP, "rgof"},     {STP_QUERY, "rogxac"},
    {STP_RETRY, "rgxba"},    {STP_DROP, "rgxba"},
    {STP_READY, "rwhcnlt"},  {STP_CREDIT, "c"},
    {STP_RESULT, "rt"},      {STP_RETURN, "t"},
    {STP_HEARTBEAT, "uyz"},  {STP_BYE, "m"},
    {STP_ACCEPTED, "rickv"}, {STP_TASK, "gt"},
    {STP_OUTCOME, "bkt"},    {STP_STATE, "rf"},
    {STP_REVOKE, "t"},       {STP_STALE, "t"},
    {STP_FULL, "rdm"},       {STP_ERROR, "rsem"},
    {STP_PROGRESS, "t"},     {STP_WORKER, "ronw"},
    {STP_DRAIN, ""},         {STP_SCHEDULE, "rongqft"},
};

#define GOLDEN (sizeof s_golden / sizeof s_golden [0])

static void
s_write_list (stp_command_t command)
{
    size_t list = stint_wire_list (&s_writer);
    stint_item_t small = {.id = 70000,
                          .fence = 1ull << 33,
                          .number = 2,
                          .verdict = 1,
                          .attempts = 3,
                          .body = {(const uint8_t *) "\0small", 6}};
    stint_wire_put (&s_writer, command, &small);
    static const uint8_t octets [STINT_INLINE_MAX + 1];
    stint_item_t large = {
        .id = 1, .fence = 1, .delay = 300, .frame = 1, .body = {octets, sizeof octets}};
    large.terms = stint_bytes_of ("\x81\xa3key\xa3"
                                  "ann");
    stint_wire_put (&s_writer, command, &large);
    stint_write_array_close (&s_writer, list, 2);
}

static void
s_write_field (stp_command_t command, char letter)
{
    switch (letter) {
        case 't':
            s_write_list (command);
            break;
        case 'h':
            stint_wire_field (&s_writer, 'h');
            stint_write_array (&s_writer, 2);
            stint_write_text (&s_writer, "mail");
            stint_write_text (&s_writer, "resize");
            break;
        case 'f':
        case 'q':
            stint_wire_field (&s_writer, letter);
            stint_write_map (&s_writer, 1);
            stint_write_text (&s_writer, "max_attempts");
            stint_write_number (&s_writer, 5);
            break;
        case 'g':
        case 'n':
        case 'o':
        case 'e':
        case 'm':
            stint_wire_text (&s_writer, letter, "word");
            break;
        default:
            stint_wire_number (&s_writer, letter, (uint64_t) letter << (letter % 4 * 9));
    }
}

static void
s_write_golden (size_t index)
{
    const char *letters = s_golden [index].letters;
    stint_wire_begin (&s_writer, s_golden [index].command, (uint32_t) strlen (letters));
    for (; *letters; letters++)
        s_write_field (s_golden [index].command, *letters);
}

static stint_wire_status_t
s_decode (stint_message_t *message)
{
    static stint_bytes_t frames [2];
    static const uint8_t payload [STINT_INLINE_MAX + 1];
    frames [0] = stint_writer_bytes (&s_writer);
    frames [1] = (stint_bytes_t){payload, sizeof payload};
    return stint_wire_decode (message, frames, 2);
}

static void
s_read_golden (const char *name, char *octets, size_t size)
{
    FILE *file = s_open ("tests/golden/commands.txt");
    char line [1024];
    char other [32];
    bool found = false;
    while (!found && fgets (line, sizeof line, file)) {
        int at = 0;
        if (sscanf (line, "%31s %n", other, &at) == 1 && strcmp (other, name) == 0) {
            snprintf (octets, size, "%s", line + at);
            octets [strcspn (octets, "\n")] = '\0';
            found = true;
        }
    }
    fclose (file);
    cr_assert (found, "%s is missing in tests/golden/commands.txt", name);
}

Test (wire_protocol, every_command_has_the_octets_it_always_had)
{
    for (size_t index = 0; index < GOLDEN; index++) {
        s_write_golden (index);
        const char *name = stint_wire_name (s_golden [index].command);
        char octets [1024] = "";
        for (size_t at = 0; at < s_writer.size; at++)
            snprintf (octets + 2 * at, 3, "%02x", s_writer.data [at]);
        char golden [1024];
        s_read_golden (name, golden, sizeof golden);
        cr_expect_str_eq (octets, golden, "%s is %s", name, octets);

        stint_message_t message;
        cr_assert_eq (s_decode (&message), STINT_WIRE_OK, "%s", name);
        cr_assert_eq (message.command, s_golden [index].command);
        for (const char *letter = s_golden [index].letters; *letter; letter++)
            cr_assert (stint_wire_has (&message, *letter));
        stint_item_t item;
        while (stint_wire_next (&message, &item))
            cr_assert (item.id == 70000 || item.id == 1 || item.id == 0);
        cr_assert (!message.list.bad, "%s", name);
    }
}

//  Numbers of a linear congruential generator (Knuth, MMIX). The seed is printed, and
//  taken from SEED.

static uint64_t
s_seed (void)
{
    uint64_t seed = 0;
    const char *text = getenv ("SEED");
    if (text)
        seed = strtoull (text, NULL, 10);
    else
        cr_assert_eq (getrandom (&seed, sizeof seed, 0), (ssize_t) sizeof seed);
    cr_log_info ("SEED=%llu", (unsigned long long) seed);
    return seed;
}

static uint64_t
s_chance (uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

//  Bodies lie within the message, whatever was done to it. The copy is exactly as long as
//  the message, so that a sanitizer sees each octet read beyond it.

static void
s_read_everything (const uint8_t *octets, size_t size)
{
    uint8_t *copy = malloc (size ? size : 1);
    memcpy (copy, octets, size);
    stint_bytes_t frames [2] = {{copy, size}, {(const uint8_t *) "payload", 7}};
    stint_message_t message;
    if (stint_wire_decode (&message, frames, 2) == STINT_WIRE_OK) {
        stint_item_t item;
        stint_bytes_t group;
        uint64_t sum = 0;
        while (stint_wire_next (&message, &item)) {
            for (size_t at = 0; at < item.body.size; at++)
                sum += item.body.data [at];
        }
        while (stint_wire_next_group (&message, &group))
            sum += group.data [group.size - 1];
        cr_assert_leq (message.fields.size, size);
        cr_assert_neq (sum, UINT64_MAX);
    }
    free (copy);
}

Test (wire_protocol, no_damage_makes_a_message_run_away)
{
    uint64_t seed = s_seed ();
    for (int round = 0; round < 100000; round++) {
        s_write_golden (s_chance (&seed) % GOLDEN);
        uint64_t damage = 1 + s_chance (&seed) % 4;
        while (damage-- > 0)
            s_writer.data [s_chance (&seed) % s_writer.size] = (uint8_t) s_chance (&seed);
        size_t size = s_writer.size;
        if (s_chance (&seed) % 4 == 0)
            size = s_chance (&seed) % (size + 1);
        s_read_everything (s_writer.data, size);
    }
}

//  ---------------------------------------------------------------------------------
//  The tables of PROTOCOL.md

//  One row of a table: its cells, trimmed.

typedef struct {
    char cells [5][1024];  //  Text of each
    int count;             //  How many there are
} s_row_t;

static bool
s_read_row (FILE *file, s_row_t *row)
{
    static char line [8192];
    if (!fgets (line, sizeof line, file))
        return false;
    row->count = 0;
    if (line [0] != '|')
        return true;
    for (char *at = line + 1; *at && *at != '\n' && row->count < 5;) {
        char *end = at + strcspn (at, "|\n");
        snprintf (row->cells [row->count], sizeof row->cells [0], "%.*s",
                  end > at + 2 ? (int) (end - at - 2) : 0, at + 1);
        row->count++;
        at = *end == '|' ? end + 1 : end;
    }
    return true;
}

//  Calls for each row of the commands' tables, with the command's octet.

typedef void (s_row_fn) (unsigned octet, const s_row_t *row);

static unsigned
s_each_command (s_row_fn *function)
{
    FILE *file = s_open ("common/PROTOCOL.md");
    s_row_t row;
    unsigned rows = 0;
    while (s_read_row (file, &row)) {
        const char *cell = row.cells [0];
        if (row.count < 3 || strlen (cell) != 2 || !isxdigit ((unsigned char) cell [0]))
            continue;
        function ((unsigned) strtoul (cell, NULL, 16), &row);
        rows++;
    }
    fclose (file);
    return rows;
}

static bool s_listed [256];

static void
s_check_name (unsigned octet, const s_row_t *row)
{
    cr_expect_str_eq (stint_wire_name ((stp_command_t) octet), row->cells [1]);
    s_listed [octet] = true;
}

Test (wire_protocol, the_code_has_the_commands_of_the_table_and_no_others)
{
    cr_assert_eq (s_each_command (s_check_name), GOLDEN);
    for (unsigned octet = 0; octet < 256; octet++) {
        if (!s_listed [octet])
            cr_expect_str_eq (stint_wire_name ((stp_command_t) octet), "?");
    }
}

//  Collects the letters of a row's fields: those outside of brackets are required.

static void
s_letters (const char *text, char *required)
{
    int depth = 0;
    for (; *text && *text != ';' && *text != ':'; text++) {
        if (*text == '[' || *text == '(')
            depth++;
        else if (*text == ']' || *text == ')')
            depth--;
        else if (text [0] == '`') {
            size_t size = strcspn (text + 1, "`");
            if (size == 1 && depth == 0 && !strchr (required, text [1]))
                strncat (required, text + 1, 1);
            text += size + 1;
        }
    }
}

static void
s_check_required (unsigned octet, const s_row_t *row)
{
    stp_command_t command = (stp_command_t) octet;
    if (command == STP_COLLECT)
        return;  //  Has two rows, one with b and c and one with i
    char required [32] = "";
    s_letters (row->cells [2], required);
    for (size_t left = 0; left <= strlen (required); left++) {
        bool complete = left == strlen (required);
        stint_wire_begin (&s_writer, command, (uint32_t) (strlen (required) - !complete));
        for (size_t index = 0; index < strlen (required); index++) {
            if (index != left)
                s_write_field (command, required [index]);
        }
        stint_message_t message;
        cr_expect_eq (s_decode (&message), complete ? STINT_WIRE_OK : STINT_WIRE_MALFORMED,
                      "%s with %s but without %c", row->cells [1], required,
                      complete ? '-' : required [left]);
    }
}

Test (wire_protocol, the_fields_of_the_table_are_required_and_no_others)
{
    cr_assert_eq (s_each_command (s_check_required), GOLDEN);
}

//  Writes a RETURN with one more field of that letter and type, and returns whether it
//  is understood.

static bool
s_accepts (char letter, const char *type, bool *known)
{
    stint_wire_begin (&s_writer, STP_RETURN, letter == 't' ? 1 : 2);
    if (letter != 't') {
        size_t list = stint_wire_list (&s_writer);
        stint_write_array_close (&s_writer, list, 0);
    }
    stint_wire_field (&s_writer, letter);
    if (strcmp (type, "number") == 0)
        stint_write_number (&s_writer, 1);
    else if (strcmp (type, "text") == 0)
        stint_write_text (&s_writer, "word");
    else if (strcmp (type, "map") == 0)
        stint_write_map (&s_writer, 0);
    else
        stint_write_array (&s_writer, 0);
    stint_message_t message;
    stint_wire_status_t status = s_decode (&message);
    *known = stint_wire_has (&message, letter);
    return status == STINT_WIRE_OK;
}

static void
s_check_letter (char letter, const char *type)
{
    static const char *const types [] = {"number", "text", "map", "array"};
    for (size_t index = 0; index < 4; index++) {
        bool known;
        bool accepted = s_accepts (letter, types [index], &known);
        cr_expect (known, "%c", letter);
        cr_expect_eq (accepted, strncmp (type, types [index], strlen (types [index])) == 0,
                      "%c as %s, documented as %s", letter, types [index], type);
    }
}

Test (wire_protocol, the_code_has_the_letters_of_the_table_and_no_others)
{
    FILE *file = s_open ("common/PROTOCOL.md");
    s_row_t row;
    bool listed [256] = {false};
    while (s_read_row (file, &row)) {
        if (row.count != 3 || row.cells [0][0] != '`' || row.cells [0][2] != '`')
            continue;
        for (const char *at = row.cells [0]; (at = strchr (at, '`')) && at [1]; at += 3) {
            cr_assert_eq (at [2], '`', "%s", row.cells [0]);
            listed [(unsigned char) at [1]] = true;
            s_check_letter (at [1], row.cells [1]);
        }
    }
    fclose (file);
    bool known;
    for (int index = 0; index < 26; index++) {
        char letter = (char) ('a' + index);
        if (!listed [(unsigned char) letter]) {
            cr_expect (s_accepts (letter, "map", &known), "%c", letter);
            cr_expect (!known, "%c is not in PROTOCOL.md", letter);
        }
    }
}

Test (wire_protocol, the_limits_are_those_of_the_text)
{
    FILE *file = s_open ("common/PROTOCOL.md");
    char line [4096];
    bool found = false;
    while (fgets (line, sizeof line, file)) {
        if (strncmp (line, "Header 1 MiB", 12) == 0) {
            found = true;
            char limits [256];
            snprintf (limits, sizeof limits,
                      "Header %zu MiB, %d frames, payload %zu MiB, body in the header %d "
                      "bytes, list %d elements, name %d bytes, text of a failure %d KiB, "
                      "depth %d, window 65536.",
                      STINT_HEADER_MAX >> 20, STINT_FRAMES_MAX, STINT_PAYLOAD_MAX >> 20,
                      STINT_INLINE_MAX, STINT_LIST_MAX, STINT_GROUP_MAX,
                      STINT_ERROR_MAX >> 10, STINT_PACK_DEPTH);
            cr_assert_eq (strncmp (line, limits, strlen (limits)), 0, "%s", limits);
        }
    }
    fclose (file);
    cr_assert (found);
}
