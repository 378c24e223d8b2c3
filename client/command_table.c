//  command_table: the commands of the program stint, and their options
//  SPDX-License-Identifier: MPL-2.0

#include "command_table.h"

#include <limits.h>
#include <stddef.h>

#define AT(property) offsetof (command_call_t, property)

static const command_option_t s_none [] = {{.name = NULL}};

static const command_option_t s_common [] = {
    {.name = "broker",
     .letter = 'b',
     .argument = "ENDPOINT",
     .help = "the broker, as ipc://PATH or tcp://HOST:PORT",
     .kind = OPTION_TEXT,
     .offset = AT (broker)},
    {.name = "timeout",
     .argument = "TIME",
     .help = "how long to wait for each answer, as 500ms or 2m; 5s",
     .kind = OPTION_DURATION,
     .offset = AT (timeout_ms),
     .minimum = 1,
     .maximum = INT_MAX},
    {.name = "json",
     .help = "print JSON, a line for each answer, task or error",
     .kind = OPTION_SWITCH,
     .offset = AT (json)},
    {.name = "quiet",
     .letter = 'q',
     .help = "no progress and no notices, only results and errors",
     .kind = OPTION_SWITCH,
     .offset = AT (quiet)},
    {.name = "verbose",
     .letter = 'v',
     .help = "tell which broker is used, and who said so",
     .kind = OPTION_SWITCH,
     .offset = AT (verbose)},
    {.name = "color",
     .argument = "WHEN",
     .help = "auto, always or never; $NO_COLOR means never",
     .kind = OPTION_TEXT,
     .offset = AT (color)},
    {.name = "help",
     .letter = 'h',
     .help = "print this help",
     .kind = OPTION_SWITCH,
     .offset = AT (help)},
    {.name = "version",
     .letter = 'V',
     .help = "print the version",
     .kind = OPTION_SWITCH,
     .offset = AT (version)},
    {.name = NULL},
};

//  What the tasks of push and map may ask for.

#define TERM_TIME(option, property, text)                                                  \
    {                                                                                      \
        .name = option, .argument = "TIME", .help = text, .kind = OPTION_DURATION,         \
        .offset = AT (terms.property), .minimum = 1, .maximum = INT64_MAX / 4              \
    }
#define TERM_COUNT(option, property, most, text)                                           \
    {                                                                                      \
        .name = option, .argument = "N", .help = text, .kind = OPTION_COUNT,               \
        .offset = AT (terms.property), .minimum = 1, .maximum = most                       \
    }
#define TERM_TEXT(option, property, text)                                                  \
    {                                                                                      \
        .name = option, .argument = "NAME", .help = text, .kind = OPTION_TEXT,             \
        .offset = AT (terms.property)                                                      \
    }
#define TERMS                                                                              \
    TERM_TIME ("delay", delay, "begin no sooner than that from now on, as 5m"),            \
        TERM_COUNT ("priority", priority, 9, "1 to 9; higher ones begin first; 5"),        \
        TERM_TEXT ("key", key, "tasks of different keys take turns in their group"),       \
        TERM_TEXT ("order", order, "tasks of one order run one after the other"),          \
        TERM_COUNT ("attempts", max_attempts, 1000, "failures until a task is dead"),      \
        TERM_TIME ("time-limit", time_limit, "how long an attempt may run"),               \
        TERM_TIME ("expires", expires, "cancel a task that has not begun by then"),        \
        TERM_TIME ("deadline", deadline, "cancel a task that has not ended by then")

static const command_option_t s_push [] = {
    {.name = "file",
     .letter = 'f',
     .argument = "FILE",
     .help = "the payload is what this file holds",
     .kind = OPTION_TEXT,
     .offset = AT (file)},
    {.name = "wait",
     .letter = 'w',
     .help = "wait for the end and print the result",
     .kind = OPTION_SWITCH,
     .offset = AT (wait)},
    TERMS,
    {.name = NULL},
};

