//  test_store: what both engines promise when nothing goes wrong
//  SPDX-License-Identifier: MPL-2.0

#include "store_directory.h"
#include "store_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

//  ---------------------------------------------------------------------------
//  Both engines

static void
s_append_read_trim (const store_engine_t *engine)
{
    store_fixture_t *self = store_fixture_new (engine);
    self->size_max = 100000;
    store_fixture_open (self);
    cr_assert_eq (engine->epoch (self->store), 1);
    cr_assert_eq (store_fixture_replay (self), 0);
    cr_assert_eq (engine->durable (self->store), 0);
    for (int count = 0; count < 300; count++)
        store_fixture_append (self);
    cr_assert (store_fixture_wait (self, 300));
    cr_assert_not (engine->busy (self->store));
    cr_assert_null (engine->failed (self->store));

    uint64_t state = self->seed;
    for (uint64_t number = 1; number <= 300; number++) {
        size_t size = store_fixture_block_size (self, number);
        size_t offset = store_fixture_random (&state) % size;
        size_t part = 1 + store_fixture_random (&state) % (size - offset);
        stint_bytes_t bytes = engine->read (self->store, number, offset, part);
        cr_assert_eq (bytes.size, part);
        cr_assert (store_fixture_is_block (self, number, offset, bytes));
        cr_assert_null (engine->read (self->store, number, size, 1).data);
        cr_assert_null (engine->read (self->store, number, 0, size + 1).data);
    }
    store_fixture_trim (self, 200);
    cr_assert_null (engine->read (self->store, 200, 0, 1).data);
    cr_assert_not_null (engine->read (self->store, 201, 0, 1).data);
    cr_assert_null (engine->read (self->store, 301, 0, 1).data);
    cr_assert_null (engine->read (self->store, 0, 0, 1).data);
    store_fixture_destroy (&self);
}

Test (store, memory_gives_slices_of_what_is_not_trimmed)
{
    s_append_read_trim (&store_memory);
}

Test (store, lmdb_gives_slices_of_what_is_not_trimmed)
{
    s_append_read_trim (&store_lmdb);
}

Test (store, memory_is_durable_at_once_and_keeps_the_bytes_themselves)
{
    store_fixture_t *self = store_fixture_new (&store_memory);
    store_fixture_open (self);
    cr_assert (self->engine->keeps);
    cr_assert_eq (self->engine->notify_fd (self->store), -1);
    uint64_t kept = 0, free_bytes = 0;
    for (uint64_t number = 1; number <= 1000; number++) {
        store_fixture_append (self);
        kept += store_fixture_block_size (self, number);
        cr_assert_eq (self->engine->durable (self->store), number);
        cr_assert_eq (self->engine->read (self->store, number, 0, 1).data,
                      self->blocks [number]);
    }
    cr_assert_eq (self->engine->size (self->store, &free_bytes), kept);
    cr_assert_eq (free_bytes, self->options.size_max - kept);
    store_fixture_trim (self, 1000);
    cr_assert_eq (self->engine->size (self->store, &free_bytes), 0);
    store_fixture_destroy (&self);
}

Test (store, bytes_read_stay_while_others_are_written)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    self->options.sync = STORE_SYNC_NONE;
    store_fixture_open (self);
    for (uint64_t number = 1; number <= 200; number++) {
        store_fixture_append (self);
        cr_assert (store_fixture_wait (self, number));
        size_t size = store_fixture_block_size (self, number);
        stint_bytes_t bytes = self->engine->read (self->store, number, 0, size);
        for (int count = 0; count < 5; count++) {
            store_fixture_append (self);
            cr_assert (store_fixture_wait (self, self->last));
            number++;
        }
        cr_assert (store_fixture_is_block (self, number - 5, 0, bytes));
    }
    store_fixture_destroy (&self);
}

//  ---------------------------------------------------------------------------
//  What an opening finds

static void
s_come_back (store_sync_t sync)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    self->options.sync = sync;
    for (uint64_t epoch = 1; epoch <= 4; epoch++) {
        store_fixture_open (self);
        cr_assert_eq (self->engine->epoch (self->store), epoch);
        cr_assert_eq (store_fixture_replay (self), (epoch - 1) * 50);
        for (int count = 0; count < 50; count++)
            store_fixture_append (self);
        //  Closing waits for them
        store_fixture_close (self);
        cr_assert_eq (access (store_fixture_file (self, "stint.anchor"), F_OK), -1);
    }
    store_fixture_destroy (&self);
}

