-- A certificate that begins after it came to the store is found when it does.
CREATE INDEX certificates_to_begin ON certificates (not_before)
	WHERE not_before > created;
