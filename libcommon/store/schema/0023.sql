-- Certificates that acmed-admin was asked to get, an attempt each.
CREATE TABLE autocerts (
	id @id,
	name @text NOT NULL,
	kind @text NOT NULL CHECK (kind IN ('autocert', 'if-needed')),
	actor @text NOT NULL,			-- who asked
	started @int NOT NULL,
	queued @int NOT NULL CHECK (queued IN (0, 1)),	-- by it: not there before
	lease_until @int NOT NULL,		-- whoever is at it has died then
	ended @int,				-- NULL while it runs
	outcome @text CHECK (outcome IN ('valid', 'failed', 'waiting')),
	failures @int NOT NULL,			-- one after the other, before it
	again_at @int,				-- no other before
	upstream_order_id @int,			-- may be gone by now
	error @text,
	CHECK ((ended IS NULL) = (outcome IS NULL))
) @strict;
CREATE INDEX autocerts_name ON autocerts (name, id);
CREATE INDEX autocerts_started ON autocerts (started);
CREATE INDEX autocerts_running ON autocerts (lease_until) WHERE ended IS NULL;
