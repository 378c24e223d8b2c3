//  stint: pushes tasks to a broker, brings back their results, tells how all stands
//  SPDX-License-Identifier: MPL-2.0

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command_call.h"

//  Returns true when standard output may have colours.

static bool
s_colored (const command_call_t *call)
{
    const char *never = getenv ("NO_COLOR");
    if (call->color && strcmp (call->color, "auto") != 0)
        return strcmp (call->color, "always") == 0;

    return call->terminal && !(never && *never);
}

//  Errors of the command line come before it is read to its end, so --json is looked for.

static bool
s_wants_json (int argc, char **argv)
{
    for (int at = 1; at < argc && strcmp (argv [at], "--") != 0; at++) {
        if (strcmp (argv [at], "--json") == 0)
            return true;
    }
    return false;
}

int
main (int argc, char **argv)
{
    command_call_t call = {.command = NULL};
    if (s_wants_json (argc, argv))
        command_talk_json ();
    int code = command_parse (&call, argc, argv);
    if (code != COMMAND_OK)
        return code;

    call.terminal = isatty (STDOUT_FILENO);
    call.colored = s_colored (&call);
    if (call.version)
        call.command = command_find ("version");
    else if (call.help) {
        command_help (call.command);
        return command_finish (COMMAND_OK);
    }
    if (!call.command)
        call.command = command_find ("status");
    code = call.command->run (&call);
    stint_client_destroy (&call.client);
    return code;
}
