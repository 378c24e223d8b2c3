//  record: the durable changes, and their bytes in the journal
//  SPDX-License-Identifier: MPL-2.0

#include "record.h"

#include <assert.h>
#include <string.h>

#define RECORD_MAX 512  //  Bytes of a record without its names, payloads and items

//  What a record consists of, in order. A letter is a member of record_t.

static const struct {
    const char *name;
    const char *layout;
} s_kinds [] = {
    [RECORD_GROUP] = {"GROUP", "gNSRWtvu"},
    [RECORD_GROUP_GONE] = {"GROUP_GONE", "g"},
    [RECORD_PUSHED] = {"PUSHED", "pqigbntIO"},
    [RECORD_STARTED] = {"STARTED", "iftc"},
    [RECORD_DONE] = {"DONE", "ifgbntuaFloR"},
    [RECORD_FAILED] = {"FAILED", "iftusaFloRb"},
    [RECORD_RETURNED] = {"RETURNED", "if"},
    [RECORD_CANCELLED] = {"CANCELLED", "ifgbntuaFloR"},
    [RECORD_COLLECTED] = {"COLLECTED", "bot"},
    [RECORD_DROPPED] = {"DROPPED", "i"},
    [RECORD_BATCH] = {"BATCH", "bgtN"},
    [RECORD_BATCH_GONE] = {"BATCH_GONE", "b"},
    [RECORD_PRODUCER_GONE] = {"PRODUCER_GONE", "p"},
    [RECORD_WORKER] = {"WORKER", "iN"},
    [RECORD_WORKER_GONE] = {"WORKER_GONE", "i"},
    [RECORD_KEPT_TASK] = {"KEPT_TASK", "ifgbntusaFloPRO"},
    [RECORD_KEPT_BATCH] = {"KEPT_BATCH", "bgtNoADXCZ"},
    [RECORD_KEPT_PRODUCER] = {"KEPT_PRODUCER", "pqtL"},
    [RECORD_CLOSED] = {"CLOSED", "it"},
    [RECORD_RETRIED] = {"RETRIED", "ibst"},
    [RECORD_RATE] = {"RATE", "gtvWV"},
    [RECORD_TIMETABLE] = {"TIMETABLE", "NgtRPOWT"},
    [RECORD_TIMETABLE_GONE] = {"TIMETABLE_GONE", "N"},
    [RECORD_TIMETABLE_RUN] = {"TIMETABLE_RUN", "NigtIOT"},
};

#define KINDS (sizeof s_kinds / sizeof s_kinds [0])

const char *
record_name (record_kind_t kind)
{
    return (size_t) kind < KINDS && s_kinds [kind].name ? s_kinds [kind].name : "?";
}

//  Where the members are that hold numbers, by their letters.

static const uint16_t s_numbers [128] = {
    ['i'] = offsetof (record_t, id),        ['f'] = offsetof (record_t, fence),
    ['p'] = offsetof (record_t, producer),  ['q'] = offsetof (record_t, sequence),
    ['b'] = offsetof (record_t, batch),     ['g'] = offsetof (record_t, group),
    ['n'] = offsetof (record_t, number),    ['o'] = offsetof (record_t, position),
    ['s'] = offsetof (record_t, state),     ['a'] = offsetof (record_t, attempts),
    ['F'] = offsetof (record_t, failures),  ['l'] = offsetof (record_t, lost),
    ['A'] = offsetof (record_t, pushed),    ['D'] = offsetof (record_t, done),
    ['X'] = offsetof (record_t, dead),      ['C'] = offsetof (record_t, cancelled),
    ['c'] = offsetof (record_t, further),   ['v'] = offsetof (record_t, level),
    ['V'] = offsetof (record_t, key_level), ['Z'] = offsetof (record_t, again),
};

static uint64_t *
s_number (record_t *self, char letter)
{
    return (uint64_t *) ((uint8_t *) self + s_numbers [(size_t) letter]);
}

//  ---------------------------------------------------------------------------------
//  Writing