static const command_option_t s_map [] = {
    {.name = "files",
     .help = "each FILE is a task by its name, not by its lines",
     .kind = OPTION_SWITCH,
     .offset = AT (files)},
    {.name = "null",
     .letter = '0',
     .help = "tasks end in a null byte instead of a line's end",
     .kind = OPTION_SWITCH,
     .offset = AT (null)},
    {.name = "unordered",
     .letter = 'u',
     .help = "print results as tasks finish",
     .kind = OPTION_SWITCH,
     .offset = AT (unordered)},
    {.name = "window",
     .argument = "N",
     .help = "tasks on their way at once, 1 to 1000000; 4096",
     .kind = OPTION_COUNT,
     .offset = AT (window),
     .minimum = 1,
     .maximum = 1000000},
    {.name = "out",
     .letter = 'o',
     .argument = "DIR",
     .help = "write each result to DIR/NUMBER instead of printing it",
     .kind = OPTION_TEXT,
     .offset = AT (out)},
    TERMS,
    {.name = NULL},
};

static const command_option_t s_status [] = {
    {.name = "watch",
     .letter = 'w',
     .help = "again every second, until Ctrl-C",
     .kind = OPTION_SWITCH,
     .offset = AT (watch)},
    {.name = NULL},
};

static const command_option_t s_group [] = {
    {.name = "reason",
     .argument = "TEXT",
     .help = "pause, drain: why, for people; at most 256 bytes",
     .kind = OPTION_TEXT,
     .offset = AT (why)},
    {.name = "running",
     .help = "purge: cancel what runs, too",
     .kind = OPTION_SWITCH,
     .offset = AT (running)},
    {.name = NULL},
};

static const command_option_t s_schedule [] = {
    {.name = "zone",
     .argument = "OFFSET",
     .help = "set: UTC or a fixed offset such as +02:00; UTC",
     .kind = OPTION_TEXT,
     .offset = AT (zone)},
    {.name = "missed",
     .argument = "WAY",
     .help = "set: of runs without a broker: skip, once or all; skip",
     .kind = OPTION_TEXT,
     .offset = AT (missed)},
    TERMS,
    {.name = NULL},
};

static const command_option_t s_worker [] = {
    {.name = "wait",
     .letter = 'w',
     .help = "drain: wait until they have left",
     .kind = OPTION_SWITCH,
     .offset = AT (wait)},
    {.name = NULL},
};

static const command_option_t s_ls [] = {
    {.name = "state",
     .letter = 's',
     .argument = "STATE",
     .help = "only tasks in this state, such as dead",
     .kind = OPTION_TEXT,
     .offset = AT (state)},
    {.name = "limit",
     .letter = 'n',
     .argument = "N",
     .help = "at most this many, 1 to 1000; 100",
     .kind = OPTION_COUNT,
     .offset = AT (limit),
     .minimum = 1,
     .maximum = 1000},
    {.name = "after",
     .argument = "ID",
     .help = "only tasks with a higher number",
     .kind = OPTION_COUNT,
     .offset = AT (after),
     .minimum = 0,
     .maximum = INT64_MAX},
    {.name = NULL},
};

static const command_option_t s_many [] = {
    {.name = "group",
     .letter = 'g',
     .argument = "GROUP",
     .help = "all tasks of this group that it can be for",
     .kind = OPTION_TEXT,
     .offset = AT (group)},
    {.name = "batch",
     .argument = "NAME",
     .help = "of these, only those of this batch",
     .kind = OPTION_TEXT,
     .offset = AT (batch)},
    {.name = "state",
     .letter = 's',
     .argument = "STATE",
     .help = "only those in this state",
     .kind = OPTION_TEXT,
     .offset = AT (state)},
    {.name = "error-like",
     .argument = "TEXT",
     .help = "only dead ones with this in their last error",
     .kind = OPTION_TEXT,
     .offset = AT (error_like)},
    {.name = "dry-run",
     .letter = 'n',
     .help = "print which tasks these are, and do nothing",
     .kind = OPTION_SWITCH,
     .offset = AT (dry_run)},
    {.name = NULL},
};

static const command_option_t s_show [] = {
    {.name = "payload",
     .argument = "FILE",
     .help = "write its payload into this file, and print nothing",
     .kind = OPTION_TEXT,
     .offset = AT (payload)},
    {.name = NULL},
};

