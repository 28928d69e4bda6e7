-- A CA that does not answer is left alone for a while, which grows as long as it
-- is away.
ALTER TABLE upstream_cas ADD COLUMN failures @int NOT NULL DEFAULT 0;
							-- one after the other
ALTER TABLE upstream_cas ADD COLUMN away_since @int NOT NULL DEFAULT 0;
							-- the first of them
ALTER TABLE upstream_cas ADD COLUMN away_until @int NOT NULL DEFAULT 0;
							-- nothing is sent before
ALTER TABLE upstream_cas ADD COLUMN away_error @text;	-- the last of them
