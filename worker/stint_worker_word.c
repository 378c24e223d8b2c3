//  stint_worker_word: what attempts say of how far they are, until the broker is told
//  SPDX-License-Identifier: MPL-2.0

#include "stint_worker_word.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

stint_word_t *
stint_word_new (stint_words_t *words, uint64_t id, uint64_t fence)
{
    stint_word_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->id = id;
    self->fence = fence;
    self->next = words->first;
    if (words->first)
        words->first->previous = self;
    words->first = self;
    return self;
}

void
stint_word_destroy (stint_words_t *words, stint_word_t **self_p)
{
    stint_word_t *self = *self_p;
    if (!self)
        return;
    if (words) {
        *(self->previous ? &self->previous->next : &words->first) = self->next;
        if (self->next)
            self->next->previous = self->previous;
    }
    free (self);
    *self_p = NULL;
}

bool
stint_word_is (const stint_word_t *self, uint32_t done, stint_bytes_t text)
{
    return self->done == done && self->size == text.size
           && (text.size == 0 || memcmp (self->text, text.data, text.size) == 0);
}

void
stint_word_set (stint_word_t *self, uint32_t done, stint_bytes_t text)
{
    assert (done <= STINT_NOTE_DONE && text.size <= STINT_NOTE_MAX);
    self->fresh = true;
    self->done = (uint16_t) done;
    self->size = (uint8_t) text.size;
    if (text.size > 0)
        memcpy (self->text, text.data, text.size);
}

void
stint_words_renew (stint_words_t *self)
{
    for (stint_word_t *word = self->first; word; word = word->next)
        word->fresh = true;
    self->fresh = self->first != NULL;
}

uint32_t
stint_words_write (stint_word_t **word_p, stint_writer_t *out)
{
    uint32_t count = 0;
    stint_wire_begin (out, STP_PROGRESS, 1);
    size_t list = stint_wire_list (out);
    for (; *word_p && count < STINT_LIST_MAX; *word_p = (*word_p)->next) {
        stint_word_t *word = *word_p;
        if (!word->fresh)
            continue;
        stint_item_t item = {.id = word->id, .fence = word->fence, .number = word->done};
        item.body = (stint_bytes_t){(const uint8_t *) word->text, word->size};
        stint_wire_put (out, STP_PROGRESS, &item);
        word->fresh = false;
        count++;
    }
    stint_write_array_close (out, list, count);
    return count;
}
