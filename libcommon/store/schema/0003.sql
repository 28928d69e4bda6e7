-- The manager half: names and sets of names, what is known of CAs, requests,
-- accounts at other CAs.  What a certificate held in certificate_names is read
-- from its DER anew (certificate_fill).

-- Names, each once: a DNS name in lower case and A-labels, with "*." if there
-- is one, or an IP address.
CREATE TABLE domains (
	id @id,
	type @text NOT NULL CHECK (type IN ('dns', 'ip')),
	value @text NOT NULL UNIQUE,
	active @int NOT NULL CHECK (active IN (0, 1)),
	created @int NOT NULL,
	-- of the active certificates with this name alone, and of those with
	-- others too, the one whose notAfter is the latest
	latest_single_id @int,
	latest_multi_id @int
) @strict;

-- What a certificate belongs to: a set of names; two equal sets are one row.
CREATE TABLE fqdn_sets (
	id @id,
	sha256 @blob NOT NULL UNIQUE,		-- see store/fqdn_set.h
	size @int NOT NULL,
	created @int NOT NULL
) @strict;
CREATE TABLE fqdn_set_members (
	fqdn_set_id @int NOT NULL REFERENCES fqdn_sets (id),
	domain_id @int NOT NULL REFERENCES domains (id),
	PRIMARY KEY (fqdn_set_id, domain_id)
) @keyed;
CREATE INDEX fqdn_set_members_domain
    ON fqdn_set_members (domain_id, fqdn_set_id);

-- Who signs: the issuer's name of certificates, each once.
CREATE TABLE issuers (
	id @id,
	sha256 @blob NOT NULL UNIQUE,		-- of the DER of the name
	name @text NOT NULL			-- RFC 2253
) @strict;

DROP TABLE certificate_names;
ALTER TABLE certificates ADD COLUMN sha1 @blob;
ALTER TABLE certificates ADD COLUMN issuer_id @int REFERENCES issuers (id);
ALTER TABLE certificates ADD COLUMN fqdn_set_id @int REFERENCES fqdn_sets (id);
ALTER TABLE certificates ADD COLUMN active @int NOT NULL DEFAULT 1
    CHECK (active IN (0, 1));			-- 0: deactivated
ALTER TABLE certificates ADD COLUMN auto_renew @int NOT NULL DEFAULT 0
    CHECK (auto_renew IN (0, 1));
ALTER TABLE certificates ADD COLUMN key_type @text;	-- p256, rsa2048 and so on
CREATE INDEX certificates_sha1 ON certificates (sha1);
CREATE INDEX certificates_serial ON certificates (serial);
CREATE INDEX certificates_spki ON certificates (spki_sha256);
-- What lists go by: the end, and the id where two end together.
DROP INDEX certificates_not_after;
CREATE INDEX certificates_not_after ON certificates (not_after, id);
CREATE INDEX certificates_active ON certificates (not_after, id)
    WHERE active = 1 AND status = 'valid';
CREATE INDEX certificates_deactivated ON certificates (not_after, id)
    WHERE active = 0 AND status = 'valid';
CREATE INDEX certificates_all_revoked ON certificates (not_after, id)
    WHERE status = 'revoked';
CREATE INDEX certificates_issuer ON certificates (issuer_id, not_after, id);
CREATE INDEX certificates_account ON certificates (account_id, not_after, id)
    WHERE account_id IS NOT NULL;
CREATE INDEX certificates_fqdn_set
    ON certificates (fqdn_set_id, not_after, id);
CREATE INDEX orders_certificate ON orders (certificate_id, id)
    WHERE certificate_id IS NOT NULL;

ALTER TABLE ca_certificates ADD COLUMN sha1 @blob;
ALTER TABLE ca_certificates ADD COLUMN subject_sha256 @blob;	-- as issuers
ALTER TABLE ca_certificates ADD COLUMN issuer_id @int REFERENCES issuers (id);
ALTER TABLE ca_certificates ADD COLUMN not_before @int;
ALTER TABLE ca_certificates ADD COLUMN trusted @int NOT NULL DEFAULT 0
    CHECK (trusted IN (0, 1));			-- a root that is relied on
