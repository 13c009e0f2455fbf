/* SPDX-License-Identifier: AGPL-3.0-or-later
 *
 * The tables (docs/SCHEMA.md tells what the columns mean). Steps are never changed, removed or
 * reordered, only added at the end; each is one statement and harmless if done twice.
 *
 * Keys begin with the owner (the account's number), so that a table can be divided by it. No
 * triggers, sequences, advisory locks, arrays or foreign keys. JIDs may have 3071 bytes, more than
 * an index entry can hold (2704): keys hold their SHA-256 beside them.
 */
#include "c2s/schema_steps.h"

#include "common/base/macros.h"

const struct schema_step schema_steps[] = {
    {.sql = "CREATE TABLE IF NOT EXISTS domain ("
            " domain_id bigint PRIMARY KEY,"
            " name text NOT NULL UNIQUE)"},
    {.sql = "CREATE TABLE IF NOT EXISTS home ("
            " home_id bigint PRIMARY KEY,"
            " name text NOT NULL UNIQUE,"
            " epoch bigint NOT NULL DEFAULT 1,"
            " last_account bigint NOT NULL DEFAULT 0)"},
    {.sql = "INSERT INTO home (home_id, name) VALUES (1, 'home') ON CONFLICT DO NOTHING"},
    {.sql = "CREATE TABLE IF NOT EXISTS slot ("
            " slot bigint PRIMARY KEY,"
            " epoch bigint NOT NULL,"
            " holder text NOT NULL,"
            " incarnation text NOT NULL)"},
    {.sql = "CREATE TABLE IF NOT EXISTS account ("
            " owner bigint PRIMARY KEY,"
            " domain text NOT NULL,"
            " local text NOT NULL,"
            " slot bigint NOT NULL,"
            " seq bigint NOT NULL DEFAULT 0,"
            " home_epoch bigint NOT NULL DEFAULT 1,"
            " created timestamptz NOT NULL,"
            " disabled boolean NOT NULL DEFAULT false,"
            " disabled_reason text,"
            " admin boolean NOT NULL DEFAULT false,"
            " last_seen timestamptz,"
            " last_status text,"
            " roster_version bigint NOT NULL DEFAULT 0,"
            " offline_count bigint NOT NULL DEFAULT 0,"
            " offline_size bigint NOT NULL DEFAULT 0,"
            " UNIQUE (domain, local))"},
    {.sql = "CREATE TABLE IF NOT EXISTS verifier ("
            " owner bigint NOT NULL,"
            " mechanism text NOT NULL,"
            " value text NOT NULL,"
            " PRIMARY KEY (owner, mechanism))"},
    {.sql = "CREATE TABLE IF NOT EXISTS roster_item ("
            " owner bigint NOT NULL,"
            " jid_hash bytea NOT NULL,"
            " jid text NOT NULL,"
            " name text,"
            " subscription text NOT NULL DEFAULT 'none',"
            " ask boolean NOT NULL DEFAULT false,"
            " approved boolean NOT NULL DEFAULT false,"
            " pending_in boolean NOT NULL DEFAULT false,"
            " pending_in_stanza text,"
            " group_names text NOT NULL DEFAULT '',"
            " version bigint NOT NULL DEFAULT 0,"
            " removed boolean NOT NULL DEFAULT false,"
            " PRIMARY KEY (owner, jid_hash))"},
    {.sql = "CREATE INDEX IF NOT EXISTS roster_item_version ON roster_item (owner, version)"},
    {.sql = "CREATE TABLE IF NOT EXISTS block_item ("
            " owner bigint NOT NULL,"
            " jid_hash bytea NOT NULL,"
            " jid text NOT NULL,"
            " PRIMARY KEY (owner, jid_hash))"},
    {.sql = "CREATE TABLE IF NOT EXISTS vcard ("
            " owner bigint PRIMARY KEY,"
            " xml text NOT NULL)"},
    {.sql = "CREATE TABLE IF NOT EXISTS private_xml ("
            " owner bigint NOT NULL,"
            " name_hash bytea NOT NULL,"
            " name text NOT NULL,"
            " xml text NOT NULL,"
            " PRIMARY KEY (owner, name_hash))"},
    {.sql = "CREATE TABLE IF NOT EXISTS message ("
            " owner bigint NOT NULL,"
            " seq bigint NOT NULL,"
            " from_jid text NOT NULL,"
            " stanza text NOT NULL,"
            " received timestamptz NOT NULL,"
            " size bigint NOT NULL,"
            " PRIMARY KEY (owner, seq))"},
    {.sql = "ALTER TABLE account"
            " ADD COLUMN IF NOT EXISTS roster_floor bigint NOT NULL DEFAULT 0"},
};

const size_t schema_steps_count = ARRAY_SIZE(schema_steps);
