-- Deploying: what serves each name, and which targets have it already.

-- What serves a name, as the targets were told last; NULL: nothing.
ALTER TABLE domains ADD COLUMN served_certificate_id @int;
ALTER TABLE domains ADD COLUMN served_chain_id @int;
ALTER TABLE domains ADD COLUMN served_until @int;	-- NULL: it is not valid
CREATE INDEX domains_served ON domains (served_certificate_id, id)
    WHERE served_certificate_id IS NOT NULL;
CREATE INDEX domains_served_until ON domains (served_until, id)
    WHERE served_until IS NOT NULL;

-- Sets of names that something else may serve than what the targets know.
-- Whatever may have changed that notes it here, in its own transaction, as long
-- as there are targets.
CREATE TABLE serving_changes (
	fqdn_set_id @int PRIMARY KEY,		-- 0: all names
	at @int NOT NULL,			-- not before
	revision @int NOT NULL			-- grows when it is noted again
) @keyed;
CREATE INDEX serving_changes_at ON serving_changes (at, fqdn_set_id);

-- The targets of the file of targets, as a run has found them there.
CREATE TABLE deploy_targets (
	id @number,
	name @text NOT NULL UNIQUE,
	kind @text NOT NULL,			-- jobs/deploy_kind.h
	rank @int NOT NULL,			-- lower ones come first
	settings @text NOT NULL,		-- as the file has them
	scope @text NOT NULL CHECK (scope IN ('all', 'some')),
	complete @int NOT NULL,			-- 0: what has changed is enough
	lease_until @int NOT NULL DEFAULT 0,	-- a process works on it until then
	lease @int NOT NULL DEFAULT 0,		-- grows with each taker
	created @int NOT NULL
) @strict;

-- Which sets of names a target with scope 'some' is for.
CREATE TABLE deploy_target_sets (
	deploy_target_id @int NOT NULL
	    REFERENCES deploy_targets (id) ON DELETE CASCADE,
	fqdn_set_id @int NOT NULL REFERENCES fqdn_sets (id),
	PRIMARY KEY (deploy_target_id, fqdn_set_id)
) @keyed;

-- A certificate that serves a name, for each target that it is for.
CREATE TABLE deployments (
	id @id,
	deploy_target_id @int NOT NULL
	    REFERENCES deploy_targets (id) ON DELETE CASCADE,
	certificate_id @int NOT NULL REFERENCES certificates (id),
	previous_id @int REFERENCES certificates (id),
				-- what the target had; NULL: nothing, or unknown
	status @text NOT NULL CHECK (status IN ('pending', 'failed', 'done')),
	revision @int NOT NULL DEFAULT 1,	-- grows when it is to be done anew
	since @int NOT NULL,			-- of the status
	retry_at @int NOT NULL DEFAULT 0,	-- not before
	attempts @int NOT NULL DEFAULT 0,	-- that failed, one after the other
	failing_since @int,			-- the first of them
	error @text,				-- one line
	UNIQUE (deploy_target_id, certificate_id)
) @strict;
CREATE INDEX deployments_open ON deployments (deploy_target_id, retry_at, id)
    WHERE status <> 'done';
CREATE INDEX deployments_certificate ON deployments (certificate_id, id);
CREATE INDEX deployments_previous ON deployments (previous_id)
    WHERE previous_id IS NOT NULL;

-- What somebody was told of last, so that it is said once, and when.
ALTER TABLE renewal_configurations ADD COLUMN told @text NOT NULL DEFAULT 'ok'
    CHECK (told IN ('ok', 'failing', 'urgent', 'expired', 'parked'));
ALTER TABLE renewal_configurations ADD COLUMN told_at @int NOT NULL DEFAULT 0;
CREATE INDEX renewal_configurations_told ON renewal_configurations (id)
    WHERE told <> 'ok';
ALTER TABLE deploy_targets ADD COLUMN told @text NOT NULL DEFAULT 'ok'
    CHECK (told IN ('ok', 'failing', 'urgent'));
ALTER TABLE deploy_targets ADD COLUMN told_at @int NOT NULL DEFAULT 0;

-- When a run last did all that was to be done.
CREATE TABLE runs (
	name @text PRIMARY KEY,			-- "renew-queue run"
	succeeded_at @int NOT NULL
) @keyed;

-- Certificates of which a CA has named more chains than were fetched.
CREATE INDEX upstream_orders_alternates
    ON upstream_orders (upstream_account_id, id)
    WHERE alternates IS NOT NULL;
