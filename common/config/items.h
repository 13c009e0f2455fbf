/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The keys of each section: one table for each, which ends with a row without a key. The list of
 * the sections is in schema.c.
 */
#pragma once

#include "common/config/config.h"

#define KIB    INT64_C(1024)
#define MIB    (1024 * KIB)
#define GIB    (1024 * MIB)
#define SECOND INT64_C(1000)
#define HOUR   (3600 * SECOND)

/* No bounds, no choices. */
#define PLAIN_ROW 0, 0, NULL

extern const struct config_item config_node_items[];
extern const struct config_item config_router_items[];
extern const struct config_item config_component_items[];
extern const struct config_item config_c2s_items[];
extern const struct config_item config_domain_items[];
extern const struct config_item config_sm_items[];
extern const struct config_item config_external_service_items[];
extern const struct config_item config_database_items[];
extern const struct config_item config_net_items[];
extern const struct config_item config_s2s_items[];
extern const struct config_item config_files_items[];
extern const struct config_item config_muc_items[];
extern const struct config_item config_peer_items[];
