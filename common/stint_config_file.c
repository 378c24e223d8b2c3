//  stint_config_file: loads a ZPL file into a configuration
//  SPDX-License-Identifier: MPL-2.0
//
//  ZPL (ZeroMQ RFC 4) is one "name = value" or "name" a line, four spaces for each level.
//  CZMQ's zconfig reads it, but has no line numbers, gives up at the first fault, tells it
//  to a log, and takes "name = # comment" for a value. So three steps:
//
//  1. Each line is looked at by itself. What is wrong becomes a fault with its number; it
//     is left out, and so is what stands below it. What remains is a text without faults.
//  2. zconfig reads that text. Its items come in the order of the lines, so the number of
//     an item is the number of its line in a table.
//  3. Each item is looked up in the table of options.

#include "stint_config_inside.h"

#include <assert.h>
#include <czmq.h>

#define FILE_SIZE_MAX (1 << 20)

//  zconfig destroys siblings by recursion, and each added one walks over all before it.
#define FILE_LINES_MAX 10000

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789$-_@.&+"

//  One line that zconfig was given.

typedef struct {
    unsigned number;  //  In the file, from 1
    unsigned level;   //  0 is not indented
    bool assigned;    //  It has a "="
} line_t;

typedef struct {
    stint_config_t *config;  //  What is loaded
    const char *filename;    //  For faults
    char *clean;             //  The text for zconfig
    size_t clean_size;       //  Its length
    line_t *lines;           //  The lines in it
    size_t line_count;       //  How many
    size_t item;             //  The item that comes next
    bool confused;           //  zconfig saw something else than we did

    //  While lines and then items go by:
    unsigned level_before;  //  Level of the line before
    bool first;             //  There was none
    unsigned ignored;       //  What is deeper than this is left out
    bool below_setting;     //  ... because it stands below a setting
    char names [STINT_CONFIG_LEVELS][STINT_CONFIG_NAME_MAX + 1];  //  Where an item stands
} reader_t;

//  -------------------------------------------------------------------------------------
//  Step 1: lines

static void
s_line_fault (reader_t *self, unsigned number, const char *what)
{
    stint_config_fault_add (self->config, false, "%s:%u: %s", self->filename, number, what);
}

//  As s_line_fault, with a piece of the file first: between quotes, unless it has some.
static void
s_line_fault_about (reader_t *self, unsigned number, const char *text, size_t size,
                    const char *what)
{
    char shown [STINT_CONFIG_SHOWN_MAX];
    stint_config_shown (text, size, shown);
    const char *quote = strpbrk (shown, "\"'") ? "" : "\"";
    stint_config_fault_add (self->config, false, "%s:%u: %s%s%s %s", self->filename, number,
                            quote, shown, quote, what);
}

//  Returns where the value after a "=" ends and its comment begins. Null after a fault.
static const char *
s_scan_value (reader_t *self, unsigned number, const char *value)
{
    value += strspn (value, " ");
    if (*value == '#') {
        s_line_fault (self, number,
                      "no value before the comment; an empty one is written \"\"");
        return NULL;
    }
    if (*value != '"' && *value != '\'')
        return value + strcspn (value, "#");

    const char *end = strchr (value + 1, *value);
    if (!end) {
        s_line_fault_about (self, number, value, strlen (value),
                            "begins with a quote that is not closed");
        return NULL;
    }
    end++;
    end += strspn (end, " ");
    if (*end && *end != '#') {
        s_line_fault_about (self, number, end, strlen (end),
                            "stands after the closing quote");
        return NULL;
    }
    return end;
}

//  Returns where the comment of a line begins, or its end. Null after a fault.
static const char *
s_scan_setting (reader_t *self, unsigned number, const char *text, bool *assigned)
{
    size_t length = strspn (text, NAME_LETTERS);
    const char *end = text + length + strspn (text + length, " ");
    *assigned = *end == '=';
    if (length > STINT_CONFIG_NAME_MAX) {
        s_line_fault_about (self, number, text, length, "is too long for a name");
        return NULL;
    }
    if (length && *assigned)
        return s_scan_value (self, number, end + 1);
    if (length && (!*end || *end == '#'))
        return end;

    if (strchr (text, '\t'))
        s_line_fault (self, number, "a tab; ZPL wants spaces");
    else
        s_line_fault_about (self, number, text, strlen (text),
                            "is not written as NAME or NAME = VALUE");
    return NULL;
}

