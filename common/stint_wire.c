//  stint_wire: STP/1, the commands that travel between clients, workers and the broker
//  SPDX-License-Identifier: MPL-2.0

#include "stint_wire.h"

#include <assert.h>
#include <string.h>

//  The shape of one element of the list 't'.

typedef enum {
    SHAPE_NONE,     //  The command has no list
    SHAPE_PAYLOAD,  //  body, or [body, delay, terms]
    SHAPE_TASK,     //  [id, fence, attempt, body, limit]
    SHAPE_NOTE,     //  [id, fence, done, text]
    SHAPE_RESULT,   //  [id, fence, verdict, body, delay]
    SHAPE_OUTCOME,  //  [id, number, state, attempts, body]
    SHAPE_ATTEMPT   //  [id, fence]
} s_shape_t;

static const struct {
    stp_command_t command;
    const char *name;
    s_shape_t shape;       //  Of its list
    const char *required;  //  Letters of the fields without which it means nothing
} s_commands [] = {
    {STP_PUSH, "PUSH", SHAPE_PAYLOAD, "rgpst"},
    {STP_BATCH, "BATCH", SHAPE_NONE, "rgn"},
    {STP_COLLECT, "COLLECT", SHAPE_NONE, "r"},
    {STP_CANCEL, "CANCEL", SHAPE_NONE, "r"},
    {STP_GROUP, "GROUP", SHAPE_NONE, "rog"},
    {STP_QUERY, "QUERY", SHAPE_NONE, "ro"},
    {STP_WORKER, "WORKER", SHAPE_NONE, "ro"},
    {STP_RETRY, "RETRY", SHAPE_NONE, "r"},
    {STP_DROP, "DROP", SHAPE_NONE, "r"},
    {STP_SCHEDULE, "SCHEDULE", SHAPE_PAYLOAD, "ron"},
    {STP_READY, "READY", SHAPE_ATTEMPT, "rwhc"},
    {STP_CREDIT, "CREDIT", SHAPE_NONE, "c"},
    {STP_RESULT, "RESULT", SHAPE_RESULT, "rt"},
    {STP_RETURN, "RETURN", SHAPE_ATTEMPT, "t"},
    {STP_PROGRESS, "PROGRESS", SHAPE_NOTE, "t"},
    {STP_HEARTBEAT, "HEARTBEAT", SHAPE_NONE, ""},
    {STP_BYE, "BYE", SHAPE_NONE, ""},
    {STP_ACCEPTED, "ACCEPTED", SHAPE_NONE, "r"},
    {STP_TASK, "TASK", SHAPE_TASK, "gt"},
    {STP_OUTCOME, "OUTCOME", SHAPE_OUTCOME, "t"},
    {STP_STATE, "STATE", SHAPE_NONE, "rf"},
    {STP_REVOKE, "REVOKE", SHAPE_ATTEMPT, "t"},
    {STP_STALE, "STALE", SHAPE_ATTEMPT, "t"},
    {STP_FULL, "FULL", SHAPE_NONE, "rd"},
    {STP_ERROR, "ERROR", SHAPE_NONE, "em"},
    {STP_DRAIN, "DRAIN", SHAPE_NONE, ""},
};

#define COMMANDS (sizeof s_commands / sizeof s_commands [0])

//  Where the fields go. A letter is a field; its type follows from the member.

typedef enum {
    FIELD_NUMBER,  //  uint64_t
    FIELD_BYTES,   //  stint_bytes_t, text or binary
    FIELD_LIST,    //  stint_reader_t and its count
    FIELD_MAP      //  stint_bytes_t, the whole map
} s_type_t;

