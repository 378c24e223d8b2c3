//  group_note: who stopped a group, when, and why
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_GROUP_NOTE_H
#define BROKER_GROUP_NOTE_H

#include "record.h"

#define GROUP_REASON_MAX 256  //  Bytes of a reason

//  All zeros while nobody did.

typedef struct {
    int64_t at;                          //  When
    char by [STINT_GROUP_MAX + 1];       //  Who, as they say themselves; may be empty
    char reason [GROUP_REASON_MAX + 1];  //  Why; may be empty
} group_note_t;

//  Returns true for at most GROUP_REASON_MAX bytes of well-formed UTF-8 without control
//  characters.
bool group_note_valid (stint_bytes_t text);

//  Returns true for the settings that a note is about, paused and draining: none of a file.
bool group_note_setting (size_t index);

//  Takes over what a record of a group says. Its texts are valid. Copies.
void group_note_set (group_note_t *self, const record_t *record);

//  Writes the note into the record of its group. The texts are the note's.
void group_note_describe (const group_note_t *self, record_t *record);

//  Returns a hash of the note, on top of another one.
uint64_t group_note_digest (const group_note_t *self, uint64_t digest);

#endif
