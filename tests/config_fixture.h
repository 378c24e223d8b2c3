//  config_fixture: the table of options and the helpers that the tests of stint_config
//  share SPDX-License-Identifier: MPL-2.0

#ifndef CONFIG_FIXTURE_H
#define CONFIG_FIXTURE_H

#include "stint_config.h"

#define FIXTURE_TOLD_MAX 1024  //  Bytes that fixture_on_change may fill

//  Returns a configuration with a table that has something of each kind.
stint_config_t *fixture_new (void);

//  Loads a text as a file, which is gone afterwards.
void fixture_load (stint_config_t *config, const char *text);

//  As fixture_load, with any bytes.
void fixture_load_bytes (stint_config_t *config, const void *text, size_t size);

//  Returns the name that the file had.
const char *fixture_file (void);

//  Loads words, at most fifteen before a null, as a command line.
int fixture_flags (stint_config_t *config, const char *const *words, bool to_first);

#define FLAGS(config, to_first, ...)                                                       \
    fixture_flags ((config), (const char *const []){__VA_ARGS__, NULL}, to_first)

//  Returns all faults as one text, with "FILE" for the name of the file. Valid until the
//  next call.
const char *fixture_faults (const stint_config_t *config);

//  Returns what a printer wrote; the caller frees it.
char *fixture_printed (const stint_config_t *config,
                       void (*print) (const stint_config_t *config, FILE *file));

//  Adds a line about a change to the text that is the argument.
stint_config_change_fn fixture_on_change;

//  Starts random numbers from a seed, which it prints and SEED=n repeats.
void fixture_seed (void);

//  Returns the seed that repeats the numbers from here on.
uint64_t fixture_seed_now (void);

//  Returns a random number below a limit.
size_t fixture_random (size_t limit);

#endif
