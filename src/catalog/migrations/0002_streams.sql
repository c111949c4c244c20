ALTER TABLE videos DROP CONSTRAINT videos_frame_count_check;
--> statement-breakpoint
ALTER TABLE videos ADD CONSTRAINT videos_frame_count_check CHECK (frame_count >= 0);
--> statement-breakpoint
ALTER TABLE renditions
  ADD COLUMN attributes jsonb,
  ADD COLUMN ended boolean NOT NULL DEFAULT false;
--> statement-breakpoint
CREATE TABLE streams (
  video_id text PRIMARY KEY REFERENCES videos,
  render_id text NOT NULL UNIQUE REFERENCES renders,
  name text NOT NULL,
  key_hash text NOT NULL UNIQUE,
  window_seconds double precision CHECK (window_seconds > 0),
  target_duration integer CHECK (target_duration > 0),
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'live', 'ended', 'failed')),
  failure text,
  created_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz
);
--> statement-breakpoint
CREATE TABLE foreign_segments (
  render_id text NOT NULL REFERENCES renders,
  rendition text NOT NULL,
  n integer NOT NULL CHECK (n >= 0),
  duration_us bigint NOT NULL CHECK (duration_us >= 0),
  discontinuity boolean NOT NULL,
  init integer,
  key jsonb,
  program_date_time text,
  source jsonb NOT NULL,
  bytes integer NOT NULL CHECK (bytes > 0),
  PRIMARY KEY (render_id, rendition, n)
);
--> statement-breakpoint
CREATE TABLE foreign_files (
  render_id text NOT NULL REFERENCES renders,
  rendition text NOT NULL,
  name text NOT NULL,
  content_type text NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (render_id, rendition, name)
);