Test (store, blocks_come_back_in_order_and_the_epoch_rises)
{
    s_come_back (STORE_SYNC_ALWAYS);
}

Test (store, blocks_come_back_when_synced_by_interval)
{
    s_come_back (STORE_SYNC_INTERVAL);
}

Test (store, blocks_come_back_when_never_synced)
{
    s_come_back (STORE_SYNC_NONE);
}

Test (store, a_missing_directory_is_made_for_its_owner_alone)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    char *path = NULL;
    cr_assert_gt (asprintf (&path, "%s/a/b/", self->directory), 0);
    self->options.directory = path;
    store_fixture_open (self);
    struct stat known;
    cr_assert_eq (stat (path, &known), 0);
    cr_assert_eq (known.st_mode & 0777, 0700);
    store_fixture_destroy (&self);
    free (path);
}

static bool
s_stop_at_three (uint64_t number, stint_bytes_t block, void *argument)
{
    (void) block;
    *(uint64_t *) argument = number;
    return number < 3;
}

Test (store, a_replay_stops_where_it_is_told_and_cut_forgets_the_tail)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    store_fixture_open (self);
    for (int count = 0; count < 10; count++)
        store_fixture_append (self);
    store_fixture_close (self);

    store_fixture_open (self);
    uint64_t seen = 0;
    int rc = self->engine->replay (self->store, s_stop_at_three, &seen, self->error,
                                   sizeof self->error);
    cr_assert_eq (rc, 0);
    cr_assert_eq (seen, 3);
    self->engine->cut (self->store, 2);
    cr_assert_eq (self->engine->durable (self->store), 2);
    cr_assert_null (self->engine->failed (self->store));
    self->last = self->freed = 2;
    self->seed++;  //  Other bytes under the same numbers
    store_fixture_append (self);
    cr_assert (store_fixture_wait (self, 3));
    cr_assert_null (self->engine->read (self->store, 4, 0, 1).data);
    store_fixture_close (self);

    self->seed--;
    store_fixture_open (self);
    self->engine->replay (self->store, s_stop_at_three, &seen, self->error,
                          sizeof self->error);
    cr_assert_eq (seen, 3);
    cr_assert (
        store_fixture_is_block (self, 2, 0, self->engine->read (self->store, 2, 0, 1)));
    cr_assert_eq (self->engine->durable (self->store), 3);
    store_fixture_destroy (&self);
}

//  ---------------------------------------------------------------------------
//  Trimming

Test (store, replay_starts_behind_the_mark_however_much_is_left_to_delete)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    self->options.sync = STORE_SYNC_NONE;
    store_fixture_open (self);
    for (int count = 0; count < 2000; count++)
        store_fixture_append (self);
    cr_assert (store_fixture_wait (self, 2000));
    store_fixture_trim (self, 1500);
    store_fixture_append (self);
    store_fixture_close (self);

    store_fixture_open (self);
    cr_assert_eq (store_fixture_replay (self), 2001);
    store_fixture_trim (self, 2001);
    store_fixture_close (self);

    //  Numbers go on even when nothing is kept
    store_fixture_open (self);
    cr_assert_eq (store_fixture_replay (self), 2001);
    store_fixture_append (self);
    cr_assert (store_fixture_wait (self, 2002));
    store_fixture_close (self);
    store_fixture_open (self);
    cr_assert_eq (store_fixture_replay (self), 2002);
    store_fixture_destroy (&self);
}

Test (store, a_file_that_is_trimmed_does_not_grow)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    self->options.sync = STORE_SYNC_NONE;
    self->size_max = 60000;
    store_fixture_open (self);
    uint64_t state = self->seed, kept = 0, kept_max = 0, free_bytes;
    for (uint64_t number = 1; number <= 20000; number++) {
        store_fixture_append (self);
        kept += store_fixture_block_size (self, number) + 4096;
        kept_max = kept > kept_max ? kept : kept_max;
        if (store_fixture_random (&state) % 50 == 0)
            cr_assert (store_fixture_wait (self, number));
        uint64_t durable = self->engine->durable (self->store);
        if (durable > self->trimmed + 300) {
            for (uint64_t gone = self->trimmed + 1; gone <= durable - 200; gone++)
                kept -= store_fixture_block_size (self, gone) + 4096;
            store_fixture_trim (self, durable - 200);
        }
    }
    cr_assert (store_fixture_wait (self, 20000));
    uint64_t size = self->engine->size (self->store, &free_bytes);
    cr_assert_lt (size, 3 * kept_max, "%llu bytes for at most %llu",
                  (unsigned long long) size, (unsigned long long) kept_max);
    cr_assert_gt (free_bytes, 0);
    store_fixture_destroy (&self);
}

