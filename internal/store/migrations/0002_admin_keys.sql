-- The keys of administrators. Of a key its keyed hash is kept. No row is ever
-- removed: that there was a key once closes the admin server for good.
CREATE TABLE admin_keys (
  id           {id}    NOT NULL PRIMARY KEY,
  project_id   {id}    NOT NULL REFERENCES projects (id),
  name         {text}  NOT NULL,
  key_hash     {bytes} NOT NULL,
  created_at   {time}  NOT NULL,
  expires_at   {time},
  revoked_at   {time},
  last_used_at {time}
);
CREATE UNIQUE INDEX admin_keys_hash ON admin_keys (key_hash);
CREATE INDEX admin_keys_list ON admin_keys (project_id, created_at, id);
