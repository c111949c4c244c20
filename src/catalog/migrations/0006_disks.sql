CREATE TABLE disks (
  id text PRIMARY KEY,
  node_id text,
  claimed_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  former_nodes text[] NOT NULL DEFAULT '{}',
  settled_at timestamptz
);
