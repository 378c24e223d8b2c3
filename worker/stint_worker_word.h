//  stint_worker_word: what attempts say of how far they are, until the broker is told
//  SPDX-License-Identifier: MPL-2.0
//
//  A word belongs to its attempt, which alone changes what it says, with the line in hand.
//  The line links the words of all attempts, and tells the broker those that are new, all
//  in one message and at most one message a second.

#ifndef STINT_WORKER_WORD_H
#define STINT_WORKER_WORD_H

#include "stint_note.h"
#include "stint_wire.h"

#define STINT_WORDS_MS 1000  //  Between two messages

typedef struct stint_word {
    struct stint_word *next;      //  In the line's list
    struct stint_word *previous;  //  In the line's list
    uint64_t id;                  //  The task
    uint64_t fence;               //  The attempt
    bool fresh;                   //  The broker was not told
    uint16_t done;                //  Thousandths
    uint8_t size;                 //  Of the text
    char text [STINT_NOTE_MAX];   //  For people
} stint_word_t;

//  The words of a line. All zeros are none.

typedef struct {
    stint_word_t *first;  //  Of all attempts that ever said one
    bool fresh;           //  Some may be new to the broker
    int64_t at;           //  When it may be told again
} stint_words_t;

//  Makes the word of an attempt, which says nothing so far, and puts it into the list.
//  Aborts when memory runs out.
stint_word_t *stint_word_new (stint_words_t *words, uint64_t id, uint64_t fence);

//  Takes the word out of the list, frees it, and sets the caller's pointer to null. Null
//  words: there is no list any more.
void stint_word_destroy (stint_words_t *words, stint_word_t **self_p);

//  Returns true when the word says this already. Copies in set.
bool stint_word_is (const stint_word_t *self, uint32_t done, stint_bytes_t text);
void stint_word_set (stint_word_t *self, uint32_t done, stint_bytes_t text);

//  Makes all words new: the broker may have forgotten them.
void stint_words_renew (stint_words_t *self);

//  Writes a PROGRESS with words that are new, as many as one takes, from *word_p on, which
//  is moved behind the last; they are not new any more. Returns how many there are.
uint32_t stint_words_write (stint_word_t **word_p, stint_writer_t *out);

#endif
