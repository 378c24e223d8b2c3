//  Tests of pool: what it decides, in simulated time, and what it does with real processes
//  SPDX-License-Identifier: MPL-2.0

#include "pool.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS 20000  //  For what must happen, on a machine that has much to do

//  ---------------------------------------------------------------------------------
//  Deciding

static const pool_limits_t s_limits = {
    .least = 1, .most = 16, .slots = 4, .idle_ms = 60000};

//  Asks once, at the beginning of a second.

static uint32_t
s_want (pool_limits_t limits, pool_view_t view)
{
    pool_pace_t pace = {0};
    return pool_want (&limits, &view, &pace, 0);
}

Test (pool, starts_with_the_least_at_once)
{
    pool_limits_t limits = {.least = 5, .most = 16, .slots = 1, .idle_ms = 1000};
    cr_assert (s_want (limits, (pool_view_t){.backlog = 0}) == 5);
    cr_assert (s_want (limits, (pool_view_t){.members = 3, .idle = 3}) == 2,
               "the least is kept whether anybody is idle or not");
    limits.least = 0;
    cr_assert (s_want (limits, (pool_view_t){.backlog = 0}) == 0);
    cr_assert (s_want (limits, (pool_view_t){.backlog = 1}) == 1);
}

Test (pool, never_has_more_members_than_the_tasks_can_keep_busy)
{
    cr_assert (s_want (s_limits, (pool_view_t){.members = 4, .backlog = 16}) == 0);
    cr_assert (s_want (s_limits, (pool_view_t){.members = 4, .backlog = 17}) == 1);
    cr_assert (s_want (s_limits, (pool_view_t){.members = 4, .backlog = 24}) == 2);
    cr_assert (s_want (s_limits, (pool_view_t){.members = 4, .backlog = UINT64_MAX}) == 4);
}

Test (pool, at_most_doubles_within_a_second)
{
    pool_pace_t pace = {0};
    pool_view_t view = {.members = 1, .backlog = 1000};
    static const uint32_t expected [] = {2, 4, 8, 16, 16};
    for (size_t second = 0; second < 5; second++) {
        for (int64_t now = 0; now < 1000; now += 100) {
            view.members +=
                pool_want (&s_limits, &view, &pace, (int64_t) second * 1000 + now);
            cr_assert (view.members == expected [second]);
        }
    }
}

Test (pool, grows_from_nothing_one_two_four)
{
    pool_limits_t limits = {.least = 0, .most = 100, .slots = 1, .idle_ms = 1000};
    pool_pace_t pace = {0};
    pool_view_t view = {.backlog = 50};
    static const uint32_t expected [] = {1, 2, 4, 8, 16, 32, 50, 50};
    for (size_t second = 0; second < 8; second++) {
        view.members += pool_want (&limits, &view, &pace, (int64_t) second * 1000);
        cr_assert (view.members == expected [second]);
    }
}

Test (pool, does_not_grow_while_a_member_is_idle)
{
    cr_assert (s_want (s_limits, (pool_view_t){.members = 2, .idle = 1, .backlog = 99})
               == 0);
}

Test (pool, those_that_are_leaving_count_against_the_most)
{
    pool_view_t view = {.members = 10, .leaving = 5, .backlog = 1000};
    cr_assert (s_want (s_limits, view) == 1);
    view.leaving = 6;
    cr_assert (s_want (s_limits, view) == 0);
    view.members = 0;
    view.leaving = 16;
    cr_assert (s_want (s_limits, view) == 0, "not even for the least");
}

Test (pool, spares_only_who_was_idle_for_long_and_never_below_the_least)
{
    pool_view_t view = {.members = 2, .idle = 1, .idle_longest_ms = 60000};
    cr_assert (pool_spare (&s_limits, &view));
    view.idle_longest_ms = 59999;
    cr_assert_not (pool_spare (&s_limits, &view));
    view.idle_longest_ms = 60000;
    view.members = 1;
    cr_assert_not (pool_spare (&s_limits, &view));
    view.members = 2;
    view.idle = 0;
    cr_assert_not (pool_spare (&s_limits, &view));
}

Test (pool, does_not_shrink_when_it_would_grow_again)
{
    pool_view_t view = {.members = 2, .idle = 1, .idle_longest_ms = 60000, .backlog = 8};
    cr_assert_not (pool_spare (&s_limits, &view));
    view.backlog = 4;
    cr_assert (pool_spare (&s_limits, &view));
}

//  A day of random tasks: the bounds hold at every moment, and when the tasks are gone the
//  pool comes down to the least.

