-- Browsers in which people need no second factor to sign in. Of the secret that
-- the browser has in a cookie its keyed hash is kept.
CREATE TABLE trusted_devices (
  id           {id}    NOT NULL PRIMARY KEY,
  project_id   {id}    NOT NULL,
  identity_id  {id}    NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  hash         {bytes} NOT NULL,
  user_agent   {text}  NOT NULL,
  created_at   {time}  NOT NULL,
  last_used_at {time}  NOT NULL,
  expires_at   {time}  NOT NULL
);
CREATE UNIQUE INDEX trusted_devices_hash ON trusted_devices (hash);
CREATE INDEX trusted_devices_identity ON trusted_devices (identity_id, last_used_at);
CREATE INDEX trusted_devices_expiry ON trusted_devices (expires_at);

-- In which of them a session was begun. It may name one that is gone: then it
-- counts for nothing, so that a device ends without a look at sessions.
ALTER TABLE sessions ADD COLUMN trusted_device_id {id};
