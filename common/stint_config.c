//  stint_config: the settings of a program, from one table of options
//  SPDX-License-Identifier: MPL-2.0

#include "stint_config.h"

#include "stint_config_inside.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS_MAX 100  //  Somebody who sees a hundred has seen enough

//  -------------------------------------------------------------------------------------
//  Faults

void
stint_config_fault_add (stint_config_t *self, bool usage, const char *format, ...)
{
    self->usage = self->usage || usage;
    self->settings = self->settings || !usage;
    if (self->fault_count == FAULTS_MAX)
        return;

    va_list arguments;
    va_start (arguments, format);
    char *line;
    if (vasprintf (&line, format, arguments) == -1)
        abort ();

    va_end (arguments);
    self->faults =
        stint_config_grow (self->faults, self->fault_count + 1, sizeof *self->faults);
    self->faults [self->fault_count++] = line;
}

size_t
stint_config_faults (const stint_config_t *self)
{
    return self->fault_count;
}

const char *
stint_config_fault (const stint_config_t *self, size_t at)
{
    assert (at < self->fault_count);
    return self->faults [at];
}

int
stint_config_exit_code (const stint_config_t *self)
{
    if (self->settings)
        return 78;
    return self->usage ? 64 : 0;
}

//  -------------------------------------------------------------------------------------
//  Values

static bool
s_same_name (const char *one, const char *other)
{
    return one == other || (one && other && strcmp (one, other) == 0);
}

//  Returns the value of exactly that name, null when there is none.
static stint_value_t *
s_find (const stint_config_t *self, const stint_option_t *option, const char *name)
{
    for (size_t at = 0; at < self->value_count; at++) {
        stint_value_t *value = &self->values [at];
        if (value->option == option && s_same_name (value->name, name))
            return value;
    }
    return NULL;
}

stint_value_t *
stint_config_value (stint_config_t *self, const stint_option_t *option, const char *name)
{
    stint_value_t *value = s_find (self, option, name);
    if (value)
        return value;

    self->values =
        stint_config_grow (self->values, self->value_count + 1, sizeof *self->values);
    value = &self->values [self->value_count++];
    value->option = option;
    value->name = name ? stint_config_copy (name, STINT_CONFIG_NAME_MAX) : NULL;
    return value;
}

const stint_value_t *
stint_config_effective (const stint_config_t *self, const stint_option_t *option,
                        const char *name)
{
    const stint_value_t *value = s_find (self, option, name);
    if (value && value->source != STINT_SOURCE_DEFAULT)
        return value;

    value = s_find (self, option, NULL);
    assert (value);  //  Made together with the option
    return value;
}

static void
s_value_clear (stint_value_t *value)
{
    for (size_t at = 0; at < value->count; at++)
        free (value->texts [at]);
    free (value->texts);
    value->texts = NULL;
    value->count = 0;
}

//  Says in a fault what is wrong: a file's line needs the name too, a flag is one.
static void
s_value_fault (stint_config_t *self, const stint_option_t *option,
               const stint_origin_t *origin, const char *problem)
{
    const char *slash = strrchr (option->path, '/');
    bool usage = origin->source == STINT_SOURCE_FLAG;
    if (origin->source == STINT_SOURCE_FILE)
        stint_config_fault_add (self, usage, "%s: %s: %s", origin->where,
                                slash ? slash + 1 : option->path, problem);
    else if (origin->source == STINT_SOURCE_DEFAULT)
        stint_config_fault_add (self, usage, "%s: the default %s", option->path, problem);
    else
        stint_config_fault_add (self, usage, "%s: %s", origin->where, problem);
}

