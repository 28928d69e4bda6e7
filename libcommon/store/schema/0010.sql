-- Spares: a second configuration for the same names, at another CA.

-- For whose certificate that of this one is kept ready: it is not active.
ALTER TABLE renewal_configurations ADD COLUMN backup_of_id @int
    REFERENCES renewal_configurations (id);
CREATE UNIQUE INDEX renewal_configurations_backup
    ON renewal_configurations (backup_of_id) WHERE backup_of_id IS NOT NULL;
