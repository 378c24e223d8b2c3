//  test_steps: how far a program is, in its own lines, and through a real program
//  SPDX-License-Identifier: MPL-2.0

#include "exec.h"
#include "steps.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 20000  //  For what must happen, on a machine that has much to do

static steps_t s_steps;

static void
s_take (const char *text)
{
    steps_take (&s_steps, stint_bytes_of (text));
}

//  Takes one line; returns thousandths, or -1 when it says nothing.

static int
s_line (const char *line)
{
    s_steps = (steps_t){0};
    s_take (line);
    s_take ("\n");
    cr_assert_neq (s_steps.fresh, s_steps.faulty, "%s", line);
    return s_steps.fresh ? (int) s_steps.done : -1;
}

Test (steps, a_line_has_a_percentage_and_a_text)
{
    cr_assert_eq (s_line ("progress 40 page 4 of 10"), 400);
    cr_assert_str_eq (s_steps.text, "page 4 of 10");
    cr_assert_eq (s_line ("progress 0"), 0);
    cr_assert_str_eq (s_steps.text, "");
    cr_assert_eq (s_line ("progress 99.95 nearly"), 999);
    cr_assert_str_eq (s_steps.text, "nearly");
    cr_assert_eq (s_line ("progress\t7.50%\tof  it \r"), 75);
    cr_assert_str_eq (s_steps.text, "of  it ");
    cr_assert_eq (s_line ("progress 100 %"), 1000);
    cr_assert_eq (s_line ("progress 007 agents"), 70);
}

Test (steps, what_is_no_such_line_is_kept_as_a_fault)
{
    static const char *const lines [] = {
        "progress",       "progress ",      "progress x",       "progress -1",
        "progress 100.1", "progress 101",   "progress 1e1",     "progress 40.",
        "progress .5",    "progress 4,5",   "progress 40pages", " progress 40",
        "Progress 40",    "progression 40", "40 page 4",        "progress 99999999999999",
    };
    for (size_t index = 0; index < sizeof lines / sizeof lines [0]; index++) {
        cr_assert_eq (s_line (lines [index]), -1, "%s", lines [index]);
        cr_assert_str_eq (s_steps.fault, lines [index]);
    }
}

Test (steps, the_last_good_line_and_the_first_fault_count)
{
    s_take ("progress 1 one\nprogress 2 two\noops\n\n  \nprogress 3 thr");
    cr_assert_eq (s_steps.done, 20);
    cr_assert_str_eq (s_steps.text, "two");
    s_take ("ee\nagain");
    cr_assert_eq (s_steps.done, 30);
    cr_assert_str_eq (s_steps.text, "three");
    s_take ("\n");
    cr_assert_str_eq (s_steps.fault, "oops");
}

Test (steps, a_long_line_is_cut)
{
    s_take ("progress 5 ");
    for (int count = 0; count < 10000; count++)
        s_take ("\xc3\xa4");
    s_take ("\n");
    cr_assert_eq (s_steps.done, 50);
    cr_assert_eq (strlen (s_steps.text), STINT_NOTE_MAX);
    s_steps = (steps_t){0};
    for (int count = 0; count < 10000; count++)
        s_take ("bad ");
    s_take ("\nprogress 6\n");
    cr_assert_eq (s_steps.done, 60);
    cr_assert_eq (strlen (s_steps.fault), sizeof s_steps.fault - 1);
}

Test (steps, bytes_of_every_kind_and_cut_anywhere_are_borne)
{
    static const char alphabet [] = "progress 0123456789.%\n\r\t\0\xc3\xa4\xff";
    uint64_t chance = 1;
    for (int count = 0; count < 200000; count++) {
        uint8_t bytes [40];
        chance = chance * 6364136223846793005u + 1442695040888963407u;
        size_t size = (size_t) (chance >> 40) % sizeof bytes;
        for (size_t at = 0; at < size; at++) {
            chance = chance * 6364136223846793005u + 1442695040888963407u;
            bytes [at] = (uint8_t) alphabet [(chance >> 33) % (sizeof alphabet - 1)];
        }
        steps_take (&s_steps, (stint_bytes_t){bytes, size});
        cr_assert_leq (s_steps.done, STINT_NOTE_DONE);
        cr_assert_leq (strlen (s_steps.text), STINT_NOTE_MAX);
    }
}