static const struct {
    char letter;
    uint8_t type;   //  An s_type_t
    size_t offset;  //  Of the member
    size_t count;   //  Of the member that counts, for lists
} s_fields [] = {
    {'r', FIELD_NUMBER, offsetof (stint_message_t, request), 0},
    {'g', FIELD_BYTES, offsetof (stint_message_t, group), 0},
    {'p', FIELD_NUMBER, offsetof (stint_message_t, producer), 0},
    {'s', FIELD_NUMBER, offsetof (stint_message_t, sequence), 0},
    {'b', FIELD_NUMBER, offsetof (stint_message_t, batch), 0},
    {'n', FIELD_BYTES, offsetof (stint_message_t, name), 0},
    {'w', FIELD_NUMBER, offsetof (stint_message_t, worker), 0},
    {'i', FIELD_NUMBER, offsetof (stint_message_t, id), 0},
    {'c', FIELD_NUMBER, offsetof (stint_message_t, count), 0},
    {'k', FIELD_NUMBER, offsetof (stint_message_t, cursor), 0},
    {'a', FIELD_NUMBER, offsetof (stint_message_t, after), 0},
    {'d', FIELD_NUMBER, offsetof (stint_message_t, delay), 0},
    {'u', FIELD_NUMBER, offsetof (stint_message_t, heartbeat), 0},
    {'y', FIELD_NUMBER, offsetof (stint_message_t, liveness), 0},
    {'z', FIELD_NUMBER, offsetof (stint_message_t, backlog), 0},
    {'x', FIELD_NUMBER, offsetof (stint_message_t, state), 0},
    {'l', FIELD_NUMBER, offsetof (stint_message_t, bytes), 0},
    {'v', FIELD_NUMBER, offsetof (stint_message_t, most), 0},
    {'j', FIELD_NUMBER, offsetof (stint_message_t, again), 0},
    {'o', FIELD_BYTES, offsetof (stint_message_t, operation), 0},
    {'e', FIELD_BYTES, offsetof (stint_message_t, error), 0},
    {'m', FIELD_BYTES, offsetof (stint_message_t, text), 0},
    {'t', FIELD_LIST, offsetof (stint_message_t, list),
     offsetof (stint_message_t, list_count)},
    {'h', FIELD_LIST, offsetof (stint_message_t, groups),
     offsetof (stint_message_t, groups_count)},
    {'f', FIELD_MAP, offsetof (stint_message_t, fields), 0},
    {'q', FIELD_MAP, offsetof (stint_message_t, terms), 0},
};

#define FIELDS (sizeof s_fields / sizeof s_fields [0])

static size_t
s_find_command (stp_command_t command)
{
    size_t index = 0;
    while (index < COMMANDS && s_commands [index].command != command)
        index++;
    return index;
}

static size_t
s_find_field (char letter)
{
    size_t index = 0;
    while (index < FIELDS && s_fields [index].letter != letter)
        index++;
    return index;
}

static uint32_t
s_bit (char letter)
{
    return 1u << (unsigned) (letter - 'a');
}

bool
stint_wire_has (const stint_message_t *self, char letter)
{
    return (self->has & s_bit (letter)) != 0;
}

const char *
stint_wire_name (stp_command_t command)
{
    size_t index = s_find_command (command);
    return index < COMMANDS ? s_commands [index].name : "?";
}

static bool
s_name_letter (uint8_t letter)
{
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')
           || (letter >= '0' && letter <= '9') || letter == '.' || letter == '_'
           || letter == '-';
}

bool
stint_wire_name_valid (stint_bytes_t name)
{
    if (name.size < 1 || name.size > STINT_GROUP_MAX || name.data [0] == '.'
        || name.data [0] == '-')
        return false;
    for (size_t index = 0; index < name.size; index++) {
        if (!s_name_letter (name.data [index]))
            return false;
    }
    return true;
}

//  Reads the value of one field, which is all that the reader has, into its member.

static void
s_take_field (stint_message_t *self, size_t index, stint_reader_t *reader)
{
    uint8_t *member = (uint8_t *) self + s_fields [index].offset;
    switch ((s_type_t) s_fields [index].type) {
        case FIELD_NUMBER: {
            uint64_t number = stint_read_number (reader);
            memcpy (member, &number, sizeof number);
            break;
        }
        case FIELD_BYTES: {
            stint_bytes_t bytes = stint_read_bytes (reader);
            memcpy (member, &bytes, sizeof bytes);
            break;
        }
        case FIELD_LIST: {
            uint32_t count = stint_read_array (reader);
            memcpy (member, reader, sizeof *reader);
            memcpy ((uint8_t *) self + s_fields [index].count, &count, sizeof count);
            break;
        }
        case FIELD_MAP: {
            if (stint_read_type (reader) != STINT_TYPE_MAP)
                reader->bad = true;
            stint_bytes_t map = stint_read_skip (reader);
            memcpy (member, &map, sizeof map);
            break;
        }
        default:
            assert (false);
    }
}

