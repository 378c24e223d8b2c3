//  stint_pack: bounded msgpack: a validator, a reader that cannot run away, a writer
//  SPDX-License-Identifier: MPL-2.0
//
//  Nothing from outside is unpacked before stint_pack_valid has said yes: five bytes of
//  msgpack may announce four thousand million elements. The reader is a cursor over bytes
//  that were validated. It never allocates and never copies; what it returns points into
//  the message. A value of another type than asked for sets `bad`, gives zero, and is
//  passed over, so a caller reads all it wants and looks at `bad` once.
//
//  The writer appends to a buffer of its own that grows and is used again; it packs with
//  msgpack-c. Only this module knows msgpack.

#ifndef STINT_PACK_H
#define STINT_PACK_H

#include "stint.h"

#define STINT_PACK_DEPTH 8  //  Containers within containers that are accepted

typedef enum {
    STINT_TYPE_NONE,  //  End of the bytes, or a type that stint does not use
    STINT_TYPE_NIL,
    STINT_TYPE_BOOLEAN,
    STINT_TYPE_NUMBER,  //  An integer, signed or not
    STINT_TYPE_REAL,    //  A float or double; can be passed over only
    STINT_TYPE_TEXT,    //  str
    STINT_TYPE_BYTES,   //  bin
    STINT_TYPE_ARRAY,
    STINT_TYPE_MAP,
    STINT_TYPE_EXTENSION  //  Can be passed over only
} stint_type_t;

//  Returns true when bytes hold exactly one msgpack value, nested at most STINT_PACK_DEPTH
//  deep, with at most items_max values in all, and no length or count that the bytes
//  present cannot fill.
bool stint_pack_valid (stint_bytes_t bytes, size_t items_max);

//  Returns how many of the bytes the first value takes, which is nested at most depth_max
//  deep and may be followed by anything; 0 when it is broken. Takes the number of values
//  from *items, and counts more than that as broken.
size_t stint_pack_measure (stint_bytes_t bytes, size_t depth_max, size_t *items);

typedef struct {
    const uint8_t *at;   //  Next value
    const uint8_t *end;  //  One past the last byte
    bool bad;            //  A value was not what the caller asked for
} stint_reader_t;

//  Returns a reader over validated bytes. Borrows them.
stint_reader_t stint_reader_of (stint_bytes_t bytes);

//  Returns the type of the next value.
stint_type_t stint_read_type (const stint_reader_t *self);

//  Returns true when the next value is a bin of less than 256 bytes, as most bodies are.
static inline bool stint_read_is_short (const stint_reader_t *self);

//  Returns the next value, which has to be an integer from 0 up. The forms that most
//  numbers of tasks and attempts have are read in place.
static inline uint64_t stint_read_number (stint_reader_t *self);

//  Returns the next value, which has to be an integer within int64_t.
int64_t stint_read_signed (stint_reader_t *self);

//  Returns the next value, which has to be a boolean.
bool stint_read_boolean (stint_reader_t *self);

//  Returns the next value, which has to be str or bin. Points into the message.
static inline stint_bytes_t stint_read_bytes (stint_reader_t *self);

//  Enters an array or a map and returns how many elements or pairs follow.
static inline uint32_t stint_read_array (stint_reader_t *self);
uint32_t stint_read_map (stint_reader_t *self);

//  Passes over the next value, whatever it is, and returns the bytes it took.
stint_bytes_t stint_read_skip (stint_reader_t *self);

typedef struct {
    uint8_t *data;    //  What was written
    size_t size;      //  Bytes written
    size_t capacity;  //  Bytes there are
} stint_writer_t;

//  Frees the buffer and makes the writer empty. A writer of all zeros is an empty one.
void stint_writer_clear (stint_writer_t *self);

//  Makes room for that many more bytes. Aborts when memory runs out.
void stint_writer_reserve (stint_writer_t *self, size_t size);

//  Returns what was written. Valid until the next write.
stint_bytes_t stint_writer_bytes (const stint_writer_t *self);

void stint_write_nil (stint_writer_t *self);
void stint_write_boolean (stint_writer_t *self, bool value);
void stint_write_signed (stint_writer_t *self, int64_t value);
void stint_write_text (stint_writer_t *self, const char *text);
void stint_write_string (stint_writer_t *self, stint_bytes_t text);
void stint_write_bytes (stint_writer_t *self, stint_bytes_t bytes);
void stint_write_map (stint_writer_t *self, uint32_t count);

//  Numbers and arrays: the forms that most of them have are written in place.
static inline void stint_write_number (stint_writer_t *self, uint64_t value);
static inline void stint_write_array (stint_writer_t *self, uint32_t count);

//  Appends bytes as they are: a value that is packed already, or a magic number.
void stint_write_raw (stint_writer_t *self, stint_bytes_t bytes);

//  Opens an array whose length is not known yet, and returns where it stands; closing it
//  there writes the length. Takes five bytes, whatever the length.
size_t stint_write_array_open (stint_writer_t *self);
void stint_write_array_close (stint_writer_t *self, size_t where, uint32_t count);

#include "stint_pack_inline.h"

#endif
