-- Since when an item is put off as its CA is away: that is no time in which it
-- fails.
ALTER TABLE renewal_queue ADD COLUMN away_since @int;
ALTER TABLE domain_queue ADD COLUMN away_since @int;
UPDATE renewal_queue SET away_since = failing_since WHERE attempts = 0;
UPDATE domain_queue SET away_since = failing_since WHERE attempts = 0;

-- A name was parked, and has one attempt when its turn comes, until somebody
-- asks for it.
ALTER TABLE domain_queue ADD COLUMN was_parked @int NOT NULL DEFAULT 0
    CHECK (was_parked IN (0, 1));
UPDATE domain_queue SET was_parked = 1
    WHERE status = 'waiting' AND attempts > 0 AND retry_at = 0;
