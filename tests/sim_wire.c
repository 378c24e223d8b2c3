//  sim_wire: messages and bodies of a simulated world as bytes
//  SPDX-License-Identifier: MPL-2.0

#include "sim_schedule.h"
#include "sim_terms.h"

#include <string.h>

#define BODY_HEAD 24    //  Bytes of a body that say what it is
#define BODY_MAX 16384  //  Most bytes of any body
#define FRAMED 4096     //  A larger body travels in a frame of its own
#define NONCE_BITS 24   //  Of a body's first word

const char *const sim_groups [SIM_GROUPS] = {"apples", "bread", "cheese", "dates"};

static stint_writer_t s_header;  //  Of the message in hand
static uint8_t s_bodies [SIM_ITEMS][BODY_MAX];
static stint_bytes_t s_frames [SIM_ITEMS + 1];  //  Header and large bodies

//  ---------------------------------------------------------------------------------
//  Bodies. The head says what it is and proves it; the rest follows from the head.

static uint64_t
s_proof (const sim_t *self, const uint64_t words [2])
{
    return stint_index_mix (stint_index_mix (words [0] ^ self->plan.seed) ^ words [1]);
}

static size_t
s_size (const sim_t *self, uint64_t proof)
{
    size_t more = proof % 4 == 0 ? (size_t) (proof >> 8) % (self->plan.body_max + 1) : 0;
    return BODY_HEAD + more;
}

size_t
sim_body_size (const sim_t *self, const sim_body_t *body)
{
    uint64_t words [2] = {body->of << NONCE_BITS | body->nonce, body->fence};
    return s_size (self, s_proof (self, words));
}

static stint_bytes_t
s_write_body (const sim_t *self, const sim_body_t *body, uint8_t *bytes)
{
    uint64_t words [3] = {body->of << NONCE_BITS | body->nonce, body->fence, 0};
    words [2] = s_proof (self, words);
    size_t size = s_size (self, words [2]);
    memcpy (bytes, words, BODY_HEAD);
    if (size > BODY_HEAD)
        memset (bytes + BODY_HEAD, (int) (words [2] >> 40 & 0xff), size - BODY_HEAD);
    return (stint_bytes_t){bytes, size};
}

bool
sim_body_read (const sim_t *self, stint_bytes_t bytes, sim_body_t *body)
{
    uint64_t words [3];
    *body = (sim_body_t){0};
    if (bytes.size < BODY_HEAD)
        return bytes.size == 0;
    memcpy (words, bytes.data, BODY_HEAD);
    if (words [2] != s_proof (self, words) || bytes.size != s_size (self, words [2]))
        return false;
    for (size_t at = BODY_HEAD; at < bytes.size; at++) {
        if (bytes.data [at] != (uint8_t) (words [2] >> 40))
            return false;
    }
    *body = (sim_body_t){words [0] >> NONCE_BITS, words [1],
                         (uint32_t) words [0] & ((1u << NONCE_BITS) - 1),
                         (uint32_t) bytes.size};
    return true;
}

//  ---------------------------------------------------------------------------------
//  Messages

//  The text of a PROGRESS says whose it is.

static stint_bytes_t
s_write_note (const sim_item_t *item, uint8_t *bytes)
{
    const uint64_t words [] = {item->id, item->fence, item->verdict};
    memcpy (bytes, words, sizeof words);
    return (stint_bytes_t){bytes, sizeof words};
}

static void
s_write_list (const sim_t *self, const sim_message_t *message, size_t *frames)
{
    size_t list = stint_wire_list (&s_header);
    for (uint32_t index = 0; index < message->item_count; index++) {
        const sim_item_t *from = &message->items [index];
        stint_item_t item = {.id = from->id, .fence = from->fence, .delay = from->delay};
        item.verdict = from->verdict;
        if (message->command == STP_PUSH && message->terms.own)
            item.terms = sim_terms_write (&message->terms);
        item.number = from->verdict;
        if (message->command == STP_PROGRESS)
            item.body = s_write_note (from, s_bodies [index]);
        else if (from->body.size > 0)
            item.body = s_write_body (self, &from->body, s_bodies [index]);
        if (item.body.size > FRAMED) {
            item.frame = *frames;
            s_frames [(*frames)++] = item.body;
        }
        stint_wire_put (&s_header, message->command, &item);
    }
    stint_write_array_close (&s_header, list, message->item_count);
}

