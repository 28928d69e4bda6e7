-- CA certificates of which not all chains are there yet that they make for what
-- came before them: the import that brought them was cut short.
ALTER TABLE ca_certificates ADD COLUMN spread @int NOT NULL DEFAULT 1
    CHECK (spread IN (0, 1));
CREATE INDEX ca_certificates_spread ON ca_certificates (id) WHERE spread = 0;