//  Writes bytes, and returns them as they stand in the block now.

static stint_bytes_t
s_write_bytes (stint_writer_t *out, stint_bytes_t bytes)
{
    stint_write_bytes (out, bytes);
    return (stint_bytes_t){out->data + out->size - bytes.size, bytes.size};
}

static void
s_write_settings (stint_writer_t *out, const record_t *self)
{
    stint_write_array (out, RECORD_SETTINGS);
    for (size_t index = 0; index < RECORD_SETTINGS; index++)
        stint_write_number (out, self->settings.list [index]);
}

static void
s_write_recent (stint_writer_t *out, const record_t *self)
{
    stint_write_array (out, (uint32_t) self->recent_count * 3);
    for (size_t index = 0; index < self->recent_count; index++) {
        stint_write_number (out, self->recent [index].sequence);
        stint_write_number (out, self->recent [index].id);
        stint_write_number (out, self->recent [index].count);
    }
}

static void
s_write_schedule (stint_writer_t *out, const record_t *self)
{
    stint_write_array (out, RECORD_SCHEDULE);
    for (size_t index = 0; index < RECORD_SCHEDULE; index++)
        stint_write_number (out, self->schedule.list [index]);
}

//  Returns true when the tasks of a push are nothing but short bodies. These look the same
//  in a message and in the journal.

static bool
s_all_short (const stint_message_t *message)
{
    stint_reader_t reader = message->list;
    uint32_t count = 0;
    while (stint_read_is_short (&reader) && !reader.bad) {
        stint_read_bytes (&reader);
        count++;
    }
    return count == message->list_count && reader.at == reader.end && !reader.bad;
}

//  Terms are an empty array when there are none.

static void
s_write_terms (stint_writer_t *out, const terms_t *terms)
{
    if (terms_any (terms))
        terms_pack (terms, out);
    else
        stint_write_array (out, 0);
}

//  Writes a task of a push: its body, [body, delay], or [body, delay, terms]. Its own terms
//  go before those of the push. Returns null, or why it cannot be.

static const char *
s_write_item (stint_writer_t *out, const terms_t *shared, const stint_item_t *item)
{
    terms_t terms = *shared;
    const char *fault = item->terms.size > 0 ? terms_read (&terms, item->terms) : NULL;
    if (!fault && (item->terms.size > 0 || item->delay > 0))
        fault = terms_check (&terms, item->delay);
    if (fault)
        return fault;
    if (item->terms.size > 0)
        stint_write_array (out, 3);
    else if (item->delay > 0)
        stint_write_array (out, 2);
    stint_write_bytes (out, item->body);
    if (item->terms.size > 0 || item->delay > 0)
        stint_write_number (out, item->delay);
    if (item->terms.size > 0)
        s_write_terms (out, &terms);
    return NULL;
}

//  Writes the one task of a run as that of a push.

static bool
s_write_run (stint_writer_t *out, record_t *self)
{
    stint_write_array (out, 1);
    const size_t before = out->size;
    s_write_bytes (out, self->payload);
    self->items = (stint_reader_t){out->data + before, out->data + out->size, false};
    self->item_count = 1;
    return true;
}

//  Writes the tasks of a push. Returns false when the list is malformed.

static bool
s_write_items (stint_writer_t *out, record_t *self, stint_message_t *message)
{
    stint_item_t item;
    uint32_t count = 0;
    size_t where = stint_write_array_open (out);
    if (s_all_short (message)) {
        const stint_reader_t *list = &message->list;
        stint_write_raw (out, (stint_bytes_t){list->at, (size_t) (list->end - list->at)});
        count = message->list_count;
        message->list_count = 0;
    }
    while (stint_wire_next (message, &item)) {
        message->list.bad = item.delay > RECORD_SPAN_MAX;
        self->fault = s_write_item (out, &self->terms, &item);
        if (self->fault)
            return false;
        count++;
    }
    if (message->list.bad)
        return false;
    stint_write_array_close (out, where, count);
    self->items = (stint_reader_t){out->data + where + 5, out->data + out->size, false};
    self->item_count = count;
    return true;
}

