-- Renewal: what is kept alive, and what is due.

-- One for an account and a set of names: the set that is wanted, and how its
-- certificates are to be got.  When the next one is due is worked out
-- (store/renewal_due.h) by whatever changes it, so that it need only be read.
CREATE TABLE renewal_configurations (
	id @number,
	label @text UNIQUE,			-- NULL: none
	active @int NOT NULL CHECK (active IN (0, 1)),
	upstream_account_id @int NOT NULL REFERENCES upstream_accounts (id),
	fqdn_set_id @int NOT NULL REFERENCES fqdn_sets (id),
	policy @text NOT NULL,			-- JSON, as in upstream_orders
	profile @text,
	part_left @int CHECK (part_left > 0 AND part_left < 1000),
				-- thousandths of the lifetime; NULL: the rule
	certificate_id @int REFERENCES certificates (id),
						-- its last; NULL: none yet
	due_at @int NOT NULL,
	due_by @int NOT NULL,			-- what ends first goes first
	due_rule @text NOT NULL CHECK (due_rule IN
	    ('first', 'window', 'lifetime', 'part', 'revoked')),
	created @int NOT NULL,
	UNIQUE (fqdn_set_id, upstream_account_id)
) @strict;
CREATE INDEX renewal_configurations_due
    ON renewal_configurations (due_at, id) WHERE active = 1;
CREATE INDEX renewal_configurations_account
    ON renewal_configurations (upstream_account_id, id);
CREATE INDEX renewal_configurations_certificate
    ON renewal_configurations (certificate_id, id)
    WHERE certificate_id IS NOT NULL;

-- For which of them an order was made; NULL: somebody asked for it.
ALTER TABLE upstream_orders ADD COLUMN renewal_configuration_id @int
    REFERENCES renewal_configurations (id) ON DELETE SET NULL;
CREATE INDEX upstream_orders_renewal_configuration
    ON upstream_orders (renewal_configuration_id, id)
    WHERE renewal_configuration_id IS NOT NULL;

-- What is due, until it is done.
CREATE TABLE renewal_queue (
	id @number,
	renewal_configuration_id @int NOT NULL UNIQUE
	    REFERENCES renewal_configurations (id) ON DELETE CASCADE,
	upstream_account_id @int NOT NULL REFERENCES upstream_accounts (id),
	why @text NOT NULL CHECK (why IN
	    ('first', 'window', 'lifetime', 'part', 'revoked', 'asked')),
	status @text NOT NULL CHECK (status IN ('waiting', 'parked')),
	added @int NOT NULL,
	window_end @int NOT NULL,		-- due_by of then
	retry_at @int NOT NULL DEFAULT 0,	-- not before
	attempts @int NOT NULL DEFAULT 0,	-- that failed, one after the other
	failing_since @int,			-- the first of them
	lease_until @int NOT NULL DEFAULT 0,	-- a process works on it until then
	lease @int NOT NULL DEFAULT 0,		-- grows with each taker
	upstream_order_id @int
	    REFERENCES upstream_orders (id) ON DELETE SET NULL,
	cause @text,				-- client/cause.h, of the last failure
	error @text				-- one line
) @strict;
CREATE INDEX renewal_queue_waiting
    ON renewal_queue (upstream_account_id, window_end, id)
    WHERE status = 'waiting';
CREATE INDEX renewal_queue_window ON renewal_queue (window_end, id);
CREATE INDEX renewal_queue_order ON renewal_queue (upstream_order_id)
    WHERE upstream_order_id IS NOT NULL;