void
stint_config_put (stint_config_t *self, const stint_option_t *option, const char *name,
                  const stint_origin_t *origin, const char *text)
{
    int64_t number = 0;
    char problem [STINT_CONFIG_PROBLEM_MAX];
    if (!stint_config_read (option, text, &number, problem)) {
        s_value_fault (self, option, origin, problem);
        return;
    }
    stint_value_t *value = stint_config_value (self, option, name);
    if (origin->source < value->source)
        return;

    bool adds = option->type == STINT_OPTION_LIST && value->source == origin->source
                && value->round == origin->round && origin->source != STINT_SOURCE_DEFAULT;
    if (!adds)
        s_value_clear (value);
    value->texts = stint_config_grow (value->texts, value->count + 1, sizeof *value->texts);
    value->texts [value->count++] = stint_config_copy (text, strlen (text));
    value->number = number;
    value->source = origin->source;
    value->round = origin->round;
    free (value->where);
    value->where = stint_config_copy (origin->where, strlen (origin->where));
}

stint_section_t *
stint_config_section (stint_config_t *self, const char *section, const char *name)
{
    for (size_t at = 0; at < self->section_count; at++) {
        stint_section_t *there = &self->sections [at];
        if (strcmp (there->name, name) == 0 && strcmp (there->section, section) == 0)
            return there;
    }
    self->sections =
        stint_config_grow (self->sections, self->section_count + 1, sizeof *self->sections);
    stint_section_t *added = &self->sections [self->section_count++];
    added->section = stint_config_copy (section, strlen (section));
    added->name = stint_config_copy (name, strlen (name));
    return added;
}

//  -------------------------------------------------------------------------------------
//  Life

//  Asserts that a row is sound and does not clash with those before it.
static void
s_check_option (const stint_config_t *self, const stint_option_t *option)
{
    assert (option->path && option->path [0] && option->help);
    const char *star = strchr (option->path, '*');
    assert (!star
            || (star > option->path && star [-1] == '/' && star [1] == '/'
                && !strchr (star + 1, '*')));
    assert (!star || (!option->flag && !option->variable));
    assert (option->flag || (!option->letter && strchr (option->path, '/')));
    assert ((option->type == STINT_OPTION_CHOICE) == (option->choices != NULL));
    bool whole = option->type == STINT_OPTION_COUNT;
    assert (whole || option->minimum >= 0);
    for (size_t at = 0; at < self->option_count; at++) {
        const stint_option_t *other = self->options [at];
        assert (strcmp (other->path, option->path) != 0);
        assert (!other->flag || !option->flag || strcmp (other->flag, option->flag) != 0);
        assert (!other->letter || other->letter != option->letter);
    }
}

static void
s_add_option (stint_config_t *self, const stint_option_t *option)
{
    s_check_option (self, option);
    self->options =
        stint_config_grow (self->options, self->option_count + 1, sizeof *self->options);
    self->options [self->option_count++] = option;
    stint_config_value (self, option, NULL);
    if (option->initial) {
        size_t faults = self->fault_count;
        stint_origin_t origin = {.source = STINT_SOURCE_DEFAULT, .where = "default"};
        stint_config_put (self, option, NULL, &origin, option->initial);
        assert (self->fault_count == faults);  //  The table's own default is wrong
    }
}

stint_config_t *
stint_config_new (const stint_option_t *options, size_t count)
{
    stint_config_t *self = stint_config_grow (NULL, 1, sizeof *self);
    stint_config_extend (self, options, count);
    return self;
}

void
stint_config_extend (stint_config_t *self, const stint_option_t *options, size_t count)
{
    assert (self && (options || count == 0));
    for (size_t at = 0; at < count; at++)
        s_add_option (self, &options [at]);
}

void
stint_config_destroy (stint_config_t **self_p)
{
    assert (self_p);
    stint_config_t *self = *self_p;
    if (!self)
        return;

    for (size_t at = 0; at < self->value_count; at++) {
        s_value_clear (&self->values [at]);
        free (self->values [at].name);
        free (self->values [at].where);
    }
    for (size_t at = 0; at < self->section_count; at++) {
        free (self->sections [at].section);
        free (self->sections [at].name);
    }
    for (size_t at = 0; at < self->fault_count; at++)
        free (self->faults [at]);
    free (self->options);
    free (self->values);
    free (self->sections);
    free (self->faults);
    free (self->positionals);
    free (self);
    *self_p = NULL;
}

