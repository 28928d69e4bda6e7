-- What is counted of what was sent to CAs.

-- Orders for which a CA is being asked, by any process: what its limits are
-- counted by as well, until the answer is stored.
ALTER TABLE upstream_orders ADD COLUMN asked @int NOT NULL DEFAULT 0;
						-- newOrder, and no answer yet
CREATE INDEX upstream_orders_asked ON upstream_orders (upstream_account_id, id)
    WHERE asked > 0;

-- Looks at renewal information are most of all requests: those that brought
-- what was to be expected are folded into one row (store/purge.h).
ALTER TABLE upstream_requests ADD COLUMN requests @int NOT NULL DEFAULT 1;
CREATE INDEX upstream_requests_looks ON upstream_requests (at, id)
    WHERE endpoint = 'renewalInfo' AND status = 200 AND requests = 1;
