-- A run that is about to tell of something; until then no other does, and what
-- it could not say is told by a later one.
ALTER TABLE renewal_configurations ADD COLUMN telling_until @int NOT NULL
    DEFAULT 0;
ALTER TABLE deploy_targets ADD COLUMN telling_until @int NOT NULL DEFAULT 0;