Test (pool, keeps_its_bounds_in_a_random_life)
{
    const char *text = getenv ("SEED");
    uint64_t seed = text ? strtoull (text, NULL, 10) : 20221123;
    fprintf (stderr, "SEED=%llu\n", (unsigned long long) seed);
    uint64_t state = seed * 2 + 1;
    pool_pace_t pace = {0};
    uint32_t members = 0;
    int64_t idle_since = 0;
    uint64_t backlog = 0;
    for (int64_t now = 0; now < 86400000; now += 250) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        bool quiet = now > 80000000;
        if (!quiet && state >> 58 == 0)
            backlog += (state >> 32) % 1000;
        uint64_t done = (uint64_t) members * s_limits.slots / 4;
        backlog -= done < backlog ? done : backlog;
        uint64_t busy = (backlog + s_limits.slots - 1) / s_limits.slots;
        pool_view_t view = {.members = members, .backlog = backlog};
        view.idle = busy < members ? members - (uint32_t) busy : 0;
        if (!view.idle)
            idle_since = now;
        view.idle_longest_ms = now - idle_since;
        uint32_t more = pool_want (&s_limits, &view, &pace, now);
        bool fewer = pool_spare (&s_limits, &view);
        cr_assert (!(more && fewer), "up and down at once");
        members += more;
        members -= fewer;
        cr_assert (members >= s_limits.least && members <= s_limits.most);
    }
    cr_assert (members == s_limits.least);
}

//  ---------------------------------------------------------------------------------
//  Real members: shell lines that say what we want them to, and end when a test fails

static char s_folder [] = "/tmp/stint-test-pool-XXXXXX";
static char s_fifo [64];

static void
s_set_up (void)
{
    cr_assert (mkdtemp (s_folder));
    snprintf (s_fifo, sizeof s_fifo, "%s/fifo", s_folder);
    cr_assert (mkfifo (s_fifo, 0600) == 0);
    setenv ("STINT_TEST_FIFO", s_fifo, 1);
}

static void
s_tear_down (void)
{
    unlink (s_fifo);
    rmdir (s_folder);
}

TestSuite (pool_process, .init = s_set_up, .fini = s_tear_down, .timeout = 60);

static pool_t *
s_pool (pool_limits_t limits, const char *line, FILE *report)
{
    static char *argv [] = {"sh", "-c", NULL, "member", NULL};
    argv [2] = (char *) line;
    pool_settings_t settings = {
        .limits = limits, .path = "/bin/sh", .argv = argv, .name = 3, .report = report};
    return pool_new (&settings);
}

//  Waits until a member has said something or ended, and takes that in.

static void
s_wait (pool_t *pool, uint64_t backlog, int64_t now)
{
    struct pollfd item = {.fd = pool_fd (pool), .events = POLLIN};
    cr_assert (poll (&item, 1, PATIENCE_MS) == 1, "nothing happened");
    pool_turn (pool, backlog, now);
}

static void
s_finish (pool_t *pool, int64_t now)
{
    pool_stop (pool);
    while (!pool_finished (pool))
        s_wait (pool, 0, now);
    pool_destroy (&pool);
}

Test (pool_process, grows_when_members_say_that_they_are_busy)
{
    pool_limits_t limits = {.least = 1, .most = 3, .slots = 2, .idle_ms = 1000};
    char *said = NULL;
    size_t size = 0;
    FILE *report = open_memstream (&said, &size);
    pool_t *pool =
        s_pool (limits, "echo busy >&3; exec tail -f --pid=$PPID /dev/null", report);
    pool_turn (pool, 512, 0);
    cr_assert (pool_members (pool) == 1);
    for (int64_t now = 0; pool_members (pool) < 3; now += 1000) {
        s_wait (pool, 512, now);
        pool_turn (pool, 512, now + 1000);
    }
    s_finish (pool, 9000);
    fclose (report);
    cr_assert_str_eq (said, "stint-worker: pool: 0 -> 1 workers (backlog 512)\n"
                            "stint-worker: pool: 1 -> 2 workers (backlog 512)\n"
                            "stint-worker: pool: 2 -> 3 workers (backlog 512)\n");
    free (said);
}

Test (pool_process, an_idle_member_is_told_to_stop_and_a_busy_one_is_not)
{
    pool_limits_t limits = {.least = 0, .most = 2, .slots = 1, .idle_ms = 1000};
    char *said = NULL;
    size_t size = 0;
    FILE *report = open_memstream (&said, &size);
    pool_t *pool =
        s_pool (limits,
                "trap 'exit 0' TERM; echo busy >&3; read line < $STINT_TEST_FIFO;"
                "echo idle >&3; while :; do read line < $STINT_TEST_FIFO; done",
                report);
    pool_turn (pool, 1, 0);
    cr_assert (pool_members (pool) == 1);
    s_wait (pool, 0, 100);
    pool_turn (pool, 0, 5000);
    cr_assert (pool_members (pool) == 1, "busy");
    int fifo = open (s_fifo, O_RDWR | O_CLOEXEC);
    cr_assert (write (fifo, "go\n", 3) == 3);
    s_wait (pool, 0, 5000);
    cr_assert (pool_deadline (pool) == 6000);
    pool_turn (pool, 0, 5999);
    pool_turn (pool, 0, 6000);
    while (pool_members (pool))
        s_wait (pool, 0, 6000);
    cr_assert_not (pool_finished (pool), "it was not stopped");
    pool_destroy (&pool);
    close (fifo);
    fclose (report);
    cr_assert_str_eq (said, "stint-worker: pool: 0 -> 1 workers (backlog 1)\n"
                            "stint-worker: pool: 1 -> 0 workers (idle for 1s)\n");
    free (said);
}