//  Reads how deep a line is indented. Returns false after a fault, with the level that was
//  probably meant, so that the lines after it are still looked at.
static bool
s_scan_level (reader_t *self, line_t *line, const char *text, size_t blanks)
{
    size_t tabs = 0;
    for (size_t at = 0; at < blanks; at++)
        tabs += text [at] == '\t';
    unsigned deepest = self->first ? 0 : self->level_before + 1;
    line->level = (unsigned) (tabs + (blanks - tabs + 2) / 4);
    bool fits = tabs == 0 && blanks % 4 == 0 && line->level <= deepest
                && line->level < STINT_CONFIG_LEVELS;

    if (tabs)
        s_line_fault (self, line->number, "a tab; ZPL wants four spaces a level");
    else if (blanks % 4)
        stint_config_fault_add (self->config, false,
                                "%s:%u: indented by %zu spaces; ZPL wants four a level",
                                self->filename, line->number, blanks);
    else if (!fits)
        s_line_fault (self, line->number,
                      "indented too deep: there is no section that it belongs to");
    if (line->level > deepest)
        line->level = deepest;
    return fits;
}

static bool
s_scan_letters (reader_t *self, unsigned number, const char *text, const char *end)
{
    for (; text < end; text++) {
        unsigned char letter = (unsigned char) *text;
        if (letter < 0x20 || letter == 0x7f) {
            s_line_fault (self, number,
                          letter == '\t' ? "a tab; ZPL wants spaces"
                                         : "a control character");
            return false;
        }
    }
    return true;
}

//  Hands a line over to zconfig.
static void
s_keep_line (reader_t *self, const line_t *line, const char *text)
{
    size_t size = strlen (text);
    memcpy (self->clean + self->clean_size, text, size);
    self->clean_size += size;
    self->clean [self->clean_size++] = '\n';
    self->lines =
        stint_config_grow (self->lines, self->line_count + 1, sizeof *self->lines);
    self->lines [self->line_count++] = *line;
}

static void
s_scan_line (reader_t *self, unsigned number, const char *text)
{
    size_t blanks = strspn (text, " \t");
    if (!text [blanks] || text [blanks] == '#')
        return;

    line_t line = {.number = number};
    bool level_fits = s_scan_level (self, &line, text, blanks);
    const char *end = s_scan_setting (self, number, text + blanks, &line.assigned);
    bool fits = end && s_scan_letters (self, number, text + blanks, end) && level_fits;

    bool left_out = line.level > self->ignored;
    if (!left_out)
        self->ignored = fits ? UINT_MAX : line.level;
    if (fits && !left_out)
        s_keep_line (self, &line, text);
    self->level_before = line.level;
    self->first = false;
}

//  Looks at each line of the text, which it takes apart. Returns false when there are too
//  many.
static bool
s_scan (reader_t *self, char *text)
{
    if (memcmp (text, "\xef\xbb\xbf", 3) == 0)
        text += 3;  //  The byte order mark that some editors write

    unsigned number = 0;
    while (*text) {
        if (++number > FILE_LINES_MAX)
            return false;

        size_t size = strcspn (text, "\n");
        char *next = text [size] ? text + size + 1 : text + size;
        text [size] = 0;
        if (size && text [size - 1] == '\r')
            text [size - 1] = 0;
        s_scan_line (self, number, text);
        text = next;
    }
    return true;
}

//  -------------------------------------------------------------------------------------
//  Step 3: items

//  Writes the path of the item at a level, of as many names as asked for.
static void
s_path (reader_t *self, unsigned names, char *path)
{
    size_t used = 0;
    path [0] = 0;
    for (unsigned level = 0; level < names; level++)
        used += (size_t) snprintf (path + used, STINT_CONFIG_PATH_MAX - used, "%s%s",
                                   level ? "/" : "", self->names [level]);
}