Test (store, what_waits_shares_a_commit)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    store_fixture_open (self);
    for (int count = 0; count < 2000; count++) {
        store_fixture_append (self);
        cr_assert (count > 0 || self->engine->busy (self->store));
    }
    cr_assert (store_fixture_wait (self, 2000));
    store_fixture_close (self);

    MDB_env *env;
    MDB_envinfo known;
    cr_assert_eq (mdb_env_create (&env), 0);
    cr_assert_eq (mdb_env_open (env, self->directory, MDB_RDONLY, 0), 0);
    cr_assert_eq (mdb_env_info (env, &known), 0);
    cr_assert_lt (known.me_last_txnid, 1000);
    mdb_env_close (env);
    store_fixture_destroy (&self);
}

//  ---------------------------------------------------------------------------
//  Refusals

Test (store, a_second_opening_is_refused_and_names_the_process)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    int ready [2], done [2];
    cr_assert (pipe (ready) == 0 && pipe (done) == 0);
    pid_t child = fork ();
    cr_assert_geq (child, 0);
    char byte = 1;
    if (child == 0) {
        store_fixture_open (self);
        bool told = write (ready [1], &byte, 1) == 1;
        _exit (told && read (done [0], &byte, 1) == 1 ? 0 : 1);
    }
    cr_assert_eq (read (ready [0], &byte, 1), 1);
    char name [32];
    snprintf (name, sizeof name, "process %ld", (long) child);
    cr_assert_not (store_fixture_try_open (self));
    cr_assert_eq (errno, EWOULDBLOCK);
    cr_assert (strstr (self->error, name), "%s", self->error);
    cr_assert (strstr (self->error, self->directory), "%s", self->error);

    cr_assert_eq (write (done [1], &byte, 1), 1);
    cr_assert_eq (waitpid (child, NULL, 0), child);
    store_fixture_open (self);
    cr_assert_eq (self->engine->epoch (self->store), 2);

    //  Not twice in one process either
    store_t *second = self->engine->open (&self->options, self->error, sizeof self->error);
    cr_assert_null (second);
    snprintf (name, sizeof name, "process %ld", (long) getpid ());
    cr_assert (strstr (self->error, name), "%s", self->error);
    store_fixture_destroy (&self);
}

static void
s_write_file (const char *path, const char *text, size_t size)
{
    FILE *file = fopen (path, "w");
    cr_assert_not_null (file);
    cr_assert_eq (fwrite (text, 1, size, file), size);
    fclose (file);
}

static void
s_is_refused (store_fixture_t *self, int error, const char *reason)
{
    cr_assert_not (store_fixture_try_open (self));
    cr_assert_eq (errno, error);
    cr_assert (strstr (self->error, reason), "no '%s' in: %s", reason, self->error);
    cr_assert (strstr (self->error, self->options.directory), "%s", self->error);
}

Test (store, a_file_in_place_of_the_directory_is_refused)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    char path [512];
    snprintf (path, sizeof path, "%s", store_fixture_file (self, "plain"));
    s_write_file (path, "x", 1);
    self->options.directory = path;
    s_is_refused (self, ENOTDIR, "Not a directory");
    store_fixture_destroy (&self);
}

Test (store, a_directory_of_somebody_else_is_refused)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    cr_assert_eq (chmod (self->directory, 0500), 0);
    bool root = geteuid () == 0;
    cr_assert (!root || seteuid (65534) == 0);
    s_is_refused (self, EACCES, root ? "belongs to root; run" : "Permission denied");
    cr_assert (!root || seteuid (0) == 0);
    cr_assert_eq (chmod (self->directory, 0700), 0);
    store_fixture_destroy (&self);
}

