-- What is counted together of the messages to one recipient: those that anybody
-- can ask for, and the notices of each template by themselves, so that neither
-- holds up the others.
ALTER TABLE messages ADD COLUMN share {text} NOT NULL DEFAULT 'asked';
DROP INDEX messages_addressee;
CREATE INDEX messages_addressee ON messages (project_id, addressee, type, share, status, updated_at);
