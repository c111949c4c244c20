CREATE TABLE policies (
  id text PRIMARY KEY,
  policy jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint
CREATE INDEX renders_unsealed ON renders (created_at) WHERE sealed_at IS NULL AND state = 'active';
--> statement-breakpoint
ALTER TABLE leases ADD COLUMN failed_on jsonb NOT NULL DEFAULT '{}';