static void
s_write_push (const sim_message_t *message)
{
    bool terms = sim_terms_any (&message->terms) && !message->terms.own;
    stint_wire_begin (&s_header, STP_PUSH, 5u + (message->batch > 0) + terms);
    stint_wire_number (&s_header, 'r', message->request);
    stint_wire_text (&s_header, 'g', sim_groups [message->group]);
    stint_wire_number (&s_header, 'p', message->producer);
    stint_wire_number (&s_header, 's', message->sequence);
    if (message->batch)
        stint_wire_number (&s_header, 'b', message->batch);
    if (!terms)
        return;
    stint_wire_field (&s_header, 'q');
    stint_write_raw (&s_header, sim_terms_write (&message->terms));
}

static void
s_write_ready (const sim_message_t *message)
{
    stint_wire_begin (&s_header, STP_READY, 6u + message->more + (message->sequence > 0));
    stint_wire_number (&s_header, 'r', message->request);
    stint_wire_number (&s_header, 'w', message->id);
    stint_wire_number (&s_header, 'c', message->count);
    stint_wire_number (&s_header, 'l', message->cursor);
    stint_wire_field (&s_header, 'h');
    stint_write_array (&s_header, (uint32_t) __builtin_popcount (message->groups));
    for (size_t index = 0; index < SIM_GROUPS; index++) {
        if (message->groups & 1u << index)
            stint_write_text (&s_header, sim_groups [index]);
    }
    if (message->more)
        stint_wire_number (&s_header, 'x', 1);
    if (message->sequence > 0)
        stint_wire_number (&s_header, 'k', message->sequence);
}

static void
s_write_group (const sim_message_t *message)
{
    static const char *const settings [] = {"",
                                            "max_tasks",
                                            "max_bytes",
                                            "backoff",
                                            "keep_results",
                                            "max_attempts",
                                            "max_running",
                                            "weight",
                                            "paused",
                                            "draining",
                                            "key_running",
                                            "rate",
                                            "burst",
                                            "key_rate",
                                            "key_burst"};
    bool notes = (message->setting == SIM_PAUSED || message->setting == SIM_DRAINING)
                 && message->cursor > 0;
    stint_wire_begin (&s_header, STP_GROUP, (message->setting ? 4 : 3) + 2u * notes);
    stint_wire_number (&s_header, 'r', message->request);
    stint_wire_text (&s_header, 'g', sim_groups [message->group]);
    stint_wire_text (&s_header, 'o', message->setting ? "set" : "remove");
    if (!message->setting)
        return;
    if (notes) {
        stint_wire_text (&s_header, 'n', sim_groups [message->cursor % SIM_GROUPS]);
        stint_wire_text (&s_header, 'm', sim_groups [message->cursor / SIM_GROUPS]);
    }
    stint_wire_field (&s_header, 'f');
    stint_write_map (&s_header, 1);
    stint_write_text (&s_header, settings [message->setting]);
    stint_write_number (&s_header, message->count);
}

static void
s_write_query (const sim_message_t *message)
{
    static const char *const operations [] = {"ping",    "status",   "groups",
                                              "workers", "batches",  "tasks",
                                              "task",    "nonsense", "explain"};
    stint_wire_begin (&s_header, STP_QUERY, 5);
    stint_wire_number (&s_header, 'r', message->request);
    stint_wire_text (&s_header, 'o', operations [message->setting]);
    stint_wire_text (&s_header, 'g', sim_groups [message->group]);
    stint_wire_number (&s_header, 'i', message->id);
    stint_wire_number (&s_header, 'a', message->cursor);
}

