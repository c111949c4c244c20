ALTER TABLE leases ADD COLUMN playhead integer NOT NULL DEFAULT 0;
--> statement-breakpoint
ALTER TABLE leases ADD COLUMN watched_at timestamptz;
--> statement-breakpoint
CREATE INDEX leases_watched ON leases (watched_at) WHERE watched_at IS NOT NULL;