Test (pool_process, members_that_end_at_once_are_started_again_with_growing_pauses)
{
    pool_limits_t limits = {.least = 1, .most = 1, .slots = 1, .idle_ms = 1000};
    char *said = NULL;
    size_t size = 0;
    FILE *report = open_memstream (&said, &size);
    pool_t *pool = s_pool (limits, "exit 7", report);
    int64_t now = 0;
    static const int64_t expected [] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    for (size_t index = 0; index < 8; index++) {
        pool_turn (pool, 0, now);
        cr_assert (pool_members (pool) == 1);
        while (pool_members (pool))
            s_wait (pool, 0, now);
        cr_assert (pool_deadline (pool) == now + expected [index]);
        pool_turn (pool, 0, now + expected [index] - 1);
        cr_assert (pool_members (pool) == 0);
        now += expected [index];
    }
    pool_destroy (&pool);
    fclose (report);
    cr_assert (strstr (said, "ended at once, exit 7; the next one starts in 1s\n"));
    free (said);
}

Test (pool_process, a_member_that_was_killed_after_a_while_is_replaced_at_once)
{
    pool_limits_t limits = {.least = 1, .most = 1, .slots = 1, .idle_ms = 1000};
    pool_t *pool = s_pool (limits, "read line < $STINT_TEST_FIFO; kill -9 $$", NULL);
    pool_turn (pool, 0, 0);
    int fifo = open (s_fifo, O_RDWR | O_CLOEXEC);
    cr_assert (write (fifo, "go\n", 3) == 3);
    s_wait (pool, 0, 2000);
    cr_assert (pool_members (pool) == 1, "the next one is there in the same turn");
    pool_destroy (&pool);
    close (fifo);
}

Test (pool_process, a_program_that_cannot_be_started_is_said_and_tried_again)
{
    char *argv [] = {"member", NULL};
    char *said = NULL;
    size_t size = 0;
    FILE *report = open_memstream (&said, &size);
    pool_settings_t settings = {.limits = {.least = 2, .most = 2, .slots = 1, .idle_ms = 1},
                                .path = "/nowhere/at-all",
                                .argv = argv,
                                .report = report};
    pool_t *pool = pool_new (&settings);
    pool_turn (pool, 0, 0);
    cr_assert (pool_deadline (pool) == 1000);
    pool_turn (pool, 0, 500);
    pool_turn (pool, 0, 1000);
    cr_assert (pool_deadline (pool) == 3000);
    pool_destroy (&pool);
    fclose (report);
    cr_assert_str_eq (said,
                      "stint-worker: pool: cannot start /nowhere/at-all: No such file or "
                      "directory; trying again in 1s\n"
                      "stint-worker: pool: cannot start /nowhere/at-all: No such file or "
                      "directory; trying again in 2s\n");
    free (said);
}

Test (pool_process, members_have_names_of_their_own_and_one_pipe_and_hear_of_the_end)
{
    pool_limits_t limits = {.least = 2, .most = 2, .slots = 1, .idle_ms = 1000};
    int fifo = open (s_fifo, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    pool_t *pool = s_pool (limits,
                           "exec 4> $STINT_TEST_FIFO;"
                           "trap 'echo stopped $0 >&4; exit 0' TERM;"
                           "echo ready $0 $(ls /proc/$$/fd | grep -c '[0-3]') >&4;"
                           "while :; do :; done",
                           NULL);
    pool_turn (pool, 0, 0);
    char text [256] = "";
    size_t size = 0;
    struct pollfd item = {.fd = fifo, .events = POLLIN};
    while (!strstr (text, "member/1 4\n") || !strstr (text, "member/2 4\n")) {
        cr_assert (poll (&item, 1, PATIENCE_MS) == 1, "%s", text);
        ssize_t got = read (fifo, text + size, sizeof text - 1 - size);
        size += got > 0 ? (size_t) got : 0;
    }
    s_finish (pool, 0);
    cr_assert (read (fifo, text + size, sizeof text - 1 - size) > 0);
    cr_assert (strstr (text, "stopped member/1\n") && strstr (text, "stopped member/2\n"));
    close (fifo);
}
