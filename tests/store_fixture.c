//  store_fixture: a store in a directory of its own, with blocks that can be checked
//  SPDX-License-Identifier: MPL-2.0

#include "store_fixture.h"

#include <assert.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

//  Plain asserts here, since a process that a test forks must not use Criterion's.

#define S_PATIENCE_MS 60000  //  For one commit, on a machine with other things to do

//  SplitMix64 by Sebastiano Vigna.

uint64_t
store_fixture_random (uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint64_t
s_seed (void)
{
    const char *text = getenv ("SEED");
    uint64_t seed = 0;
    if (text)
        seed = strtoull (text, NULL, 10);
    else if (getrandom (&seed, sizeof seed, 0) != sizeof seed)
        abort ();
    fprintf (stderr, "SEED=%llu\n", (unsigned long long) seed);
    return seed;
}

store_fixture_t *
store_fixture_new (const store_engine_t *engine)
{
    store_fixture_t *self = calloc (1, sizeof *self);
    assert (self);
    self->engine = engine;
    self->seed = s_seed ();
    self->size_max = 20000;
    const char *parent = getenv ("TMPDIR");
    int size =
        asprintf (&self->directory, "%s/stint_store_XXXXXX", parent ? parent : "/tmp");
    assert (size > 0 && mkdtemp (self->directory));
    self->options = (store_options_t){.directory = self->directory,
                                      .size_max = (uint64_t) 1 << 30,
                                      .sync = STORE_SYNC_ALWAYS,
                                      .sync_interval_ms = 20};
    return self;
}

static int
s_remove (const char *path, const struct stat *known, int type, struct FTW *place)
{
    (void) known;
    (void) type;
    (void) place;
    return remove (path);
}

//  Frees what the store does not borrow any more.

static void
s_free_blocks (store_fixture_t *self, uint64_t number)
{
    for (; self->freed < number; self->freed++)
        free (self->blocks [self->freed + 1]);
}

void
store_fixture_destroy (store_fixture_t **self_p)
{
    store_fixture_t *self = *self_p;
    store_fixture_close (self);
    nftw (self->directory, s_remove, 16, FTW_DEPTH | FTW_PHYS);
    free (self->directory);
    free (self);
    *self_p = NULL;
}

bool
store_fixture_try_open (store_fixture_t *self)
{
    self->error [0] = 0;
    self->store = self->engine->open (&self->options, self->error, sizeof self->error);
    assert (self->store || self->error [0]);
    assert (!strchr (self->error, '\n'));
    return self->store;
}

void
store_fixture_open (store_fixture_t *self)
{
    if (!store_fixture_try_open (self))
        fprintf (stderr, "%s\n", self->error);
    assert (self->store);
}

void
store_fixture_close (store_fixture_t *self)
{
    self->engine->close (&self->store);
    assert (!self->store);
    s_free_blocks (self, self->last);
}

static bool
s_check_replayed (uint64_t number, stint_bytes_t block, void *argument)
{
    store_fixture_t *self = argument;
    if (self->unsure && self->last == self->trimmed && number <= self->trimmed)
        self->last = self->trimmed = number - 1;
    assert (number == self->last + 1);
    assert (block.size == store_fixture_block_size (self, number));
    assert (store_fixture_is_block (self, number, 0, block));
    self->last = number;
    return true;
}

uint64_t
store_fixture_replay (store_fixture_t *self)
{
    self->last = self->trimmed;
    int rc = self->engine->replay (self->store, s_check_replayed, self, self->error,
                                   sizeof self->error);
    if (rc != 0)
        fprintf (stderr, "%s\n", self->error);
    assert (rc == 0);
    assert (self->last == self->engine->durable (self->store));
    self->freed = self->last;
    return self->last;
}

void
store_fixture_append (store_fixture_t *self)
{
    uint64_t number = ++self->last;
    assert (number < sizeof self->blocks / sizeof *self->blocks);
    self->blocks [number] = store_fixture_block (self, number);
    size_t size = store_fixture_block_size (self, number);
    self->engine->append (self->store, number,
                          (stint_bytes_t){self->blocks [number], size});
}

bool
store_fixture_wait (store_fixture_t *self, uint64_t number)
{
    while (self->engine->durable (self->store) < number) {
        if (self->engine->failed (self->store))
            return false;
        struct pollfd fd = {self->engine->notify_fd (self->store), POLLIN, 0};
        int ready = poll (&fd, 1, S_PATIENCE_MS);
        assert (ready == 1);
        self->engine->acknowledge (self->store);
    }
    if (!self->engine->keeps)
        s_free_blocks (self, self->engine->durable (self->store));
    return true;
}

void
store_fixture_trim (store_fixture_t *self, uint64_t number)
{
    self->engine->trim (self->store, number);
    self->trimmed = number;
    if (self->engine->keeps)
        s_free_blocks (self, number);
}

//  Mostly small, some large, so that blocks share pages, fill them and span many.

size_t
store_fixture_block_size (const store_fixture_t *self, uint64_t number)
{
    uint64_t state = self->seed + number * 2;
    uint64_t kind = store_fixture_random (&state) % 4;
    size_t limit = kind < 2 ? 300 : kind == 2 ? 6000 : self->size_max;
    limit = limit > self->size_max ? self->size_max : limit;
    return 1 + store_fixture_random (&state) % limit;
}

uint8_t *
store_fixture_block (const store_fixture_t *self, uint64_t number)
{
    size_t size = store_fixture_block_size (self, number);
    uint8_t *data = malloc (size + 8);
    assert (data);
    uint64_t state = self->seed ^ number << 20;
    for (size_t offset = 0; offset < size; offset += 8) {
        uint64_t word = store_fixture_random (&state);
        memcpy (data + offset, &word, sizeof word);
    }
    return data;
}

bool
store_fixture_is_block (const store_fixture_t *self, uint64_t number, size_t offset,
                        stint_bytes_t bytes)
{
    uint8_t *data = store_fixture_block (self, number);
    bool same = bytes.data && offset + bytes.size <= store_fixture_block_size (self, number)
                && memcmp (bytes.data, data + offset, bytes.size) == 0;
    free (data);
    return same;
}

const char *
store_fixture_file (const store_fixture_t *self, const char *name)
{
    static char path [512];
    snprintf (path, sizeof path, "%s/%s", self->directory, name);
    return path;
}
