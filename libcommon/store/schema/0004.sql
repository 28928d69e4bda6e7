-- The client half: orders at other CAs, and the answers to their challenges;
-- and what our own server knows of renewals and of accounts that are bound.

-- ---- our own server -----------------------------------------------------------

-- Who may register: external account binding (RFC 8555 7.3.4).
CREATE TABLE eab_keys (
	id @id,
	key_id @text NOT NULL UNIQUE,
	status @text NOT NULL CHECK (status IN ('valid', 'revoked')),
	uses_left @int,				-- accounts; NULL: any number
	created @int NOT NULL,
	expires @int,				-- NULL: never
	note @text,
	sealed @int NOT NULL CHECK (sealed IN (0, 1)),
	secret @blob NOT NULL			-- sealed, bound to the key_id
) @strict;
ALTER TABLE accounts ADD COLUMN eab_key_id @int REFERENCES eab_keys (id);
ALTER TABLE accounts ADD COLUMN eab @text;	-- the JWS, as the client sent it
CREATE INDEX accounts_eab_key ON accounts (eab_key_id, id)
    WHERE eab_key_id IS NOT NULL;

CREATE INDEX eab_keys_status ON eab_keys (status, id);

-- Renewal information (RFC 9773): which certificate an order replaces, and a
-- window that was set by hand.
ALTER TABLE orders ADD COLUMN replaces_id @int REFERENCES certificates (id);
ALTER TABLE orders ADD COLUMN replaces @text;	-- as the client spelt it
CREATE INDEX orders_replaces ON orders (replaces_id, id)
    WHERE replaces_id IS NOT NULL;
ALTER TABLE certificates ADD COLUMN renew_start @int;
ALTER TABLE certificates ADD COLUMN renew_end @int;

-- ---- other CAs ----------------------------------------------------------------

-- CAs by name, and the directory that each of them had last.
CREATE TABLE upstream_cas (
	id @id,
	name @text NOT NULL UNIQUE,
	directory_url @text NOT NULL UNIQUE,
	trust @text,				-- PEM of its own root, or NULL
	directory @text,			-- JSON; NULL: not fetched yet
	fetched @int NOT NULL DEFAULT 0,
	retry_at @int NOT NULL DEFAULT 0,	-- nothing is sent before
	register_at @int NOT NULL DEFAULT 0	-- no newAccount before
) @strict;
-- Each directory that was another than the one before.
CREATE TABLE upstream_directories (
	id @id,
	upstream_ca_id @int NOT NULL REFERENCES upstream_cas (id),
	at @int NOT NULL,
	directory @text NOT NULL
) @strict;
CREATE INDEX upstream_directories_ca
    ON upstream_directories (upstream_ca_id, id);

ALTER TABLE upstream_accounts ADD COLUMN terms_agreed @text;	-- their URL
ALTER TABLE upstream_accounts ADD COLUMN terms_agreed_at @int;
ALTER TABLE upstream_accounts ADD COLUMN eab_key_id @text;
ALTER TABLE upstream_accounts ADD COLUMN is_default @int NOT NULL DEFAULT 0
    CHECK (is_default IN (0, 1));		-- at its CA
ALTER TABLE upstream_accounts ADD COLUMN certificate_key_type @text;
ALTER TABLE upstream_accounts ADD COLUMN certificate_key_cycle @text;
ALTER TABLE upstream_accounts ADD COLUMN retry_at @int NOT NULL DEFAULT 0;
						-- no newOrder before
-- The key that a change of keys (RFC 8555 7.3.5) has begun with.
ALTER TABLE upstream_accounts ADD COLUMN next_spki_sha256 @blob;
ALTER TABLE upstream_accounts ADD COLUMN next_type @text;
ALTER TABLE upstream_accounts ADD COLUMN next_sealed @int;
ALTER TABLE upstream_accounts ADD COLUMN next_der @blob;
CREATE INDEX upstream_accounts_directory
    ON upstream_accounts (directory_url, id);
CREATE INDEX upstream_accounts_url ON upstream_accounts (url)
    WHERE url IS NOT NULL;

