-- All that somebody is looked up by, in one table: identifiers to sign in with and
-- addresses. The rows of one value are neighbours, so that a sign-up writes one page for
-- all of them. The purpose is a type of credentials, of an identifier, which has no via;
-- or it is what an address is for.
--
-- No release has known the two tables: programs that do stop working here. They are
-- renamed first, so that nobody writes to them any more while they are copied.
ALTER TABLE identifiers RENAME TO former_identifiers;
ALTER TABLE addresses RENAME TO former_addresses;
CREATE TABLE lookups (
  project_id  {id}   NOT NULL,
  value       {text} NOT NULL,
  purpose     {text} NOT NULL,
  via         {text} NOT NULL,
  identity_id {id}   NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  PRIMARY KEY (project_id, value, purpose, via)
){compact};
INSERT INTO lookups (project_id, value, purpose, via, identity_id) SELECT project_id, value, type, '', identity_id FROM former_identifiers;
INSERT INTO lookups (project_id, value, purpose, via, identity_id) SELECT project_id, value, purpose, via, identity_id FROM former_addresses;
DROP TABLE former_identifiers;
DROP TABLE former_addresses;
CREATE INDEX lookups_identity ON lookups (identity_id);
