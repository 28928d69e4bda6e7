-- Which account at another CA a certificate belongs to: the one that has ordered
-- it, or that its former client had.
ALTER TABLE certificates ADD COLUMN upstream_account_id @int
    REFERENCES upstream_accounts (id);
UPDATE certificates SET upstream_account_id =
    (SELECT o.upstream_account_id FROM upstream_orders o
	WHERE o.certificate_id = certificates.id ORDER BY o.id DESC LIMIT 1)
    WHERE id IN (SELECT o.certificate_id FROM upstream_orders o);
UPDATE certificates SET upstream_account_id =
    (SELECT l.upstream_account_id FROM lineages l
	WHERE l.fqdn_set_id = certificates.fqdn_set_id
	AND l.upstream_account_id IS NOT NULL ORDER BY l.id DESC LIMIT 1)
    WHERE source = 'import' AND upstream_account_id IS NULL
    AND fqdn_set_id IN (SELECT l.fqdn_set_id FROM lineages l);
CREATE INDEX certificates_upstream_account
    ON certificates (upstream_account_id, not_after, id)
    WHERE upstream_account_id IS NOT NULL;
