//  record_settings: what a group is told, as its record has it
//  SPDX-License-Identifier: MPL-2.0

#include "record_settings.h"

#include "word.h"

#include <string.h>

const record_setting_t record_setting_table [RECORD_SETTINGS] = {
    {"max_tasks", RECORD_SPAN_MAX},
    {"max_bytes", RECORD_SPAN_MAX},
    {"max_attempts", RECORD_ATTEMPTS_MAX},
    {"backoff", RECORD_SPAN_MAX},
    {"backoff_max", RECORD_SPAN_MAX},
    {"keep_results", RECORD_SPAN_MAX},
    {"max_running", RECORD_SPAN_MAX},
    {"weight", RECORD_WEIGHT_MAX},
    {"paused", 1},
    {"draining", 1},
    {"key_running", RECORD_SPAN_MAX},
    {"time_limit", RECORD_SPAN_MAX},
    {"rate", RECORD_RATE_MAX},
    {"burst", RECORD_BURST_MAX},
    {"key_rate", RECORD_RATE_MAX},
    {"key_burst", RECORD_BURST_MAX},
};

size_t
record_setting (stint_bytes_t name)
{
    size_t index = 0;
    while (index < RECORD_SETTINGS && !word_is (name, record_setting_table [index].name))
        index++;
    return index;
}

void
record_settings_merge (record_settings_t *self, const record_settings_t *other)
{
    for (size_t index = 0; index < RECORD_SETTINGS; index++) {
        if (other->list [index])
            self->list [index] = other->list [index];
    }
}

bool
record_settings_equal (const record_settings_t *self, const record_settings_t *other)
{
    return memcmp (self, other, sizeof *self) == 0;
}
