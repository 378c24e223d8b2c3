//  fuzz_config: a file, an environment and a command line, through the broker's own table
//  SPDX-License-Identifier: MPL-2.0
//
//  An input has up to three parts with an octet 0x1e between them: the text of a ZPL file,
//  then variables and then words of a command line, one a line. Whatever is wrong has to
//  become a fault. Settings without faults must be translated, and be the same after they
//  were printed and loaded again.

#include "fuzz.h"
#include "settings.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORDS_MAX 16

//  Loads bytes as a file that nobody else sees.

static void
s_load (stint_config_t *config, const void *text, size_t size)
{
    int descriptor = memfd_create ("fuzz_config", MFD_CLOEXEC);
    must (descriptor >= 0, "no file in memory");
    must (write (descriptor, text, size) == (ssize_t) size, "cannot write it");
    char name [64];
    snprintf (name, sizeof name, "/proc/self/fd/%d", descriptor);
    stint_config_load_file (config, name, true);
    close (descriptor);
}

//  Takes the next part of the input: a copy that ends in a null. The caller frees it.

static char *
s_take (fuzz_input_t *input, uint8_t until, size_t *size)
{
    const uint8_t *end = memchr (input->at, until, (size_t) (input->end - input->at));
    *size = (size_t) ((end ? end : input->end) - input->at);
    char *part = calloc (1, *size + 1);
    must (part, "no memory");
    memcpy (part, input->at, *size);
    input->at += *size + (end ? 1 : 0);
    return part;
}

//  Splits lines into at most WORDS_MAX words, which the caller frees.

static size_t
s_split (const char *lines, size_t size, char **words)
{
    fuzz_input_t input = {(const uint8_t *) lines, (const uint8_t *) lines + size};
    size_t count = 0;
    size_t length;
    while (input.at < input.end && count < WORDS_MAX)
        words [count++] = s_take (&input, '\n', &length);
    return count;
}

//  Loads the variables that are ours, and takes them away again.

static void
s_load_environment (stint_config_t *config, char **words, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        char *value = strchr (words [index], '=');
        if (!value || strncmp (words [index], "STINT_", 6) != 0)
            continue;
        *value = 0;
        setenv (words [index], value + 1, 1);
    }
    stint_config_load_environment (config);
    for (size_t index = 0; index < count; index++) {
        if (strncmp (words [index], "STINT_", 6) == 0 && !strchr (words [index], '='))
            unsetenv (words [index]);
    }
}

static void
s_tell (const char *path, const char *before, const char *after, bool reloadable,
        void *argument)
{
    (void) reloadable;
    (void) argument;
    must_fail (__FILE__, __LINE__, "%s was %s and came back as %s", path,
               before ? before : "(none)", after ? after : "(none)");
}

//  What was printed must load as the same; a value that ZPL cannot hold excepted.

static void
s_print_and_load (const stint_config_t *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream (&text, &size);
    must (file, "no memory");
    stint_config_print (config, file);
    fclose (file);
    stint_config_t *again = settings_new ();
    s_load (again, text, size);
    if (!strstr (text, "ZPL cannot hold")) {
        must (stint_config_faults (again) == 0, "%s", stint_config_fault (again, 0));
        stint_config_compare (config, again, s_tell, NULL);
    }
    stint_config_destroy (&again);
    free (text);
}

static void
s_use (stint_config_t *config)
{
    for (size_t index = 0; index < stint_config_faults (config); index++) {
        const char *fault = stint_config_fault (config, index);
        must (*fault, "a fault without a word");
        for (; *fault; fault++)
            must ((unsigned char) *fault >= 0x20, "a fault with a control character");
    }
    if (stint_config_faults (config) > 0) {
        must (stint_config_exit_code (config) != 0, "a fault and exit code 0");
        return;
    }
    broker_options_t options = settings_options (config);
    settings_clear (&options);
    s_print_and_load (config);
}

int
fuzz_config (const uint8_t *data, size_t size)
{
    fuzz_input_t input = {data, data + size};
    stint_config_t *config = settings_new ();
    char *words [WORDS_MAX + 1] = {NULL};
    size_t length;

    char *part = s_take (&input, 0x1e, &length);
    s_load (config, part, length);
    free (part);

    part = s_take (&input, 0x1e, &length);
    size_t count = s_split (part, length, words);
    s_load_environment (config, words, count);
    for (size_t index = 0; index < count; index++)
        free (words [index]);
    free (part);

    part = s_take (&input, 0x1e, &length);
    words [0] = strdup ("stint-broker");
    count = 1 + s_split (part, length, words + 1);
    int end = stint_config_load_flags (config, (int) count, words, data && size % 2);
    must (end >= 1 && end <= (int) count, "more words than there are");
    s_use (config);
    stint_config_destroy (&config);
    for (size_t index = 0; index < count; index++)
        free (words [index]);
    free (part);
    return 0;
}