static void
s_write_batch (const sim_message_t *message)
{
    stint_wire_begin (&s_header, STP_BATCH, 3);
    stint_wire_number (&s_header, 'r', message->request);
    stint_wire_text (&s_header, 'g', sim_groups [message->group]);
    stint_wire_text (&s_header, 'n', sim_groups [message->setting]);
}

static void
s_write_collect (const sim_message_t *message)
{
    stint_wire_begin (&s_header, STP_COLLECT, message->batch ? 4 : 2);
    stint_wire_number (&s_header, 'r', message->request);
    if (!message->batch) {
        stint_wire_number (&s_header, 'i', message->id);
        return;
    }
    stint_wire_number (&s_header, 'b', message->batch);
    stint_wire_number (&s_header, 'c', message->count);
    stint_wire_number (&s_header, 'k', message->cursor);
}

//  CANCEL, RETRY and DROP: of one task, or of those of a group.

static void
s_write_many (const sim_message_t *message)
{
    bool many = message->more;
    uint32_t fields = many ? 3u + (message->setting > 0) + (message->batch > 0) : 2;
    stint_wire_begin (&s_header, message->command, fields);
    stint_wire_number (&s_header, 'r', message->request);
    if (!many) {
        stint_wire_number (&s_header, 'i', message->id);
        return;
    }
    stint_wire_text (&s_header, 'g', sim_groups [message->group]);
    stint_wire_number (&s_header, 'a', message->cursor);
    if (message->setting > 0)
        stint_wire_number (&s_header, 'x', message->setting);
    if (message->batch > 0)
        stint_wire_number (&s_header, 'b', message->batch);
}

static void
s_write_worker (const sim_message_t *message)
{
    stint_wire_begin (&s_header, STP_WORKER, 3);
    stint_wire_number (&s_header, 'r', message->request);
    stint_wire_text (&s_header, 'o', "drain");
    stint_wire_number (&s_header, 'w', message->id);
}

static void
s_write_other (const sim_message_t *message)
{
    bool requests = message->command == STP_RESULT;
    bool lists = message->command == STP_RESULT || message->command == STP_RETURN
                 || message->command == STP_PROGRESS;
    bool counts = message->command == STP_CREDIT;
    stint_wire_begin (&s_header, message->command, (uint32_t) requests + lists + counts);
    if (requests)
        stint_wire_number (&s_header, 'r', message->request);
    if (counts)
        stint_wire_number (&s_header, 'c', message->count);
}

static void
s_write (const sim_message_t *message)
{
    switch ((int) message->command) {
        case STP_PUSH:
            s_write_push (message);
            break;
        case STP_READY:
            s_write_ready (message);
            break;
        case STP_GROUP:
            s_write_group (message);
            break;
        case STP_QUERY:
            s_write_query (message);
            break;
        case STP_BATCH:
            s_write_batch (message);
            break;
        case STP_COLLECT:
            s_write_collect (message);
            break;
        case STP_WORKER:
            s_write_worker (message);
            break;
        case STP_CANCEL:
        case STP_RETRY:
        case STP_DROP:
            s_write_many (message);
            break;
        case STP_SCHEDULE:
            sim_schedule_write (message, &s_header);
            break;
        default:
            s_write_other (message);
    }
}

stint_wire_status_t
sim_wire_decode (sim_t *self, const sim_message_t *message, stint_message_t *decoded)
{
    size_t frames = 1;
    bool lists = message->command == STP_PUSH || message->command == STP_RESULT
                 || message->command == STP_RETURN || message->command == STP_READY
                 || message->command == STP_PROGRESS;
    s_write (message);
    if (lists)
        s_write_list (self, message, &frames);
    if (frames > 1)
        sim_seen (self, RARE_FRAME);
    s_frames [0] = stint_writer_bytes (&s_header);
    if (message->broken)
        s_frames [0].size -= s_frames [0].size > 8 ? 2 : 0;
    return stint_wire_decode (decoded, s_frames, frames);
}
