-- Chains that nobody has offered with the certificate: they were put together
-- from the CA certificates that are here, and make way for longer ones.
ALTER TABLE certificate_chains ADD COLUMN found @int NOT NULL DEFAULT 0
    CHECK (found IN (0, 1));
