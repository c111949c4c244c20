ALTER TABLE nodes ADD COLUMN calibration jsonb;
--> statement-breakpoint
ALTER TABLE renders ADD COLUMN cost_seconds double precision;
--> statement-breakpoint
CREATE TABLE budgets (
  id text PRIMARY KEY,
  owed double precision NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint
CREATE INDEX budgets_at ON budgets (at);
--> statement-breakpoint
CREATE TABLE api_keys (
  id text PRIMARY KEY,
  name text NOT NULL,
  role text NOT NULL,
  key_hash text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  last_used_at timestamptz,
  revoked_at timestamptz
);
--> statement-breakpoint
CREATE TABLE audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  kind text NOT NULL,
  actor text NOT NULL,
  address text NOT NULL,
  action text NOT NULL,
  subject text,
  status integer NOT NULL,
  request_id text NOT NULL
);
--> statement-breakpoint
CREATE INDEX audit_kind ON audit (kind, id);
--> statement-breakpoint
CREATE UNLOGGED TABLE hits (
  client text PRIMARY KEY,
  count integer NOT NULL,
  resets_at timestamptz NOT NULL
);
--> statement-breakpoint
CREATE INDEX hits_resets_at ON hits (resets_at);
