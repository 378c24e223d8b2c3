//  test_store_faults: what the LMDB engine keeps when disk, broker or machine fail
//  SPDX-License-Identifier: MPL-2.0

#include "io_fault.h"
#include "store_fixture.h"
#include "store_lmdb_check.h"
#include "store_lmdb_file.h"

#include <assert.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite (store_faults, .timeout = 300);

static uint64_t
s_durable (const store_fixture_t *self)
{
    return self->engine->durable (self->store);
}

//  Opens the store after a failure: what was durable is there, and nothing else than what
//  was appended.

static void
s_check_after_failure (store_fixture_t *self, uint64_t durable)
{
    uint64_t appended = self->last;
    uint64_t trimmed = self->trimmed;
    store_fixture_open (self);
    uint64_t last = store_fixture_replay (self);
    cr_assert_geq (last, durable);
    cr_assert_leq (last, appended);
    cr_assert_eq (self->trimmed, trimmed);
    store_fixture_append (self);
    cr_assert (store_fixture_wait (self, self->last), "%s",
               self->engine->failed (self->store));
    store_fixture_close (self);
}

//  Begins a process of its own, which ends with this one at the latest. Returns zero in
//  the new one, which must not use Criterion.

static pid_t
s_fork (void)
{
    pid_t child = fork ();
    cr_assert_geq (child, 0);
    if (child == 0)
        prctl (PR_SET_PDEATHSIG, SIGKILL);
    return child;
}

//  ---------------------------------------------------------------------------
//  The disk

//  Appends until the store has failed, which closing may find out as well.

static uint64_t
s_append_until_it_fails (store_fixture_t *self, const char *reason)
{
    while (store_fixture_wait (self, self->last))
        store_fixture_append (self);
    uint64_t durable = s_durable (self);
    const char *failed = self->engine->failed (self->store);
    cr_assert (strstr (failed, reason), "no '%s' in: %s", reason, failed);
    cr_assert (strstr (failed, self->directory), "%s", failed);
    cr_assert_not (self->engine->busy (self->store));

    //  Nothing is tried again
    store_fixture_append (self);
    cr_assert_not (store_fixture_wait (self, self->last));
    cr_assert_eq (s_durable (self), durable);
    store_fixture_close (self);
    return durable;
}

Test (store_faults, a_store_at_its_limit_stops_and_opens_with_a_higher_one)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    self->options.size_max = 1 << 20;
    store_fixture_open (self);
    uint64_t durable = s_append_until_it_fails (self, "size limit");
    cr_assert_gt (durable, 10);
    self->options.size_max = 4 << 20;
    s_check_after_failure (self, durable);
    store_fixture_destroy (&self);
}

Test (store_faults, a_full_disk_stops_the_store_and_what_was_durable_is_kept)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    if (unshare (CLONE_NEWNS) != 0 || mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)
        || mount ("tmpfs", self->directory, "tmpfs", 0, "size=2m,mode=700")) {
        fprintf (stderr, "skipped: a small file system needs root: %s\n", strerror (errno));
        rmdir (self->directory);
        cr_skip_test ("no right to mount");
    }
    store_fixture_open (self);
    uint64_t durable = s_append_until_it_fails (self, "disk is full");
    cr_assert_gt (durable, 10);
    cr_assert_eq (mount ("tmpfs", self->directory, "tmpfs", MS_REMOUNT, "size=8m"), 0);
    s_check_after_failure (self, durable);
    umount2 (self->directory, MNT_DETACH);
    store_fixture_destroy (&self);
}

//  One life of a store in which some call that writes or syncs may fail. Returns true
//  when one did. Raises durable to what the caller may count on.

static bool
s_live (store_fixture_t *self, uint64_t *durable)
{
    if (!store_fixture_try_open (self))
        return true;

    cr_assert_geq (store_fixture_replay (self), *durable);
    for (int count = 0; count < 6; count++) {
        store_fixture_append (self);
        store_fixture_append (self);
        if (!store_fixture_wait (self, self->last))
            break;
        *durable = s_durable (self);
        if (count == 3)
            store_fixture_trim (self, *durable - 3);
    }
    *durable = s_durable (self);
    bool failed = self->engine->failed (self->store);
    store_fixture_close (self);
    return failed;
}

