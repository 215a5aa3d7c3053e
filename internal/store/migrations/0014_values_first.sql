-- What one value stands for lies side by side: somebody's address is written to one
-- page of each table, and found with one look, instead of one for each of its uses.
ALTER TABLE identifiers RENAME TO former_identifiers;
DROP INDEX identifiers_identity;
CREATE TABLE identifiers (
  project_id  {id}   NOT NULL,
  value       {text} NOT NULL,
  type        {text} NOT NULL,
  identity_id {id}   NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  PRIMARY KEY (project_id, value, type)
){compact};
INSERT INTO identifiers (project_id, value, type, identity_id) SELECT project_id, value, type, identity_id FROM former_identifiers;
DROP TABLE former_identifiers;
CREATE INDEX identifiers_identity ON identifiers (identity_id);

ALTER TABLE addresses RENAME TO former_addresses;
DROP INDEX addresses_identity;
CREATE TABLE addresses (
  project_id  {id}   NOT NULL,
  value       {text} NOT NULL,
  purpose     {text} NOT NULL,
  via         {text} NOT NULL,
  identity_id {id}   NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  PRIMARY KEY (project_id, value, purpose, via)
){compact};
INSERT INTO addresses (project_id, value, purpose, via, identity_id) SELECT project_id, value, purpose, via, identity_id FROM former_addresses;
DROP TABLE former_addresses;
CREATE INDEX addresses_identity ON addresses (identity_id);