-- What we asked for.  A row is there before the request is sent.
CREATE TABLE upstream_orders (
	id @id,
	upstream_account_id @int NOT NULL REFERENCES upstream_accounts (id),
	fqdn_set_id @int NOT NULL REFERENCES fqdn_sets (id),
	status @text NOT NULL CHECK (status IN ('new', 'pending', 'ready',
	    'processing', 'issued', 'valid', 'invalid', 'gone', 'cancelled')),
	url @text UNIQUE,			-- NULL while it is new
	finalize_url @text,
	certificate_url @text,
	alternates @text,			-- URLs of chains to fetch, a line each
	created @int NOT NULL,
	expires @int,
	retry_at @int NOT NULL DEFAULT 0,	-- no request before
	attempts @int NOT NULL DEFAULT 0,	-- since something has changed
	lease_until @int NOT NULL DEFAULT 0,	-- a process works on it until then
	lease @int NOT NULL DEFAULT 0,		-- grows with each taker
	policy @text NOT NULL,			-- JSON: challenges, key, chain
	profile @text,
	not_before @int,			-- as we ask
	not_after @int,
	replaces_id @int REFERENCES certificates (id),
	private_key_id @int REFERENCES private_keys (id),
	certificate_request_id @int REFERENCES certificate_requests (id),
	certificate_id @int REFERENCES certificates (id),
	cause @text,				-- client/cause.h, when it failed
	error @text,				-- one line
	retry_of_id @int REFERENCES upstream_orders (id),
	CHECK (status = 'new' OR url IS NOT NULL OR
	    status IN ('invalid', 'gone', 'cancelled')),
	CHECK ((status = 'valid') = (certificate_id IS NOT NULL))
) @strict;
CREATE INDEX upstream_orders_status ON upstream_orders (status, id);
CREATE INDEX upstream_orders_account
    ON upstream_orders (upstream_account_id, id);
CREATE INDEX upstream_orders_fqdn_set ON upstream_orders (fqdn_set_id, id);
CREATE INDEX upstream_orders_certificate
    ON upstream_orders (certificate_id, id) WHERE certificate_id IS NOT NULL;
CREATE INDEX upstream_orders_replaces
    ON upstream_orders (replaces_id, id) WHERE replaces_id IS NOT NULL;

CREATE TABLE upstream_authorizations (
	id @id,
	upstream_account_id @int NOT NULL REFERENCES upstream_accounts (id),
	url @text NOT NULL UNIQUE,
	status @text NOT NULL CHECK (status IN ('unknown', 'pending', 'valid',
	    'invalid', 'deactivated', 'expired', 'revoked', 'gone')),
	domain_id @int REFERENCES domains (id),	-- NULL while it is unknown;
						-- with "*." for a wildcard
	expires @int,
	retry_at @int NOT NULL DEFAULT 0,
	attempts @int NOT NULL DEFAULT 0
) @strict;
CREATE INDEX upstream_authorizations_status
    ON upstream_authorizations (status, id);
CREATE INDEX upstream_authorizations_domain
    ON upstream_authorizations (domain_id, id);
CREATE TABLE upstream_order_authorizations (
	upstream_order_id @int NOT NULL
	    REFERENCES upstream_orders (id) ON DELETE CASCADE,
	position @int NOT NULL,
	upstream_authorization_id @int NOT NULL
	    REFERENCES upstream_authorizations (id),
	PRIMARY KEY (upstream_order_id, position)
) @keyed;
CREATE INDEX upstream_order_authorizations_authorization
    ON upstream_order_authorizations (upstream_authorization_id);

CREATE TABLE upstream_challenges (
	id @id,
	upstream_authorization_id @int NOT NULL
	    REFERENCES upstream_authorizations (id) ON DELETE CASCADE,
	type @text NOT NULL,			-- also of types that are not ours
	url @text NOT NULL,
	token @text NOT NULL,
	status @text NOT NULL CHECK (status IN
	    ('pending', 'processing', 'valid', 'invalid', 'gone')),
	-- how far we are: "placing" before a solver is called, "placed" after
	-- it, "checked" when it can be seen, "triggered" when the CA was told
	place @text NOT NULL DEFAULT 'none' CHECK (place IN
	    ('none', 'placing', 'placed', 'checked', 'triggered')),
	solver @text,				-- who has it in place, or NULL
	error @text,
	CHECK ((place = 'none') = (solver IS NULL)),
	UNIQUE (upstream_authorization_id, type)
) @strict;

