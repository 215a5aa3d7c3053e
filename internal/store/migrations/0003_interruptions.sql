-- Submissions that wait until whoever sent them has proven again who they are.
-- id is a keyed hash and sealed is encrypted, both under a key that only the
-- browser has.
CREATE TABLE interruptions (
  id         {bytes} NOT NULL PRIMARY KEY,
  project_id {id}    NOT NULL,
  sealed     {bytes} NOT NULL,
  expires_at {time}  NOT NULL
){compact};
CREATE INDEX interruptions_expiry ON interruptions (expires_at);
