//  stopped: how it is told that a group is paused or drains
//  SPDX-License-Identifier: MPL-2.0

#include "stopped.h"

#include <stdio.h>

#include "answer.h"
#include "text.h"

char *
stopped_text (stint_bytes_t group, char *text)
{
    bool paused = answer_number (group, "paused") > 0;
    bool draining = answer_number (group, "draining") > 0;
    char value [280];
    char by [80];
    char reason [280];
    text [0] = 0;
    if (!paused && !draining)
        return text;
    answer_text (group, "paused_by", value, sizeof value);
    text_first_line (stint_bytes_of (value), 64, by, sizeof by);
    answer_text (group, "paused_reason", value, sizeof value);
    text_first_line (stint_bytes_of (value), 256, reason, sizeof reason);
    snprintf (text, STOPPED_SIZE, "%s%s%s%s%s%s%s%s", paused ? "paused" : "",
              paused && draining ? ", " : "", draining ? "draining" : "", *by ? " by " : "",
              by, *reason ? ": \"" : "", reason, *reason ? "\"" : "");
    return text;
}
