//  stint_config_flags: loads the command line and the environment, prints the help
//  SPDX-License-Identifier: MPL-2.0
//
//  Flags are taken apart here and not by getopt_long, which accepts abbreviations (so a
//  new flag breaks old scripts), forgets where "--" was, and keeps its state in globals.

#include "stint_config_inside.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define VARIABLE_MAX 256  //  Bytes of the name of a variable
#define HELP_COLUMN 28    //  Where the help of a flag begins
#define HELP_WIDTH 80     //  Where it ends

//  -------------------------------------------------------------------------------------
//  Flags

//  A command line while it is looked at.

typedef struct {
    stint_config_t *config;  //  What is loaded
    char *const *argv;       //  The words
    int argc;                //  How many
    int at;                  //  The next one
} words_t;

static bool
s_is_boolean (const stint_option_t *option)
{
    return option->type == STINT_OPTION_BOOLEAN;
}

//  Returns the option with that flag, null when there is none. Sets negative for the
//  "no-..." of a boolean.
static const stint_option_t *
s_flag (const stint_config_t *self, const char *flag, size_t size, bool *negative)
{
    for (size_t at = 0; at < self->option_count; at++) {
        const stint_option_t *option = self->options [at];
        if (!option->flag)
            continue;

        size_t length = strlen (option->flag);
        *negative =
            s_is_boolean (option) && size == length + 3 && memcmp (flag, "no-", 3) == 0;
        if (*negative ? memcmp (flag + 3, option->flag, length) == 0
                      : size == length && memcmp (flag, option->flag, length) == 0)
            return option;
    }
    return NULL;
}

static void
s_unknown_flag (stint_config_t *self, const char *flag, size_t size)
{
    stint_nearest_t nearest = stint_nearest_new (flag, size);
    for (size_t at = 0; at < self->option_count; at++) {
        const stint_option_t *option = self->options [at];
        if (!option->flag)
            continue;

        char negative [STINT_CONFIG_NAME_MAX + 4];
        snprintf (negative, sizeof negative, "no-%s", option->flag);
        stint_nearest_offer (&nearest, option->flag, strlen (option->flag));
        if (s_is_boolean (option))
            stint_nearest_offer (&nearest, negative, strlen (negative));
    }
    char shown [STINT_CONFIG_SHOWN_MAX];
    bool near = nearest.best [0] != 0;
    stint_config_fault_add (self, true, "--%s: no such flag%s%s%s",
                            stint_config_shown (flag, size, shown),
                            near ? "; did you mean --" : "", nearest.best, near ? "?" : "");
}

//  Sets an option from a flag. Value is what the same word holds for it, or null; then it
//  is the next word.
static void
s_put_flag (words_t *self, const stint_option_t *option, const char *value, bool negative)
{
    char where [STINT_CONFIG_NAME_MAX + 8];
    snprintf (where, sizeof where, "--%s%s", negative ? "no-" : "", option->flag);
    stint_origin_t origin = {STINT_SOURCE_FLAG, 0, where};
    if (s_is_boolean (option))
        value = negative ? "no" : "yes";
    else if (!value && self->at < self->argc)
        value = self->argv [self->at++];

    if (value)
        stint_config_put (self->config, option, NULL, &origin, value);
    else
        stint_config_fault_add (self->config, true, "%s: wants %s after it", where,
                                option->argument ? option->argument : "a value");
}

//  Takes "--flag", "--flag VALUE" or "--flag=VALUE".
static void
s_take_flag (words_t *self, const char *flag)
{
    size_t size = strcspn (flag, "=");
    const char *value = flag [size] ? flag + size + 1 : NULL;
    bool negative;
    const stint_option_t *option = s_flag (self->config, flag, size, &negative);
    if (!option)
        s_unknown_flag (self->config, flag, size);
    else if (s_is_boolean (option) && value)
        stint_config_fault_add (self->config, true, "--%.*s: takes no value", (int) size,
                                flag);
    else
        s_put_flag (self, option, value, negative);
}

//  Takes "-f", "-f VALUE", "-fVALUE", and several letters that want no value.
static void
s_take_letters (words_t *self, const char *letters)
{
    for (; *letters; letters++) {
        const stint_option_t *option = NULL;
        for (size_t at = 0; at < self->config->option_count && !option; at++) {
            if (self->config->options [at]->letter == *letters)
                option = self->config->options [at];
        }
        if (!option) {
            char shown [STINT_CONFIG_SHOWN_MAX];
            stint_config_fault_add (self->config, true, "-%s: no such flag",
                                    stint_config_shown (letters, 1, shown));
            return;
        }
        if (!s_is_boolean (option)) {
            s_put_flag (self, option, letters [1] ? letters + 1 : NULL, false);
            return;
        }
        s_put_flag (self, option, NULL, false);
    }
}