static bool
s_write_value (stint_writer_t *out, record_t *self, char letter, stint_message_t *message)
{
    switch (letter) {
        case 't':
            stint_write_signed (out, self->at);
            return true;
        case 'u':
            stint_write_signed (out, self->until);
            return true;
        case 'N':
            self->name = s_write_bytes (out, self->name);
            return true;
        case 'P':
            self->payload = s_write_bytes (out, self->payload);
            return true;
        case 'R':
            self->result = s_write_bytes (out, self->result);
            return true;
        case 'W':
            self->by = s_write_bytes (out, self->by);
            return true;
        case 'S':
            s_write_settings (out, self);
            return true;
        case 'L':
            s_write_recent (out, self);
            return true;
        case 'I':
            return message ? s_write_items (out, self, message) : s_write_run (out, self);
        case 'T':
            s_write_schedule (out, self);
            return true;
        case 'O':
            s_write_terms (out, &self->terms);
            return true;
        default:
            assert (false);
            return false;
    }
}

//  Returns how many bytes the record takes at most.

static size_t
s_bound (const record_t *self, const stint_message_t *message)
{
    size_t size = RECORD_MAX + self->name.size + self->payload.size + self->result.size;
    if (self->kind == RECORD_GROUP || self->kind == RECORD_RATE
        || self->kind == RECORD_TIMETABLE)
        size += self->by.size;
    if (!message)
        return size;
    size += (size_t) (message->list.end - message->list.at);
    //  Terms are in the journal what they are in the message, and ten bytes; those that a
    //  task has of its own stand there with those of the push
    size += (size_t) message->list_count * 16;
    if (message->terms.size > 0)
        size += (message->list_count + 1) * (message->terms.size + 16);
    for (size_t index = 0; index < message->frame_count; index++)
        size += message->frames [index].size;
    return size;
}

//  Writes the values of a layout, one after the other. Returns false when the list of the
//  message is malformed.

static bool
s_write_values (stint_writer_t *out, record_t *self, const char *layout,
                stint_message_t *message)
{
    for (; *layout; layout++) {
        if (s_numbers [(size_t) *layout])
            stint_write_number (out, *s_number (self, *layout));
        else if (!s_write_value (out, self, *layout, message))
            return false;
    }
    return true;
}

//  The values of a DONE, which every task comes to: the same bytes as by its layout, in a
//  third of the time. Its points in time are not negative.

static void
s_write_done (stint_writer_t *out, record_t *self)
{
    uint8_t *at = stint_write_start (out, 12 * STINT_PUT_MAX + self->result.size);
    at = stint_put_number (at, self->id);
    at = stint_put_number (at, self->fence);
    at = stint_put_number (at, self->group);
    at = stint_put_number (at, self->batch);
    at = stint_put_number (at, self->number);
    at = stint_put_number (at, (uint64_t) self->at);
    at = stint_put_number (at, (uint64_t) self->until);
    at = stint_put_number (at, self->attempts);
    at = stint_put_number (at, self->failures);
    at = stint_put_number (at, self->lost);
    at = stint_put_number (at, self->position);
    at = stint_put_bytes (at, self->result);
    stint_write_stop (out, at);
    self->result.data = at - self->result.size;
}

bool
record_write (record_t *self, journal_t *journal, stint_message_t *message)
{
    assert ((size_t) self->kind < KINDS);
    const char *layout = s_kinds [self->kind].layout;
    stint_writer_t *out = journal_begin (journal, s_bound (self, message));
    size_t before = out->size;
    stint_write_array (out, (uint32_t) strlen (layout) + 1);
    stint_write_number (out, self->kind);
    if (self->kind == RECORD_DONE && self->at >= 0 && self->until >= 0)
        s_write_done (out, self);
    else if (!s_write_values (out, self, layout, message)) {
        out->size = before;
        return false;
    }
    journal_end (journal);
    return true;
}

//  ---------------------------------------------------------------------------------
//  Reading