ALTER TABLE ca_certificates ADD COLUMN source @text NOT NULL DEFAULT 'chain';
ALTER TABLE ca_certificates ADD COLUMN created @int NOT NULL DEFAULT 0;
CREATE INDEX ca_certificates_sha1 ON ca_certificates (sha1);
CREATE INDEX ca_certificates_subject ON ca_certificates (subject_sha256);
CREATE INDEX ca_certificates_issuer ON ca_certificates (issuer_id, id);
CREATE INDEX chain_members_ca
    ON chain_members (ca_certificate_id, chain_id);
CREATE INDEX certificate_chains_chain
    ON certificate_chains (chain_id, certificate_id);

-- Which issuers make a chain the default one, the most wanted first.
CREATE TABLE ca_preferences (
	position @int PRIMARY KEY,
	ca_certificate_id @int NOT NULL UNIQUE REFERENCES ca_certificates (id)
) @keyed;

-- What was asked of a CA (RFC 2986), each once.
CREATE TABLE certificate_requests (
	id @id,
	sha256 @blob NOT NULL UNIQUE,		-- of the DER
	der @blob NOT NULL,
	spki_sha256 @blob NOT NULL,
	fqdn_set_id @int NOT NULL REFERENCES fqdn_sets (id),
	source @text NOT NULL,
	created @int NOT NULL
) @strict;
CREATE INDEX certificate_requests_spki
    ON certificate_requests (spki_sha256, id);
CREATE INDEX certificate_requests_fqdn_set
    ON certificate_requests (fqdn_set_id, id);

-- Our accounts at other CAs.  A key belongs to one account at one CA.
CREATE TABLE upstream_accounts (
	id @id,
	directory_url @text NOT NULL,		-- '': nobody knows
	url @text,				-- the kid; NULL: not known yet
	contacts @text NOT NULL,		-- JSON array of URLs
	status @text NOT NULL CHECK (status IN ('valid', 'deactivated')),
	source @text NOT NULL,
	created @int NOT NULL,
	data @text,				-- as the other client had it
	spki_sha256 @blob NOT NULL UNIQUE,
	type @text NOT NULL,			-- of the key
	sealed @int NOT NULL CHECK (sealed IN (0, 1)),
	der @blob NOT NULL			-- PKCS#8, as in private_keys
) @strict;

-- How another client renewed a set of names: kept as data.
CREATE TABLE lineages (
	id @id,
	source @text NOT NULL,			-- certbot, lego ...
	name @text NOT NULL,			-- in that client's words
	fqdn_set_id @int NOT NULL REFERENCES fqdn_sets (id),
	upstream_account_id @int REFERENCES upstream_accounts (id),
	settings @text NOT NULL,		-- JSON
	created @int NOT NULL,
	UNIQUE (source, name, fqdn_set_id)
) @strict;
CREATE INDEX lineages_fqdn_set ON lineages (fqdn_set_id, id);

-- What a private key was made for: a cycle gives the same key to all of one
-- scope in one period (store/key_cycle.h).  A key of the pool waits for its
-- use.
ALTER TABLE private_keys ADD COLUMN pooled @int NOT NULL DEFAULT 0
    CHECK (pooled IN (0, 1));
ALTER TABLE private_keys ADD COLUMN cycle @text;
ALTER TABLE private_keys ADD COLUMN scope @text;
ALTER TABLE private_keys ADD COLUMN period @text;
CREATE INDEX private_keys_pool ON private_keys (type, id) WHERE pooled = 1;
CREATE INDEX private_keys_cycle ON private_keys (cycle, scope, period, id)
    WHERE cycle IS NOT NULL;
CREATE INDEX private_keys_clear ON private_keys (id) WHERE sealed = 0;
