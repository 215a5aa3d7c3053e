-- Most identities have neither an external id nor an organization: what has none is in no index.
DROP INDEX identities_external;
CREATE UNIQUE INDEX identities_external ON identities (project_id, external_id) WHERE external_id IS NOT NULL;
DROP INDEX identities_organization;
CREATE INDEX identities_organization ON identities (project_id, organization_id, id) WHERE organization_id IS NOT NULL;

-- Forms are too large to live in an index, where a row of more than a quarter of a page is kept in two places.
ALTER TABLE flows RENAME TO former_flows;
DROP INDEX flows_expiry;
CREATE TABLE flows (
  id         {id}   NOT NULL PRIMARY KEY,
  project_id {id}   NOT NULL,
  kind       {text} NOT NULL,
  done       {bool} NOT NULL,
  expires_at {time} NOT NULL,
  data       {json} NOT NULL,
  tries      {int}  NOT NULL DEFAULT 0
);
INSERT INTO flows (id, project_id, kind, done, expires_at, data, tries)
  SELECT id, project_id, kind, done, expires_at, data, tries FROM former_flows;
DROP TABLE former_flows;
CREATE INDEX flows_expiry ON flows (expires_at);