//  Writes what a section is called in a fault: "a group" for a named one.
static void
s_section_text (reader_t *self, const stint_match_t *section, unsigned level, char *text,
                size_t size)
{
    if (!section->named || level < 2) {
        snprintf (text, size, "%s", self->names [level - 1]);
        return;
    }
    const char *plural = self->names [level - 2];
    size_t length = strlen (plural);
    length -= length > 1 && plural [length - 1] == 's';
    snprintf (text, size, "%s %.*s", strchr ("aeiou", plural [0]) ? "an" : "a",
              (int) length, plural);
}

//  Returns a path of the table that ends in the name; null when there is none.
static const char *
s_elsewhere (reader_t *self, const char *name)
{
    for (size_t at = 0; at < self->config->option_count; at++) {
        const char *path = self->config->options [at]->path;
        const char *slash = strrchr (path, '/');
        if (slash && strcmp (slash + 1, name) == 0)
            return path;
    }
    return NULL;
}

//  Adds the fault for a name that the table does not have.
static void
s_on_unknown (reader_t *self, const line_t *line, const char *name)
{
    char parent [STINT_CONFIG_PATH_MAX];
    s_path (self, line->level, parent);
    stint_nearest_t nearest = stint_nearest_new (name, strlen (name));
    stint_match_t section = {.kind = STINT_MATCH_NONE};
    for (size_t at = 0; at < self->config->option_count; at++) {
        const char *rest = self->config->options [at]->path;
        if (!strchr (rest, '/'))
            continue;  //  A flag alone
        if (line->level) {
            stint_match_t match = stint_config_match (rest, parent);
            if (match.kind != STINT_MATCH_SECTION)
                continue;
            section = match;
            rest = match.rest;
        }
        stint_nearest_offer (&nearest, rest, strcspn (rest, "/"));
    }
    char what [STINT_CONFIG_NAME_MAX + 16];
    if (line->level)
        s_section_text (self, &section, line->level, what, sizeof what);
    const char *meant = nearest.best [0] ? nearest.best : s_elsewhere (self, name);
    char shown [STINT_CONFIG_SHOWN_MAX];
    stint_config_shown (name, strlen (name), shown);
    stint_config_fault_add (self->config, false, "%s:%u: \"%s\" is not a %s%s%s%s%s",
                            self->filename, line->number, shown,
                            line->level ? "setting of " : "section",
                            line->level ? what : "", meant ? "; did you mean \"" : "",
                            meant ? meant : "", meant ? "\"?" : "");
}

//  Adds the fault for a value or a section that the same file had before.
static void
s_on_twice (reader_t *self, const line_t *line, const char *name, unsigned before)
{
    char shown [STINT_CONFIG_SHOWN_MAX];
    stint_config_fault_add (self->config, false, "%s:%u: \"%s\" is already in line %u",
                            self->filename, line->number,
                            stint_config_shown (name, strlen (name), shown), before);
}

static void
s_on_section (reader_t *self, const line_t *line, const char *name,
              const stint_match_t *match)
{
    if (line->assigned) {
        s_line_fault_about (self, line->number, name, strlen (name),
                            "is a section; it takes no value");
        return;
    }
    if (!match->named)
        return;

    char parent [STINT_CONFIG_PATH_MAX];
    s_path (self, line->level, parent);
    stint_section_t *section = stint_config_section (self->config, parent, name);
    if (section->round == self->config->round) {
        s_on_twice (self, line, name, section->line);
        self->ignored = line->level;
        return;
    }
    section->round = self->config->round;
    section->line = line->number;
}

static void
s_on_setting (reader_t *self, const line_t *line, const char *text,
              const stint_option_t *option, const stint_match_t *match)
{
    const char *name = self->names [line->level];
    self->ignored = line->level;
    self->below_setting = true;
    if (!line->assigned) {
        s_line_fault_about (self, line->number, name, strlen (name),
                            "has no value; it is written NAME = VALUE");
        return;
    }
    const char *section = match->name [0] ? match->name : NULL;
    stint_value_t *value = stint_config_value (self->config, option, section);
    unsigned round = self->config->round;
    if (value->file_round == round && option->type != STINT_OPTION_LIST) {
        s_on_twice (self, line, name, value->file_line);
        return;
    }
    value->file_round = round;
    value->file_line = line->number;

    char *where;
    if (asprintf (&where, "%s:%u", self->filename, line->number) == -1)
        abort ();
    stint_origin_t origin = {STINT_SOURCE_FILE, round, where};
    stint_config_put (self->config, option, section, &origin, text);
    free (where);
}

