//  test_corpus: the inputs that fuzzing has kept, each tried again as an ordinary test
//  SPDX-License-Identifier: MPL-2.0

#include "fuzz.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX ((size_t) 1 << 20)  //  Bytes of one input

static char s_name [512];  //  The file that is being tried

static void
s_tell_name (void)
{
    if (*s_name)
        fprintf (stderr, "test_corpus: it was %s\n", s_name);
}

static void
s_try_file (fuzz_fn *target)
{
    static uint8_t bytes [INPUT_MAX];
    FILE *file = fopen (s_name, "rb");
    cr_assert (file, "cannot open %s", s_name);
    size_t size = fread (bytes, 1, sizeof bytes, file);
    cr_assert (feof (file), "%s is too long", s_name);
    fclose (file);
    target (bytes, size);
}

static void
s_try (const char *name, fuzz_fn *target)
{
    char folder [256];
    snprintf (folder, sizeof folder, "tests/corpus/%s", name);
    struct dirent **entries;
    int count = scandir (folder, &entries, NULL, alphasort);
    int tried = 0;
    cr_assert_geq (count, 0, "no folder %s", folder);
    for (int index = 0; index < count; index++) {
        if (entries [index]->d_name [0] != '.') {
            snprintf (s_name, sizeof s_name, "%s/%s", folder, entries [index]->d_name);
            s_try_file (target);
            tried++;
        }
        free (entries [index]);
    }
    free (entries);
    *s_name = 0;
    cr_assert_gt (tried, 0, "%s is empty", folder);
}

Test (corpus, messages_mean_what_msgpack_c_says, .fini = s_tell_name)
{
    s_try ("wire", fuzz_wire);
}

Test (corpus, sessions_end_in_a_state_that_the_journal_gives_back, .fini = s_tell_name)
{
    s_try ("session", fuzz_session);
}

Test (corpus, journals_of_others_are_refused_or_gone_on_with, .fini = s_tell_name)
{
    s_try ("journal", fuzz_journal);
}

Test (corpus, settings_become_faults_or_come_back_as_they_were_printed, .fini = s_tell_name)
{
    s_try ("config", fuzz_config);
}

Test (corpus, what_a_broker_sends_leaves_client_and_worker_whole, .fini = s_tell_name)
{
    s_try ("peer", fuzz_peer);
}

Test (corpus, texts_are_read_and_shown_without_harm, .fini = s_tell_name)
{
    s_try ("text", fuzz_text);
}
