-- Every row belongs to a project; uniqueness is per project.
CREATE TABLE projects (
  id         {id}   NOT NULL PRIMARY KEY,
  created_at {time} NOT NULL
){compact};

-- packed is the identity as it is answered, in pieces; see auth.Packed.
CREATE TABLE identities (
  id            {id}   NOT NULL PRIMARY KEY,
  project_id    {id}   NOT NULL REFERENCES projects (id),
  external_id   {text},
  schema_id     {text} NOT NULL,
  state         {text} NOT NULL,
  available_aal {text} NOT NULL,
  organization_id {id},
  packed        {json} NOT NULL,
  created_at    {time} NOT NULL,
  updated_at    {time} NOT NULL
);
CREATE UNIQUE INDEX identities_external ON identities (project_id, external_id);
CREATE INDEX identities_page ON identities (project_id, id);
CREATE INDEX identities_organization ON identities (project_id, organization_id, id);

CREATE TABLE credentials (
  project_id  {id}   NOT NULL,
  identity_id {id}   NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  type        {text} NOT NULL,
  identifiers {json} NOT NULL,
  config      {json} NOT NULL,
  version     {int}  NOT NULL,
  created_at  {time} NOT NULL,
  updated_at  {time} NOT NULL,
  PRIMARY KEY (identity_id, type)
){compact};

-- Who signs in with what. The same values stand in credentials.identifiers, in order.
CREATE TABLE identifiers (
  project_id  {id}   NOT NULL,
  type        {text} NOT NULL,
  value       {text} NOT NULL,
  identity_id {id}   NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  PRIMARY KEY (project_id, type, value)
){compact};
CREATE INDEX identifiers_identity ON identifiers (identity_id);

-- Which identity an address belongs to; purpose is verification or recovery.
-- Everything else about an address stands in the identity's packed answer.
CREATE TABLE addresses (
  project_id  {id}   NOT NULL,
  purpose     {text} NOT NULL,
  via         {text} NOT NULL,
  value       {text} NOT NULL,
  identity_id {id}   NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  PRIMARY KEY (project_id, purpose, via, value)
){compact};
CREATE INDEX addresses_identity ON addresses (identity_id);

CREATE TABLE sessions (
  id               {id}    NOT NULL PRIMARY KEY,
  project_id       {id}    NOT NULL,
  identity_id      {id}    NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  token_hash       {bytes} NOT NULL,
  active           {bool}  NOT NULL,
  aal              {text}  NOT NULL,
  amr              {json}  NOT NULL,
  devices          {json}  NOT NULL,
  issued_at        {time}  NOT NULL,
  authenticated_at {time}  NOT NULL,
  expires_at       {time}  NOT NULL,
  created_at       {time}  NOT NULL
);
CREATE UNIQUE INDEX sessions_token ON sessions (token_hash);
CREATE INDEX sessions_identity ON sessions (identity_id, created_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- One table for the five kinds of flow.
CREATE TABLE flows (
  id         {id}   NOT NULL PRIMARY KEY,
  project_id {id}   NOT NULL,
  kind       {text} NOT NULL,
  done       {bool} NOT NULL,
  expires_at {time} NOT NULL,
  data       {json} NOT NULL
){compact};
CREATE INDEX flows_expiry ON flows (expires_at);

-- Errors that a browser is redirected to see; csrf is the keyed hash of the
-- CSRF cookie of the browser that caused it.
CREATE TABLE errors (
  id         {id}    NOT NULL PRIMARY KEY,
  project_id {id}    NOT NULL,
  csrf       {bytes} NOT NULL,
  data       {json}  NOT NULL,
  created_at {time}  NOT NULL
){compact};
CREATE INDEX errors_created ON errors (created_at);

-- The outbox. Who changes something that causes a message writes it in the
-- same transaction. due_at is when to try next, and NULL once that is over;
-- dispatches is what came of the tries so far.
CREATE TABLE messages (
  id            {id}   NOT NULL PRIMARY KEY,
  project_id    {id}   NOT NULL,
  status        {text} NOT NULL,
  type          {text} NOT NULL,
  channel       {text} NOT NULL,
  template_type {text} NOT NULL,
  recipient     {text} NOT NULL,
  subject       {text} NOT NULL,
  body          {text} NOT NULL,
  html          {text} NOT NULL,
  send_count    {int}  NOT NULL,
  dispatches    {json} NOT NULL,
  due_at        {time},
  created_at    {time} NOT NULL,
  updated_at    {time} NOT NULL
);
CREATE INDEX messages_due ON messages (due_at);
CREATE INDEX messages_page ON messages (project_id, created_at, id);
CREATE INDEX messages_ended ON messages (status, updated_at);
