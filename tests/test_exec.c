//  Tests of exec: real programs, their limits, and what is left when they are gone
//  SPDX-License-Identifier: MPL-2.0
//
//  The time that exec is told is ours, so that limits pass without waiting for them. What
//  a program says of itself (its process number, that it is ready) comes through a FIFO.

#include "exec.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000  //  For what must happen, on a machine that has much to do

static char s_folder [] = "/tmp/stint-test-exec-XXXXXX";
static char s_fifo [64];    //  What programs find as $STINT_TEST_FIFO
static int s_from_program;  //  Its read end

static void
s_set_up (void)
{
    cr_assert (mkdtemp (s_folder));
    snprintf (s_fifo, sizeof s_fifo, "%s/fifo", s_folder);
    cr_assert (mkfifo (s_fifo, 0600) == 0);
    s_from_program = open (s_fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    cr_assert (s_from_program >= 0);
    setenv ("STINT_TEST_FIFO", s_fifo, 1);
}

static void
s_tear_down (void)
{
    close (s_from_program);
    unlink (s_fifo);
    rmdir (s_folder);
}

TestSuite (exec, .init = s_set_up, .fini = s_tear_down, .timeout = 60);

static exec_t *
s_shell (const char *line, uint32_t slots)
{
    exec_settings_t settings = {
        .shell = line, .worker = "tester/1", .slots = slots, .grace_ms = 5000};
    return exec_new (&settings);
}

static void
s_start (exec_t *exec, void *tag, const char *payload, int64_t now)
{
    program_task_t task = {.payload = {(const uint8_t *) payload, strlen (payload)},
                           .group = "upper",
                           .id = 42,
                           .fence = 77,
                           .attempt = 3};
    exec_start (exec, tag, &task, now);
}

static void
s_wait_readable (int descriptor)
{
    struct pollfd item = {.fd = descriptor, .events = POLLIN};
    cr_assert (poll (&item, 1, PATIENCE_MS) == 1, "nothing happened in %d ms", PATIENCE_MS);
}

//  Waits for the next outcome while time stands still.

static exec_outcome_t
s_outcome (exec_t *exec, int64_t now)
{
    exec_outcome_t outcome;
    while (!exec_next (exec, now, &outcome))
        s_wait_readable (exec_fd (exec));
    return outcome;
}

static exec_outcome_t
s_run (exec_t *exec, const char *payload)
{
    s_start (exec, exec, payload, 0);
    return s_outcome (exec, 0);
}

//  Reads one number that a program wrote into the FIFO.

static int
s_number_from_program (void)
{
    char text [32] = "";
    size_t size = 0;
    while (size < sizeof text - 1 && !strchr (text, '\n')) {
        s_wait_readable (s_from_program);
        cr_assert (read (s_from_program, text + size, 1) == 1);
        size++;
    }
    return (int) strtol (text, NULL, 10);
}

static bool
s_equal (stint_bytes_t bytes, const char *text)
{
    return bytes.size == strlen (text)
           && (bytes.size == 0 || memcmp (bytes.data, text, bytes.size) == 0);
}

#define assert_text(bytes, text)                                                           \
    cr_assert (s_equal (bytes, text), "got \"%.*s\"", (int) (bytes).size,                  \
               (const char *) (bytes).data)

//  Returns true when a process of that number is there and no zombie.

static bool
s_lives (int pid)
{
    char name [64];
    char text [256] = "";
    snprintf (name, sizeof name, "/proc/%d/stat", pid);
    FILE *file = fopen (name, "r");
    if (!file)
        return false;
    size_t size = fread (text, 1, sizeof text - 1, file);
    fclose (file);
    const char *state = size ? strrchr (text, ')') : NULL;
    return state && state [2] != 'Z';
}

//  Waits until the process has ended: SIGKILL was sent, but the kernel takes its time.

static void
s_wait_gone (int pid)
{
    int ended = pidfd_open (pid, 0);
    if (ended >= 0) {
        s_wait_readable (ended);
        close (ended);
    }
    cr_assert (!s_lives (pid));
}

static int
s_count_descriptors (void)
{
    int count = 0;
    DIR *folder = opendir ("/proc/self/fd");
    while (readdir (folder))
        count++;
    closedir (folder);
    return count;
}

Test (exec, the_payload_is_the_input_and_the_output_is_the_result)
{
    exec_t *exec = s_shell ("tr a-z A-Z", 1);
    s_start (exec, &exec, "one", 100);
    cr_assert (exec_free (exec) == 0);
    exec_outcome_t outcome = s_outcome (exec, 130);
    cr_assert (outcome.verdict == VERDICT_DONE);
    cr_assert (outcome.tag == &exec);
    cr_assert (outcome.ran_ms == 30);
    assert_text (outcome.result, "ONE");
    cr_assert (outcome.text.size == 0);
    cr_assert (exec_free (exec) == 1);
    exec_destroy (&exec);
    cr_assert (exec == NULL);
}

Test (exec, an_empty_payload_and_an_empty_result_are_fine)
{
    exec_t *exec = s_shell ("cat", 1);
    exec_outcome_t outcome = s_run (exec, "");
    cr_assert (outcome.verdict == VERDICT_DONE);
    cr_assert (outcome.result.size == 0);
    exec_destroy (&exec);
}

Test (exec, a_program_finds_its_task_in_the_environment)
{
    setenv ("STINT_FENCE", "from our own parent", 1);
    exec_t *exec = s_shell ("echo $STINT_TASK_ID $STINT_GROUP $STINT_ATTEMPT $STINT_FENCE "
                            "$STINT_WORKER $STINT_PROGRESS_FD; env | grep -c ^STINT_FENCE",
                            1);
    assert_text (s_run (exec, "").result, "42 upper 3 77 tester/1 3\n1\n");
    exec_destroy (&exec);
}

Test (exec, a_place_in_the_arguments_is_the_payload_without_a_shell)
{
    char *argv [] = {"printf", "%s|", "{}", "<{}-{}>", NULL};
    exec_settings_t settings = {.argv = argv, .worker = "w", .slots = 1, .grace_ms = 1};
    exec_t *exec = exec_new (&settings);
    assert_text (s_run (exec, "$(id) 'a b';").result,
                 "$(id) 'a b';|<$(id) 'a b';-$(id) 'a b';>|");
    assert_text (s_run (exec, "").result, "|<->|");
    exec_destroy (&exec);
}

Test (exec, a_payload_in_the_arguments_leaves_the_input_empty)
{
    char *argv [] = {"sh", "-c", "cat; echo $1", "sh", "{}", NULL};
    exec_settings_t settings = {.argv = argv, .worker = "w", .slots = 1, .grace_ms = 1};
    exec_t *exec = exec_new (&settings);
    assert_text (s_run (exec, "x").result, "x\n");
    exec_destroy (&exec);
}

Test (exec, a_payload_that_no_argument_can_hold_is_refused)
{
    char *argv [] = {"echo", "{}", NULL};
    exec_settings_t settings = {.argv = argv, .worker = "w", .slots = 1, .grace_ms = 1};
    exec_t *exec = exec_new (&settings);
    program_task_t task = {.payload = {(const uint8_t *) "a\0b", 3}, .group = "g"};
    exec_start (exec, exec, &task, 0);
    exec_outcome_t outcome = s_outcome (exec, 0);
    cr_assert (outcome.verdict == VERDICT_REFUSED);
    assert_text (outcome.text,
                 "the payload holds a zero byte, which no argument of echo can; "
                 "let it come on standard input");

    char *longest = malloc (PROGRAM_ARGUMENT_MAX + 1);
    memset (longest, 'x', PROGRAM_ARGUMENT_MAX);
    longest [PROGRAM_ARGUMENT_MAX] = 0;
    outcome = s_run (exec, longest);
    cr_assert (outcome.verdict == VERDICT_REFUSED);
    assert_text (outcome.text, "a payload of 131072 bytes does not fit into an argument of "
                               "echo; let it come on standard input");
    longest [PROGRAM_ARGUMENT_MAX - 1] = 0;
    outcome = s_run (exec, longest);
    cr_assert (outcome.verdict == VERDICT_DONE);
    cr_assert (outcome.result.size == PROGRAM_ARGUMENT_MAX);
    free (longest);
    exec_destroy (&exec);
}

Test (exec, the_text_names_a_signal_and_ends_with_what_the_program_said)
{
    exec_t *exec = s_shell ("echo partial; echo no such page >&2; eval \"$(cat)\"", 1);
    exec_outcome_t outcome = s_run (exec, "exit 3");
    cr_assert (outcome.verdict == VERDICT_RETRY);
    cr_assert (outcome.result.size == 0);
    assert_text (outcome.text, "exit 3: no such page");
    outcome = s_run (exec, "kill -9 $$");
    cr_assert (outcome.verdict == VERDICT_RETRY);
    assert_text (outcome.text, "signal 9 (Killed): no such page");
    exec_destroy (&exec);
}

Test (exec, only_the_end_of_a_long_complaint_is_kept)
{
    exec_t *exec = s_shell ("seq 1 200000 >&2; echo the end >&2; exit 1", 1);
    exec_outcome_t outcome = s_run (exec, "");
    cr_assert (outcome.text.size == VERDICT_TEXT_MAX);
    cr_assert (memcmp (outcome.text.data, "exit 1: ", 8) == 0);
    const char *end = "199999\n200000\nthe end";
    const uint8_t *tail = outcome.text.data + outcome.text.size - strlen (end);
    cr_assert (memcmp (tail, end, strlen (end)) == 0);
    exec_destroy (&exec);
}

Test (exec, large_payloads_and_results_pass_both_ways_at_once)
{
    size_t size = (size_t) 8 << 20;
    uint8_t *payload = malloc (size);
    for (size_t index = 0; index < size; index++)
        payload [index] = (uint8_t) (index * 2654435761U >> 13);
    exec_t *exec = s_shell ("cat", 2);
    program_task_t task = {.payload = {payload, size}, .group = "g"};
    exec_start (exec, &task, &task, 0);
    exec_start (exec, payload, &task, 0);
    for (int count = 0; count < 2; count++) {
        exec_outcome_t outcome = s_outcome (exec, 0);
        cr_assert (outcome.verdict == VERDICT_DONE);
        cr_assert (outcome.result.size == size);
        cr_assert (memcmp (outcome.result.data, payload, size) == 0);
    }
    free (payload);
    exec_destroy (&exec);
}

Test (exec, a_result_of_the_greatest_length_passes_and_one_more_byte_is_refused)
{
    exec_settings_t settings = {.shell =
                                    "head -c $(cat) /dev/zero; echo $? > $STINT_TEST_FIFO",
                                .worker = "w",
                                .slots = 1,
                                .grace_ms = 5000,
                                .result_max = 300000};
    exec_t *exec = exec_new (&settings);
    exec_outcome_t outcome = s_run (exec, "300000");
    cr_assert (outcome.verdict == VERDICT_DONE);
    cr_assert (outcome.result.size == 300000);
    outcome = s_run (exec, "300001");
    cr_assert (outcome.verdict == VERDICT_REFUSED);
    assert_text (outcome.text, "the result is longer than 300000 bytes");
    exec_destroy (&exec);
}

Test (exec, a_program_that_never_stops_writing_is_ended)
{
    exec_settings_t settings = {.shell = "echo $$ > $STINT_TEST_FIFO; yes",
                                .worker = "w",
                                .slots = 1,
                                .grace_ms = 5000,
                                .result_max = (size_t) 1 << 20};
    exec_t *exec = exec_new (&settings);
    exec_outcome_t outcome = s_run (exec, "");
    cr_assert (outcome.verdict == VERDICT_REFUSED);
    s_wait_gone (s_number_from_program ());
    exec_destroy (&exec);
}

Test (exec, a_program_that_does_not_want_its_input_is_no_failure)
{
    size_t size = (size_t) 4 << 20;
    uint8_t *payload = calloc (1, size);
    exec_t *exec = s_shell ("exec <&-; echo enough", 1);
    program_task_t task = {.payload = {payload, size}, .group = "g"};
    exec_start (exec, exec, &task, 0);
    exec_outcome_t outcome = s_outcome (exec, 0);
    cr_assert (outcome.verdict == VERDICT_DONE);
    assert_text (outcome.result, "enough\n");
    free (payload);
    exec_destroy (&exec);
}

Test (exec, a_program_that_is_not_there_is_not_the_tasks_fault)
{
    char *argv [] = {"/nowhere/at-all", NULL};
    exec_settings_t settings = {.argv = argv, .worker = "w", .slots = 1, .grace_ms = 1};
    exec_t *exec = exec_new (&settings);
    s_start (exec, exec, "x", 0);
    cr_assert (exec_deadline (exec) <= 0, "the outcome must not wait for a poll");
    exec_outcome_t outcome = s_outcome (exec, 0);
    cr_assert (outcome.verdict == VERDICT_UNRUNNABLE);
    assert_text (outcome.text, "cannot start /nowhere/at-all: No such file or directory");
    cr_assert (exec_free (exec) == 1);
    exec_destroy (&exec);

    argv [0] = s_fifo;
    exec = exec_new (&settings);
    cr_assert (s_run (exec, "").verdict == VERDICT_UNRUNNABLE);
    exec_destroy (&exec);
}

Test (exec, when_descriptors_run_out_nothing_is_blamed_on_the_task)
{
    exec_t *exec = s_shell ("cat", 1);
    int before = s_count_descriptors ();
    struct rlimit limit;
    getrlimit (RLIMIT_NOFILE, &limit);
    rlim_t usual = limit.rlim_cur;
    for (rlim_t room = 0; room < 7; room++) {
        limit.rlim_cur = (rlim_t) before - 3 + room;
        setrlimit (RLIMIT_NOFILE, &limit);
        s_start (exec, exec, "x", 0);
        limit.rlim_cur = usual;
        setrlimit (RLIMIT_NOFILE, &limit);
        exec_outcome_t outcome = s_outcome (exec, 0);
        cr_assert (outcome.verdict == VERDICT_UNRUNNABLE
                   || outcome.verdict == VERDICT_DONE);
        cr_assert (s_count_descriptors () == before);
    }
    exec_destroy (&exec);
}

Test (exec, the_time_limit_ends_a_program_with_sigterm)
{
    exec_settings_t settings = {.shell = "echo working >&2; echo $$ > $STINT_TEST_FIFO; "
                                         "exec tail -f --pid=$PPID /dev/null",
                                .worker = "w",
                                .slots = 1,
                                .time_limit_ms = 1500,
                                .grace_ms = 5000};
    exec_t *exec = exec_new (&settings);
    exec_outcome_t outcome;
    s_start (exec, exec, "", 1000);
    int pid = s_number_from_program ();
    cr_assert (exec_deadline (exec) == 2500);
    cr_assert (!exec_next (exec, 2499, &outcome));
    cr_assert (s_lives (pid));
    outcome = s_outcome (exec, 2500);
    cr_assert (outcome.verdict == VERDICT_RETRY);
    assert_text (outcome.text, "time limit of 1.5 s: working");
    cr_assert (!s_lives (pid));
    cr_assert (exec_deadline (exec) == EXEC_NEVER);
    exec_destroy (&exec);
}

Test (exec, the_shorter_time_limit_of_worker_and_task_counts)
{
    exec_settings_t settings = {.shell = "sleep 600", .worker = "w", .slots = 1};
    static const int64_t cases [][3] = {{0, 0, 0}, {900, 0, 900}, {0, 7, 7}, {9, 7, 7}};
    for (size_t at = 0; at < 4; at++) {
        settings.time_limit_ms = cases [at][0];
        exec_t *exec = exec_new (&settings);
        program_task_t task = {.group = "g", .time_limit_ms = cases [at][1]};
        exec_start (exec, exec, &task, 1000);
        cr_assert (exec_deadline (exec) == (at ? 1000 + cases [at][2] : EXEC_NEVER));
        exec_destroy (&exec);
    }
}

//  The program and its child both ignore SIGTERM; the child is stopped as well.

Test (exec, a_program_that_ignores_sigterm_is_killed_with_its_children)
{
    exec_t *exec = s_shell ("trap '' TERM; tail -f --pid=$PPID /dev/null & kill -STOP $!;"
                            "echo $! > $STINT_TEST_FIFO; echo $$ > $STINT_TEST_FIFO; wait",
                            1);
    exec_outcome_t outcome;
    s_start (exec, exec, "", 0);
    int child = s_number_from_program ();
    int program = s_number_from_program ();
    exec_cancel (exec, exec, 10);
    cr_assert (exec_deadline (exec) == 5010);
    exec_cancel (exec, exec, 4000);
    cr_assert (exec_deadline (exec) == 5010, "the grace does not begin again");
    cr_assert (!exec_next (exec, 5009, &outcome));
    cr_assert (s_lives (program) && s_lives (child));
    outcome = s_outcome (exec, 5010);
    cr_assert (outcome.verdict == VERDICT_CANCELLED);
    assert_text (outcome.text, "cancelled");
    s_wait_gone (program);
    s_wait_gone (child);
    exec_destroy (&exec);
}

Test (exec, a_stopped_program_hears_sigterm)
{
    exec_t *exec =
        s_shell ("trap 'echo $? > $STINT_TEST_FIFO; exit' TERM;"
                 "echo $$ > $STINT_TEST_FIFO; kill -STOP $$; while :; do :; done",
                 1);
    s_start (exec, exec, "", 0);
    s_number_from_program ();
    exec_cancel (exec, exec, 0);
    cr_assert (s_outcome (exec, 0).verdict == VERDICT_CANCELLED);
    exec_destroy (&exec);
}

Test (exec, children_left_in_the_background_go_with_their_program)
{
    exec_t *exec = s_shell ("tail -f --pid=$PPID /dev/null > /dev/null 2>&1 &"
                            "echo $! > $STINT_TEST_FIFO; echo fine",
                            1);
    exec_outcome_t outcome = s_run (exec, "");
    cr_assert (outcome.verdict == VERDICT_DONE);
    assert_text (outcome.result, "fine\n");
    s_wait_gone (s_number_from_program ());
    exec_destroy (&exec);
}

Test (exec, a_child_that_holds_the_output_open_gets_the_grace_and_no_more)
{
    exec_t *exec = s_shell (
        "tail -f --pid=$PPID /dev/null & echo $! > $STINT_TEST_FIFO; echo fine", 1);
    exec_outcome_t outcome;
    s_start (exec, exec, "", 0);
    int child = s_number_from_program ();
    while (exec_deadline (exec) == EXEC_NEVER) {
        s_wait_readable (exec_fd (exec));
        cr_assert (!exec_next (exec, 100, &outcome));
    }
    cr_assert (exec_deadline (exec) == 5100);
    cr_assert (s_lives (child));
    outcome = s_outcome (exec, 5100);
    cr_assert (outcome.verdict == VERDICT_DONE);
    assert_text (outcome.result, "fine\n");
    s_wait_gone (child);
    exec_destroy (&exec);
}

Test (exec, what_a_child_still_says_within_the_grace_counts)
{
    exec_t *exec = s_shell ("(read line; echo $line) < $STINT_TEST_FIFO & exit 0", 1);
    exec_outcome_t outcome;
    s_start (exec, exec, "", 0);
    while (exec_deadline (exec) == EXEC_NEVER) {
        s_wait_readable (exec_fd (exec));
        cr_assert (!exec_next (exec, 0, &outcome));
    }
    cr_assert (write (s_from_program, "late\n", 5) == 5);
    outcome = s_outcome (exec, 0);
    assert_text (outcome.result, "late\n");
    exec_destroy (&exec);
}

Test (exec, a_child_that_left_the_group_cannot_hold_the_slot)
{
    exec_t *exec =
        s_shell ("setsid tail -f --pid=$PPID /dev/null & echo $! > $STINT_TEST_FIFO", 1);
    exec_outcome_t outcome;
    s_start (exec, exec, "", 0);
    int child = s_number_from_program ();
    while (exec_deadline (exec) == EXEC_NEVER) {
        s_wait_readable (exec_fd (exec));
        cr_assert (!exec_next (exec, 0, &outcome));
    }
    cr_assert (s_outcome (exec, 5000).verdict == VERDICT_DONE);
    kill (child, SIGKILL);
    s_wait_gone (child);
    exec_destroy (&exec);
}

Test (exec, no_zombie_and_no_descriptor_is_left)
{
    exec_t *exec = s_shell ("tail -f --pid=$PPID /dev/null > /dev/null 2>&1 & echo $!", 2);
    int before = s_count_descriptors ();
    for (int count = 0; count < 20; count++) {
        s_start (exec, &count, "x", 0);
        s_start (exec, exec, "x", 0);
        for (int ended = 0; ended < 2; ended++) {
            char text [32] = "";
            exec_outcome_t outcome = s_outcome (exec, 0);
            cr_assert (outcome.result.size > 0 && outcome.result.size < sizeof text);
            memcpy (text, outcome.result.data, outcome.result.size);
            s_wait_gone ((int) strtol (text, NULL, 10));
        }
    }
    cr_assert (s_count_descriptors () == before);
    exec_outcome_t outcome;
    cr_assert (!exec_next (exec, exec_deadline (exec), &outcome));
    cr_assert (waitpid (-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    exec_destroy (&exec);
}

Test (exec, destroy_kills_what_runs)
{
    exec_t *exec = s_shell ("tail -f --pid=$PPID /dev/null & echo $! > $STINT_TEST_FIFO;"
                            "echo $$ > $STINT_TEST_FIFO; wait",
                            1);
    s_start (exec, exec, "", 0);
    int child = s_number_from_program ();
    int program = s_number_from_program ();
    exec_destroy (&exec);
    cr_assert (!s_lives (program));
    s_wait_gone (child);
}

Test (exec, a_program_gets_usual_signals_and_none_of_our_descriptors)
{
    sigset_t all;
    sigfillset (&all);
    sigprocmask (SIG_BLOCK, &all, NULL);
    exec_t *exec = s_shell ("grep -c -E 'SigBlk:.0*$|SigIgn:.*0000000$' /proc/self/status;"
                            "ls /proc/self/fd | wc -l; ls /proc/self/fd 3>&- | wc -l",
                            1);
    int extra = open ("/dev/null", O_RDONLY);  //  Not closed on exec
    //  Both lines of signals; three standard descriptors, the one for progress and the
    //  folder that is listed.
    assert_text (s_run (exec, "").result, "2\n5\n4\n");
    close (extra);
    exec_destroy (&exec);
}

Test (exec, closed_standard_descriptors_do_not_get_in_the_way)
{
    close (STDIN_FILENO);
    exec_t *exec = s_shell ("cat; echo >&2 also; exit 1", 1);
    assert_text (s_run (exec, "x").text, "exit 1: also");
    exec_destroy (&exec);
}

Test (exec, cancelling_what_does_not_run_does_nothing)
{
    exec_t *exec = s_shell ("cat", 1);
    exec_cancel (exec, exec, 0);
    cr_assert (s_run (exec, "x").verdict == VERDICT_DONE);
    exec_cancel (exec, exec, 0);
    cr_assert (exec_free (exec) == 1);
    exec_destroy (&exec);
}

Test (exec, many_slots_run_at_the_same_time)
{
    //  Each waits until all eight have come: only then does one of them let them go.
    exec_t *exec = s_shell ("echo > $STINT_TEST_FIFO; read line", 8);
    int tags [8];
    exec_outcome_t outcome;
    for (size_t index = 0; index < 8; index++)
        s_start (exec, &tags [index], "", 0);
    cr_assert (exec_free (exec) == 0);
    for (size_t index = 0; index < 8; index++)
        s_number_from_program ();
    for (size_t index = 0; index < 8; index++)
        outcome = s_outcome (exec, 0);
    cr_assert (outcome.verdict == VERDICT_RETRY, "read finds the end of its input");
    cr_assert (exec_free (exec) == 8);
    exec_destroy (&exec);
}
