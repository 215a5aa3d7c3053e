-- One-time secrets, all of them: the codes and links that prove an address. Of
-- a secret its keyed hash is kept. identity_id is whom it lets in, NULL where
-- the address is nobody's: such a row makes both cases cost the same. sealed is
-- what happens when the secret is used, where that is more than a proof.
CREATE TABLE codes (
  id          {id}    NOT NULL PRIMARY KEY,
  project_id  {id}    NOT NULL,
  flow_id     {id}    NOT NULL,
  identity_id {id}    REFERENCES identities (id) ON DELETE CASCADE,
  via         {text}  NOT NULL,
  address     {text}  NOT NULL,
  hash        {bytes} NOT NULL,
  sealed      {bytes},
  created_at  {time}  NOT NULL,
  expires_at  {time}  NOT NULL,
  used_at     {time}
);
CREATE INDEX codes_flow ON codes (flow_id, id);
CREATE INDEX codes_identity ON codes (identity_id);
CREATE INDEX codes_expiry ON codes (expires_at);

-- How often a form was guessed at.
ALTER TABLE flows ADD COLUMN tries {int} NOT NULL DEFAULT 0;

-- When the codes of an account were guessed wrongly, over all forms. id is a
-- keyed hash of the purpose and the account or, where there is none, the address.
CREATE TABLE guesses (
  id         {bytes} NOT NULL PRIMARY KEY,
  project_id {id}    NOT NULL,
  times      {json}  NOT NULL,
  updated_at {time}  NOT NULL
){compact};
CREATE INDEX guesses_updated ON guesses (updated_at);
