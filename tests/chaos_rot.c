//  chaos_rot: damages a store at random and looks whether anybody notices
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: chaos_rot STORE HISTORIES SEED CHANCE IMAGES SECONDS WORK BROKER
//
//  STORE is one that no broker has open, HISTORIES are what its clients were told. Makes
//  IMAGES of it in the directory WORK, for at most so many SECONDS, each damaged in one way
//  that follows from CHANCE: bits, bytes, sectors and pages that are flipped, overwritten,
//  zeroed, exchanged, or not there any more; half of the time where the tree of the file
//  is. Each is opened as a broker does. Either the store is refused, or everything that was
//  accepted is there with its right bytes; anything else is silent, and bad. One image in
//  100 is given to the real BROKER as well.
//
//  Prints one line of NAME=NUMBER, and ends with 1 when anything was missed, that is
//  silent; the first such image stays in WORK/bad. Crashed: the process ended by a signal,
//  which loses nothing but tells nothing either.

#include "chaos_open.h"
#include "crash.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define S_PAGE 4096
#define S_SECTOR 512
#define S_SAMPLE 100

typedef enum {
    ROT_BIT,     //  One bit is another
    ROT_BYTES,   //  Eight bytes are others
    ROT_ZEROS,   //  A page is zeros
    ROT_SECTOR,  //  A sector is that of another place
    ROT_PAGE,    //  A page is another one: a write that went astray
    ROT_OLD,     //  Two pages have changed places
    ROT_CUT,     //  The file ends early
    ROT_HEAD,    //  One bit of what LMDB begins with is another
    ROT_KINDS
} s_kind_t;

static const char *const s_kinds [] = {"bit",  "bytes",    "zeros", "sector",
                                       "page", "exchange", "cut",   "head"};

typedef struct {
    chaos_plan_t plan;    //  What clients were told
    uint8_t *whole;       //  The undamaged file
    size_t size;          //  Of it
    uint32_t *tree;       //  Pages that LMDB's tree is made of
    size_t tree_count;    //  How many
    uint64_t chance;      //  State of the random numbers
    const char *work;     //  Where images are made
    const char *program;  //  The broker
    char image [256];     //  Directory of the image in hand
    char path [300];      //  Its file
    uint64_t images, refused, harmless, crashed, silent, real, lost, duplicated, unexpected;
    uint64_t silent_of [ROT_KINDS];
} s_rot_t;

static uint64_t
s_draw (s_rot_t *self, uint64_t limit)
{
    self->chance = crash_mix (self->chance);
    return (self->chance >> 16) % limit;
}

//  Finds the pages with the marks of a branch, a leaf or a head (LMDB's P_BRANCH, P_LEAF
//  and P_META), whose number is right.

static void
s_find_tree (s_rot_t *self)
{
    size_t pages = self->size / S_PAGE;
    self->tree = calloc (pages + 1, sizeof *self->tree);
    if (!self->tree)
        abort ();
    for (size_t page = 0; page < pages; page++) {
        uint64_t number;
        uint16_t marks;
        memcpy (&number, self->whole + page * S_PAGE, sizeof number);
        memcpy (&marks, self->whole + page * S_PAGE + 10, sizeof marks);
        if (number == page && (marks & 0x0b) && !(marks & ~0x0b))
            self->tree [self->tree_count++] = (uint32_t) page;
    }
}

static size_t
s_draw_page (s_rot_t *self)
{
    uint64_t where = s_draw (self, 8);
    if (where == 0)
        return s_draw (self, 2);
    if (where < 4 && self->tree_count > 0)
        return self->tree [s_draw (self, self->tree_count)];
    return s_draw (self, self->size / S_PAGE);
}

//  Damages a copy of the file. Returns its size.

static size_t
s_damage (s_rot_t *self, uint8_t *data, s_kind_t kind)
{
    size_t page = s_draw_page (self) * S_PAGE, other = s_draw_page (self) * S_PAGE;

    //  The head of a page is where its structure is
    size_t within = s_draw (self, 2) ? s_draw (self, 160) : s_draw (self, S_PAGE - 8);
    size_t sector = page + within / S_SECTOR * S_SECTOR;
    uint64_t bytes = crash_mix (self->chance);
    if (kind == ROT_BIT)
        data [page + within] ^= (uint8_t) (1u << s_draw (self, 8));
    if (kind == ROT_HEAD)
        data [s_draw (self, 2) * S_PAGE + 16 + s_draw (self, 136)] ^=
            (uint8_t) (1u << s_draw (self, 8));
    if (kind == ROT_BYTES)
        memcpy (data + page + within, &bytes, sizeof bytes);
    if (kind == ROT_ZEROS)
        memset (data + page, 0, S_PAGE);
    if (kind == ROT_SECTOR)
        memcpy (data + sector, self->whole + other, S_SECTOR);
    if (kind == ROT_PAGE || kind == ROT_OLD)
        memcpy (data + page, self->whole + other, S_PAGE);
    if (kind == ROT_OLD)
        memcpy (data + other, self->whole + page, S_PAGE);
    return kind == ROT_CUT ? s_draw (self, self->size) : self->size;
}

static void
s_make (s_rot_t *self, const uint8_t *data, size_t size)
{
    int file = open (self->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || write (file, data, size) != (ssize_t) size)
        crash_fail ("cannot write %s", self->path);
    close (file);
}