//  -------------------------------------------------------------------------------------
//  What others ask

//  Returns the value that counts for a path of the table.
static const stint_value_t *
s_value_at (const stint_config_t *self, const char *path)
{
    assert (self && path);
    stint_match_t match;
    const stint_option_t *option = stint_config_option (self, path, &match);
    assert (option);  //  The table has no such path
    return stint_config_effective (self, option, match.name [0] ? match.name : NULL);
}

void
stint_config_set_default (stint_config_t *self, const char *path, const char *text)
{
    assert (self && path && text);
    stint_match_t match;
    const stint_option_t *option = stint_config_option (self, path, &match);
    assert (option);
    stint_origin_t origin = {.source = STINT_SOURCE_DEFAULT, .where = "default"};
    stint_config_put (self, option, NULL, &origin, text);
}

void
stint_config_add_fault (stint_config_t *self, const char *path, const char *text)
{
    const stint_value_t *value = s_value_at (self, path);
    bool usage = value->source == STINT_SOURCE_FLAG;
    if (value->source == STINT_SOURCE_DEFAULT)
        stint_config_fault_add (self, usage, "%s: %s", path, text);
    else
        stint_config_fault_add (self, usage, "%s: %s", value->where, text);
}

const char *
stint_config_text (const stint_config_t *self, const char *path)
{
    const stint_value_t *value = s_value_at (self, path);
    stint_option_type_t type = value->option->type;
    assert (type == STINT_OPTION_TEXT || type == STINT_OPTION_CHOICE);
    return value->count ? value->texts [0] : NULL;
}

int64_t
stint_config_number (const stint_config_t *self, const char *path)
{
    const stint_value_t *value = s_value_at (self, path);
    stint_option_type_t type = value->option->type;
    assert (type == STINT_OPTION_COUNT || type == STINT_OPTION_DURATION
            || type == STINT_OPTION_SIZE || type == STINT_OPTION_RATE);
    return value->number;
}

bool
stint_config_boolean (const stint_config_t *self, const char *path)
{
    const stint_value_t *value = s_value_at (self, path);
    assert (value->option->type == STINT_OPTION_BOOLEAN);
    return value->number != 0;
}

size_t
stint_config_choice (const stint_config_t *self, const char *path)
{
    const stint_value_t *value = s_value_at (self, path);
    assert (value->option->type == STINT_OPTION_CHOICE);
    return (size_t) value->number;
}

size_t
stint_config_list_size (const stint_config_t *self, const char *path)
{
    const stint_value_t *value = s_value_at (self, path);
    assert (value->option->type == STINT_OPTION_LIST);
    return value->count;
}

const char *
stint_config_list_at (const stint_config_t *self, const char *path, size_t at)
{
    const stint_value_t *value = s_value_at (self, path);
    assert (value->option->type == STINT_OPTION_LIST && at < value->count);
    return value->texts [at];
}

bool
stint_config_given (const stint_config_t *self, const char *path)
{
    return s_value_at (self, path)->source != STINT_SOURCE_DEFAULT;
}

const char *
stint_config_source (const stint_config_t *self, const char *path)
{
    const stint_value_t *value = s_value_at (self, path);
    return value->where ? value->where : "default";
}

size_t
stint_config_names (const stint_config_t *self, const char *section)
{
    size_t count = 0;
    for (size_t at = 0; at < self->section_count; at++)
        count += strcmp (self->sections [at].section, section) == 0;
    return count;
}

const char *
stint_config_name (const stint_config_t *self, const char *section, size_t at)
{
    for (size_t place = 0; place < self->section_count; place++) {
        const stint_section_t *there = &self->sections [place];
        if (strcmp (there->section, section) == 0 && at-- == 0)
            return there->name;
    }
    assert (false);  //  There are fewer names
    return NULL;
}

size_t
stint_config_positionals (const stint_config_t *self)
{
    return self->positional_count;
}

const char *
stint_config_positional (const stint_config_t *self, size_t at)
{
    assert (at < self->positional_count);
    return self->positionals [at];
}
