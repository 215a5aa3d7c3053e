-- What was last is written at the end, in the order in which it is removed as well:
-- two trees to write to instead of four.
ALTER TABLE history RENAME TO former_history;
DROP INDEX history_page;
DROP INDEX history_created;
CREATE TABLE history (
  created_at  {time} NOT NULL,
  id          {id}   NOT NULL,
  project_id  {id}   NOT NULL,
  identity_id {id}   NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  session_id  {id}   NOT NULL,
  event       {text} NOT NULL,
  method      {text} NOT NULL,
  aal         {text} NOT NULL,
  device      {json} NOT NULL,
  PRIMARY KEY (created_at, id)
){compact};
INSERT INTO history (created_at, id, project_id, identity_id, session_id, event, method, aal, device)
  SELECT created_at, id, project_id, identity_id, session_id, event, method, aal, device FROM former_history;
DROP TABLE former_history;
CREATE INDEX history_page ON history (identity_id, created_at, id);
