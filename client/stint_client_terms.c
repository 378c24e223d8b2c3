//  stint_client_terms: what the tasks of a client ask for, as the protocol has it
//  SPDX-License-Identifier: MPL-2.0

#include "stint_client_self.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;  //  As PROTOCOL.md has it
    size_t offset;     //  Of the number in stint_terms_t
} s_numbers [] = {
    {"priority", offsetof (stint_terms_t, priority)},
    {"max_attempts", offsetof (stint_terms_t, max_attempts)},
    {"time_limit", offsetof (stint_terms_t, time_limit)},
    {"expires", offsetof (stint_terms_t, expires)},
    {"deadline", offsetof (stint_terms_t, deadline)},
};

#define NUMBERS (sizeof s_numbers / sizeof s_numbers [0])

static int64_t
s_number (const stint_terms_t *terms, size_t index)
{
    int64_t number;
    memcpy (&number, (const uint8_t *) terms + s_numbers [index].offset, sizeof number);
    return number;
}

static bool
s_is_text (const char *text)
{
    return text && *text;
}

void
stint_client_set_terms (stint_client_t *self, const stint_terms_t *terms)
{
    assert (self);
    static const stint_terms_t nothing = {.delay = 0};
    if (!terms)
        terms = &nothing;
    uint32_t count = s_is_text (terms->key) + (uint32_t) s_is_text (terms->order);
    for (size_t index = 0; index < NUMBERS; index++)
        count += s_number (terms, index) != 0;
    self->delay = terms->delay;
    self->terms.size = 0;
    if (count == 0)
        return;
    stint_write_map (&self->terms, count);
    for (size_t index = 0; index < NUMBERS; index++) {
        if (s_number (terms, index) == 0)
            continue;
        stint_write_text (&self->terms, s_numbers [index].name);
        stint_write_signed (&self->terms, s_number (terms, index));
    }
    if (s_is_text (terms->key)) {
        stint_write_text (&self->terms, "key");
        stint_write_text (&self->terms, terms->key);
    }
    if (s_is_text (terms->order)) {
        stint_write_text (&self->terms, "order");
        stint_write_text (&self->terms, terms->order);
    }
}

stint_item_t
stint_client_item (const stint_client_t *self, stint_bytes_t payload)
{
    return (stint_item_t){.body = payload,
                          .delay = self->delay > 0 ? (uint64_t) self->delay : 0,
                          .terms = {self->terms.data, self->terms.size}};
}
