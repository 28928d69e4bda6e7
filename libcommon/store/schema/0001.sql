-- The server half: accounts to certificates, the queue, the log.
-- Times are seconds since 1970, UTC.  A url_id is the 22 characters by which a
-- client knows the object.  What a status means, and who may change it, is in
-- acmed(7), STATES.  Constraints here are the last line: no transaction of
-- store/ may run into one.

-- Who may order: one row per account key that was ever registered.
CREATE TABLE accounts (
	id @id,
	url_id @text NOT NULL UNIQUE,
	status @text NOT NULL
	    CHECK (status IN ('valid', 'deactivated', 'revoked')),
	thumbprint @text NOT NULL UNIQUE,	-- RFC 7638, SHA-256, base64url
	jwk @text NOT NULL,			-- the public key, JSON
	contacts @text NOT NULL,		-- JSON array of URLs
	terms_agreed_at @int,
	created @int NOT NULL
) @strict;
CREATE INDEX accounts_status ON accounts (status);

-- Certificates of CAs: what chains are made of.
CREATE TABLE ca_certificates (
	id @id,
	sha256 @blob NOT NULL UNIQUE,		-- of the DER
	der @blob NOT NULL,
	subject @text NOT NULL,			-- RFC 2253
	spki_sha256 @blob NOT NULL,
	ski @blob,				-- subject key identifier
	not_after @int NOT NULL
) @strict;

-- A chain is a sequence of CA certificates; two equal sequences are one row.
CREATE TABLE chains (
	id @id,
	sha256 @blob NOT NULL UNIQUE		-- of the members' sha256, joined
) @strict;
CREATE TABLE chain_members (
	chain_id @int NOT NULL REFERENCES chains (id) ON DELETE CASCADE,
	position @int NOT NULL,			-- 0 signed the leaf
	ca_certificate_id @int NOT NULL REFERENCES ca_certificates (id),
	PRIMARY KEY (chain_id, position)
) @keyed;

-- Certificates that we issued or took in.  They stay when their order goes.
CREATE TABLE certificates (
	id @id,
	sha256 @blob NOT NULL UNIQUE,		-- of the DER
	serial @text NOT NULL,			-- lower-case hex
	not_before @int NOT NULL,
	not_after @int NOT NULL,
	der @blob NOT NULL,
	spki_sha256 @blob NOT NULL,
	aki @blob,				-- authority key identifier
	account_id @int REFERENCES accounts (id),	-- who ordered it
	source @text NOT NULL,			-- acme, sign, tls
	created @int NOT NULL,
	status @text NOT NULL CHECK (status IN ('valid', 'revoked')),
	revoked_at @int,
	revocation_reason @int,			-- RFC 5280 5.3.1; NULL: none given
	CHECK ((status = 'revoked') = (revoked_at IS NOT NULL))
) @strict;
CREATE INDEX certificates_not_after ON certificates (not_after);
CREATE INDEX certificates_revoked ON certificates (aki, not_after)
    WHERE status = 'revoked';

-- The names in a certificate.
CREATE TABLE certificate_names (
	certificate_id @int NOT NULL
	    REFERENCES certificates (id) ON DELETE CASCADE,
	type @text NOT NULL CHECK (type IN ('dns', 'ip')),
	value @text NOT NULL,
	PRIMARY KEY (certificate_id, type, value)
) @keyed;

-- The chains a certificate can be served with.
CREATE TABLE certificate_chains (
	certificate_id @int NOT NULL
	    REFERENCES certificates (id) ON DELETE CASCADE,
	chain_id @int NOT NULL REFERENCES chains (id),
	is_default @int NOT NULL CHECK (is_default IN (0, 1)),
	PRIMARY KEY (certificate_id, chain_id)
) @keyed;

-- What was asked for.
CREATE TABLE orders (
	id @id,
	url_id @text NOT NULL UNIQUE,
	account_id @int NOT NULL REFERENCES accounts (id),
	status @text NOT NULL CHECK (status IN
	    ('pending', 'ready', 'processing', 'valid', 'invalid')),
	created @int NOT NULL,
	expires @int NOT NULL,			-- pending and ready until then
	keep_until @int NOT NULL,		-- purge does nothing before
	not_before @int,			-- as the client asked
	not_after @int,
	error @text,				-- problem document, JSON
	csr @blob,				-- DER, while processing
	processing_since @int,			-- when it was finalized last
	certificate_id @int REFERENCES certificates (id),
	chain_id @int REFERENCES chains (id),	-- the one it is served with
	CHECK ((status = 'processing') = (csr IS NOT NULL)),
	CHECK ((status = 'valid') = (certificate_id IS NOT NULL))
) @strict;
CREATE INDEX orders_account ON orders (account_id, id);
CREATE INDEX orders_status ON orders (status, keep_until);

-- The account's control of one name, proven or to be proven.
CREATE TABLE authorizations (
	id @id,
	url_id @text NOT NULL UNIQUE,
	account_id @int NOT NULL REFERENCES accounts (id),
	status @text NOT NULL CHECK (status IN ('pending', 'valid',
	    'invalid', 'deactivated', 'expired', 'revoked')),
	type @text NOT NULL CHECK (type IN ('dns', 'ip')),
	value @text NOT NULL,			-- without "*."
	wildcard @int NOT NULL CHECK (wildcard IN (0, 1)),
	created @int NOT NULL,
	expires @int NOT NULL			-- pending and valid until then
) @strict;
CREATE INDEX authorizations_account ON authorizations (account_id, value);

-- The names of an order, each with its authorization.
CREATE TABLE identifiers (
	order_id @int NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
	position @int NOT NULL,			-- as the client listed them
	type @text NOT NULL CHECK (type IN ('dns', 'ip')),
	value @text NOT NULL,			-- with "*."
	authorization_id @int NOT NULL REFERENCES authorizations (id),
	PRIMARY KEY (order_id, position)
) @keyed;
CREATE INDEX identifiers_authorization ON identifiers (authorization_id);

-- The ways to prove it; one is enough.
CREATE TABLE challenges (
	id @id,
	authorization_id @int NOT NULL
	    REFERENCES authorizations (id) ON DELETE CASCADE,
	type @text NOT NULL
	    CHECK (type IN ('http-01', 'dns-01', 'tls-alpn-01')),
	status @text NOT NULL
	    CHECK (status IN ('pending', 'processing', 'valid', 'invalid')),
	token @text NOT NULL,
	validated @int,
	error @text,				-- of the last attempt, JSON
	address @text,				-- what was connected to
	UNIQUE (authorization_id, type)
) @strict;

-- Work that is promised: a row as long as a challenge or order is processing.
-- A taker moves `due` to the end of its lease.
CREATE TABLE jobs (
	kind @text NOT NULL CHECK (kind IN ('validate', 'issue')),
	object_id @int NOT NULL,		-- a challenge, an order
	attempts @int NOT NULL,			-- that have ended
	due @int NOT NULL,
	request_id @text NOT NULL,		-- log id of the request
	PRIMARY KEY (kind, object_id)
) @keyed;
CREATE INDEX jobs_due ON jobs (kind, due);

-- Who did what to which object.  Rows are added, and removed by age.  Ids grow
-- with time, so a time is found by halving; an index would cost every
-- transaction a page.
CREATE TABLE events (
	id @id,
	at @int NOT NULL,
	request_id @text NOT NULL,
	actor @text NOT NULL,
	action @text NOT NULL,
	object_type @text NOT NULL,
	object_id @int NOT NULL,
	detail @text
) @strict;
CREATE INDEX events_object ON events (object_type, object_id);