//  Returns false for values that no command may carry.

static bool
s_within_limits (const stint_message_t *self, size_t command)
{
    for (const char *letter = s_commands [command].required; *letter; letter++) {
        if (!stint_wire_has (self, *letter))
            return false;
    }
    if (stint_wire_has (self, 'g') && !stint_wire_name_valid (self->group))
        return false;
    if (self->command == STP_BATCH && !stint_wire_name_valid (self->name))
        return false;
    if (self->list_count > 0 && s_commands [command].shape == SHAPE_NONE)
        return false;
    return self->name.size <= STINT_GROUP_MAX && self->list_count <= STINT_LIST_MAX
           && self->groups_count <= STINT_GROUPS_MAX;
}

//  Takes one pair of the map. Its value is measured, which proves it sound, and read in one
//  piece: so nothing is passed over twice. Returns false when it is broken.

static bool
s_take_pair (stint_message_t *self, stint_reader_t *reader, size_t *items)
{
    stint_bytes_t key = stint_read_bytes (reader);
    stint_bytes_t value = {reader->at, (size_t) (reader->end - reader->at)};
    if (reader->bad || value.size == 0)
        return false;
    value.size = stint_pack_measure (value, STINT_PACK_DEPTH - 1, items);
    if (value.size == 0)
        return false;
    reader->at += value.size;
    size_t field = key.size == 1 ? s_find_field ((char) key.data [0]) : FIELDS;
    if (field == FIELDS)
        return true;
    if (stint_wire_has (self, s_fields [field].letter))
        return false;
    self->has |= s_bit (s_fields [field].letter);
    stint_reader_t inside = stint_reader_of (value);
    s_take_field (self, field, &inside);
    return !inside.bad;
}

static stint_wire_status_t
s_take_map (stint_message_t *self, stint_bytes_t map)
{
    size_t command = s_find_command (self->command);
    if (command == COMMANDS)
        return STINT_WIRE_UNKNOWN;
    self->shape = (uint8_t) s_commands [command].shape;
    if (map.size == 0)
        return s_within_limits (self, command) ? STINT_WIRE_OK : STINT_WIRE_MALFORMED;

    //  Room for elements with values that are not known here, and for long answers in f
    size_t items = STINT_LIST_MAX * 32;
    stint_reader_t reader = stint_reader_of (map);
    uint32_t pairs = stint_read_map (&reader);
    for (uint32_t pair = 0; pair < pairs; pair++) {
        if (!s_take_pair (self, &reader, &items))
            return STINT_WIRE_MALFORMED;
    }
    if (reader.bad || reader.at != reader.end || !s_within_limits (self, command))
        return STINT_WIRE_MALFORMED;
    return STINT_WIRE_OK;
}

stint_wire_status_t
stint_wire_decode (stint_message_t *self, const stint_bytes_t *frames, size_t frame_count)
{
    memset (self, 0, sizeof *self);
    if (frame_count == 0 || frames [0].size < 5 || memcmp (frames [0].data, "STP", 3) != 0)
        return STINT_WIRE_FOREIGN;
    if (frames [0].data [3] != STINT_WIRE_VERSION)
        return STINT_WIRE_VERSION_BAD;
    self->command = (stp_command_t) frames [0].data [4];
    if (frames [0].size > STINT_HEADER_MAX || frame_count > STINT_FRAMES_MAX)
        return STINT_WIRE_MALFORMED;

    self->frames = frames + 1;
    self->frame_count = frame_count - 1;
    for (size_t index = 1; index < frame_count; index++) {
        if (frames [index].size > STINT_PAYLOAD_MAX)
            return STINT_WIRE_MALFORMED;
    }
    return s_take_map (self, (stint_bytes_t){frames [0].data + 5, frames [0].size - 5});
}

//  A body is bytes within the header, or the number of a payload frame, or nil.

