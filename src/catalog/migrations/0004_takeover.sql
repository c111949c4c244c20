ALTER TABLE leases ADD COLUMN playhead integer NOT NULL DEFAULT 0;
--> statement-breakpoint
ALTER TABLE leases ADD COLUMN watched boolean NOT NULL DEFAULT false;
--> statement-breakpoint
CREATE INDEX leases_watched ON leases (expires_at) WHERE watched;
