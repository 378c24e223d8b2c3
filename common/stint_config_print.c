//  stint_config_print: writes a configuration as ZPL, and compares two
//  SPDX-License-Identifier: MPL-2.0

#include "stint_config_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define COMMENT_COLUMN 44  //  Where the help of a setting begins

//  Returns the length of the section that an option with "*" opens, without the slash.
static size_t
s_open_size (const stint_option_t *option)
{
    const char *star = strchr (option->path, '*');
    return star ? (size_t) (star - option->path) - 1 : 0;
}

//  Returns true when this is the first row of the table about that open section.
static bool
s_opens (const stint_config_t *self, size_t index)
{
    size_t size = s_open_size (self->options [index]);
    for (size_t at = 0; at < index; at++) {
        if (s_open_size (self->options [at]) == size
            && memcmp (self->options [at]->path, self->options [index]->path, size) == 0)
            return false;
    }
    return true;
}

static bool
s_has_name (const stint_config_t *self, const char *section, const char *name)
{
    size_t names = stint_config_names (self, section);
    for (size_t at = 0; at < names; at++) {
        if (strcmp (stint_config_name (self, section, at), name) == 0)
            return true;
    }
    return false;
}

//  -------------------------------------------------------------------------------------
//  ZPL

//  A file while it is written.

typedef struct {
    const stint_config_t *config;         //  What is written
    FILE *file;                           //  Where to
    char before [STINT_CONFIG_PATH_MAX];  //  Path of the line before
} writer_t;

//  Prints the sections of a path that the line before was not in. Returns the level of
//  what comes next.
static int
s_print_sections (writer_t *self, const char *path)
{
    int level = 0;
    const char *next = path;
    const char *slash;
    while ((slash = strchr (next, '/'))) {
        size_t size = (size_t) (slash - path) + 1;
        if (strncmp (self->before, path, size) != 0) {
            fprintf (self->file, "%s%*s%.*s\n", level ? "" : "\n", level * 4, "",
                     (int) (slash - next), next);
            //  Those below it are new too
            self->before [0] = 0;
        }
        next = slash + 1;
        level++;
    }
    snprintf (self->before, sizeof self->before, "%s", path);
    return level;
}

//  Returns how a text is written in ZPL, which knows quotes but no escapes: null when it
//  cannot be. The caller frees it.
static char *
s_quoted (const stint_option_t *option, const char *text)
{
    bool is_text = option->type == STINT_OPTION_TEXT || option->type == STINT_OPTION_LIST;
    for (const char *letter = text; *letter; letter++) {
        if ((unsigned char) *letter < 0x20 || *letter == 0x7f)
            return NULL;
    }
    const char *quote = "\"";
    if (!is_text)
        quote = "";
    else if (strchr (text, '"'))
        quote = "'";
    if (*quote && strchr (text, *quote)) {
        //  Both quotes: it can stand alone when it looks like nothing else
        if (strchr (" \"'", text [0]) || strchr (text, '#')
            || text [strlen (text) - 1] == ' ')
            return NULL;
        quote = "";
    }
    char *quoted;
    if (asprintf (&quoted, "%s%s%s", quote, text, quote) == -1)
        abort ();

    return quoted;
}

//  Prints a setting and the help beside it; a comment when text is null.
static void
s_print_setting (writer_t *self, const stint_option_t *option, const char *path,
                 const char *text, const char *help)
{
    int level = s_print_sections (self, path);
    const char *slash = strrchr (path, '/');
    char *quoted = text ? s_quoted (option, text) : NULL;
    const char *shown = quoted ? quoted : option->argument ? option->argument : "VALUE";
    if (text && !quoted)
        help = "set, but ZPL cannot hold the value";
    int used = fprintf (self->file, "%*s%s%s = %s", level * 4, "", quoted ? "" : "#   ",
                        slash + 1, shown);
    if (help)
        fprintf (self->file, "%*s#   %s", used < COMMENT_COLUMN ? COMMENT_COLUMN - used : 1,
                 "", help);
    fputc ('\n', self->file);
    free (quoted);
}

static void
s_print_value (writer_t *self, const stint_option_t *option, const char *name)
{
    char path [STINT_CONFIG_PATH_MAX];
    stint_config_path (option, name, path);
    const stint_value_t *value = stint_config_effective (self->config, option, name);
    if (value->count == 0)
        s_print_setting (self, option, path, NULL, option->help);
    for (size_t at = 0; at < value->count; at++)
        s_print_setting (self, option, path, value->texts [at], at ? NULL : option->help);
}

//  Prints all named sections that a row with "*" opens.
static void
s_print_open (writer_t *self, const stint_option_t *first)
{
    size_t size = s_open_size (first);
    char section [STINT_CONFIG_PATH_MAX];
    snprintf (section, sizeof section, "%.*s", (int) size, first->path);
    size_t names = stint_config_names (self->config, section);
    for (size_t place = 0; place < names; place++) {
        const char *name = stint_config_name (self->config, section, place);
        for (size_t at = 0; at < self->config->option_count; at++) {
            const stint_option_t *option = self->config->options [at];
            if (s_open_size (option) == size && memcmp (option->path, section, size) == 0)
                s_print_value (self, option, name);
        }
    }
}