-- What http-01 is answered with, also for orders of other tools.
CREATE TABLE challenge_answers (
	token @text PRIMARY KEY,
	key_authorization @text NOT NULL,
	host @text,				-- NULL: any
	upstream_challenge_id @int
	    REFERENCES upstream_challenges (id) ON DELETE CASCADE,
	created @int NOT NULL,
	expires @int NOT NULL
) @keyed;
CREATE INDEX challenge_answers_expires ON challenge_answers (expires);
CREATE INDEX challenge_answers_challenge
    ON challenge_answers (upstream_challenge_id)
    WHERE upstream_challenge_id IS NOT NULL;
-- Who asked; the oldest rows make room.
CREATE TABLE challenge_requests (
	id @id,
	at @int NOT NULL,
	token @text NOT NULL,
	host @text NOT NULL,
	address @text NOT NULL,
	answered @int NOT NULL CHECK (answered IN (0, 1))
) @strict;
CREATE INDEX challenge_requests_token ON challenge_requests (token, id);
CREATE INDEX challenge_requests_answered ON challenge_requests (answered, id);

-- Every request that was sent to a CA.  As events: ids grow with time.
CREATE TABLE upstream_requests (
	id @id,
	at @int NOT NULL,
	request_id @text NOT NULL,
	upstream_ca_id @int NOT NULL REFERENCES upstream_cas (id),
	upstream_account_id @int REFERENCES upstream_accounts (id),
	upstream_order_id @int
	    REFERENCES upstream_orders (id) ON DELETE CASCADE,
	endpoint @text NOT NULL,		-- newOrder, finalize ...
	status @int NOT NULL,			-- HTTP's; 0: no answer
	error_type @text,
	retry_after @int,			-- seconds
	duration_ms @int NOT NULL
) @strict;
CREATE INDEX upstream_requests_account
    ON upstream_requests (upstream_account_id, endpoint, id);
CREATE INDEX upstream_requests_ca
    ON upstream_requests (upstream_ca_id, endpoint, id);
CREATE INDEX upstream_requests_order
    ON upstream_requests (upstream_order_id, id)
    WHERE upstream_order_id IS NOT NULL;

-- What a CA says of when a certificate should be renewed (RFC 9773).
CREATE TABLE renewal_infos (
	certificate_id @int PRIMARY KEY
	    REFERENCES certificates (id) ON DELETE CASCADE,
	upstream_ca_id @int NOT NULL REFERENCES upstream_cas (id),
	window_start @int NOT NULL,		-- 0: it has not said yet
	window_end @int NOT NULL,
	chosen @int NOT NULL,			-- a moment in it, once and for all
	explanation_url @text,
	fetched @int NOT NULL,			-- 0: never
	retry_at @int NOT NULL			-- ask then
) @keyed;
CREATE INDEX renewal_infos_retry
    ON renewal_infos (upstream_ca_id, retry_at, certificate_id);

-- Our accounts at acme-dns servers, one per name.
CREATE TABLE acme_dns_accounts (
	id @id,
	server_url @text NOT NULL,
	domain_id @int NOT NULL REFERENCES domains (id),
	fulldomain @text NOT NULL,
	subdomain @text NOT NULL,
	username @text NOT NULL,
	username_sha256 @blob NOT NULL,
	sealed @int NOT NULL CHECK (sealed IN (0, 1)),
	password @blob NOT NULL,		-- sealed, bound to the username
	created @int NOT NULL,
	UNIQUE (domain_id, server_url)
) @strict;

-- ---- certificates --------------------------------------------------------------

-- Names that end with a dot, and commonNames: they are found out anew.
UPDATE certificates SET fqdn_set_id = NULL WHERE fqdn_set_id IN (
    SELECT s.id FROM fqdn_sets s WHERE s.size = 0 OR EXISTS (
	SELECT 1 FROM fqdn_set_members m JOIN domains d ON d.id = m.domain_id
	WHERE m.fqdn_set_id = s.id AND d.value LIKE '%.'));
UPDATE domains SET latest_single_id = NULL, latest_multi_id = NULL
    WHERE value LIKE '%.';
