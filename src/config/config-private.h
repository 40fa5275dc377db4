/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "config/config.h"
#include "config/option.h"

Config *config_new(void); /* all defaults, no handler but crun */

RuntimeHandlerConfig *handler_config_new(const char *name);
void handler_config_free(RuntimeHandlerConfig *handler);
WorkloadConfig *workload_config_new(const char *name);
/* Put @take in the place of an entry of that name, or at the end. */
void config_put_handler(Config *config, RuntimeHandlerConfig *take);

/* One file; keys it does not have stay as they are. */
bool config_apply_file(Config *config, const char *path, GError **error);

/* Fill what is derived from other values, look programs up, refuse what cannot be. */
bool config_finish(Config *config, GError **error);

/* The second half: handlers, and what their programs are. @manager_was_set: cgroup_manager is more
 * than the default. */
bool config_resolve(Config *config, bool manager_was_set, GError **error);
