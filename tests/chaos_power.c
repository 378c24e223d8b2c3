//  chaos_power: takes the power away at random moments of a run, and looks at what is left
//  SPDX-License-Identifier: MPL-2.0
//
//  usage: chaos_power LOG HISTORIES SEED CHANCE IMAGES SECONDS SYNC WORK BROKER
//
//  LOG is what the disk was told (chaos_disk.h), HISTORIES what clients were told. Makes
//  IMAGES of the store in the directory WORK, at moments and with losses that follow from
//  CHANCE, for at most so many SECONDS, and opens each as a broker does. Everything that
//  was accepted before that moment must be there. SYNC is that of the store: always; or
//  interval, of which may be missing what was accepted since the sync began that the anchor
//  leads to; "none" takes away the anchor, so that the store opens although it should not:
//  to see that losses are found. One image in 100 is given to the real BROKER as well,
//  which must hold as many tasks.
//
//  Prints one line of NAME=NUMBER, and ends with 1 when anything was lost; the first image
//  that was bad stays in WORK/bad.

#include "chaos_open.h"
#include "chaos_replica.h"
#include "crash.h"

#include <dirent.h>
#include <sys/stat.h>

#define S_SAMPLE 100          //  One image in so many is for the real broker
#define S_PASS 100            //  Images in one pass through the log
#define S_LATE_NS 1000000000  //  Without a sync; half of the images may be, on a busy disk

typedef struct {
    chaos_plan_t plan;         //  What clients were told
    chaos_replica_t *replica;  //  What the disk was told
    uint64_t chance;           //  State of the random numbers
    const char *work;          //  Where images are made
    const char *program;       //  The broker
    store_sync_t sync;         //  Of the store
    bool anchors;              //  They are left in place
    int64_t at;                //  The last moment
    uint64_t images, unsure, late, opened, refused, crashed, real, tasks, lost, duplicated,
        unexpected, bad;
    char image [256];  //  Where the image in hand is
} s_power_t;

static void
s_remove (const char *directory)
{
    DIR *listed = opendir (directory);
    struct dirent *entry;
    while (listed && (entry = readdir (listed)) != NULL)
        if (entry->d_name [0] != '.')
            unlinkat (dirfd (listed), entry->d_name, 0);
    if (listed)
        closedir (listed);
    rmdir (directory);
}

static void
s_make (s_power_t *self, uint64_t chance)
{
    s_remove (self->image);
    if (mkdir (self->image, 0700) != 0)
        crash_fail ("cannot make %s", self->image);
    self->unsure += chaos_replica_image (self->replica, self->image, &chance);
    if (!self->anchors) {
        char anchor [300];
        snprintf (anchor, sizeof anchor, "%s/stint.anchor", self->image);
        unlink (anchor);
    }
}

//  Gives the image to the real broker, fresh.

static void
s_ask_broker (s_power_t *self, uint64_t chance, const chaos_verdict_t *verdict)
{
    char text [1024];
    s_make (self, chance);
    int64_t tasks = chaos_broker (self->program, self->image, text, sizeof text);
    int64_t wanted = verdict->opened ? (int64_t) verdict->tasks : -1;
    self->real++;
    if (tasks == wanted)
        return;
    self->bad++;
    printf ("the real broker holds %lld tasks, not %lld: %s\n", (long long) tasks,
            (long long) wanted, text);
}

static void
s_keep_bad (s_power_t *self, uint64_t operation, uint64_t chance,
            const chaos_verdict_t *verdict)
{
    if (self->bad++ > 0)
        return;
    printf ("operation %llu, chance %llu: lost %llu, duplicated %llu, unexpected %llu, %s "
            "%s\n",
            (unsigned long long) operation, (unsigned long long) chance,
            (unsigned long long) verdict->lost, (unsigned long long) verdict->duplicated,
            (unsigned long long) verdict->unexpected,
            verdict->crashed  ? "crashed"
            : verdict->opened ? "opened"
                              : "refused",
            verdict->text);
    char bad [300];
    snprintf (bad, sizeof bad, "%s/bad", self->work);
    s_remove (bad);
    s_make (self, chance);
    if (rename (self->image, bad) != 0)
        fprintf (stderr, "the image is not kept\n");
}

