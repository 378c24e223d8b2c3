//  user: who it is that uses the program, as they say themselves
//  SPDX-License-Identifier: MPL-2.0

#include "user.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command_call.h"
#include "text.h"

static const char *
s_find (void)
{
    const char *named = getenv ("STINT_USER");
    if (named && *named)
        return named;
    const struct passwd *entry = getpwuid (geteuid ());
    return entry && strlen (entry->pw_name) <= USER_MOST ? entry->pw_name : "";
}

bool
user_name (const char **name)
{
    *name = s_find ();
    if (strlen (*name) <= USER_MOST && text_is_utf8 (stint_bytes_of (*name)))
        return true;
    command_fail (COMMAND_INPUT, "as in: STINT_USER=ann",
                  "$STINT_USER is a name of at most %d bytes of UTF-8", USER_MOST);
    return false;
}
