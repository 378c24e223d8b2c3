//  count_alloc: counts what each thread of a program allocates
//  SPDX-License-Identifier: MPL-2.0
//
//  What LD_PRELOAD names in tests/bench_cost.sh. Each function takes the place of the C
//  library's, counts, and calls it. COUNT_ALLOC names a file of COUNT_SLOTS slots, which
//  all processes share: the number of a thread, and how often it has allocated.

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNT_SLOTS 256
#define SHOWN __attribute__ ((visibility ("default")))

typedef struct {
    _Atomic uint64_t thread;  //  Its number in the kernel; 0 when the slot is free
    uint64_t count;           //  Written by that thread only
} s_slot_t;

//  The C library's own.
extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t count, size_t size);
extern void *__libc_realloc (void *bytes, size_t size);

static s_slot_t *s_slots;  //  Null without a file, and before it was looked for

//  Where the thread counts. In the static block of threads, whose use allocates nothing.
static _Thread_local s_slot_t *s_slot __attribute__ ((tls_model ("initial-exec")));

static void
s_forget (void)
{
    s_slot = NULL;
}

static void __attribute__ ((constructor)) s_start (void)
{
    const char *path = getenv ("COUNT_ALLOC");
    int file = path ? open (path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    size_t size = COUNT_SLOTS * sizeof (s_slot_t);
    void *slots = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close (file);
    if (slots == MAP_FAILED)
        return;
    s_slots = slots;
    pthread_atfork (NULL, NULL, s_forget);  //  The child is another thread
}

static void
s_count (void)
{
    for (size_t index = 0; !s_slot && s_slots && index < COUNT_SLOTS; index++) {
        uint64_t nobody = 0;
        if (atomic_compare_exchange_strong (&s_slots [index].thread, &nobody,
                                            (uint64_t) gettid ()))
            s_slot = &s_slots [index];
    }
    if (s_slot)
        s_slot->count++;
}

SHOWN void *
malloc (size_t size)
{
    s_count ();
    return __libc_malloc (size);
}

SHOWN void *
calloc (size_t count, size_t size)
{
    s_count ();
    return __libc_calloc (count, size);
}

SHOWN void *
realloc (void *bytes, size_t size)
{
    s_count ();
    return __libc_realloc (bytes, size);
}
