//  group_note: who stopped a group, when, and why
//  SPDX-License-Identifier: MPL-2.0

#include "group_note.h"

#include "stint_index.h"

#include <assert.h>
#include <string.h>

//  Returns how many bytes the character at the beginning takes; 0 when it is none, or one
//  that controls (Unicode 15, table 3-7; U+0000 to U+001F, U+007F to U+009F).

static size_t
s_character (const uint8_t *at, size_t left)
{
    static const uint32_t least [] = {0, 0, 0xa0, 0x800, 0x10000};
    if (at [0] < 0x80)
        return at [0] >= 0x20 && at [0] != 0x7f ? 1 : 0;
    size_t size = at [0] >= 0xf0 ? 4 : at [0] >= 0xe0 ? 3 : 2;
    if (at [0] < 0xc2 || at [0] > 0xf4 || left < size)
        return 0;
    uint32_t code = at [0] & (0xffu >> (size + 1));
    for (size_t index = 1; index < size; index++) {
        if ((at [index] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at [index] & 0x3fu);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code >= least [size] && code <= 0x10ffff && !surrogate ? size : 0;
}

bool
group_note_valid (stint_bytes_t text)
{
    if (text.size > GROUP_REASON_MAX)
        return false;
    for (size_t at = 0; at < text.size;) {
        size_t size = s_character (text.data + at, text.size - at);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

bool
group_note_setting (size_t index)
{
    return index == offsetof (record_settings_t, paused) / sizeof (uint64_t)
           || index == offsetof (record_settings_t, draining) / sizeof (uint64_t);
}

static void
s_copy (char *to, size_t room, stint_bytes_t text)
{
    assert (text.size < room);
    memset (to, 0, room);
    if (text.size > 0)
        memcpy (to, text.data, text.size);
}

void
group_note_set (group_note_t *self, const record_t *record)
{
    self->at = record->at;
    s_copy (self->by, sizeof self->by, record->by);
    s_copy (self->reason, sizeof self->reason, record->result);
}

void
group_note_describe (const group_note_t *self, record_t *record)
{
    record->at = self->at;
    record->by = stint_bytes_of (self->by);
    record->result = stint_bytes_of (self->reason);
}

uint64_t
group_note_digest (const group_note_t *self, uint64_t digest)
{
    const uint8_t *by = (const uint8_t *) self->by;
    const uint8_t *reason = (const uint8_t *) self->reason;
    digest = stint_index_text (by, strlen (self->by), digest ^ (uint64_t) self->at);
    return stint_index_text (reason, strlen (self->reason), digest);
}
