-- Who may use the admin interface by a token, and who has guessed at one.
CREATE TABLE admin_tokens (
	id @id,
	token_id @text NOT NULL UNIQUE,
	status @text NOT NULL CHECK (status IN ('valid', 'revoked')),
	scopes @text NOT NULL,			-- as "read+keys"
	sha256 @blob NOT NULL CHECK (length(sha256) = 32),	-- of the secret
	created @int NOT NULL,
	expires @int,				-- NULL: never
	note @text
) @strict;

-- Wrong ones of a while, by the token that was meant or else by the address.
CREATE TABLE admin_guesses (
	who @text PRIMARY KEY,
	began @int NOT NULL,
	wrong @int NOT NULL
) @keyed;
CREATE INDEX admin_guesses_began ON admin_guesses (began);
