//  fuzz: what the targets share
//  SPDX-License-Identifier: MPL-2.0

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

uint8_t *
fuzz_copy (const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc (size ? size : 1);
    must (copy, "no memory for %zu bytes", size);
    if (size > 0)
        memcpy (copy, data, size);
    return copy;
}
