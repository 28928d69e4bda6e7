-- Onboarding: names that wait for their first certificate, how they are to get
-- it, and names that nothing is ordered for.

-- How the names of the queue become certificates.
CREATE TABLE domain_templates (
	id @id,
	name @text NOT NULL UNIQUE,
	upstream_account_id @int REFERENCES upstream_accounts (id),
						-- NULL: the default one
	names @text NOT NULL,		-- blanks between; {DOMAIN} is the name
	policy @text NOT NULL,		-- JSON, as in upstream_orders, with {DOMAIN}
	profile @text,
	per_certificate @int NOT NULL
	    CHECK (per_certificate > 0 AND per_certificate <= 100),
				-- so many names of the queue in one at most
	one_domain @int NOT NULL CHECK (one_domain IN (0, 1)),
				-- and all in one registered domain
	created @int NOT NULL
) @strict;
INSERT INTO domain_templates (name, names, policy, per_certificate, one_domain,
    created) VALUES ('default', '{DOMAIN}',
    '{"challenges":[{"solver":"answer"}],"auto_renew":true}', 1, 0, 0);

CREATE TABLE domain_queue (
	id @number,
	name @text NOT NULL UNIQUE,		-- spelled as in domains
	registered @text NOT NULL,		-- domain that it is in
	domain_template_id @int NOT NULL REFERENCES domain_templates (id),
	status @text NOT NULL CHECK (status IN ('waiting', 'parked')),
	alone @int NOT NULL DEFAULT 0 CHECK (alone IN (0, 1)),
					-- it shares no order with others
	added @int NOT NULL,
	retry_at @int NOT NULL,			-- not before; the first goes first
	attempts @int NOT NULL DEFAULT 0,	-- that failed, one after the other
	failing_since @int,			-- the first of them
	lease_until @int NOT NULL DEFAULT 0,	-- a process works on it until then
	lease @int NOT NULL DEFAULT 0,		-- grows with each taker
	upstream_order_id @int
	    REFERENCES upstream_orders (id) ON DELETE SET NULL,
	cause @text,				-- client/cause.h, of the last failure
	error @text				-- one line
) @strict;
CREATE INDEX domain_queue_waiting
    ON domain_queue (domain_template_id, retry_at, id)
    WHERE status = 'waiting';
CREATE INDEX domain_queue_registered
    ON domain_queue (registered, retry_at, id) WHERE status = 'waiting';
CREATE INDEX domain_queue_template ON domain_queue (domain_template_id, id);
CREATE INDEX domain_queue_order ON domain_queue (upstream_order_id)
    WHERE upstream_order_id IS NOT NULL;

-- A name, or *. and a name for all that end in it.
CREATE TABLE blocked_names (
	name @text PRIMARY KEY,
	created @int NOT NULL
) @keyed;
