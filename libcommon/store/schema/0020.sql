-- A certificate that begins after it came to the store is found when it does.
CREATE INDEX certificates_to_begin ON certificates (not_before)
	WHERE not_before > created;

-- The names that a wildcard serves besides: what is left without the first label.
CREATE INDEX domains_below ON domains
	(ltrim(value, 'abcdefghijklmnopqrstuvwxyz0123456789-_*'));
