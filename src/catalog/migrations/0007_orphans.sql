CREATE TABLE orphans (
  key text PRIMARY KEY,
  bytes bigint NOT NULL,
  first_seen timestamptz NOT NULL,
  last_seen timestamptz NOT NULL
);
--> statement-breakpoint
CREATE TABLE sweeps (
  what text PRIMARY KEY,
  node_id text NOT NULL,
  epoch bigint NOT NULL,
  expires_at timestamptz NOT NULL,
  finished_at timestamptz,
  report jsonb
);
--> statement-breakpoint
CREATE TABLE deployment (
  id text PRIMARY KEY
);
--> statement-breakpoint
INSERT INTO deployment (id) VALUES (gen_random_uuid()::text);
