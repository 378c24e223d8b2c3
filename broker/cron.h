//  cron: when a schedule runs: a line of five fields, or a span, and a zone
//  SPDX-License-Identifier: MPL-2.0
//
//  A line is "minute hour day-of-month month day-of-week". A field is a list of numbers and
//  ranges with steps: "*", "5", "1-5", "*/15", "10-30/5", "1,15"; months and days of the
//  week have names of three letters, too, and Sunday is 0 and 7. When both day fields are
//  restricted, either of them suffices, as in Vixie cron, where a field that begins with
//  "*" is not restricted. "@hourly", "@daily", "@weekly", "@monthly" and "@yearly" stand
//  for lines; "@every 90s" runs at that span from the time it was set, of s, m, h and d.

#ifndef BROKER_CRON_H
#define BROKER_CRON_H

#include "stint.h"

#define CRON_LINE_MAX 128        //  Bytes of a line
#define CRON_ZONE_SIZE 8         //  Bytes of a zone as text, with its null
#define CRON_ZONE_MAX (14 * 60)  //  Minutes that a zone is away from UTC at most
#define CRON_MINUTE_MS ((int64_t) 60 * 1000)

typedef struct {
    uint64_t minutes;   //  A bit for each, from 0
    uint32_t hours;     //  From 0
    uint32_t days;      //  Of the month, from 1
    uint32_t months;    //  From 1
    uint32_t weekdays;  //  From 0, Sunday
    bool either;        //  One of the two day fields suffices
    int64_t every_ms;   //  A span instead; 0 for a line
    int64_t begin;      //  A span counts from this point in time
    int64_t zone;       //  Minutes that its clock is ahead of UTC
} cron_t;

//  Reads a line, all of it. Returns null, or what is wrong with it, for people; a line that
//  never comes to run is wrong, too. Sets neither begin nor zone.
const char *cron_parse (cron_t *self, stint_bytes_t line);

//  Reads a zone, "UTC", nothing, or a fixed offset such as "+02:00", into minutes ahead of
//  UTC. Returns null, or what is wrong with it, for people.
const char *cron_parse_zone (stint_bytes_t text, int64_t *minutes);

//  Writes a zone as text.
void cron_format_zone (int64_t minutes, char text [CRON_ZONE_SIZE]);

//  Returns the first time of a run that is later than a point in time, both in milliseconds
//  since 1970. The clock of a zone never leaps: each run comes once.
int64_t cron_next (const cron_t *self, int64_t after);

#endif