Test (store, who_is_kept_out_learns_whose_the_lowest_directory_is)
{
    char text [256] = "";
    bool root = geteuid () == 0;
    cr_assert (!root || seteuid (65534) == 0);
    cr_assert (directory_tell_owner ("/no/such/store/", text, sizeof text));
    cr_expect_str_eq (text, "/ belongs to root; run the broker as that user, or name "
                            "another directory");
    cr_assert (directory_tell_owner ("/usr/no/such/store", text, sizeof text));
    cr_expect (strncmp (text, "/usr belongs to root; ", 22) == 0, "%s", text);
    cr_assert (!root || seteuid (0) == 0);
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    cr_expect_not (directory_tell_owner (self->directory, text, sizeof text));
    cr_expect_not (directory_is_open (self->directory));
    cr_assert_eq (chmod (self->directory, 0707), 0);
    cr_expect (directory_is_open (self->directory));
    store_fixture_destroy (&self);
}

Test (store, a_file_that_is_not_lmdbs_is_refused)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    static char text [16384] = "not a store";
    s_write_file (store_fixture_file (self, "data.mdb"), text, sizeof text);
    s_is_refused (self, 0, "not ours, or its head is damaged");
    store_fixture_destroy (&self);
}

//  Writes a value into the file, as another program would. Zero for a key of eight bytes.

static void
s_write_value (store_fixture_t *self, const char *key_text, void *data, size_t size)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    uint64_t zero = 0;
    MDB_val key = {sizeof zero, &zero}, value = {size, data};
    if (key_text)
        key = (MDB_val){strlen (key_text), (void *) (uintptr_t) key_text};
    cr_assert_eq (mdb_env_create (&env), 0);
    cr_assert_eq (mdb_env_open (env, self->directory, 0, 0600), 0);
    cr_assert_eq (mdb_txn_begin (env, NULL, 0, &txn), 0);
    cr_assert_eq (mdb_dbi_open (txn, NULL, 0, &dbi), 0);
    cr_assert_eq (mdb_put (txn, dbi, &key, &value, 0), 0);
    cr_assert_eq (mdb_txn_commit (txn), 0);
    mdb_env_close (env);
}

Test (store, the_lmdb_file_of_another_program_is_refused_and_left_alone)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    char data [] = "theirs";
    s_write_value (self, "name", data, sizeof data);
    s_is_refused (self, 0, "not ours");
    s_write_value (self, "other name", data, sizeof data);
    s_is_refused (self, 0, "not ours");
    store_fixture_destroy (&self);
}

Test (store, a_newer_format_is_refused_by_its_number)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    store_fixture_open (self);
    store_fixture_close (self);
    uint8_t meta [64] = "stint";
    meta [8] = 77;
    s_write_value (self, NULL, meta, sizeof meta);
    s_is_refused (self, 0, "format 77");
    store_fixture_destroy (&self);
}

Test (store, a_size_that_cannot_be_mapped_is_refused)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    self->options.size_max = (uint64_t) 1 << 47;
    //  Which of two reasons the system gives is its own choice
    cr_assert_not (store_fixture_try_open (self));
    cr_assert (errno == ENOMEM || errno == EINVAL);
    cr_assert (strstr (self->error, "address space"), "%s", self->error);
    store_fixture_destroy (&self);
}

Test (store, a_journal_that_was_lost_is_not_begun_anew)
{
    store_fixture_t *self = store_fixture_new (&store_lmdb);
    store_fixture_open (self);
    store_fixture_append (self);
    cr_assert (store_fixture_wait (self, self->last));
    store_fixture_close (self);

    cr_assert_eq (truncate (store_fixture_file (self, "data.mdb"), 0), 0);
    cr_assert_not (store_fixture_try_open (self));
    cr_assert (strstr (self->error, "its journal data.mdb is empty"), "%s", self->error);
    store_fixture_close (self);

    cr_assert_eq (unlink (store_fixture_file (self, "data.mdb")), 0);
    cr_assert_not (store_fixture_try_open (self));
    cr_assert (strstr (self->error, "its journal data.mdb is missing"), "%s", self->error);
    store_fixture_close (self);

    cr_assert_eq (unlink (store_fixture_file (self, "stint.store")), 0);
    cr_assert (store_fixture_try_open (self), "%s", self->error);
    store_fixture_destroy (&self);
}
