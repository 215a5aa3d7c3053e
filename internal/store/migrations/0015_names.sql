-- All that somebody is found by, in one table: identifiers to sign in with and addresses.
-- The rows of one value are neighbours, so that a sign-up writes one page for all of them.
-- The purpose is a type of credentials, of an identifier, which has no via; or it is what
-- an address is for.
CREATE TABLE names (
  project_id  {id}   NOT NULL,
  value       {text} NOT NULL,
  purpose     {text} NOT NULL,
  via         {text} NOT NULL,
  identity_id {id}   NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  PRIMARY KEY (project_id, value, purpose, via)
){compact};
INSERT INTO names (project_id, value, purpose, via, identity_id) SELECT project_id, value, type, '', identity_id FROM identifiers;
INSERT INTO names (project_id, value, purpose, via, identity_id) SELECT project_id, value, purpose, via, identity_id FROM addresses;
DROP TABLE identifiers;
DROP TABLE addresses;
CREATE INDEX names_identity ON names (identity_id);
