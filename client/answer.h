//  answer: looks things up by name in a packed answer of the broker
//  SPDX-License-Identifier: MPL-2.0
//
//  All bytes are those of one answer that stint_pack_valid has accepted. A value that is
//  not there, or is of another type, is 0 or empty: a newer broker may say more, an older
//  one less. Each look-up walks the map from its start, as answers are small.

#ifndef CLIENT_ANSWER_H
#define CLIENT_ANSWER_H

#include "stint.h"

//  Returns the packed value of that name in a map; empty when it is not there.
stint_bytes_t answer_value (stint_bytes_t map, const char *name);

//  Returns a number, and whether there is one.
uint64_t answer_number (stint_bytes_t map, const char *name);
bool answer_has_number (stint_bytes_t map, const char *name);

//  Returns a text that is at most size - 1 bytes long, else what fits of it. Returns text.
char *answer_text (stint_bytes_t map, const char *name, char *text, size_t size);

//  Returns true when a text is that one.
bool answer_is (stint_bytes_t map, const char *name, const char *text);

//  Returns how many elements the list of that name has.
uint32_t answer_count (stint_bytes_t map, const char *name);

//  Takes the next element from the front of a list: call it with what answer_elements
//  returned, as often as answer_count says.
stint_bytes_t answer_elements (stint_bytes_t map, const char *name);
stint_bytes_t answer_take (stint_bytes_t *elements);

#endif
