-- The outbox anew. What a message says holds codes and links: content is
-- sealed, under a key that the courier has. The recipient is not, since lists
-- are asked for by it; addressee is the same in lower case, by which the
-- messages of an hour are counted. due_at is when to try next, and NULL once
-- that is over; dispatches is what came of the tries so far.
DROP TABLE messages;
CREATE TABLE messages (
  id            {id}    NOT NULL PRIMARY KEY,
  project_id    {id}    NOT NULL,
  status        {text}  NOT NULL,
  type          {text}  NOT NULL,
  channel       {text}  NOT NULL,
  template_type {text}  NOT NULL,
  recipient     {text}  NOT NULL,
  addressee     {text}  NOT NULL,
  lane          {int}   NOT NULL,
  content       {bytes} NOT NULL,
  send_count    {int}   NOT NULL,
  dispatches    {json}  NOT NULL,
  due_at        {time},
  expires_at    {time},
  created_at    {time}  NOT NULL,
  updated_at    {time}  NOT NULL
);
CREATE INDEX messages_due ON messages (due_at, id);
CREATE INDEX messages_page ON messages (project_id, created_at, id);
CREATE INDEX messages_ended ON messages (status, updated_at);
CREATE INDEX messages_addressee ON messages (project_id, addressee, type, status, updated_at);

-- What is locked while messages are claimed. All messages of one recipient are
-- in one lane, so that two nodes never count what that recipient got at the
-- same time. Lanes are never added or removed.
CREATE TABLE lanes (
  id {int} NOT NULL PRIMARY KEY
);
INSERT INTO lanes (id)
  WITH RECURSIVE n (id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM n WHERE id < 255)
  SELECT id FROM n;
