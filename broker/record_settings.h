//  record_settings: what a group is told, as its record has it
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_RECORD_SETTINGS_H
#define BROKER_RECORD_SETTINGS_H

#include "stint.h"

#include <stddef.h>

#define RECORD_SPAN_MAX ((uint64_t) INT64_MAX / 4)  //  Most milliseconds of any span
#define RECORD_ATTEMPTS_MAX 65000  //  Failures that may be allowed; counted in 16 bits
#define RECORD_WEIGHT_MAX 1000     //  Of a group
#define RECORD_RATE_MAX INT64_C (3600000000)  //  Tasks an hour: a million a second
#define RECORD_BURST_MAX 1000000000           //  Tasks

//  Settings of a group, in their order in the journal. Zero means none, or the default.

#define RECORD_SETTINGS 16

typedef union {
    struct {
        uint64_t max_tasks;     //  Tasks held at once, ended ones included
        uint64_t max_bytes;     //  Bytes of their payloads and results
        uint64_t max_attempts;  //  Failures until a task is dead
        uint64_t backoff;       //  Milliseconds before the second attempt; doubles
        uint64_t backoff_max;   //  Most milliseconds between attempts
        uint64_t keep_results;  //  Milliseconds that an ended task is kept
        uint64_t max_running;   //  Tasks at workers at once; 0 for any number
        uint64_t weight;        //  Its share of workers that serve other groups, too
        uint64_t paused;        //  1: none of its tasks is given to a worker
        uint64_t draining;      //  1: no tasks are pushed to it
        uint64_t key_running;   //  Tasks of one key at workers at once; 0 for any number
        uint64_t time_limit;    //  Milliseconds that an attempt may run; 0 for ever
        uint64_t rate;          //  Tasks that begin in an hour; 0 for any number
        uint64_t burst;         //  Tasks that may begin at once; 0: a second's, at least 1
        uint64_t key_rate;      //  The same for the tasks of each key
        uint64_t key_burst;     //  and for these
    };
    uint64_t list [RECORD_SETTINGS];  //  The same
} record_settings_t;

//  Their names, and the greatest value that each may have.

typedef struct {
    const char *name;
    uint64_t most;
} record_setting_t;

extern const record_setting_t record_setting_table [RECORD_SETTINGS];

//  Returns the index of the setting of that name, or RECORD_SETTINGS.
size_t record_setting (stint_bytes_t name);

//  Takes over those settings that are not zero; compares all of them.
void record_settings_merge (record_settings_t *self, const record_settings_t *other);
bool record_settings_equal (const record_settings_t *self, const record_settings_t *other);

#endif
