-- When somebody's account is to be deleted, as they have asked for; mostly NULL. It
-- stands in packed as well.
ALTER TABLE identities ADD COLUMN delete_at {time};
CREATE INDEX identities_due ON identities (delete_at) WHERE delete_at IS NOT NULL;
