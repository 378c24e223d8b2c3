//  verdict: how the end of a program is to be judged, and the words for it; pure
//  SPDX-License-Identifier: MPL-2.0

#include "verdict.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

//  The codes of sysexits.h, and 100 from qmail, that say "this will never work"; those of
//  a shell that say "there is nothing to run".

static verdict_t
s_of_exit (int code)
{
    switch (code) {
        case 0:
            return VERDICT_DONE;
        case 75:
            return VERDICT_LATER;
        case 64:
        case 65:
        case 66:
        case 76:
        case 77:
        case 78:
        case 100:
            return VERDICT_REFUSED;
        case 126:
        case 127:
            return VERDICT_UNRUNNABLE;
        default:
            return VERDICT_RETRY;
    }
}

verdict_t
verdict_of (const verdict_end_t *end)
{
    if (end->failure == E2BIG || end->failure == EILSEQ)
        return VERDICT_REFUSED;
    if (end->failure)
        return VERDICT_UNRUNNABLE;
    if (end->ending == ENDING_CANCELLED)
        return VERDICT_CANCELLED;
    if (end->ending == ENDING_LONG)
        return VERDICT_REFUSED;
    if (end->ending == ENDING_LATE || !WIFEXITED (end->status))
        return VERDICT_RETRY;
    return s_of_exit (WEXITSTATUS (end->status));
}

static int
s_put_failure (const verdict_end_t *end, char *text)
{
    if (end->failure == E2BIG)
        return snprintf (text, VERDICT_TEXT_MAX,
                         "a payload of %zu bytes does not fit into an argument of %.200s; "
                         "let it come on standard input",
                         end->payload_size, end->name);
    if (end->failure == EILSEQ)
        return snprintf (text, VERDICT_TEXT_MAX,
                         "the payload holds a zero byte, which no argument of %.200s can; "
                         "let it come on standard input",
                         end->name);
    const char *why = strerrordesc_np (end->failure);
    return snprintf (text, VERDICT_TEXT_MAX, "cannot start %.200s: %s", end->name,
                     why ? why : "unknown error");
}

static int
s_put_status (const verdict_end_t *end, char *text)
{
    if (end->ending == ENDING_CANCELLED)
        return snprintf (text, VERDICT_TEXT_MAX, "cancelled");
    if (end->ending == ENDING_LONG)
        return snprintf (text, VERDICT_TEXT_MAX, "the result is longer than %zu bytes",
                         end->result_max);
    if (end->ending == ENDING_LATE)
        return snprintf (text, VERDICT_TEXT_MAX, "time limit of %g s",
                         (double) end->time_limit_ms / 1000);
    if (WIFEXITED (end->status))
        return snprintf (text, VERDICT_TEXT_MAX, "exit %d", WEXITSTATUS (end->status));
    const char *name = sigdescr_np (WTERMSIG (end->status));
    return snprintf (text, VERDICT_TEXT_MAX, "signal %d (%s)", WTERMSIG (end->status),
                     name ? name : "unknown");
}

size_t
verdict_text (const verdict_end_t *end, char *text)
{
    if (end->failure)
        return (size_t) s_put_failure (end, text);

    size_t size = (size_t) s_put_status (end, text);
    size_t tail = end->error.size;
    while (tail && memchr (" \t\r\n", end->error.data [tail - 1], 4))
        tail--;
    if (!tail)
        return size;
    text [size++] = ':';
    text [size++] = ' ';
    size_t room = VERDICT_TEXT_MAX - size;
    size_t skipped = tail > room ? tail - room : 0;
    memcpy (text + size, end->error.data + skipped, tail - skipped);
    return size + tail - skipped;
}