static void
s_on_silent (s_rot_t *self, s_kind_t kind, uint64_t chance, const uint8_t *data,
             size_t size, const chaos_verdict_t *verdict)
{
    self->silent_of [kind]++;
    if (self->silent++ > 8)
        return;
    size_t at = 0;
    while (at < size && data [at] == self->whole [at])
        at++;
    printf ("%s at %zu, chance %llu: %llu tasks, lost %llu, duplicated %llu, unexpected "
            "%llu\n",
            s_kinds [kind], at, (unsigned long long) chance,
            (unsigned long long) verdict->tasks, (unsigned long long) verdict->lost,
            (unsigned long long) verdict->duplicated,
            (unsigned long long) verdict->unexpected);
    char bad [300];
    snprintf (bad, sizeof bad, "%s/bad", self->work);
    if (self->silent == 1 && (mkdir (bad, 0700) == 0 || access (bad, W_OK) == 0)) {
        char kept [300];
        memcpy (kept, self->path, sizeof kept);
        snprintf (self->path, sizeof self->path, "%.250s/bad/data.mdb", self->work);
        s_make (self, data, size);
        memcpy (self->path, kept, sizeof kept);
    }
}

static void
s_ask_broker (s_rot_t *self, const uint8_t *data, size_t size,
              const chaos_verdict_t *verdict)
{
    char text [1024];
    s_make (self, data, size);
    int64_t tasks = chaos_broker (self->program, self->image, text, sizeof text);
    int64_t wanted = verdict->opened ? (int64_t) verdict->tasks : -1;
    self->real++;
    if (tasks == wanted || (tasks >= 0 && !verdict->opened && verdict->tasks > 0))
        return;
    self->silent++;
    printf ("the real broker holds %lld tasks, not %lld: %s\n", (long long) tasks,
            (long long) wanted, text);
}

//  Damages, opens, judges.

static void
s_try (s_rot_t *self, uint8_t *data)
{
    uint64_t chance = self->chance;
    s_kind_t kind = (s_kind_t) s_draw (self, ROT_KINDS);
    memcpy (data, self->whole, self->size);
    size_t size = s_damage (self, data, kind);
    s_make (self, data, size);
    chaos_verdict_t verdict =
        chaos_open (self->image, STORE_SYNC_ALWAYS, &self->plan, INT64_MAX - 1, 0);
    self->images++;
    self->crashed += verdict.crashed;
    self->refused += !verdict.opened && !verdict.crashed;
    if (!chaos_verdict_good (&verdict)) {
        self->lost += verdict.lost;
        self->duplicated += verdict.duplicated;
        self->unexpected += verdict.unexpected;
        s_on_silent (self, kind, chance, data, size, &verdict);
    }
    else {
        self->harmless += verdict.opened;
        if (self->images % S_SAMPLE == 0)
            s_ask_broker (self, data, size, &verdict);
    }
}

static void
s_open (s_rot_t *self, const char *store)
{
    struct stat known;
    char path [300];
    snprintf (path, sizeof path, "%s/data.mdb", store);
    int file = open (path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat (file, &known) != 0 || known.st_size < 4 * S_PAGE)
        crash_fail ("cannot read %s", path);
    self->size = (size_t) known.st_size;
    self->whole = malloc (self->size);
    if (!self->whole || read (file, self->whole, self->size) != known.st_size)
        crash_fail ("cannot read %s", path);
    close (file);
    s_find_tree (self);
    snprintf (self->image, sizeof self->image, "%s/rotten", self->work);
    snprintf (self->path, sizeof self->path, "%.280s/data.mdb", self->image);
    if (mkdir (self->image, 0700) != 0)
        crash_fail ("cannot make %s", self->image);
}

//  Without any damage all must be well, or the histories are not those of the store.

static void
s_check_whole (s_rot_t *self)
{
    s_make (self, self->whole, self->size);
    chaos_verdict_t verdict =
        chaos_open (self->image, STORE_SYNC_ALWAYS, &self->plan, INT64_MAX - 1, 0);
    if (!verdict.opened || !chaos_verdict_good (&verdict))
        crash_fail ("the store is not well before it is damaged: %llu tasks, lost %llu, "
                    "unexpected %llu; %s",
                    (unsigned long long) verdict.tasks, (unsigned long long) verdict.lost,
                    (unsigned long long) verdict.unexpected, verdict.text);
    printf ("tasks=%llu ", (unsigned long long) verdict.tasks);
}

#define NUMBER(name) printf (#name "=%llu ", (unsigned long long) self.name)

int
main (int argc, char **argv)
{
    if (argc != 9)
        crash_fail ("usage: chaos_rot STORE HISTORIES SEED CHANCE IMAGES SECONDS WORK "
                    "BROKER");
    s_rot_t self = {.work = argv [7], .program = argv [8]};
    self.chance = crash_mix (crash_number (argv [4]));
    self.plan = chaos_plan_read (argv [2], crash_number (argv [3]));
    s_open (&self, argv [1]);
    s_check_whole (&self);
    int64_t began = history_now ();
    int64_t until = began + (int64_t) crash_number (argv [6]) * 1000000000;
    uint8_t *data = malloc (self.size);
    if (!data)
        abort ();
    for (uint64_t left = crash_number (argv [5]); left > 0 && history_now () < until;
         left--)
        s_try (&self, data);
    NUMBER (images);
    NUMBER (refused);
    NUMBER (harmless);
    NUMBER (crashed);
    NUMBER (real);
    printf ("missed=%llu ", (unsigned long long) self.silent);
    NUMBER (lost);
    NUMBER (duplicated);
    NUMBER (unexpected);
    printf ("ms=%lld\n", (long long) (history_now () - began) / 1000000);
    for (int kind = 0; kind < ROT_KINDS && self.silent > 0; kind++)
        printf ("silent %s: %llu\n", s_kinds [kind],
                (unsigned long long) self.silent_of [kind]);
    free (data);
    free (self.whole);
    free (self.tree);
    chaos_plan_clear (&self.plan);
    return self.silent == 0 ? 0 : 1;
}