static void
s_set (const char *name, uint64_t value)
{
    char text [32];
    snprintf (text, sizeof text, "%llu", (unsigned long long) value);
    setenv (name, text, 1);
}

//  Lets the first call fail, then the second, and so on until none is left to fail.

static void
s_sweep (const char *calls, const char *error, bool forever, store_sync_t sync)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    self->options.sync = sync;
    self->options.sync_interval_ms = 1;
    self->unsure = true;
    setenv ("IO_FAULT_PATH", self->directory, 1);
    setenv ("IO_FAULT_CALL", calls, 1);
    setenv ("IO_FAULT_ERRNO", error, 1);
    s_set ("IO_FAULT_FOREVER", forever);

    uint64_t durable = 0, nth = 0;
    bool failed = true;
    while (failed) {
        s_set ("IO_FAULT_NTH", ++nth);
        io_fault_reset ();
        failed = s_live (self, &durable);
        s_set ("IO_FAULT_NTH", 0);
        io_fault_reset ();
        s_live (self, &durable);
    }
    cr_assert_gt (nth, 5, "only %llu calls failed", (unsigned long long) nth);
    unsetenv ("IO_FAULT_PATH");
    io_fault_reset ();
    store_fixture_destroy (&self);
}

Test (store_faults, no_write_that_fails_once_takes_what_was_durable)
{
    s_sweep ("write,pwrite,writev,pwritev", "ENOSPC", false, STORE_SYNC_ALWAYS);
}

Test (store_faults, no_sync_that_fails_once_takes_what_was_durable)
{
    s_sweep ("fsync,fdatasync,msync", "EIO", false, STORE_SYNC_ALWAYS);
}

Test (store_faults, no_disk_that_fails_for_good_takes_what_was_durable)
{
    s_sweep ("", "EIO", true, STORE_SYNC_ALWAYS);
}

//  ---------------------------------------------------------------------------
//  The broker

//  Appends and trims for ever; says after each commit what is durable.

static void
s_run_until_killed (store_fixture_t *self, int out)
{
    store_fixture_open (self);
    store_fixture_replay (self);
    uint64_t state = self->seed ^ self->last;
    for (;;) {
        uint64_t many = 1 + store_fixture_random (&state) % 5;
        while (many-- > 0)
            store_fixture_append (self);
        uint64_t waiting = self->last - s_durable (self);
        if (!store_fixture_wait (self, self->last
                                           - store_fixture_random (&state) % (waiting + 1)))
            _exit (1);
        uint64_t durable = s_durable (self);
        if (write (out, &durable, sizeof durable) != sizeof durable)
            _exit (1);
        if (store_fixture_random (&state) % 8 == 0)
            store_fixture_trim (self, durable - (durable - self->trimmed) / 2);
    }
}

static void
s_kill_often (store_sync_t sync)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    self->options.sync = sync;
    self->unsure = true;
    uint64_t state = self->seed, durable = 0;
    for (int round = 0; round < 12; round++) {
        int reports [2];
        cr_assert_eq (pipe (reports), 0);
        pid_t child = s_fork ();
        if (child == 0)
            s_run_until_killed (self, reports [1]);
        close (reports [1]);
        for (uint64_t many = 1 + store_fixture_random (&state) % 40; many > 0; many--)
            cr_assert_eq (read (reports [0], &durable, sizeof durable), sizeof durable);
        cr_assert_eq (kill (child, SIGKILL), 0);
        while (read (reports [0], &durable, sizeof durable) == sizeof durable)
            continue;
        cr_assert_eq (waitpid (child, NULL, 0), child);
        close (reports [0]);

        //  No block may be missing behind the first, whichever that is
        store_fixture_open (self);
        self->trimmed = durable;
        cr_assert_geq (store_fixture_replay (self), durable);
        store_fixture_close (self);
    }
    store_fixture_destroy (&self);
}

Test (store_faults, a_killed_broker_loses_nothing_durable)
{
    s_kill_often (STORE_SYNC_ALWAYS);
}

Test (store_faults, a_killed_broker_loses_nothing_when_synced_by_interval)
{
    s_kill_often (STORE_SYNC_INTERVAL);
}

