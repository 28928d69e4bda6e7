-- Names of domain_queue that a certificate serves until they have another: they
-- are not new, and are told of as renewals are.
CREATE TABLE served_names (
	id @int PRIMARY KEY REFERENCES domain_queue (id) ON DELETE CASCADE,
	certificate_id @int NOT NULL REFERENCES certificates (id),
				-- that served it when it came there
	told @text NOT NULL DEFAULT 'ok' CHECK (told IN
	    ('ok', 'failing', 'urgent', 'expired', 'parked')),
	told_at @int NOT NULL DEFAULT 0,
	telling_until @int NOT NULL DEFAULT 0
) @keyed;
CREATE INDEX served_names_certificate ON served_names (certificate_id, id);
