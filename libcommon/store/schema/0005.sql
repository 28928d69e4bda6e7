-- What limits of CAs are counted by, and authorizations are looked for by.

-- The registered domains, or the networks, that the names of an order are in,
-- each once.
CREATE TABLE upstream_order_domains (
	registered @text NOT NULL,
	upstream_order_id @int NOT NULL
	    REFERENCES upstream_orders (id) ON DELETE CASCADE,
	PRIMARY KEY (registered, upstream_order_id)
) @keyed;
CREATE INDEX upstream_order_domains_order
    ON upstream_order_domains (upstream_order_id, registered);

-- To remove one that was tried again.
CREATE INDEX upstream_orders_retry_of ON upstream_orders (retry_of_id)
    WHERE retry_of_id IS NOT NULL;

-- When it became invalid, by what the CA said.
ALTER TABLE upstream_authorizations ADD COLUMN failed @int;
CREATE INDEX upstream_authorizations_account
    ON upstream_authorizations (upstream_account_id, id);
CREATE INDEX upstream_authorizations_failed
    ON upstream_authorizations (domain_id, failed) WHERE failed IS NOT NULL;

-- What another client renewed with an account.
CREATE INDEX lineages_upstream_account ON lineages (upstream_account_id, id)
    WHERE upstream_account_id IS NOT NULL;
