//  word: whether bytes of a message are a certain word
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_WORD_H
#define BROKER_WORD_H

#include "stint.h"

#include <string.h>

//  Returns true when the bytes are this text, which is not empty.

static inline bool
word_is (stint_bytes_t bytes, const char *text)
{
    return bytes.size > 0 && bytes.size == strlen (text)
           && memcmp (bytes.data, text, bytes.size) == 0;
}

#endif
