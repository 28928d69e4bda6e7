-- Orders for which a CA is being asked, by any process: what its limits are
-- counted by as well, until the answer is stored.
ALTER TABLE upstream_orders ADD COLUMN asked @int NOT NULL DEFAULT 0;
						-- newOrder, and no answer yet
CREATE INDEX upstream_orders_asked ON upstream_orders (upstream_account_id, id)
    WHERE asked > 0;
