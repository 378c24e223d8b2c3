//  stint_config: the settings of a program, from one table of options
//  SPDX-License-Identifier: MPL-2.0
//
//  A value comes from its default, a ZPL file, the environment or a flag; the later in
//  this list wins, in whichever order they are loaded. Whatever is wrong becomes a fault,
//  one line for people that says where; loading goes on, so that all faults are told at
//  once. As long as there are faults the values must not be used.

#ifndef STINT_CONFIG_H
#define STINT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct stint_config stint_config_t;

typedef enum {
    STINT_OPTION_TEXT,      //  Bytes; minimum and maximum are its length
    STINT_OPTION_COUNT,     //  A whole number
    STINT_OPTION_DURATION,  //  Milliseconds, written as "500ms", "30s", "2h30m"
    STINT_OPTION_SIZE,      //  Bytes, written as "64k", "16M", "2G"
    STINT_OPTION_RATE,      //  How many an hour, written as "100/s", "10/m", "5/h"
    STINT_OPTION_BOOLEAN,   //  yes or no; its flag takes no argument, "--no-..." sets no
    STINT_OPTION_CHOICE,    //  One of several words
    STINT_OPTION_LIST       //  Texts: a name that is repeated; with commas in environment
} stint_option_type_t;

//  One row of a program's table. Rows of a section stand together. A path is made of one
//  to eight names joined by "/". A path without "/" is a flag alone: files and
//  --print-config do not have it. A path with one "*", such as "groups/*/max_tasks",
//  stands for any number of sections that the file names; it has no flag and no variable.

typedef struct {
    const char *path;          //  "store/dir"
    stint_option_type_t type;  //  How its text is read
    const char *initial;       //  The default as text; null when it has none
    int64_t minimum;           //  Least value
    int64_t maximum;           //  Greatest value; 0 for none, or for a text 4096 bytes
    const char *choices;       //  For a choice: "always|interval|none"
    const char *flag;          //  "store"; null when there is none
    char letter;               //  'b' for -b; 0 when there is none
    const char *variable;      //  "STINT_BROKER"; null for STINT_STORE_DIR from the path
    bool reloadable;           //  A running program can take a new value
    const char *argument;      //  What the help calls the value: "DIR"
    const char *help;          //  What it is for, one line
} stint_option_t;

//  Creates a configuration that has every default. Borrows the table for its life. Asserts
//  that the table is sound: defaults in range, no path or flag twice.
stint_config_t *stint_config_new (const stint_option_t *options, size_t count);

//  Destroys it and sets the caller's pointer to null.
void stint_config_destroy (stint_config_t **self_p);

//  Adds a second table, such as that of a subcommand. Borrows it.
void stint_config_extend (stint_config_t *self, const stint_option_t *options,
                          size_t count);

//  Sets a default that is only known at run time. Copies.
void stint_config_set_default (stint_config_t *self, const char *path, const char *text);

//  Loads a ZPL file of at most 1 MiB and 10 000 lines. That the file is not there is a
//  fault only when it is required. A later file wins over an earlier one.
void stint_config_load_file (stint_config_t *self, const char *filename, bool required);

//  Loads what the environment has under the names of the table; an empty variable counts
//  as none, other variables are not looked at.
void stint_config_load_environment (stint_config_t *self);

//  Loads --flag VALUE, --flag=VALUE, -f VALUE, -fVALUE and -abc from a command line whose
//  first word is the program's name. Flags are written in full; the last one wins, a list
//  takes all. Words that are no flag are kept as positionals; "--" ends the flags. With
//  to_first, loading stops at the first positional, a subcommand. Returns the index in
//  argv of what was not looked at, argc when that is nothing. Borrows the words.
int stint_config_load_flags (stint_config_t *self, int argc, char *const *argv,
                             bool to_first);

//  Returns how many positionals there were before "--", and each of them.
size_t stint_config_positionals (const stint_config_t *self);
const char *stint_config_positional (const stint_config_t *self, size_t at);

//  Returns how many faults there are, and each of them: "/etc/stint/broker.zpl:14: ...",
//  "--slots: ..." or "$STINT_STORE_DIR: ...". At most a hundred are kept.
size_t stint_config_faults (const stint_config_t *self);
const char *stint_config_fault (const stint_config_t *self, size_t at);

//  Adds a fault that the program found itself, about the value at a path.
void stint_config_add_fault (stint_config_t *self, const char *path, const char *text);

//  Returns the exit code for the faults: 0 none, 64 only flags, 78 otherwise.
int stint_config_exit_code (const stint_config_t *self);

//  Returns the value at a path; of a named section too ("groups/resize/max_tasks"). Asserts
//  that the table has it, with that type. What has no value is null, 0, false or empty.
//  Texts are valid until the configuration is loaded further or destroyed.
const char *stint_config_text (const stint_config_t *self, const char *path);
int64_t stint_config_number (const stint_config_t *self, const char *path);
bool stint_config_boolean (const stint_config_t *self, const char *path);
size_t stint_config_list_size (const stint_config_t *self, const char *path);
const char *stint_config_list_at (const stint_config_t *self, const char *path, size_t at);

//  Returns which choice was made, from 0 in the order of the table. Choices are texts too.
size_t stint_config_choice (const stint_config_t *self, const char *path);

//  Returns true when somebody set it: it is not the default.
bool stint_config_given (const stint_config_t *self, const char *path);

//  Returns where the value came from: "default", "/etc/stint/broker.zpl:14",
//  "$STINT_STORE_DIR" or "--store". Valid as the texts are.
const char *stint_config_source (const stint_config_t *self, const char *path);

//  Returns how many sections the files named under "groups", and the name of each, in the
//  order of the files.
size_t stint_config_names (const stint_config_t *self, const char *section);
const char *stint_config_name (const stint_config_t *self, const char *section, size_t at);

//  Is told one difference. Before or after is null when there was or is no value; lists
//  are joined with ", ". Borrowed for the call.
typedef void (stint_config_change_fn) (const char *path, const char *before,
                                       const char *after, bool reloadable, void *argument);

//  Tells each difference to another configuration of the same tables, in the order of the
//  table. Returns how many of them need a restart. Flags alone are not compared.
size_t stint_config_compare (const stint_config_t *self, const stint_config_t *other,
                             stint_config_change_fn *change, void *argument);

//  Prints a line of help for each flag, 80 columns wide.
void stint_config_print_help (const stint_config_t *self, FILE *file);

//  Prints all values as a ZPL file that loads as the same values, with the help as
//  comments. What has no value, or one that ZPL cannot hold, is a comment.
void stint_config_print (const stint_config_t *self, FILE *file);

#endif