//  ---------------------------------------------------------------------------------
//  Real programs

static void
s_start (exec_t *exec, void *tag)
{
    program_task_t task = {.group = "upper", .id = 1, .fence = 1, .attempt = 1};
    exec_start (exec, tag, &task, 0);
}

static exec_t *
s_exec (const char *line, uint32_t slots)
{
    exec_settings_t settings = {
        .shell = line, .worker = "w", .slots = slots, .grace_ms = 1000};
    return exec_new (&settings);
}

//  Goes on until a program says something. An outcome comes to nobody here.

static exec_progress_t
s_next (exec_t *exec)
{
    exec_progress_t progress;
    exec_outcome_t outcome;
    for (;;) {
        cr_assert_not (exec_next (exec, 0, &outcome), "it has ended");
        if (exec_next_progress (exec, &progress))
            return progress;
        struct pollfd item = {.fd = exec_fd (exec), .events = POLLIN};
        cr_assert_eq (poll (&item, 1, PATIENCE_MS), 1);
    }
}

static exec_outcome_t
s_outcome (exec_t *exec)
{
    exec_outcome_t outcome;
    while (!exec_next (exec, 0, &outcome)) {
        struct pollfd item = {.fd = exec_fd (exec), .events = POLLIN};
        cr_assert_eq (poll (&item, 1, PATIENCE_MS), 1);
    }
    return outcome;
}

Test (steps, a_program_says_how_far_it_is)
{
    exec_t *exec = s_exec ("echo progress 40 page 4 of 10 >&3; exec tail -f /dev/null", 1);
    s_start (exec, &exec);
    exec_progress_t progress = s_next (exec);
    cr_assert_eq (progress.tag, &exec);
    cr_assert_float_eq (progress.done, 0.4, 1e-9);
    cr_assert_str_eq (progress.text, "page 4 of 10");
    cr_assert_null (progress.fault);
    cr_assert_not (exec_next_progress (exec, &progress));
    exec_destroy (&exec);
}

Test (steps, a_fault_is_told_once_a_run)
{
    exec_t *exec =
        s_exec ("echo nonsense >&3; echo more of it >&3; exec tail -f /dev/null", 1);
    s_start (exec, exec);
    exec_progress_t progress = s_next (exec);
    cr_assert_lt (progress.done, 0);
    cr_assert_str_eq (progress.fault, "nonsense");
    cr_assert_not (exec_next_progress (exec, &progress));
    exec_cancel (exec, exec, 0);
    s_outcome (exec);
    cr_assert_not (exec_next_progress (exec, &progress));
    s_start (exec, exec);
    cr_assert_str_eq (s_next (exec).fault, "nonsense");
    exec_destroy (&exec);
}

//  One floods its descriptor, another closes it, and both come to their ends.

Test (steps, neither_a_flood_nor_a_closed_descriptor_matters)
{
    exec_t *exec = s_exec ("yes progress 41 of many | head -n 300000 >&3; echo flooded", 1);
    s_start (exec, exec);
    exec_progress_t progress = s_next (exec);
    cr_assert_float_eq (progress.done, 0.41, 1e-9);
    cr_assert_str_eq (progress.text, "of many");
    exec_outcome_t outcome = s_outcome (exec);
    cr_assert_eq (outcome.verdict, VERDICT_DONE);
    cr_assert_eq (outcome.result.size, 8);
    exec_destroy (&exec);

    exec = s_exec ("exec 3>&-; echo closed", 1);
    s_start (exec, exec);
    outcome = s_outcome (exec);
    cr_assert_eq (outcome.verdict, VERDICT_DONE);
    cr_assert_eq (outcome.result.size, 7);
    cr_assert_not (exec_next_progress (exec, &progress));
    exec_destroy (&exec);
}

//  A child that holds the descriptor open does not hold the slot.

Test (steps, who_holds_the_descriptor_open_does_not_hold_the_slot)
{
    exec_t *exec = s_exec ("tail -f /dev/null > /dev/null 2>&1 & echo done", 1);
    s_start (exec, exec);
    cr_assert_eq (s_outcome (exec).verdict, VERDICT_DONE);
    exec_destroy (&exec);
}
