//  command: what the commands of the program stint share
//  SPDX-License-Identifier: MPL-2.0
//
//  A command is a row of a table (command_table.c): name, arguments, help, options, and
//  the function that carries it out. Data goes to standard output, talk to standard error;
//  an error is one line, "stint: what, where", and an indented one that can be pasted.

#ifndef CLIENT_COMMAND_H
#define CLIENT_COMMAND_H

#include "stint_client.h"
#include "stint_endpoint.h"

//  Exit codes, as sysexits.h and timeout(1) have them.

enum {
    COMMAND_OK = 0,             //  Did what it was asked to do
    COMMAND_FAILED = 1,         //  A task failed
    COMMAND_USAGE = 64,         //  A bad option or argument
    COMMAND_INPUT = 65,         //  Input that cannot be used, no such task or group
    COMMAND_UNREACHABLE = 69,   //  No broker, or one of another version
    COMMAND_DISK = 74,          //  Output that cannot be written
    COMMAND_FULL = 75,          //  Refused for now: a limit was reached
    COMMAND_DENIED = 77,        //  This key may not do that
    COMMAND_CONFIG = 78,        //  A bad configuration file
    COMMAND_TIMEOUT = 124,      //  Waited too long
    COMMAND_INTERRUPTED = 130,  //  Ctrl-C
    COMMAND_OPEN = -1,          //  None, but for command_wait_for: a task has not ended
};

typedef enum {
    OPTION_SWITCH,    //  A bool, set by the option being there
    OPTION_TEXT,      //  A const char *
    OPTION_COUNT,     //  An int64_t from minimum to maximum
    OPTION_DURATION,  //  An int64_t in milliseconds, written as "5s"
} command_option_kind_t;

//  One option. Where its value goes is an offset into command_call_t.

typedef struct {
    const char *name;            //  "window", for --window
    char letter;                 //  'w' for -w; 0 for none
    const char *argument;        //  What help calls its value: "N"; null for a switch
    const char *help;            //  One line
    command_option_kind_t kind;  //  What the value is
    size_t offset;               //  offsetof (command_call_t, window)
    int64_t minimum;             //  Of a count
    int64_t maximum;             //  Of a count
} command_option_t;

//  One call of the program. Texts are borrowed from the command line.

typedef struct command command_t;

typedef struct {
    const command_t *command;  //  What to do; null when none was named

    const char *broker;  //  --broker: the endpoint asked for; null when none was
    int64_t timeout_ms;  //  --timeout; 0 when it was not given
    bool json;           //  --json
    bool quiet;          //  --quiet: no progress, no notices
    bool verbose;        //  --verbose
    const char *color;   //  --color: auto, always or never
    bool help;           //  --help
    bool version;        //  --version

    bool wait;            //  push: --wait
    const char *file;     //  push: --file
    stint_terms_t terms;  //  push, map: what the tasks ask for
    bool files;           //  map: --files
    bool null;            //  map: --null
    bool unordered;       //  map: --unordered
    int64_t window;       //  map: --window
    const char *out;      //  map: --out
    bool watch;           //  status: --watch
    const char *why;      //  group: --reason
    const char *zone;     //  schedule: --zone
    const char *missed;   //  schedule: --missed
    const char *state;    //  ls, cancel, retry, drop: --state
    int64_t limit;        //  ls: --limit
    int64_t after;        //  ls: --after

    const char *group;       //  cancel, retry, drop: --group
    const char *batch;       //  --batch
    const char *error_like;  //  --error-like
    bool dry_run;            //  --dry-run
    const char *payload;     //  show: --payload
    bool running;            //  group purge: --running

    char **words;  //  Arguments behind the command's name
    int count;     //  How many

    stint_endpoint_t endpoint;  //  Of the broker, and where it came from
    stint_client_t *client;     //  Null until command_connect
    bool terminal;              //  Standard output is a terminal
    bool colored;               //  Standard output may have colours
} command_call_t;

//  Carries out a command and returns the exit code.
typedef int (command_fn) (command_call_t *call);

struct command {
    const char *name;                 //  "push"
    const char *arguments;            //  "GROUP [PAYLOAD|-]"
    const char *summary;              //  One line, for the list of commands
    const char *text;                 //  More, for its own help; lines end in "\n"
    const char *timeout;              //  What its --timeout bounds; null for each answer
    int words_min;                    //  Fewest arguments
    int words_max;                    //  Most arguments
    const command_option_t *options;  //  Its own options, up to one without a name
    command_fn *run;                  //  Carries it out
};

//  Returns the commands, up to one without a name. In command_table.c.
const command_t *command_table (void);

//  Returns the options that all commands have, up to one without a name. In
//  command_table.c.
const command_option_t *command_options (void);

//  Returns the command of that name, or null. In command_line.c, as what follows.
const command_t *command_find (const char *name);

//  Fills in a call from the command line. Returns COMMAND_OK, or another exit code after
//  it has said what is wrong.
int command_parse (command_call_t *call, int argc, char **argv);

//  Prints the help of one command, or of the program when command is null.
void command_help (const command_t *command);

//  Says that there is no command of that name, and which one may be meant. Returns
//  COMMAND_USAGE.
int command_unknown (const char *name);

#endif