Test (store_faults, a_killed_broker_loses_nothing_when_never_synced)
{
    s_kill_often (STORE_SYNC_NONE);
}

//  ---------------------------------------------------------------------------
//  The machine

//  Commits the next blocks by hand, without a thread, and forgets half of those before.

static void
s_commit (store_fixture_t *self, lmdb_file_t *file, uint64_t *deleted)
{
    stint_bytes_t blocks [4];
    writer_commit_t commit = {.number = self->last + 1, .blocks = blocks};
    for (; commit.count < 4; commit.count++) {
        uint64_t number = ++self->last;
        blocks [commit.count].data = store_fixture_block (self, number);
        blocks [commit.count].size = store_fixture_block_size (self, number);
    }
    commit.trim_to = self->trimmed;
    commit.deleted = *deleted;
    bool good = lmdb_file_commit (file, &commit);
    assert (good);
    *deleted = commit.deleted;
    for (size_t index = 0; index < 4; index++)
        free ((void *) (uintptr_t) blocks [index].data);
}

static uint8_t *
s_load (const store_fixture_t *self, const char *name, size_t *size)
{
    FILE *file = fopen (store_fixture_file (self, name), "r");
    assert (file);
    uint8_t *data = calloc (1, 64 << 20);
    *size = fread (data, 1, 64 << 20, file);
    fclose (file);
    return data;
}

static void
s_save (const store_fixture_t *self, const char *name, const uint8_t *data, size_t size)
{
    FILE *file = fopen (store_fixture_file (self, name), "w");
    assert (file);
    size_t written = fwrite (data, 1, size, file);
    int rc = fclose (file);
    assert (written == size && rc == 0);
}

//  A life that ends with the machine: synced, then more commits, then nothing. Leaves the
//  file as it was when it was synced in "synced", and says what was in it then.

static void
s_run_until_power_is_lost (store_fixture_t *self, int out)
{
    lmdb_file_t file;
    bool good = lmdb_file_open (&file, &self->options);
    assert (good);
    uint64_t state = self->seed ^ file.last, deleted = file.deleted;
    self->last = file.last;
    self->trimmed = file.meta.trimmed;
    for (uint64_t syncs = 1 + store_fixture_random (&state) % 3; syncs > 0; syncs--) {
        for (uint64_t many = 1 + store_fixture_random (&state) % 9; many > 0; many--) {
            s_commit (self, &file, &deleted);
            self->trimmed += (self->last - self->trimmed) / 3;
        }
        s_commit (self, &file, &deleted);
        good = lmdb_file_sync (&file);
        assert (good);
    }
    size_t size;
    uint8_t *data = s_load (self, "data.mdb", &size);
    s_save (self, "synced", data, size);
    free (data);
    uint64_t report [2] = {self->last, self->trimmed};
    bool told = write (out, report, sizeof report) == sizeof report;
    for (uint64_t many = store_fixture_random (&state) % 40; many > 0; many--) {
        self->trimmed += (self->last - self->trimmed) / 2;
        s_commit (self, &file, &deleted);
    }
    _exit (told ? 0 : 1);
}

//  Of the pages written since the sync some are on the disk, and some are not.

static void
s_lose_pages (store_fixture_t *self, uint64_t *state)
{
    size_t size, synced_size, anchor_size;
    uint8_t *data = s_load (self, "data.mdb", &size);
    uint8_t *synced = s_load (self, "synced", &synced_size);
    for (size_t offset = 0; offset < size; offset += 4096)
        if (store_fixture_random (state) % 2)
            memcpy (data + offset, synced + offset, 4096);
    s_save (self, "data.mdb", data, size);
    free (data);
    free (synced);

    //  The name of the kernel's life begins behind eight bytes
    uint8_t *anchor = s_load (self, "stint.anchor", &anchor_size);
    cr_assert_gt (anchor_size, 8);
    anchor [8] ^= 1;
    s_save (self, "stint.anchor", anchor, anchor_size);
    free (anchor);
}

