//  stopped: how it is told that a group is paused or drains
//  SPDX-License-Identifier: MPL-2.0

#ifndef CLIENT_STOPPED_H
#define CLIENT_STOPPED_H

#include "stint.h"

#define STOPPED_SIZE 512  //  Bytes that hold the text, with the final null

//  Writes how a group of an answer stands, who said so and why: 'paused by ann: "moving
//  disks"', 'draining', both as 'paused, draining by ann', or "" when it is neither.
//  Returns text, which has STOPPED_SIZE bytes. What cannot be shown is replaced by "?".
char *stopped_text (stint_bytes_t group, char *text);

#endif
