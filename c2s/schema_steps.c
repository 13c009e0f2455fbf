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
            " peer text NOT NULL,"
            " peer_hash bytea NOT NULL,"
            " outgoing boolean NOT NULL,"
            " resource text NOT NULL DEFAULT '',"
            " stanza text NOT NULL,"
            " received timestamptz NOT NULL,"
            " size bigint NOT NULL,"
            " archived boolean NOT NULL,"
            " origin bytea,"
            " PRIMARY KEY (owner, seq))"},
    {.sql = "ALTER TABLE account"
            " ADD COLUMN IF NOT EXISTS roster_floor bigint NOT NULL DEFAULT 0"},
    {.sql = "CREATE INDEX IF NOT EXISTS message_peer ON message (owner, peer_hash, seq)"},
    {.sql = "CREATE INDEX IF NOT EXISTS message_received ON message (owner, received)"},
    {.sql = "CREATE INDEX IF NOT EXISTS message_origin ON message (owner, origin)"
            " WHERE origin IS NOT NULL"},
    {.sql = "ALTER TABLE account ADD COLUMN IF NOT EXISTS delivered bigint NOT NULL DEFAULT 0"},
    {.sql = "ALTER TABLE home ADD COLUMN IF NOT EXISTS secret bytea"},
    {.sql = "CREATE TABLE IF NOT EXISTS pending ("
            " owner bigint NOT NULL,"
            " seq bigint NOT NULL,"
            " resource text NOT NULL DEFAULT '',"
            " size bigint NOT NULL,"
            " PRIMARY KEY (owner, seq))"},
    {.sql = "CREATE TABLE IF NOT EXISTS device ("
            " owner bigint NOT NULL,"
            " device text NOT NULL,"
            " mark bigint NOT NULL,"
            " seen timestamptz NOT NULL,"
            " PRIMARY KEY (owner, device))"},
    {.sql = "CREATE TABLE IF NOT EXISTS session ("
            " owner bigint NOT NULL,"
            " session_id text NOT NULL,"
            " slot bigint NOT NULL,"
            " resume_hash bytea,"
            " resume_ms bigint NOT NULL DEFAULT 0,"
            " resource text NOT NULL,"
            " h_in bigint NOT NULL DEFAULT 0,"
            " out_count bigint NOT NULL DEFAULT 0,"
            " cursor_seq bigint NOT NULL DEFAULT 0,"
            " presence text,"
            " priority bigint NOT NULL DEFAULT 0,"
            " directed text,"
            " carbons boolean NOT NULL DEFAULT false,"
            " csi_inactive boolean NOT NULL DEFAULT false,"
            " roster_interested boolean NOT NULL DEFAULT false,"
            " blocking_interested boolean NOT NULL DEFAULT false,"
            " device text NOT NULL,"
            " expires timestamptz,"
            " ended timestamptz,"
            " worker text NOT NULL,"
            " PRIMARY KEY (owner, session_id))"},
    {.sql = "CREATE TABLE IF NOT EXISTS archive_prefs ("
            " owner bigint PRIMARY KEY,"
            " default_rule text NOT NULL,"
            " always text NOT NULL DEFAULT '',"
            " never text NOT NULL DEFAULT '')"},
    {.sql = "CREATE TABLE IF NOT EXISTS outbox ("
            " owner bigint NOT NULL,"
            " seq bigint NOT NULL,"
            " slot bigint NOT NULL,"
            " destination text NOT NULL,"
            " channel bigint,"
            " number bigint NOT NULL DEFAULT 0,"
            " stanza text NOT NULL,"
            " size bigint NOT NULL,"
            " created timestamptz NOT NULL,"
            " attempt bigint NOT NULL DEFAULT 0,"
            " PRIMARY KEY (owner, seq))"},
    {.sql = "CREATE INDEX IF NOT EXISTS outbox_slot ON outbox (slot, owner, seq)"},
    {.sql = "CREATE TABLE IF NOT EXISTS channel_out ("
            " slot bigint NOT NULL,"
            " destination bigint NOT NULL,"
            " last bigint NOT NULL,"
            " PRIMARY KEY (slot, destination))"},
    {.sql = "CREATE TABLE IF NOT EXISTS channel_in ("
            " slot bigint NOT NULL,"
            " source bigint NOT NULL,"
            " epoch bigint NOT NULL,"
            " last bigint NOT NULL,"
            " PRIMARY KEY (slot, source))"},
    {.sql = "CREATE TABLE IF NOT EXISTS taken ("
            " owner bigint NOT NULL,"
            " id_hash bytea NOT NULL,"
            " seq bigint NOT NULL,"
            " taken timestamptz NOT NULL,"
            " PRIMARY KEY (owner, id_hash))"},
    {.sql = "CREATE INDEX IF NOT EXISTS session_slot ON session (slot) WHERE ended IS NULL"},
    /* Nothing has ever used them (docs/DURABILITY.md). */
    {.sql = "DROP TABLE IF EXISTS channel_out"},
    {.sql = "DROP TABLE IF EXISTS channel_in"},
    {.sql = "ALTER TABLE outbox DROP COLUMN IF EXISTS channel, DROP COLUMN IF EXISTS number"},
    {.sql = "ALTER TABLE account ADD COLUMN IF NOT EXISTS granted bigint NOT NULL DEFAULT 0"},
    {.sql = "CREATE INDEX IF NOT EXISTS account_unclaimed ON account (owner) WHERE granted = 0"},
    {.sql = "CREATE TABLE IF NOT EXISTS directory ("
            " jid_hash bytea PRIMARY KEY,"
            " jid text NOT NULL,"
            " home text NOT NULL,"
            " version bigint NOT NULL,"
            " deleted boolean NOT NULL,"
            " key_id bytea NOT NULL,"
            " signature bytea NOT NULL,"
            " serial bigint NOT NULL,"
            " releasing boolean NOT NULL DEFAULT false)"},
    {.sql = "CREATE INDEX IF NOT EXISTS directory_log ON directory (home, serial)"},
    {.sql = "CREATE INDEX IF NOT EXISTS directory_releasing ON directory (jid_hash)"
            " WHERE releasing"},
    {.sql = "CREATE TABLE IF NOT EXISTS claim ("
            " jid_hash bytea PRIMARY KEY,"
            " jid text NOT NULL,"
            " home text NOT NULL,"
            " version bigint NOT NULL,"
            " deleted boolean NOT NULL,"
            " key_id bytea NOT NULL,"
            " signature bytea NOT NULL,"
            " number bigint NOT NULL,"
            " created timestamptz NOT NULL)"},
    {.sql = "CREATE INDEX IF NOT EXISTS claim_number ON claim (number)"},
    {.sql = "CREATE TABLE IF NOT EXISTS directory_peer ("
            " home text PRIMARY KEY,"
            " epoch bigint NOT NULL,"
            " key_id bytea NOT NULL,"
            " serial bigint NOT NULL)"},
    {.sql = "CREATE TABLE IF NOT EXISTS directory_state ("
            " id bigint PRIMARY KEY,"
            " last_serial bigint NOT NULL DEFAULT 0,"
            " last_claim bigint NOT NULL DEFAULT 0,"
            " registrar text NOT NULL DEFAULT '',"
            " owned boolean NOT NULL DEFAULT false,"
            " import_after bigint NOT NULL DEFAULT 0,"
            " compared_epoch bigint NOT NULL DEFAULT 1)"},
    {.sql = "INSERT INTO directory_state (id) VALUES (1) ON CONFLICT DO NOTHING"},
    {.sql = "CREATE INDEX IF NOT EXISTS message_spare ON message (owner, received)"
            " WHERE NOT archived"},
    {.sql = "ALTER TABLE session"
            " ADD COLUMN IF NOT EXISTS roster_version bigint NOT NULL DEFAULT 0,"
            " ADD COLUMN IF NOT EXISTS blocklist_version bigint NOT NULL DEFAULT 0"},
    {.sql = "ALTER TABLE account"
            " ADD COLUMN IF NOT EXISTS blocklist_version bigint NOT NULL DEFAULT 1"},
    /* Nothing has ever used them: `pending` says what no device has. */
    {.sql = "ALTER TABLE account DROP COLUMN IF EXISTS delivered,"
            " DROP COLUMN IF EXISTS offline_count, DROP COLUMN IF EXISTS offline_size"},
    {.sql = "CREATE TABLE IF NOT EXISTS push ("
            " owner bigint NOT NULL,"
            " key_hash bytea NOT NULL,"
            " service text NOT NULL,"
            " node text NOT NULL,"
            " device text NOT NULL,"
            " options text,"
            " enabled timestamptz NOT NULL,"
            " PRIMARY KEY (owner, key_hash))"},
    {.sql = "CREATE TABLE IF NOT EXISTS pubsub_node ("
            " owner bigint NOT NULL,"
            " node_id bigint NOT NULL,"
            " name text NOT NULL,"
            " config text NOT NULL,"
            " creator text NOT NULL,"
            " created timestamptz NOT NULL,"
            " PRIMARY KEY (owner, node_id))"},
    {.sql = "CREATE TABLE IF NOT EXISTS pubsub_affiliation ("
            " owner bigint NOT NULL,"
            " node_id bigint NOT NULL,"
            " jid_hash bytea NOT NULL,"
            " jid text NOT NULL,"
            " affiliation text NOT NULL,"
            " PRIMARY KEY (owner, node_id, jid_hash))"},
    {.sql = "CREATE TABLE IF NOT EXISTS pubsub_subscription ("
            " owner bigint NOT NULL,"
            " node_id bigint NOT NULL,"
            " jid_hash bytea NOT NULL,"
            " jid text NOT NULL,"
            " state text NOT NULL,"
            " deliver boolean NOT NULL DEFAULT true,"
            " PRIMARY KEY (owner, node_id, jid_hash))"},
    {.sql = "CREATE TABLE IF NOT EXISTS pubsub_item ("
            " owner bigint NOT NULL,"
            " node_id bigint NOT NULL,"
            " item text NOT NULL,"
            " seq bigint NOT NULL,"
            " publisher text NOT NULL,"
            " published timestamptz NOT NULL,"
            " size bigint NOT NULL,"
            " xml text NOT NULL,"
            " PRIMARY KEY (owner, node_id, item))"},
    {.sql = "CREATE INDEX IF NOT EXISTS pubsub_item_seq ON pubsub_item (owner, seq)"},
    {.sql = "CREATE INDEX IF NOT EXISTS pubsub_item_order ON pubsub_item (owner, node_id, seq)"},
    {.sql = "CREATE TABLE IF NOT EXISTS client ("
            " owner bigint NOT NULL,"
            " device text NOT NULL,"
            " software text,"
            " name text,"
            " first_seen timestamptz NOT NULL,"
            " last_seen timestamptz NOT NULL,"
            " password boolean NOT NULL,"
            " PRIMARY KEY (owner, device))"},
    {.sql = "CREATE TABLE IF NOT EXISTS token ("
            " owner bigint NOT NULL,"
            " device text NOT NULL,"
            " token_id bigint NOT NULL,"
            " value text NOT NULL,"
            " issued timestamptz NOT NULL,"
            " expires timestamptz NOT NULL,"
            " count bigint NOT NULL DEFAULT 0,"
            " used boolean NOT NULL DEFAULT false,"
            " PRIMARY KEY (owner, device, token_id))"},
    {.sql = "ALTER TABLE vcard ADD COLUMN IF NOT EXISTS photo text"},
    {.sql = "ALTER TABLE session ADD COLUMN IF NOT EXISTS errors text"},
    {.sql = "ALTER TABLE message ADD COLUMN IF NOT EXISTS id_hash bigint"},
    {.sql = "CREATE INDEX IF NOT EXISTS message_id_hash ON message (owner, id_hash)"
            " WHERE id_hash IS NOT NULL"},
    {.sql = "CREATE TABLE IF NOT EXISTS notice ("
            " kind text PRIMARY KEY,"
            " number bigint NOT NULL,"
            " body text NOT NULL,"
            " since timestamptz NOT NULL)"},
    {.sql = "ALTER TABLE account"
            " ADD COLUMN IF NOT EXISTS motd_seen bigint NOT NULL DEFAULT 0,"
            " ADD COLUMN IF NOT EXISTS welcome_seen bigint NOT NULL DEFAULT 0"},
    /* In the order in which copies of a home are compared. */
    {.sql = "CREATE INDEX IF NOT EXISTS directory_order ON directory (home, jid_hash)"},
    {.sql = "CREATE TABLE IF NOT EXISTS invitation ("
            " invitation_id text PRIMARY KEY,"
            " token_hash bytea NOT NULL UNIQUE,"
            " kind text NOT NULL,"
            " domain text NOT NULL,"
            " local text,"
            " admin boolean NOT NULL,"
            " uses_left bigint NOT NULL,"
            " creator text NOT NULL,"
            " created timestamptz NOT NULL,"
            " expires timestamptz NOT NULL,"
            " held text,"
            " held_until timestamptz)"},
    {.sql = "ALTER TABLE invitation ADD COLUMN IF NOT EXISTS inviter text,"
            " ADD COLUMN IF NOT EXISTS invitee text"},
    {.sql = "CREATE INDEX IF NOT EXISTS invitation_inviter ON invitation (inviter, created)"
            " WHERE inviter IS NOT NULL"},
    {.sql = "ALTER TABLE account ADD COLUMN IF NOT EXISTS invitation text"},
};

const size_t schema_steps_count = ARRAY_SIZE(schema_steps);
