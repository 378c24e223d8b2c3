//  Tests of verdict: exit codes, signals and the words for them
//  SPDX-License-Identifier: MPL-2.0

#include "verdict.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

//  How waitpid says "exit code" and "signal".
#define EXITED(code) ((code) << 8)
#define SIGNALLED(number) (number)

static void
s_expect (verdict_end_t end, verdict_t verdict, const char *expected)
{
    static char text [VERDICT_TEXT_MAX + 1];
    end.name = "program";
    cr_assert (verdict_of (&end) == verdict);
    text [verdict_text (&end, text)] = 0;
    cr_assert_str_eq (text, expected);
}

Test (verdict, every_exit_code_has_one)
{
    for (int code = 0; code < 256; code++) {
        char text [32];
        verdict_t expected = VERDICT_RETRY;
        if (code == 0)
            expected = VERDICT_DONE;
        if (code == 75)
            expected = VERDICT_LATER;
        if ((code >= 64 && code <= 66) || (code >= 76 && code <= 78) || code == 100)
            expected = VERDICT_REFUSED;
        if (code == 126 || code == 127)
            expected = VERDICT_UNRUNNABLE;
        snprintf (text, sizeof text, "exit %d", code);
        s_expect ((verdict_end_t){.status = EXITED (code)}, expected, text);
    }
}

Test (verdict, a_signal_is_tried_again_and_named)
{
    s_expect ((verdict_end_t){.status = SIGNALLED (SIGKILL)}, VERDICT_RETRY,
              "signal 9 (Killed)");
    s_expect ((verdict_end_t){.status = SIGNALLED (SIGSEGV)}, VERDICT_RETRY,
              "signal 11 (Segmentation fault)");
    s_expect ((verdict_end_t){.status = SIGNALLED (60)}, VERDICT_RETRY,
              "signal 60 (unknown)");
}

Test (verdict, what_we_ended_says_why_whatever_its_exit_code)
{
    verdict_end_t end = {.status = EXITED (0), .time_limit_ms = 1500, .result_max = 10};
    end.ending = ENDING_LATE;
    s_expect (end, VERDICT_RETRY, "time limit of 1.5 s");
    end.ending = ENDING_LONG;
    s_expect (end, VERDICT_REFUSED, "the result is longer than 10 bytes");
    end.ending = ENDING_CANCELLED;
    s_expect (end, VERDICT_CANCELLED, "cancelled");
}

Test (verdict, only_a_payload_that_does_not_fit_is_the_tasks_own_fault)
{
    s_expect ((verdict_end_t){.failure = E2BIG, .payload_size = 200000}, VERDICT_REFUSED,
              "a payload of 200000 bytes does not fit into an argument of program; let it "
              "come on standard input");
    s_expect (
        (verdict_end_t){.failure = EILSEQ}, VERDICT_REFUSED,
        "the payload holds a zero byte, which no argument of program can; let it come "
        "on standard input");
    s_expect ((verdict_end_t){.failure = ENOENT}, VERDICT_UNRUNNABLE,
              "cannot start program: No such file or directory");
    s_expect ((verdict_end_t){.failure = EAGAIN}, VERDICT_UNRUNNABLE,
              "cannot start program: Resource temporarily unavailable");
    s_expect ((verdict_end_t){.failure = 9999}, VERDICT_UNRUNNABLE,
              "cannot start program: unknown error");
}

static void
s_expect_said (const char *said, const char *expected)
{
    verdict_end_t end = {.status = EXITED (3)};
    end.error.data = (const uint8_t *) said;
    end.error.size = strlen (said);
    s_expect (end, VERDICT_RETRY, expected);
}

Test (verdict, the_programs_own_words_follow_without_blanks_at_their_end)
{
    s_expect_said ("no such page\n", "exit 3: no such page");
    s_expect_said (" one\ntwo \r\n\t\n", "exit 3:  one\ntwo");
    s_expect_said ("", "exit 3");
    s_expect_said (" \n\n", "exit 3");
}

Test (verdict, the_text_is_never_longer_than_it_may_be)
{
    static char said [VERDICT_TEXT_MAX + 1];
    static char text [VERDICT_TEXT_MAX];
    verdict_end_t end = {.name = "program", .status = EXITED (3)};
    for (size_t size = VERDICT_TEXT_MAX - 10; size <= VERDICT_TEXT_MAX; size++) {
        memset (said, 'x', size);
        said [size - 1] = 'y';
        end.error.data = (const uint8_t *) said;
        end.error.size = size;
        size_t length = verdict_text (&end, text);
        size_t whole = strlen ("exit 3: ") + size;
        cr_assert (length == (whole < VERDICT_TEXT_MAX ? whole : VERDICT_TEXT_MAX));
        cr_assert (text [length - 1] == 'y', "the end is kept");
    }
}