static void
s_take_body (stint_message_t *self, stint_item_t *item)
{
    stint_reader_t *reader = &self->list;
    if (stint_read_is_short (reader)) {
        item->body = stint_read_bytes (reader);
        return;
    }
    switch (stint_read_type (reader)) {
        case STINT_TYPE_TEXT:
        case STINT_TYPE_BYTES:
            item->body = stint_read_bytes (reader);
            break;
        case STINT_TYPE_NUMBER:
            //  Frames are used in their order and once each, so that a message is never
            //  more than its frames say
            item->frame = stint_read_number (reader);
            if (item->frame != self->frames_used + 1 || item->frame > self->frame_count)
                reader->bad = true;
            else
                item->body = self->frames [self->frames_used++];
            break;
        case STINT_TYPE_NIL:
            stint_read_skip (reader);
            break;
        case STINT_TYPE_NONE:
        case STINT_TYPE_BOOLEAN:
        case STINT_TYPE_REAL:
        case STINT_TYPE_ARRAY:
        case STINT_TYPE_MAP:
        case STINT_TYPE_EXTENSION:
        default:
            stint_read_skip (reader);
            reader->bad = true;
    }
}

static inline uint32_t
s_small (stint_reader_t *reader)
{
    uint64_t number = stint_read_number (reader);
    if (number > UINT32_MAX)
        reader->bad = true;
    return (uint32_t) number;
}

//  Takes an element that is as long as it should be, which is most of them. Returns false
//  for another one, and has read nothing then.

static bool
s_take_usual (stint_message_t *self, s_shape_t shape, uint32_t values, stint_item_t *item)
{
    stint_reader_t *reader = &self->list;
    if (shape == SHAPE_OUTCOME && values == 5) {
        item->id = stint_read_number (reader);
        item->number = s_small (reader);
        item->verdict = s_small (reader);
        item->attempts = s_small (reader);
    }
    else if (shape == SHAPE_TASK && values == 4) {
        item->id = stint_read_number (reader);
        item->fence = stint_read_number (reader);
        item->number = s_small (reader);
    }
    else if (shape == SHAPE_RESULT && values == 4) {
        item->id = stint_read_number (reader);
        item->fence = stint_read_number (reader);
        item->verdict = s_small (reader);
    }
    else
        return false;
    s_take_body (self, item);
    return true;
}

//  Takes the elements of the array in the order of the shape; later ones may be missing,
//  further ones are passed over.

static void
s_take_item (stint_message_t *self, s_shape_t shape, uint32_t values, stint_item_t *item)
{
    static const char *const orders [] = {
        [SHAPE_NONE] = "",      [SHAPE_PAYLOAD] = "bdq",  [SHAPE_TASK] = "ifnbd",
        [SHAPE_NOTE] = "ifnb",  [SHAPE_RESULT] = "ifvbd", [SHAPE_OUTCOME] = "invab",
        [SHAPE_ATTEMPT] = "if",
    };
    const char *order = orders [shape];
    stint_reader_t *reader = &self->list;
    for (; values > 0; values--) {
        switch (*order) {
            case 'i':
                item->id = stint_read_number (reader);
                break;
            case 'f':
                item->fence = stint_read_number (reader);
                break;
            case 'n':
                item->number = s_small (reader);
                break;
            case 'v':
                item->verdict = s_small (reader);
                break;
            case 'a':
                item->attempts = s_small (reader);
                break;
            case 'd':
                item->delay = stint_read_number (reader);
                break;
            case 'b':
                s_take_body (self, item);
                break;
            case 'q':
                reader->bad |= stint_read_type (reader) != STINT_TYPE_MAP;
                item->terms = stint_read_skip (reader);
                break;
            default:
                stint_read_skip (reader);
        }
        if (*order)
            order++;
    }
}

bool
stint_wire_next (stint_message_t *self, stint_item_t *item)
{
    if (self->list_count == 0 || self->list.bad)
        return false;
    self->list_count--;
    *item = (stint_item_t){0};
    s_shape_t shape = (s_shape_t) self->shape;
    if (shape == SHAPE_PAYLOAD
        && (stint_read_is_short (&self->list)
            || stint_read_type (&self->list) != STINT_TYPE_ARRAY))
        s_take_body (self, item);
    else {
        uint32_t values = stint_read_array (&self->list);
        if (!s_take_usual (self, shape, values, item))
            s_take_item (self, shape, values, item);
    }
    return !self->list.bad;
}

