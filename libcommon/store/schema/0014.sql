-- Why nothing is deployed to a target, however much is pending: what it is for is
-- not there.
ALTER TABLE deploy_targets ADD COLUMN resting @text;
ALTER TABLE deploy_targets ADD COLUMN resting_since @int;