static void
s_lose_power (store_fixture_t *self, uint64_t *state, uint64_t report [2])
{
    int reports [2];
    cr_assert_eq (pipe (reports), 0);
    pid_t child = s_fork ();
    if (child == 0)
        s_run_until_power_is_lost (self, reports [1]);
    int status;
    cr_assert_eq (waitpid (child, &status, 0), child);
    cr_assert_eq (status, 0);
    cr_assert_eq (read (reports [0], report, 16), 16);
    close (reports [0]);
    close (reports [1]);
    s_lose_pages (self, state);
}

Test (store_faults, a_machine_that_stops_takes_back_no_more_than_an_interval)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    self->options.sync = STORE_SYNC_INTERVAL;
    uint64_t state = self->seed, report [2];
    for (int round = 0; round < 25; round++) {
        s_lose_power (self, &state, report);
        store_fixture_open (self);
        self->unsure = true;
        self->trimmed = report [1];
        cr_assert_eq (store_fixture_replay (self), report [0]);
        store_fixture_close (self);
    }
    store_fixture_destroy (&self);
}

Test (store_faults, the_way_back_does_not_fill_a_store_to_its_limit)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    self->options.sync = STORE_SYNC_INTERVAL;
    self->options.size_max = 2 << 20;
    lmdb_file_t file;
    cr_assert (lmdb_file_open (&file, &self->options));
    uint64_t deleted = 0;
    for (int count = 0; count < 1000; count++) {
        self->trimmed = self->last;
        s_commit (self, &file, &deleted);
    }
    lmdb_file_close (&file);
    store_fixture_open (self);
    cr_assert_eq (store_fixture_replay (self), 4000);
    store_fixture_destroy (&self);
}

Test (store_faults, a_machine_that_stops_without_syncs_leaves_nothing_to_trust)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    self->options.sync = STORE_SYNC_NONE;
    uint64_t state = self->seed, report [2];
    s_lose_power (self, &state, report);
    cr_assert_not (store_fixture_try_open (self));
    cr_assert (strstr (self->error, "without syncs"), "%s", self->error);
    store_fixture_destroy (&self);
}

Test (store_faults, a_sync_that_failed_leads_back_although_the_machine_goes_on)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    self->options.sync = STORE_SYNC_INTERVAL;
    lmdb_file_t file;
    cr_assert (lmdb_file_open (&file, &self->options));
    uint64_t deleted = 0;
    s_commit (self, &file, &deleted);
    cr_assert (lmdb_file_sync (&file));
    s_commit (self, &file, &deleted);
    setenv ("IO_FAULT_PATH", self->directory, 1);
    setenv ("IO_FAULT_CALL", "fdatasync", 1);
    s_set ("IO_FAULT_NTH", 1);
    io_fault_reset ();
    cr_assert_not (lmdb_file_sync (&file));
    lmdb_file_close (&file);
    unsetenv ("IO_FAULT_PATH");
    io_fault_reset ();
    store_fixture_open (self);
    cr_assert_eq (store_fixture_replay (self), 4);
    store_fixture_destroy (&self);
}

Test (store_faults, a_file_cut_short_is_an_error_and_not_a_crash)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    store_fixture_open (self);
    for (int count = 0; count < 200; count++)
        store_fixture_append (self);
    store_fixture_close (self);
    uint64_t free_bytes, state = self->seed;
    size_t size;
    free (s_load (self, "data.mdb", &size));
    cr_assert_eq (truncate (store_fixture_file (self, "data.mdb"), (off_t) size / 2), 0);

    if (store_fixture_try_open (self)) {
        for (uint64_t number = 1; number <= 200; number++)
            self->engine->read (self->store, number, 0,
                                1 + store_fixture_random (&state) % 300);
        cr_assert_geq (self->engine->size (self->store, &free_bytes), size / 4);
    }
    store_fixture_destroy (&self);
}

//  ---------------------------------------------------------------------------
//  Files that were never finished, and files that lack something

//  Puts the first bytes of a file in its place, with zeros in some of them.

static void
s_put_head (store_fixture_t *self, const uint8_t *bytes, size_t size, size_t zero_from,
            size_t zero_to)
{
    FILE *file = fopen (store_fixture_file (self, "data.mdb"), "we");
    cr_assert (file);
    for (size_t at = 0; at < size; at++)
        fputc (at >= zero_from && at < zero_to ? 0 : bytes [at], file);
    cr_assert_eq (fclose (file), 0);
}

