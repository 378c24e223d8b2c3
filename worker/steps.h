//  steps: the lines in which a program says how far it is
//  SPDX-License-Identifier: MPL-2.0
//
//  A line is "progress", a percentage from 0 to 100 that may have decimals and "%", and a
//  text that may be missing: "progress 40 page 4 of 10". The last such line counts. Of a
//  line that is longer than a note may be the beginning is read.

#ifndef WORKER_STEPS_H
#define WORKER_STEPS_H

#include "stint_note.h"

#define STEPS_LINE 160  //  Bytes of a line that are read

//  All zeros is the beginning.

typedef struct {
    char line [STEPS_LINE];          //  The one that has no end so far
    size_t size;                     //  Its bytes
    bool fresh;                      //  There was a line since the last look
    uint32_t done;                   //  Thousandths, as the last line says
    char text [STINT_NOTE_MAX + 1];  //  and its text
    bool faulty;                     //  There was another kind of line;
    char fault [64];                 //  the first one's beginning
} steps_t;

//  Takes bytes as they come.
void steps_take (steps_t *self, stint_bytes_t bytes);

//  Takes what is in a pipe, as much as a pipe holds, without waiting. Returns false at its
//  end.
bool steps_read (steps_t *self, int descriptor);

#endif