static void
s_on_item (reader_t *self, const line_t *line, const char *name, const char *text)
{
    if (line->level > self->ignored) {
        if (self->below_setting)
            s_line_fault_about (self, line->number, name, strlen (name),
                                "stands below a setting, which is not a section");
        self->below_setting = false;  //  Once will do
        return;
    }
    self->ignored = UINT_MAX;
    self->below_setting = false;
    snprintf (self->names [line->level], sizeof self->names [0], "%s", name);

    char path [STINT_CONFIG_PATH_MAX];
    s_path (self, line->level + 1, path);
    for (size_t at = 0; at < self->config->option_count; at++) {
        const stint_option_t *option = self->config->options [at];
        stint_match_t match = stint_config_match (option->path, path);
        if (match.kind == STINT_MATCH_SECTION) {
            s_on_section (self, line, name, &match);
            return;
        }
        if (match.kind == STINT_MATCH_OPTION && strchr (path, '/')) {
            s_on_setting (self, line, text, option, &match);
            return;
        }
    }
    s_on_unknown (self, line, name);
    self->ignored = line->level;
}

//  Takes the next item of zconfig, and the line that it came from.
static int
s_take_item (zconfig_t *item, void *argument, int level)
{
    reader_t *self = argument;
    if (level == 0)
        return 0;  //  The root has no line

    const char *name = zconfig_name (item);
    if (self->item == self->line_count || !name
        || (unsigned) level != self->lines [self->item].level + 1) {
        self->confused = true;
        return -1;
    }
    const char *value = zconfig_value (item);
    s_on_item (self, &self->lines [self->item++], name, value ? value : "");
    return 0;
}

//  -------------------------------------------------------------------------------------
//  Reading

//  Returns the text of the file, ended by at least three nulls, or null after a fault.
static char *
s_read (stint_config_t *config, const char *filename, bool required)
{
    //  Not blocking, for somebody may name a pipe that nobody writes to
    int file = open (filename, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file == -1) {
        if (required || errno != ENOENT)
            stint_config_fault_add (config, false, "%s: %s", filename, strerror (errno));
        return NULL;
    }
    char *text = calloc (1, FILE_SIZE_MAX + 4);
    if (!text)
        abort ();

    struct stat status;
    size_t size = 0;
    ssize_t got = 0;
    const char *problem = NULL;
    if (fstat (file, &status) != 0 || !S_ISREG (status.st_mode))
        problem = "not a file";
    else {
        while (size <= FILE_SIZE_MAX
               && (got = read (file, text + size, FILE_SIZE_MAX + 1 - size)) > 0)
            size += (size_t) got;
        if (got == -1)
            problem = strerror (errno);
        else if (size > FILE_SIZE_MAX)
            problem = "more than 1 MiB; that is no configuration";
        else if (memchr (text, 0, size))
            problem = "has a null byte; that is no text";
    }
    close (file);
    if (!problem)
        return text;

    stint_config_fault_add (config, false, "%s: %s", filename, problem);
    free (text);
    return NULL;
}

void
stint_config_load_file (stint_config_t *self, const char *filename, bool required)
{
    assert (self && filename);
    char *text = s_read (self, filename, required);
    if (!text)
        return;

    self->round++;
    reader_t reader = {
        .config = self, .filename = filename, .first = true, .ignored = UINT_MAX};
    reader.clean = calloc (1, strlen (text) + 2);
    if (!reader.clean)
        abort ();

    if (!s_scan (&reader, text))
        stint_config_fault_add (self, false, "%s: more than %d lines", filename,
                                FILE_LINES_MAX);
    else if (reader.line_count) {
        reader.ignored = UINT_MAX;
        zconfig_t *root = zconfig_str_load (reader.clean);
        if (root)
            zconfig_execute (root, s_take_item, &reader);
        if (!root || reader.confused || reader.item != reader.line_count)
            stint_config_fault_add (self, false, "%s: cannot be read as ZPL", filename);
        zconfig_destroy (&root);
    }
    free (reader.clean);
    free (reader.lines);
    free (text);
}
