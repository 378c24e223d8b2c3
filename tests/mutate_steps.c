//  mutate_steps: changes an input step by step, so that the steps behind stay what they are
//  are SPDX-License-Identifier: MPL-2.0

#include "fuzz.h"

#include <string.h>

#define STEP 8  //  Octets of a step, as fuzz_session and fuzz_peer take them

//  Puts a step before that place, if there is room, and returns the new size.

static size_t
s_insert (uint8_t *data, size_t size, size_t size_max, size_t at, const uint8_t *step)
{
    if (size + STEP > size_max)
        return size;
    memmove (data + at + STEP, data + at, size - at);
    memcpy (data + at, step, STEP);
    return size + STEP;
}

size_t
LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    uint8_t step [STEP];
    size_t steps = size / STEP;
    if (steps == 0)
        return LLVMFuzzerMutate (data, size, size_max);
    size = steps * STEP;
    size_t at = (seed >> 8) % steps * STEP;
    size_t other = (seed >> 4) % steps * STEP;
    memcpy (step, data + other, STEP);
    switch (seed % 8) {
        case 0:
            memmove (data + at, data + at + STEP, size - at - STEP);
            return size - STEP;
        case 1:
            return s_insert (data, size, size_max, at, step);
        case 2:
        case 3:
            LLVMFuzzerMutate (step, STEP, STEP);
            return s_insert (data, size, size_max, at, step);
        case 4:
            memcpy (data + other, data + at, STEP);
            memcpy (data + at, step, STEP);
            return size;
        case 5:
            data [at] = (uint8_t) (seed >> 16);
            return size;
        default:
            LLVMFuzzerMutate (data + at, STEP, STEP);
            return size;
    }
}
