//  terms: what a task asks for besides its payload
//  SPDX-License-Identifier: MPL-2.0
//
//  On the wire terms are a map of names, in the journal an array that may grow at its end.
//  Zero and empty always mean that nothing was asked for.

#ifndef BROKER_TERMS_H
#define BROKER_TERMS_H

#include "stint_pack.h"

#define TERMS_TEXT_MAX 64   //  Bytes of a key and of an order
#define TERMS_PRIORITIES 9  //  From 1, the lowest
#define TERMS_PRIORITY 5    //  Of a task that does not ask for one
#define TERMS_NUMBERS 5     //  Of what is asked for by a number
#define TERMS_NAMES (TERMS_NUMBERS + 2)

typedef struct {
    union {
        struct {
            uint64_t priority;      //  1 to 9; the higher one begins first
            uint64_t max_attempts;  //  Failures until it is dead, instead of its group's
            uint64_t time_limit;    //  Milliseconds that an attempt may run
            uint64_t expires;   //  Milliseconds from its push on in which it has to begin
            uint64_t deadline;  //  Milliseconds from its push on in which it has to end
        };
        uint64_t list [TERMS_NUMBERS];  //  The same
    };
    stint_bytes_t key;    //  Tasks of a group take turns by key; borrowed
    stint_bytes_t order;  //  Tasks of one order run one after the other; borrowed
} terms_t;

//  Their names on the wire, in their order in the journal: the numbers, key, order.
extern const char *const terms_names [TERMS_NAMES];

//  Returns true when anything is asked for.
bool terms_any (const terms_t *self);

//  Reads a map as it stands in a message, which is sound msgpack, over what is there
//  already: so what one task asks for goes before what its push asks for. Borrows. Returns
//  null, or what is wrong, for people.
const char *terms_read (terms_t *self, stint_bytes_t map);

//  Returns null, or what is wrong with them, for people: values out of range, and those
//  that contradict each other or the delay, in milliseconds.
const char *terms_check (const terms_t *self, uint64_t delay);

//  Writes and reads them as they stand in the journal. What was read is borrowed.
void terms_pack (const terms_t *self, stint_writer_t *out);
void terms_unpack (terms_t *self, stint_reader_t *reader);

//  Returns a hash of them.
uint64_t terms_hash (const terms_t *self, uint64_t salt);

#endif