static const command_t s_commands [] = {
    {"push", "GROUP [PAYLOAD|-]", "push one task and print its number",
     "With \"-\" the payload is standard input; with neither it is empty. The number is\n"
     "printed when the task is durable: nothing loses it from then on.\n"
     "\n"
     "    stint push resize photos/cat.jpg\n"
     "    stint push --wait upper - < letter.txt\n"
     "    stint push --order cart-7 --deadline 10m shop 'add a pear'\n",
     "how long to push, 5s, and then to --wait, endless", 1, 2, s_push, command_push},
    {"map", "GROUP [FILE...]", "push a task for each line, print the results in order",
     "Reads the FILEs, or standard input: each line is the payload of a task. A result\n"
     "that does not end a line gets a line's end. Only a window of tasks is on its way at\n"
     "a time, so the input may be endless. Tasks that failed are listed at the end, and\n"
     "the exit code is then 1; with --json they are lines among the others.\n"
     "\n"
     "Tasks may take as long as they like. A broker that goes away is waited for: a "
     "minute,\n"
     "or --timeout when that is longer.\n"
     "\n"
     "With --files the payload is the name as it stands on the command line (or, without\n"
     "FILEs, on a line of standard input): workers on the same disk open it themselves.\n"
     "\n"
     "    printf 'one\\ntwo\\n' | stint map upper\n"
     "    find photos -name '*.jpg' -print0 | stint map -0 --out small resize\n",
     "how long to look for the broker, as 500ms or 2m; 5s", 1, INT_MAX, s_map, command_map},
    {"wait", "ID...", "wait until tasks have ended",
     "Exits with 1 when one failed, with 124 when the time was over: then it tells which\n"
     "have not ended.\n",
     "how long to wait for all together, as 2m; endless", 1, INT_MAX, s_none, command_wait},
    {"result", "ID", "print the result of a task",
     "Prints the very bytes. It stays at the broker as long as the group's keep_results\n"
     "says.\n",
     "how long to wait for its end, as 500ms or 2m; 5s", 1, 1, s_none, command_result},
    {"status", "", "tell how the broker and its groups are",
     "The same as stint alone. OLDEST is how long the first task has been ready, DONE how\n"
     "many results wait to be fetched, FINISHED how many tasks have ended since the\n"
     "group was made.\n",
     NULL, 0, 0, s_status, command_status},
    {"ls", "[GROUP]", "list tasks, in order of their numbers",
     "States: delayed, blocked, ready, running, done, dead, cancelled.\n"
     "\n"
     "    stint ls resize --state dead\n",
     NULL, 0, 1, s_ls, command_ls},
    {"show", "ID", "tell all about one task",
     "With the beginning of its payload, and the text of its last error, in which is what\n"
     "the program wrote last on standard error. A task that is done has its payload no\n"
     "more.\n",
     NULL, 1, 1, s_show, command_show},
    {"explain", "ID|GROUP", "tell why a task does not run, or a group's tasks",
     "Prints all that is in the way now: no worker, all of them full, a pause and who "
     "said\n"
     "so, max_running, a delay or back-off and when it ends; and of a task that runs or "
     "has\n"
     "ended where and when. A word of digits alone is the number of a task.\n"
     "\n"
     "    stint explain 812\n"
     "    stint explain resize\n",
     NULL, 1, 1, s_none, command_explain},
    {"cancel", "ID... | --group GROUP", "cancel tasks that have not ended",
     "A task that runs is stopped. A cancelled one is kept as long as the group's\n"
     "keep_results says: stint retry brings it back. Exits with 65 when one of them had\n"
     "ended before, or never was.\n"
     "\n"
     "    stint cancel --group resize --state ready\n",
     NULL, 0, INT_MAX, s_many, command_cancel},
    {"retry", "ID... | --group GROUP", "try dead or cancelled tasks again",
     "They are ready again, in front of those that were never tried, with no failures\n"
     "counted. Of a group the dead ones, or with --state cancelled the cancelled ones.\n"
     "Exits with 65 when one of them has ended well, or is not there.\n"
     "\n"
     "    stint retry 17 18\n"
     "    stint retry --group resize --error-like 'No space left' --dry-run\n",
     NULL, 0, INT_MAX, s_many, command_retry},
    {"drop", "ID... | --group GROUP", "forget tasks that have ended",
     "Their payloads, results and errors are gone for good. Of a group the dead ones, or\n"
     "those in the --state done or cancelled. Exits with 65 when one of them has not\n"
     "ended, or is not there.\n"
     "\n"
     "    stint drop --group resize --batch monday\n",
     NULL, 0, INT_MAX, s_many, command_drop},
    {"ping", "", "ask whether the broker answers", "", NULL, 0, 0, s_none, command_ping},
    {"group", "[list | set GROUP NAME=VALUE... | pause|drain|resume|purge|remove GROUP]",
     "list or change groups",
     "Alone it lists them. A group is made by the first task that is pushed to it, or by\n"
     "set. Settings, each of which goes back to the broker's own with 0:\n"
     "\n"
     "    max_tasks     tasks it may hold, those that have ended and are kept included\n"
     "    max_bytes     bytes of their payloads, as 64M or 2G\n"
     "    max_attempts  attempts until a task is dead\n"
     "    backoff       wait before the second attempt, as 500ms; doubles each time\n"
     "    backoff_max   longest wait between two attempts\n"
     "    keep_results  how long an ended task and its result are kept; those of a map\n"
     "                  go as soon as it has them\n"
     "    max_running   tasks of the group at workers at once\n"
     "    weight        its share of workers that serve other groups, too: of two groups\n"
     "                  with 3 and 1, one has three tasks for each of the other's\n"
     "    key_running   tasks of one --key at workers at once\n"
     "    time_limit    how long an attempt may run, as 30s\n"
     "    rate          tasks that begin in a time, as 100/s, 10/m or 5/h\n"
     "    burst         tasks that may begin at once after a pause; without it what rate\n"
     "                  is in a second, at least 1\n"
     "    key_rate      the same for the tasks of each --key\n"
     "    key_burst     the same for the tasks of each --key\n"
     "\n"
     "A paused group takes tasks and gives none to workers; what runs there goes on. One\n"
     "that drains takes no tasks, and gives workers what it has: push and map end with\n"
     "exit code 75. resume ends both. Who did it, by $STINT_USER or the login name, and\n"
     "the --reason are shown until then. Purge cancels what waits and drops what has\n"
     "ended; what runs is left, unless --running.\n"
     "\n"
     "    stint group set resize max_tasks=1000 backoff=5s\n"
     "    stint group set resize rate=100/s burst=20 key_rate=10/m\n"
     "    stint group pause resize --reason 'moving disks'\n",
     NULL, 0, INT_MAX, s_group, command_group},
    {"schedule", "[list | set NAME GROUP LINE [PAYLOAD] | pause|resume|remove NAME]",
     "push tasks by the clock",
     "Alone it lists them. The broker pushes a task to GROUP at each time of the LINE:\n"
     "\n"
     "    minute hour day month weekday   as in 30 7 * * mon-fri: each is a number, a\n"
     "                    range 1-5, a step */15, a list of these 1,15, or *; when both\n"
     "                    days are given, either will do, as in cron\n"
     "    @hourly @daily @weekly @monthly @yearly\n"
     "    @every 90s      at that span from now on, of s, m, h and d\n"
     "\n"
     "Times are of UTC, or of a fixed --zone; zones with names are left out for now, so\n"
     "the clock never changes for summer. Set again, a schedule is changed. Runs are "
     "missed\n"
     "while there is no broker, or while the group drains or is full until the next one\n"
     "is due: --missed tells what becomes of them, at most 1000 with all. A payload has\n"
     "at most 4096 bytes.\n"
     "\n"
     "    stint schedule set nightly reports '30 2 * * *' --zone +02:00 --missed once\n"
     "    stint schedule set pulse health '@every 90s' --expires 90s\n",
     NULL, 0, 5, s_schedule, command_schedule},
    {"worker", "[list | drain NAME|NUMBER]", "list workers, or let one finish and leave",
     "Alone it lists them. A worker that drains takes no more tasks, hands back what it "
     "has\n"
     "not started, finishes what runs and exits with 0; of a pool, by its name without a\n"
     "slash and number, all do. Several workers of one name all drain.\n"
     "\n"
     "    stint worker drain alpha/1 --wait\n",
     "how long for each answer, 5s, and to --wait, endless", 0, 2, s_worker,
     command_worker},
    {"version", "", "print the version", "", NULL, 0, 0, s_none, command_version},
    {"help", "[COMMAND]", "print the help of a command", "", NULL, 0, 1, s_none,
     command_print_help},
    {.name = NULL},
};

const command_t *
command_table (void)
{
    return s_commands;
}

const command_option_t *
command_options (void)
{
    return s_common;
}
