//  stint_worker_say: what the line of a worker says, to the broker and to its caller
//  SPDX-License-Identifier: MPL-2.0

#include "stint_socket.h"
#include "stint_worker_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

//  ---------------------------------------------------------------------------------
//  To the caller

void
stint_link_tell (stint_line_t *self, bool connected, const char *cause)
{
    stint_news_t *news = &self->news;
    if (news->connected == connected && strcmp (news->cause, cause) == 0)
        return;
    news->connected = connected;
    snprintf (news->cause, sizeof news->cause, "%s", cause);
    news->fresh = true;
}

void
stint_link_give_up (stint_line_t *self, const char *format, ...)
{
    if (self->broken)
        return;
    self->broken = true;
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (self->cause, sizeof self->cause, format, arguments);
    va_end (arguments);
}

//  ---------------------------------------------------------------------------------
//  To the broker

static void
s_send (stint_line_t *self)
{
    stint_bytes_t header = stint_writer_bytes (&self->writer);
    self->sent = true;
    if (stint_socket_send_bytes (self->dealer, header.data, header.size, ZMQ_DONTWAIT) < 0)
        stint_link_give_up (self, "the connection to the broker at %s ended",
                            self->settings->endpoint);
    else
        stint_peer_sent (&self->peer, self->now);
}

void
stint_link_send_bare (stint_line_t *self, stp_command_t command)
{
    stint_wire_begin (&self->writer, command, 0);
    s_send (self);
}

void
stint_link_send_credit (stint_line_t *self)
{
    stint_wire_begin (&self->writer, STP_CREDIT, 1);
    stint_wire_number (&self->writer, 'c', self->capacity);
    s_send (self);
}

static void
s_write_refs (stint_line_t *self, stp_command_t command, const stint_refs_t *refs,
              uint32_t from, uint32_t to)
{
    size_t list = stint_wire_list (&self->writer);
    for (uint32_t index = from; index < to; index++) {
        stint_item_t item = {.id = refs->items [index].id,
                             .fence = refs->items [index].fence};
        stint_wire_put (&self->writer, command, &item);
    }
    stint_write_array_close (&self->writer, list, to - from);
}

static uint32_t
s_chunk_end (const stint_refs_t *refs, uint32_t from)
{
    return refs->count - from > STINT_LIST_MAX ? from + STINT_LIST_MAX : refs->count;
}

void
stint_link_send_return (stint_line_t *self, const stint_refs_t *refs)
{
    for (uint32_t from = 0; self->dealer && from < refs->count;) {
        uint32_t to = s_chunk_end (refs, from);
        stint_wire_begin (&self->writer, STP_RETURN, 1);
        s_write_refs (self, STP_RETURN, refs, from, to);
        s_send (self);
        from = to;
    }
}

void
stint_link_send_results (stint_line_t *self)
{
    while (self->unsent && self->dealer && !self->broken) {
        self->sent = true;
        if (!stint_outbox_send (self->unsent, self->dealer)) {
            stint_link_give_up (self, "the connection to the broker at %s ended",
                                self->settings->endpoint);
            return;
        }
        stint_peer_sent (&self->peer, self->now);
        self->unsent = self->unsent->next;
    }
}

void
stint_link_send_progress (stint_line_t *self)
{
    stint_word_t *word = self->words.first;
    while (word && self->dealer && !self->broken) {
        if (stint_words_write (&word, &self->writer) > 0)
            s_send (self);
    }
    self->words.fresh = false;
    self->words.at = self->now + STINT_WORDS_MS;
}

static void
s_write_ready (stint_line_t *self, const stint_refs_t *refs, uint32_t from, uint32_t to)
{
    const stint_link_settings_t *settings = self->settings;
    bool last = to == refs->count;
    stint_wire_begin (&self->writer, STP_READY, 6u + (last ? 0 : 1) + (from > 0 ? 1 : 0));
    stint_wire_number (&self->writer, 'r', ++self->request);
    stint_wire_number (&self->writer, 'w', settings->worker);
    stint_wire_field (&self->writer, 'h');
    stint_write_array (&self->writer, settings->group_count);
    for (uint32_t index = 0; index < settings->group_count; index++)
        stint_write_text (&self->writer, settings->groups [index]);
    stint_wire_number (&self->writer, 'c', self->capacity);
    stint_wire_text (&self->writer, 'n', self->name);
    if (!last)
        stint_wire_number (&self->writer, 'x', 1);
    if (from > 0)
        stint_wire_number (&self->writer, 'k', from);
    s_write_refs (self, STP_READY, refs, from, to);
}

void
stint_link_send_ready (stint_line_t *self)
{
    stint_refs_t refs = {NULL, 0, 0};
    stint_held_list (self->held, &refs);
    self->ready = false;
    self->ready_at = self->now;
    self->request_first = self->request + 1;
    uint32_t from = 0;
    do {
        uint32_t to = s_chunk_end (&refs, from);
        s_write_ready (self, &refs, from, to);
        s_send (self);
        from = to;
    } while (from < refs.count);
    stint_refs_clear (&refs);
    self->unsent = self->first;
    stint_link_send_results (self);
}