//  Makes a file as LMDB leaves it before the first transaction; bytes are to be freed.

static uint8_t *
s_make_unborn (store_fixture_t *self, size_t *size)
{
    MDB_env *env;
    cr_assert_eq (mdb_env_create (&env), 0);
    cr_assert_eq (mdb_env_open (env, self->directory, 0, 0600), 0);
    mdb_env_close (env);
    return s_load (self, "data.mdb", size);
}

Test (store_faults, a_file_that_was_never_finished_is_made_anew)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    size_t size;
    uint8_t *bytes = s_make_unborn (self, &size);
    const size_t shapes [][3] = {
        {0, 0, 0},           {size / 2, 0, 0},       {512, 0, 0},
        {size, 0, size / 2}, {size, size / 2, size}, {size / 2, 0, size / 2}};
    for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++) {
        s_put_head (self, bytes, shapes [shape][0], shapes [shape][1], shapes [shape][2]);
        store_fixture_open (self);
        cr_assert_eq (store_fixture_replay (self), 0);
        store_fixture_append (self);
        cr_assert (store_fixture_wait (self, self->last));
        store_fixture_close (self);
        self->last = self->trimmed = self->freed = 0;
        cr_assert_eq (unlink (store_fixture_file (self, "stint.store")), 0);
    }
    free (bytes);
    store_fixture_destroy (&self);
}

static bool
s_any_block (uint64_t number, stint_bytes_t block, void *argument)
{
    (void) number;
    (void) block;
    (void) argument;
    return true;
}

Test (store_faults, a_file_cut_to_its_heads_is_not_taken_for_a_new_one)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    store_fixture_open (self);
    store_fixture_append (self);
    store_fixture_close (self);
    size_t size;
    uint8_t *bytes = s_load (self, "data.mdb", &size);
    const size_t sizes [] = {100, 512, 2952, 4096, 5000, 8192};
    for (size_t at = 0; at < sizeof sizes / sizeof *sizes; at++) {
        s_put_head (self, bytes, sizes [at], 0, 0);
        bool opened = store_fixture_try_open (self);
        if (opened)
            cr_assert_eq (self->engine->replay (self->store, s_any_block, self, self->error,
                                                sizeof self->error),
                          -1, "cut to %zu", sizes [at]);
        store_fixture_close (self);
    }
    free (bytes);
    store_fixture_destroy (&self);
}

//  Makes a store with blocks of all sizes, some of which were forgotten again.

static uint8_t *
s_make_full (store_fixture_t *self, size_t *size)
{
    store_fixture_open (self);
    for (int count = 0; count < 300; count++) {
        self->size_max = count % 3 ? 300 : 20000;
        store_fixture_append (self);
        if (count % 20 == 19) {
            cr_assert (store_fixture_wait (self, self->last));
            store_fixture_trim (self, self->last / 2);
        }
    }
    store_fixture_close (self);
    return s_load (self, "data.mdb", size);
}

Test (store_faults, a_tree_is_found_whole_or_the_page_is_named)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    uint64_t state = self->seed;
    size_t size, named = 0;
    char fault [128];
    uint8_t *bytes = s_make_full (self, &size);
    cr_assert_eq (lmdb_check (self->directory, fault, sizeof fault), 0, "%s", fault);
    for (int round = 0; round < 400; round++) {
        uint64_t page = store_fixture_random (&state) % (size / 4096);
        size_t from = page * 4096 + store_fixture_random (&state) % 200;
        size_t count = 1 + store_fixture_random (&state) % 16;
        uint8_t before [16];
        memcpy (before, bytes + from, count);
        for (size_t at = 0; at < count; at++)
            bytes [from + at] = (uint8_t) store_fixture_random (&state);
        s_save (self, "data.mdb", bytes, size);
        int rc = lmdb_check (self->directory, fault, sizeof fault);
        cr_assert (rc == 0 || (rc == -1 && strncmp (fault, "page ", 5) == 0));
        named += rc == -1;
        memcpy (bytes + from, before, count);
    }
    cr_assert_gt (named, 5);
    free (bytes);
    store_fixture_destroy (&self);
}
