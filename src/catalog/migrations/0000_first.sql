CREATE TABLE videos (
  id text PRIMARY KEY,
  description text NOT NULL,
  frame_count integer NOT NULL CHECK (frame_count > 0),
  rate_num integer NOT NULL CHECK (rate_num > 0),
  rate_den integer NOT NULL CHECK (rate_den > 0),
  created_at timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint
CREATE TABLE renders (
  id text PRIMARY KEY,
  video_id text NOT NULL REFERENCES videos,
  generation integer NOT NULL,
  renderer_version text NOT NULL,
  profile text NOT NULL,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'superseded', 'failed')),
  failure text,
  sealed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
--> statement-breakpoint
CREATE UNIQUE INDEX renders_generation ON renders (video_id, generation);
--> statement-breakpoint
CREATE TABLE renditions (
  render_id text NOT NULL REFERENCES renders,
  name text NOT NULL,
  position integer NOT NULL,
  kind text NOT NULL CHECK (kind IN ('video', 'audio')),
  init bytea,
  PRIMARY KEY (render_id, name)
);
--> statement-breakpoint
CREATE TABLE copies (
  render_id text NOT NULL REFERENCES renders,
  rendition text NOT NULL,
  place text NOT NULL,
  segments int4multirange NOT NULL DEFAULT '{}',
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (render_id, rendition, place)
);
--> statement-breakpoint
CREATE INDEX copies_place ON copies (place);
--> statement-breakpoint
CREATE TABLE leases (
  render_id text PRIMARY KEY REFERENCES renders,
  node_id text NOT NULL,
  epoch bigint NOT NULL,
  expires_at timestamptz NOT NULL
);
--> statement-breakpoint
CREATE INDEX leases_node ON leases (node_id);
--> statement-breakpoint
CREATE TABLE nodes (
  id text PRIMARY KEY CHECK (id <> 'bucket'),
  url text NOT NULL,
  host text NOT NULL,
  pid integer NOT NULL,
  state text NOT NULL CHECK (state IN ('ready', 'draining', 'dead')),
  load jsonb NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  heartbeat_at timestamptz NOT NULL DEFAULT now()
);
