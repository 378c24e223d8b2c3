//  settings: the table of all that stint-broker can be told, and what it comes to
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_SETTINGS_H
#define BROKER_SETTINGS_H

#include "broker.h"
#include "stint_config.h"

//  Returns a configuration with the broker's table and the defaults of this user.
stint_config_t *settings_new (void);

//  Translates a configuration without faults. Texts are borrowed from it. The caller frees
//  the arrays with settings_clear.
broker_options_t settings_options (const stint_config_t *config);
void settings_clear (broker_options_t *options);

//  Returns the defaults of groups alone, for a reload.
record_settings_t settings_defaults (const stint_config_t *config);

#endif