//  A loss of power is no damage: the store must open, unless it was used without syncs.

static void
s_try (s_power_t *self, uint64_t operation, int64_t at)
{
    int64_t slack = 0;
    if (self->sync == STORE_SYNC_INTERVAL)
        slack = at - chaos_replica_synced (self->replica) + 1;
    self->late += slack > S_LATE_NS;
    uint64_t chance = self->chance = crash_mix (self->chance);
    s_make (self, chance);
    chaos_verdict_t verdict =
        chaos_open (self->image, STORE_SYNC_ALWAYS, &self->plan, at, slack);
    self->images++;
    self->opened += verdict.opened;
    self->crashed += verdict.crashed;
    self->refused += !verdict.opened && !verdict.crashed;
    self->tasks += verdict.tasks;
    self->lost += verdict.lost;
    self->duplicated += verdict.duplicated;
    self->unexpected += verdict.unexpected;
    if (!verdict.opened || !chaos_verdict_good (&verdict))
        s_keep_bad (self, operation, chance, &verdict);
    else if (self->images % S_SAMPLE == 0)
        s_ask_broker (self, chance, &verdict);
}

static int
s_by_number (const void *left, const void *right)
{
    uint64_t one = *(const uint64_t *) left, other = *(const uint64_t *) right;
    return one < other ? -1 : one > other;
}

//  Goes through the log once: draws the moments, and comes to them in their order.

static void
s_pass (s_power_t *self, uint64_t images, int64_t until)
{
    uint64_t operations = chaos_replica_operations (self->replica);
    uint64_t *moments = calloc (images, sizeof *moments);
    if (!moments)
        abort ();
    for (uint64_t image = 0; image < images; image++) {
        self->chance = crash_mix (self->chance);
        moments [image] = (self->chance >> 16) % operations;
    }
    qsort (moments, images, sizeof *moments, s_by_number);
    for (uint64_t image = 0; image < images && history_now () < until; image++) {
        int64_t at = chaos_replica_go (self->replica, moments [image]);
        s_try (self, moments [image], at);
        self->at = at > self->at ? at : self->at;
    }
    free (moments);
}

//  Every pass takes the whole run, so that one cut short has seen all of it.

static void
s_run (s_power_t *self, const char *log, uint64_t images, int64_t until)
{
    while (self->images < images && history_now () < until) {
        uint64_t left = images - self->images;
        self->replica = chaos_replica_new (log);
        s_pass (self, left < S_PASS ? left : S_PASS, until);
        chaos_replica_destroy (&self->replica);
    }
}

#define NUMBER(name) printf (#name "=%llu ", (unsigned long long) self.name)

int
main (int argc, char **argv)
{
    if (argc != 10)
        crash_fail ("usage: chaos_power LOG HISTORIES SEED CHANCE IMAGES SECONDS SYNC WORK "
                    "BROKER");
    s_power_t self = {.work = argv [8], .program = argv [9], .chance = 1};
    self.chance = crash_number (argv [4]);
    self.sync = *argv [7] == 'i' ? STORE_SYNC_INTERVAL : STORE_SYNC_ALWAYS;
    self.anchors = *argv [7] != 'n';
    self.plan = chaos_plan_read (argv [2], crash_number (argv [3]));
    snprintf (self.image, sizeof self.image, "%s/image", self.work);
    int64_t began = history_now ();
    int64_t until = began + (int64_t) crash_number (argv [6]) * 1000000000;
    s_run (&self, argv [1], crash_number (argv [5]), until);
    s_remove (self.image);
    if (self.late > self.images / 2) {
        printf ("the disk is not synced for a second and more\n");
        self.bad++;
    }
    NUMBER (images);
    NUMBER (unsure);
    NUMBER (late);
    NUMBER (opened);
    NUMBER (refused);
    NUMBER (crashed);
    NUMBER (real);
    NUMBER (tasks);
    NUMBER (lost);
    NUMBER (duplicated);
    NUMBER (unexpected);
    NUMBER (bad);
    printf ("accepted=%llu ",
            (unsigned long long) chaos_plan_accepted (&self.plan, self.at));
    printf ("ms=%lld\n", (long long) (history_now () - began) / 1000000);
    chaos_plan_clear (&self.plan);
    return self.bad == 0 ? 0 : 1;
}
