-- Which sealing key is the store's.  Until something is sealed there is none;
-- what was sealed before this table was there tells, if all of it agrees.
CREATE TABLE sealing_keys (
	setting @text PRIMARY KEY CHECK (setting IN
	    ('certificate_key_file', 'account_key_file', 'eab_key_file')),
	key_id @blob NOT NULL			-- public, wrap/seal.h
) @keyed;

INSERT INTO sealing_keys (setting, key_id)
    WITH used AS (SELECT DISTINCT substr(der, 2, 8) AS key_id
	FROM private_keys WHERE sealed = 1 AND length(der) > 37)
    SELECT 'certificate_key_file', key_id FROM used
    WHERE (SELECT count(*) FROM used) = 1;
INSERT INTO sealing_keys (setting, key_id)
    WITH used AS (SELECT substr(der, 2, 8) AS key_id
	FROM upstream_accounts WHERE sealed = 1 AND length(der) > 37
	UNION SELECT substr(next_der, 2, 8)
	FROM upstream_accounts WHERE next_sealed = 1 AND length(next_der) > 37
	UNION SELECT substr(password, 2, 8)
	FROM acme_dns_accounts WHERE sealed = 1 AND length(password) > 37)
    SELECT 'account_key_file', key_id FROM used
    WHERE (SELECT count(*) FROM used) = 1;
INSERT INTO sealing_keys (setting, key_id)
    WITH used AS (SELECT DISTINCT substr(secret, 2, 8) AS key_id
	FROM eab_keys WHERE sealed = 1 AND length(secret) > 37)
    SELECT 'eab_key_file', key_id FROM used
    WHERE (SELECT count(*) FROM used) = 1;
