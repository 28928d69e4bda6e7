-- Client certificates, which a front has seen, are in the place of a token.
ALTER TABLE admin_tokens ADD COLUMN kind @text NOT NULL DEFAULT 'token'
	CHECK (kind IN ('token', 'certificate'));	-- then sha256 is of its DER
CREATE INDEX admin_tokens_certificate ON admin_tokens (sha256, id)
	WHERE kind = 'certificate';
