-- A browser's token that was replaced holds a little longer, for requests that
-- were on their way: what the session was to it, and until when. All are NULL
-- where there is none.
ALTER TABLE sessions ADD COLUMN former_hash {bytes};
ALTER TABLE sessions ADD COLUMN former_aal {text};
ALTER TABLE sessions ADD COLUMN former_amr {json};
ALTER TABLE sessions ADD COLUMN former_issued_at {time};
ALTER TABLE sessions ADD COLUMN former_authenticated_at {time};
ALTER TABLE sessions ADD COLUMN former_until {time};
CREATE UNIQUE INDEX sessions_former ON sessions (former_hash) WHERE former_hash IS NOT NULL;
