//  fuzz: the targets that libFuzzer and the corpus test feed with bytes
//  SPDX-License-Identifier: MPL-2.0
//
//  Each tests/fuzz_NAME.c has one function that tries one input, starts from nothing each
//  time, and aborts or fails the test when something is wrong with what the product makes
//  of it. The Makefile links it with libFuzzer as .build/fuzz/fuzz_NAME, where it goes by
//  the name that libFuzzer calls; test_corpus.c calls it with each file of
//  tests/corpus/NAME. The files mutate_*.c, for libFuzzer only, change inputs in ways that
//  keep more of them whole; the Makefile says which target has which.

#ifndef FUZZ_H
#define FUZZ_H

#include "must.h"
#include "stint.h"

//  Tries one input. Returns 0.
typedef int (fuzz_fn) (const uint8_t *data, size_t size);

fuzz_fn fuzz_wire;     //  A message, or any msgpack: pack and wire against msgpack-c
fuzz_fn fuzz_session;  //  Peers, time, disk and crashes: a core and its journal
fuzz_fn fuzz_journal;  //  Blocks that were not written by us: a core that recovers
fuzz_fn fuzz_config;   //  A file, an environment and a command line
fuzz_fn fuzz_peer;     //  What a broker sends: a client and a worker
fuzz_fn fuzz_text;     //  What people and peers write: endpoints, units, answers, JSON

//  What a mutator is given by libFuzzer, and calls of it.
size_t LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t size_max, unsigned seed);
size_t LLVMFuzzerMutate (uint8_t *data, size_t size, size_t size_max);

//  An input that is taken apart from its front. What is missing at its end is zero.

typedef struct {
    const uint8_t *at;   //  Next byte
    const uint8_t *end;  //  One past the last
} fuzz_input_t;

static inline uint8_t
fuzz_byte (fuzz_input_t *self)
{
    return self->at < self->end ? *self->at++ : 0;
}

//  Takes at most so many bytes. Borrows them.

static inline stint_bytes_t
fuzz_bytes (fuzz_input_t *self, size_t size)
{
    size_t left = (size_t) (self->end - self->at);
    stint_bytes_t bytes = {self->at, size < left ? size : left};
    self->at += bytes.size;
    return bytes;
}

//  Copies bytes so that one read beyond their end is one beyond a piece of memory; the
//  caller frees it. Never null.
uint8_t *fuzz_copy (const uint8_t *data, size_t size);

#endif