bool
stint_wire_next_group (stint_message_t *self, stint_bytes_t *group)
{
    if (self->groups_count == 0 || self->groups.bad)
        return false;
    self->groups_count--;
    *group = stint_read_bytes (&self->groups);
    if (!stint_wire_name_valid (*group))
        self->groups.bad = true;
    return !self->groups.bad;
}

//  ---------------------------------------------------------------------------------
//  Writing

void
stint_wire_begin (stint_writer_t *out, stp_command_t command, uint32_t fields)
{
    const uint8_t magic [] = {'S', 'T', 'P', STINT_WIRE_VERSION, (uint8_t) command};
    out->size = 0;
    stint_write_raw (out, (stint_bytes_t){magic, sizeof magic});
    stint_write_map (out, fields);
}

void
stint_wire_field (stint_writer_t *out, char letter)
{
    const uint8_t text [] = {0xa1, (uint8_t) letter};
    stint_write_raw (out, (stint_bytes_t){text, sizeof text});
}

void
stint_wire_number (stint_writer_t *out, char letter, uint64_t value)
{
    stint_wire_field (out, letter);
    stint_write_number (out, value);
}

void
stint_wire_string (stint_writer_t *out, char letter, stint_bytes_t value)
{
    stint_wire_field (out, letter);
    stint_write_string (out, value);
}

void
stint_wire_text (stint_writer_t *out, char letter, const char *value)
{
    stint_wire_field (out, letter);
    stint_write_text (out, value);
}

size_t
stint_wire_list (stint_writer_t *out)
{
    stint_wire_field (out, 't');
    return stint_write_array_open (out);
}

//  Elements are put into room that was made for all of one: at most six values.

static uint8_t *
s_put_body (uint8_t *at, const stint_item_t *item)
{
    if (item->frame > 0)
        return stint_put_number (at, item->frame);
    assert (item->body.size <= STINT_INLINE_MAX);
    return stint_put_bytes (at, item->body);
}

static uint8_t *
s_put_payload (uint8_t *at, const stint_item_t *item)
{
    if (item->delay == 0 && item->terms.size == 0)
        return s_put_body (at, item);
    at = s_put_body (stint_put_array (at, item->terms.size > 0 ? 3 : 2), item);
    at = stint_put_number (at, item->delay);
    if (item->terms.size > 0)
        memcpy (at, item->terms.data, item->terms.size);
    return at + item->terms.size;
}

static uint8_t *
s_put_attempt (uint8_t *at, uint32_t values, const stint_item_t *item)
{
    at = stint_put_array (at, values);
    at = stint_put_number (at, item->id);
    return stint_put_number (at, item->fence);
}

static uint8_t *
s_put_result (uint8_t *at, const stint_item_t *item)
{
    at = s_put_attempt (at, item->delay > 0 ? 5 : 4, item);
    at = stint_put_number (at, item->verdict);
    at = s_put_body (at, item);
    return item->delay > 0 ? stint_put_number (at, item->delay) : at;
}

static uint8_t *
s_put_outcome (uint8_t *at, const stint_item_t *item)
{
    at = stint_put_array (at, 5);
    at = stint_put_number (at, item->id);
    at = stint_put_number (at, item->number);
    at = stint_put_number (at, item->verdict);
    at = stint_put_number (at, item->attempts);
    return s_put_body (at, item);
}

//  In the shapes of the table, but without a search.

void
stint_wire_put (stint_writer_t *out, stp_command_t command, const stint_item_t *item)
{
    size_t body = item->frame > 0 ? 0 : item->body.size;
    uint8_t *at = stint_write_start (out, 6 * STINT_PUT_MAX + body + item->terms.size);
    if (command == STP_PUSH || command == STP_SCHEDULE)
        at = s_put_payload (at, item);
    else if (command == STP_TASK || command == STP_PROGRESS) {
        bool limited = command == STP_TASK && item->delay > 0;
        at = s_put_attempt (at, limited ? 5 : 4, item);
        at = s_put_body (stint_put_number (at, item->number), item);
        at = limited ? stint_put_number (at, item->delay) : at;
    }
    else if (command == STP_RESULT)
        at = s_put_result (at, item);
    else if (command == STP_OUTCOME)
        at = s_put_outcome (at, item);
    else
        at = s_put_attempt (at, 2, item);
    stint_write_stop (out, at);
}