void
stint_config_print (const stint_config_t *self, FILE *file)
{
    assert (self && file);
    writer_t writer = {.config = self, .file = file};
    fputs ("#   ZPL: four spaces a level\n", file);
    for (size_t at = 0; at < self->option_count; at++) {
        const stint_option_t *option = self->options [at];
        if (!strchr (option->path, '/'))
            continue;
        if (!s_open_size (option))
            s_print_value (&writer, option, NULL);
        else if (s_opens (self, at))
            s_print_open (&writer, option);
    }
}

//  -------------------------------------------------------------------------------------
//  Comparison

//  Two configurations while they are compared.

typedef struct {
    const stint_config_t *before;    //  The one that is in force
    const stint_config_t *after;     //  The one that is to be
    stint_config_change_fn *change;  //  Who is told
    void *argument;                  //  What it is told with
    size_t restarts;                 //  Changes that need one
} comparison_t;

//  Returns the texts of a value with ", " between them, null when there are none. The
//  caller frees it.
static char *
s_joined (const stint_value_t *value)
{
    if (!value || value->count == 0)
        return NULL;

    size_t size = 1;
    for (size_t at = 0; at < value->count; at++)
        size += strlen (value->texts [at]) + 2;
    char *joined = calloc (1, size);
    if (!joined)
        abort ();

    size_t used = 0;
    for (size_t at = 0; at < value->count; at++)
        used += (size_t) snprintf (joined + used, size - used, "%s%s", at ? ", " : "",
                                   value->texts [at]);
    return joined;
}

//  Returns true when both values mean the same: "60s" and "1m" do.
static bool
s_same (const stint_value_t *one, const stint_value_t *other)
{
    size_t one_count = one ? one->count : 0;
    if (one_count != (other ? other->count : 0))
        return false;
    if (one_count == 0)
        return true;
    if (one->option->type != STINT_OPTION_TEXT && one->option->type != STINT_OPTION_LIST)
        return one->number == other->number;

    for (size_t at = 0; at < one_count; at++) {
        if (strcmp (one->texts [at], other->texts [at]) != 0)
            return false;
    }
    return true;
}

static void
s_tell (comparison_t *self, const char *path, const char *before, const char *after,
        bool reloadable)
{
    self->restarts += !reloadable;
    if (self->change)
        self->change (path, before, after, reloadable, self->argument);
}

//  Compares one option; where a section is not there, it has no value.
static void
s_compare_value (comparison_t *self, const stint_option_t *option, const char *name,
                 bool in_before, bool in_after)
{
    const stint_value_t *before =
        in_before ? stint_config_effective (self->before, option, name) : NULL;
    const stint_value_t *after =
        in_after ? stint_config_effective (self->after, option, name) : NULL;
    if (s_same (before, after))
        return;

    char path [STINT_CONFIG_PATH_MAX];
    char *before_text = s_joined (before);
    char *after_text = s_joined (after);
    stint_config_path (option, name, path);
    s_tell (self, path, before_text, after_text, option->reloadable);
    free (before_text);
    free (after_text);
}

//  Compares one named section.
static void
s_compare_name (comparison_t *self, const stint_option_t *first, const char *section,
                const char *name)
{
    bool in_before = s_has_name (self->before, section, name);
    bool in_after = s_has_name (self->after, section, name);
    if (in_before != in_after) {
        char path [STINT_CONFIG_PATH_MAX];
        snprintf (path, sizeof path, "%s/%s", section, name);
        s_tell (self, path, in_before ? "" : NULL, in_after ? "" : NULL, first->reloadable);
    }
    for (size_t at = 0; at < self->before->option_count; at++) {
        const stint_option_t *option = self->before->options [at];
        size_t size = s_open_size (option);
        if (size == strlen (section) && memcmp (option->path, section, size) == 0)
            s_compare_value (self, option, name, in_before, in_after);
    }
}

//  Compares all sections that a row with "*" opens: those that stay or go, then the new.
static void
s_compare_open (comparison_t *self, const stint_option_t *first)
{
    char section [STINT_CONFIG_PATH_MAX];
    snprintf (section, sizeof section, "%.*s", (int) s_open_size (first), first->path);
    size_t names = stint_config_names (self->before, section);
    for (size_t at = 0; at < names; at++)
        s_compare_name (self, first, section,
                        stint_config_name (self->before, section, at));

    names = stint_config_names (self->after, section);
    for (size_t at = 0; at < names; at++) {
        const char *name = stint_config_name (self->after, section, at);
        if (!s_has_name (self->before, section, name))
            s_compare_name (self, first, section, name);
    }
}

size_t
stint_config_compare (const stint_config_t *self, const stint_config_t *other,
                      stint_config_change_fn *change, void *argument)
{
    assert (self && other && self->option_count == other->option_count);
    comparison_t comparison = {self, other, change, argument, 0};
    for (size_t at = 0; at < self->option_count; at++) {
        const stint_option_t *option = self->options [at];
        assert (option == other->options [at]);
        if (!strchr (option->path, '/'))
            continue;
        if (!s_open_size (option))
            s_compare_value (&comparison, option, NULL, true, true);
        else if (s_opens (self, at))
            s_compare_open (&comparison, option);
    }
    return comparison.restarts;
}
