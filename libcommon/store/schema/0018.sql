-- What is parked since a name is blocked or disabled is looked at when one is not
-- any more.
CREATE INDEX renewal_queue_blocked ON renewal_queue (retry_at)
    WHERE cause = 'blocked';
CREATE INDEX domain_queue_blocked ON domain_queue (retry_at)
    WHERE cause = 'blocked';
