-- When, how and from where people have signed in, for them to look at. What is
-- written stays when the session is gone, so that session_id may name none.
CREATE TABLE history (
  id          {id}   NOT NULL PRIMARY KEY,
  project_id  {id}   NOT NULL,
  identity_id {id}   NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  session_id  {id}   NOT NULL,
  event       {text} NOT NULL,
  method      {text} NOT NULL,
  aal         {text} NOT NULL,
  device      {json} NOT NULL,
  created_at  {time} NOT NULL
);
CREATE INDEX history_page ON history (identity_id, created_at, id);
CREATE INDEX history_created ON history (created_at);
