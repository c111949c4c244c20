CREATE TABLE policy_versions (
  version integer PRIMARY KEY,
  policy jsonb NOT NULL,
  author text NOT NULL,
  note text,
  created_at timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint
INSERT INTO policy_versions (version, policy, author, created_at)
  SELECT 1, policy, 'admin-token', updated_at FROM policies;
-- The old table stays for nodes of the version before, until they are replaced: what they read is the last policy that they knew.
--> statement-breakpoint
ALTER TABLE videos ADD COLUMN labels text[] NOT NULL DEFAULT '{}';
--> statement-breakpoint
ALTER TABLE renders
  ADD COLUMN made integer NOT NULL DEFAULT 0,
  ADD COLUMN cpu_seconds double precision NOT NULL DEFAULT 0,
  ADD COLUMN again_cpu_seconds double precision NOT NULL DEFAULT 0;
--> statement-breakpoint
CREATE TABLE demand (
  video_id text PRIMARY KEY REFERENCES videos (id),
  views bigint NOT NULL,
  viewers bigint NOT NULL,
  minutes_watched double precision NOT NULL,
  reach double precision[] NOT NULL,
  again bigint[] NOT NULL,
  first_at timestamptz NOT NULL,
  last_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint
CREATE INDEX demand_changed ON demand (changed_at);
--> statement-breakpoint
CREATE INDEX demand_first ON demand (first_at);
--> statement-breakpoint
CREATE TABLE views (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  video_id text NOT NULL REFERENCES videos (id),
  at timestamptz NOT NULL,
  from_seconds double precision NOT NULL,
  to_seconds double precision NOT NULL,
  viewer text NOT NULL
);
--> statement-breakpoint
CREATE INDEX views_at ON views (at);
