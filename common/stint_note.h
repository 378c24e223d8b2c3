//  stint_note: limits of what an attempt says of how far it is
//  SPDX-License-Identifier: MPL-2.0

#ifndef STINT_NOTE_H
#define STINT_NOTE_H

#include "stint.h"

#define STINT_NOTE_DONE 1000  //  Thousandths: all of it is done
#define STINT_NOTE_MAX 128    //  Bytes of the text

//  Returns the beginning of a text that a note has room for, cut between two characters of
//  UTF-8. Points into the text.

static inline stint_bytes_t
stint_note_cut (stint_bytes_t text)
{
    if (text.size <= STINT_NOTE_MAX)
        return text;
    size_t size = STINT_NOTE_MAX;
    while (size > STINT_NOTE_MAX - 4 && (text.data [size] & 0xc0) == 0x80)
        size--;
    if ((text.data [size] & 0xc0) == 0x80)
        size = STINT_NOTE_MAX;  //  No UTF-8 anyway
    return (stint_bytes_t){text.data, size};
}

#endif
