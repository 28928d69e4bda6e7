-- Private keys of certificates.

CREATE TABLE private_keys (
	id @id,
	spki_sha256 @blob NOT NULL UNIQUE,	-- of the public key: the identity
	type @text NOT NULL,			-- p256, rsa2048 and so on
	status @text NOT NULL
	    CHECK (status IN ('active', 'retired', 'compromised')),
	source @text NOT NULL CHECK (source IN ('generated', 'imported')),
	created @int NOT NULL,
	sealed @int NOT NULL CHECK (sealed IN (0, 1)),
	der @blob NOT NULL			-- PKCS#8; sealed, bound to the identity
) @strict;
CREATE INDEX private_keys_status ON private_keys (status, id);
