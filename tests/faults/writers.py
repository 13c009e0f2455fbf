# SPDX-License-Identifier: AGPL-3.0-or-later
#
# One writer per account at every moment (c2s/slots.h): PostgreSQL looks at each row of an account
# that is written, and notes those by another worker than the one that holds the slot then.

import contextlib

TABLES = ("message", "pending", "outbox", "taken", "roster_item", "session")
# The fence keeps the slot's row from being changed until the transaction has ended.
BEGIN = """
CREATE TABLE intruder (name text, slot bigint, writer text, holder text);
CREATE FUNCTION look_at_writer() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    writer text := current_setting('application_name');
    number bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN number := OLD.owner; ELSE number := NEW.owner; END IF;
    INSERT INTO intruder SELECT TG_TABLE_NAME, s.slot, writer, s.holder
        FROM account a JOIN slot s ON s.slot = a.slot
        WHERE a.owner = number AND writer <> 'kontalk-c2s@' || s.holder;
    RETURN NULL;
END $$;
"""
LOOK = """
CREATE TRIGGER look_at_writer AFTER INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION look_at_writer();
"""
END = "DROP FUNCTION look_at_writer() CASCADE; DROP TABLE intruder;"


def intruders(node):
    """Lines: table, slot, who wrote, who held the slot."""
    return node.postgres.query("kontalk", "SELECT * FROM intruder").splitlines()


@contextlib.contextmanager
def watched(node):
    """Inside the block writers are looked at."""
    node.postgres.query("kontalk", BEGIN + "".join(LOOK.format(table=t) for t in TABLES))
    try:
        yield
    finally:
        node.postgres.query("kontalk", END)
