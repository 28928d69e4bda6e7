-- Finished orders, as a server leaves them as long as their certificates are
-- valid: each with its name, a valid authorization, three challenges, a
-- certificate and five events, by 10000 accounts, over the last 90 days.  What
-- a certificate and its hash hold are random bytes of the usual number.  One
-- order must have been finished in the store: the chain is taken from it.
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -2000000;

CREATE TEMP TABLE base AS SELECT
	unixepoch() AS now,
	90 * 86400 AS life,
	(SELECT max(id) FROM accounts) AS account,
	(SELECT max(id) FROM orders) AS o,
	(SELECT max(id) FROM authorizations) AS authorization,
	(SELECT max(id) FROM challenges) AS challenge,
	(SELECT max(id) FROM certificates) AS certificate,
	(SELECT max(id) FROM events) AS event,
	(SELECT max(id) FROM domains) AS domain,
	(SELECT max(id) FROM fqdn_sets) AS fqdn_set,
	(SELECT issuer_id FROM certificates WHERE source = 'acme') AS issuer,
	(SELECT chain_id FROM orders WHERE chain_id IS NOT NULL) AS chain,
	(SELECT aki FROM certificates WHERE source = 'acme') AS aki;

-- n counts from 1; when it was made; its name.
CREATE TEMP TABLE new AS
    SELECT value AS n, now - life + value * life / :orders AS made,
	'n' || value || '.' || lower(hex(randomblob(5))) || '.bench.test' AS name,
	account + 1 + value % 10000 AS owner
    FROM base, generate_series(1, :orders);

INSERT INTO accounts (id, url_id, status, thumbprint, jwk, contacts,
	terms_agreed_at, created)
    SELECT account + value, hex(randomblob(11)), 'valid',
	hex(randomblob(21)) || 'A',
	'{"crv":"P-256","kty":"EC","x":"' || hex(randomblob(21)) ||
	'A","y":"' || hex(randomblob(21)) || 'A"}', '[]', now - life, now - life
    FROM base, generate_series(1, 10000);

INSERT INTO domains (id, type, value, active, created, latest_single_id)
    SELECT domain + n, 'dns', name, 1, made, certificate + n FROM base, new;
INSERT INTO fqdn_sets (id, sha256, size, created)
    SELECT fqdn_set + n, randomblob(32), 1, made FROM base, new;
INSERT INTO fqdn_set_members (fqdn_set_id, domain_id)
    SELECT fqdn_set + n, domain + n FROM base, new;
INSERT INTO certificates (id, sha256, serial, not_before, not_after, der,
	spki_sha256, aki, account_id, source, created, status, sha1, issuer_id,
	fqdn_set_id)
    SELECT certificate + n, randomblob(32), lower(hex(randomblob(16))),
	made - 3600, made + life, randomblob(460), randomblob(32), aki, owner,
	'acme', made, 'valid', randomblob(20), issuer, fqdn_set + n
    FROM base, new;
INSERT INTO certificate_chains (certificate_id, chain_id, is_default)
    SELECT certificate + n, chain, 1 FROM base, new;

INSERT INTO orders (id, url_id, account_id, status, created, expires,
	keep_until, processing_since, certificate_id, chain_id)
    SELECT o + n, hex(randomblob(11)), owner, 'valid', made, made + 604800,
	made + life, made, certificate + n, chain
    FROM base, new;
INSERT INTO authorizations (id, url_id, account_id, status, type, value,
	wildcard, created, expires)
    SELECT authorization + n, hex(randomblob(11)), owner, 'valid', 'dns', name,
	0, made, made + 604800
    FROM base, new;
INSERT INTO identifiers (order_id, position, type, value, authorization_id)
    SELECT o + n, 0, 'dns', name, authorization + n FROM base, new;
INSERT INTO challenges (id, authorization_id, type, status, token, validated,
	address)
    SELECT challenge + 3 * n - k, authorization + n, type, status,
	hex(randomblob(21)) || 'A', iif(status = 'valid', made, NULL),
	iif(status = 'valid', '127.0.0.1', NULL)
    FROM base, new, (SELECT 2 AS k, 'http-01' AS type, 'valid' AS status
	UNION ALL VALUES (1, 'dns-01', 'pending'), (0, 'tls-alpn-01', 'pending'));

INSERT INTO events (id, at, request_id, actor, action, object_type, object_id,
	detail)
    SELECT event + 5 * n - k, made, lower(hex(randomblob(6))) || '-' || n % 100,
	'account/' || hex(randomblob(11)), action, type,
	iif(type = 'order', o + n, challenge + 3 * n - 2),
	iif(action = 'order.create', hex(randomblob(11)) || ' ' || name, NULL)
    FROM base, new, (SELECT 4 AS k, 'order.create' AS action, 'order' AS type
	UNION ALL VALUES (3, 'challenge.start', 'challenge'),
	(2, 'challenge.valid', 'challenge'), (1, 'order.start', 'order'),
	(0, 'order.valid', 'order'));

PRAGMA journal_mode = WAL;
