//  map_output: where the results of a map go: standard output, JSON lines, or files
//  SPDX-License-Identifier: MPL-2.0

#ifndef CLIENT_MAP_OUTPUT_H
#define CLIENT_MAP_OUTPUT_H

#include "reorder.h"

typedef struct {
    bool json;        //  A line of JSON for each task, the failed ones too
    const char *out;  //  Directory for the results; null for standard output
} map_output_t;

//  Makes the directory if it is not there. Returns COMMAND_OK, or another exit code after
//  it has said what is wrong.
int map_output_open (const map_output_t *self);

//  Puts one task where it belongs. A result gets a line's end on standard output if it has
//  none; its file holds the very bytes, and is there whole or not at all. Returns as
//  map_output_open does.
int map_output_put (const map_output_t *self, const reorder_task_t *task);

#endif
