//  stint_config_inside: what the sources of stint_config share; nobody else includes it
//  SPDX-License-Identifier: MPL-2.0

#ifndef STINT_CONFIG_INSIDE_H
#define STINT_CONFIG_INSIDE_H

#include "stint_config.h"

#define STINT_CONFIG_LEVELS 8       //  Most names in a path
#define STINT_CONFIG_NAME_MAX 128   //  Bytes of one name of a path
#define STINT_CONFIG_TEXT_MAX 4096  //  Bytes of a text whose row sets no maximum
#define STINT_CONFIG_PATH_MAX (STINT_CONFIG_LEVELS * (STINT_CONFIG_NAME_MAX + 1))

//  Bytes that hold what stint_config_read says is wrong with a value.
#define STINT_CONFIG_PROBLEM_MAX 512

//  Bytes that hold a foreign text as faults show it.
#define STINT_CONFIG_SHOWN_MAX 96

//  Where a value came from; a later one wins.

typedef enum {
    STINT_SOURCE_DEFAULT,
    STINT_SOURCE_FILE,
    STINT_SOURCE_ENVIRONMENT,
    STINT_SOURCE_FLAG
} stint_source_t;

typedef struct {
    stint_source_t source;  //  What kind of place
    unsigned round;         //  Which file; values of a list add up within a round
    const char *where;      //  "/etc/stint/broker.zpl:14", "$STINT_STORE_DIR", "--store"
} stint_origin_t;

//  The value of an option. Of a path with "*" there is one for each section that sets it,
//  and one without a name that holds the default.

typedef struct {
    const stint_option_t *option;  //  Its row of the table
    char *name;                    //  What stands for "*"; null when nothing does
    char **texts;                  //  As given; more than one only for a list
    size_t count;                  //  How many texts
    int64_t number;                //  The value of what is no text; of a choice its index
    stint_source_t source;         //  Who set it
    unsigned round;                //  In which round
    char *where;                   //  Where, for people
    unsigned file_round;           //  File that had it last, even if it did not win
    unsigned file_line;            //  Line of that file
} stint_value_t;

//  A section that a file named.

typedef struct {
    char *section;   //  "groups"
    char *name;      //  "resize"
    unsigned round;  //  File that named it last
    unsigned line;   //  Line of that file
} stint_section_t;

struct stint_config {
    const stint_option_t **options;  //  Rows of all tables
    size_t option_count;             //  How many
    stint_value_t *values;           //  Of all options and named sections
    size_t value_count;              //  How many
    stint_section_t *sections;       //  In the order of the files
    size_t section_count;            //  How many
    char **faults;                   //  Lines for people
    size_t fault_count;              //  How many
    bool usage;                      //  A flag is at fault
    bool settings;                   //  Something else is at fault
    const char **positionals;        //  Words that are no flags; borrowed
    size_t positional_count;         //  How many
    unsigned round;                  //  Files loaded so far
};

//  What a path is in the eyes of a pattern of the table.

typedef enum {
    STINT_MATCH_NONE,
    STINT_MATCH_SECTION,  //  The pattern goes on below it
    STINT_MATCH_OPTION    //  The path is the pattern
} stint_match_kind_t;

typedef struct {
    stint_match_kind_t kind;                //  What it is
    char name [STINT_CONFIG_NAME_MAX + 1];  //  What stood for "*"; "" when nothing did
    const char *rest;                       //  What of the pattern was not used
    bool named;                             //  The last name of the path stood for "*"
} stint_match_t;

//  Compares a path with a pattern.
stint_match_t stint_config_match (const char *pattern, const char *path);

//  Returns the row for a path, with its match; null when there is none.
const stint_option_t *stint_config_option (const stint_config_t *self, const char *path,
                                           stint_match_t *match);

//  Writes the path of an option with the name in place of "*". Needs
//  STINT_CONFIG_PATH_MAX bytes.
void stint_config_path (const stint_option_t *option, const char *name, char *path);

//  Reads a text as a value of the option. Returns false with a line for people when it is
//  none; problem must have STINT_CONFIG_PROBLEM_MAX bytes.
bool stint_config_read (const stint_option_t *option, const char *text, int64_t *number,
                        char *problem);

//  Sets a value, or adds a fault. The name may be null. Copies.
void stint_config_put (stint_config_t *self, const stint_option_t *option, const char *name,
                       const stint_origin_t *origin, const char *text);

//  Returns the value of an option in a section; makes one where there was none. Valid
//  until the next call.
stint_value_t *stint_config_value (stint_config_t *self, const stint_option_t *option,
                                   const char *name);

//  Returns the value that counts: that of the section, or the default.
const stint_value_t *stint_config_effective (const stint_config_t *self,
                                             const stint_option_t *option,
                                             const char *name);

//  Adds a section, or finds it. Valid until the next call.
stint_section_t *stint_config_section (stint_config_t *self, const char *section,
                                       const char *name);

//  Adds a fault: of a flag when usage is set.
void stint_config_fault_add (stint_config_t *self, bool usage, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

//  Copies a foreign text for a fault: cut when it is long, with "?" for what could harm a
//  terminal. Returns shown, which must have STINT_CONFIG_SHOWN_MAX bytes.
const char *stint_config_shown (const char *text, size_t size, char *shown);

//  Finds what somebody may have meant: the candidate with the fewest letters wrong.

typedef struct {
    const char *wanted;                     //  What was written
    size_t size;                            //  Its length
    size_t distance;                        //  Of the best so far; one more than allowed
    char best [STINT_CONFIG_NAME_MAX + 8];  //  The best so far; "" when none is near
} stint_nearest_t;

stint_nearest_t stint_nearest_new (const char *wanted, size_t size);
void stint_nearest_offer (stint_nearest_t *self, const char *candidate, size_t size);

//  As realloc to count elements, zeroed where new, and as strndup; they abort when memory
//  runs out.
void *stint_config_grow (void *array, size_t count, size_t element_size);
char *stint_config_copy (const char *text, size_t size);

#endif
