-- Submissions that wait until whoever sent them has proven again who they are.
-- id is a keyed hash and sealed is encrypted, both under a key that only the
-- browser has.
CREATE TABLE interruptions (
  id         {bytes} NOT NULL PRIMARY KEY,
  project_id {id}    NOT NULL,
  session_id {id}    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  sealed     {bytes} NOT NULL,
  expires_at {time}  NOT NULL
){compact};
CREATE UNIQUE INDEX interruptions_session ON interruptions (session_id);
CREATE INDEX interruptions_expiry ON interruptions (expires_at);
