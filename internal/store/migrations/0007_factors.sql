-- Which level somebody can reach follows from what they have set up and from
-- what the configuration lets count. So the former is stored, and the latter is
-- not: a method that is switched off asks nobody for it any more. Until now the
-- only ways to sign in were first factors.
ALTER TABLE identities ADD COLUMN factors {int} NOT NULL DEFAULT 0;

UPDATE identities SET factors = 1 WHERE available_aal = 'aal1';

ALTER TABLE identities DROP COLUMN available_aal;

-- Where codes could be sent, to addresses and to phones, stands there already.
UPDATE identities SET factors = factors | 4 WHERE id IN (SELECT identity_id FROM credentials WHERE type = 'code' AND identifiers LIKE '%@%');
UPDATE identities SET factors = factors | 1024 WHERE id IN (SELECT identity_id FROM credentials WHERE type = 'code' AND identifiers LIKE '%"+%');

-- The last time step of an authenticator app that was used, so that none is used
-- twice; 0 for all other credentials.
ALTER TABLE credentials ADD COLUMN last_step {int} NOT NULL DEFAULT 0;
