//  user: who it is that uses the program, as they say themselves
//  SPDX-License-Identifier: MPL-2.0

#ifndef CLIENT_USER_H
#define CLIENT_USER_H

#include <stdbool.h>

#define USER_MOST 64  //  Bytes of a name

//  Finds the name: $STINT_USER, or the login name; empty when there is none. Borrowed until
//  the next call. Returns false, after it has said so, for a name that the broker would
//  refuse.
bool user_name (const char **name);

#endif