int
stint_config_load_flags (stint_config_t *self, int argc, char *const *argv, bool to_first)
{
    assert (self && argv);
    words_t words = {.config = self, .argv = argv, .argc = argc, .at = 1};
    while (words.at < argc) {
        const char *word = argv [words.at];
        bool is_flag = word [0] == '-' && word [1];
        if (!is_flag && to_first)
            return words.at;

        words.at++;
        if (strcmp (word, "--") == 0)
            return words.at;
        if (!is_flag) {
            self->positionals = stint_config_grow (
                self->positionals, self->positional_count + 1, sizeof *self->positionals);
            self->positionals [self->positional_count++] = word;
        }
        else if (word [1] == '-')
            s_take_flag (&words, word + 2);
        else
            s_take_letters (&words, word + 1);
    }
    return argc;
}

//  -------------------------------------------------------------------------------------
//  Environment

//  Writes the name of the variable of an option. Returns false when it has none.
static bool
s_variable (const stint_option_t *option, char *variable)
{
    if (option->variable)
        snprintf (variable, VARIABLE_MAX, "%s", option->variable);
    else
        snprintf (variable, VARIABLE_MAX, "STINT_%s", option->path);
    for (char *letter = variable; *letter; letter++)
        *letter = isalnum ((unsigned char) *letter)
                      ? (char) toupper ((unsigned char) *letter)
                      : '_';
    return option->variable || (strchr (option->path, '/') && !strchr (option->path, '*'));
}

//  Sets a list from texts with commas between them.
static void
s_put_list (stint_config_t *self, const stint_option_t *option,
            const stint_origin_t *origin, const char *text)
{
    for (;;) {
        text += strspn (text, " ");
        size_t length = strcspn (text, ",");
        const char *next = text + length;
        while (length && text [length - 1] == ' ')
            length--;
        char *one = stint_config_copy (text, length);
        stint_config_put (self, option, NULL, origin, one);
        free (one);
        if (!*next)
            return;
        text = next + 1;
    }
}

void
stint_config_load_environment (stint_config_t *self)
{
    assert (self);
    for (size_t at = 0; at < self->option_count; at++) {
        const stint_option_t *option = self->options [at];
        char where [VARIABLE_MAX + 1] = "$";
        const char *text = s_variable (option, where + 1) ? getenv (where + 1) : NULL;
        if (!text || !*text)
            continue;

        stint_origin_t origin = {STINT_SOURCE_ENVIRONMENT, 0, where};
        if (option->type == STINT_OPTION_LIST)
            s_put_list (self, option, &origin, text);
        else
            stint_config_put (self, option, NULL, &origin, text);
    }
}

//  -------------------------------------------------------------------------------------
//  Help

//  Prints words from a column on, in lines of the help's width.
static void
s_print_wrapped (FILE *file, const char *text, size_t column)
{
    size_t used = column;
    while (*text) {
        size_t length = strcspn (text, " ");
        if (used > column && used + 1 + length > HELP_WIDTH) {
            fprintf (file, "\n%*s", (int) column, "");
            used = column;
        }
        used +=
            (size_t) fprintf (file, "%s%.*s", used > column ? " " : "", (int) length, text);
        text += length;
        text += strspn (text, " ");
    }
    fputc ('\n', file);
}

static void
s_print_flag (const stint_config_t *self, const stint_option_t *option, FILE *file)
{
    char left [STINT_CONFIG_NAME_MAX * 2];
    const char *argument = option->argument ? option->argument : option->choices;
    char letter [5] = "    ";
    if (option->letter)
        snprintf (letter, sizeof letter, "-%c, ", option->letter);
    if (s_is_boolean (option) || !argument)
        argument = s_is_boolean (option) ? "" : "VALUE";
    snprintf (left, sizeof left, "  %s--%s%s%s", letter, option->flag, *argument ? " " : "",
              argument);
    if (strlen (left) + 2 > HELP_COLUMN)
        fprintf (file, "%s\n%*s", left, HELP_COLUMN, "");
    else
        fprintf (file, "%-*s", HELP_COLUMN, left);

    const stint_value_t *value = stint_config_effective (self, option, NULL);
    bool has_default = !s_is_boolean (option) && value->count
                       && value->source == STINT_SOURCE_DEFAULT && *value->texts [0];
    char help [1024];
    snprintf (help, sizeof help, "%s%s%s%s%s%s%s", option->help,
              has_default ? " (default " : "", has_default ? value->texts [0] : "",
              has_default ? ")" : "", option->variable ? " ($" : "",
              option->variable ? option->variable : "", option->variable ? ")" : "");
    s_print_wrapped (file, help, HELP_COLUMN);
}

void
stint_config_print_help (const stint_config_t *self, FILE *file)
{
    assert (self && file);
    for (size_t at = 0; at < self->option_count; at++) {
        if (self->options [at]->flag)
            s_print_flag (self, self->options [at], file);
    }
}