static void
s_read_settings (stint_reader_t *reader, record_t *self)
{
    uint32_t count = stint_read_array (reader);
    for (uint32_t index = 0; index < count && !reader->bad; index++) {
        if (index < RECORD_SETTINGS)
            self->settings.list [index] = stint_read_number (reader);
        else
            stint_read_skip (reader);
    }
}

static void
s_read_schedule (stint_reader_t *reader, record_t *self)
{
    uint32_t count = stint_read_array (reader);
    for (uint32_t index = 0; index < count && !reader->bad; index++) {
        if (index < RECORD_SCHEDULE)
            self->schedule.list [index] = stint_read_number (reader);
        else
            stint_read_skip (reader);
    }
}

static void
s_read_recent (stint_reader_t *reader, record_t *self)
{
    uint32_t count = stint_read_array (reader);
    self->recent_count = count / 3;
    if (count % 3 != 0 || self->recent_count > RECORD_RECENT) {
        reader->bad = true;
        return;
    }
    for (size_t index = 0; index < self->recent_count; index++) {
        self->recent [index].sequence = stint_read_number (reader);
        self->recent [index].id = stint_read_number (reader);
        self->recent [index].count = (uint32_t) stint_read_number (reader);
    }
}

static void
s_read_items (stint_reader_t *reader, record_t *self)
{
    self->item_count = stint_read_array (reader);
    self->items = *reader;
    for (uint32_t index = 0; index < self->item_count && !reader->bad; index++)
        stint_read_skip (reader);
    self->items.end = reader->at;
}

static void
s_read_value (stint_reader_t *reader, record_t *self, char letter)
{
    switch (letter) {
        case 't':
            self->at = stint_read_signed (reader);
            break;
        case 'u':
            self->until = stint_read_signed (reader);
            break;
        case 'N':
            self->name = stint_read_bytes (reader);
            break;
        case 'P':
            self->payload = stint_read_bytes (reader);
            break;
        case 'R':
            self->result = stint_read_bytes (reader);
            break;
        case 'W':
            self->by = stint_read_bytes (reader);
            break;
        case 'S':
            s_read_settings (reader, self);
            break;
        case 'L':
            s_read_recent (reader, self);
            break;
        case 'I':
            s_read_items (reader, self);
            break;
        case 'O':
            terms_unpack (&self->terms, reader);
            break;
        case 'T':
            s_read_schedule (reader, self);
            break;
        default:
            *s_number (self, letter) = stint_read_number (reader);
    }
}

int
record_read (record_t *self, stint_reader_t *reader)
{
    if (reader->at == reader->end)
        return 0;
    memset (self, 0, sizeof *self);
    uint32_t values = stint_read_array (reader);
    if (reader->bad || values == 0)
        return -1;
    uint64_t kind = stint_read_number (reader);
    if (kind >= KINDS || !s_kinds [kind].name)
        return -1;
    self->kind = (record_kind_t) kind;
    const char *layout = s_kinds [kind].layout;
    for (values--; values > 0 && !reader->bad; values--) {
        if (*layout)
            s_read_value (reader, self, *layout++);
        else
            stint_read_skip (reader);
    }
    return reader->bad ? -1 : 1;
}

bool
record_next (record_t *self, record_item_t *item)
{
    stint_reader_t *reader = &self->items;
    if (self->item_count == 0)
        return false;
    self->item_count--;
    item->delay = 0;
    item->own = false;
    if (stint_read_is_short (reader) || stint_read_type (reader) != STINT_TYPE_ARRAY) {
        item->payload = stint_read_bytes (reader);
        return !reader->bad;
    }
    uint32_t values = stint_read_array (reader);
    item->payload = stint_read_bytes (reader);
    item->delay = stint_read_signed (reader);
    item->own = values > 2;
    if (item->own)
        terms_unpack (&item->terms, reader);
    reader->bad |= item->delay < 0 || item->delay > (int64_t) RECORD_SPAN_MAX
                   || (item->own && terms_check (&item->terms, 0) != NULL);
    return !reader->bad;
}
