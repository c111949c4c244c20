ALTER TABLE renditions DROP CONSTRAINT renditions_kind_check;
--> statement-breakpoint
ALTER TABLE renditions
  ADD CONSTRAINT renditions_kind_check CHECK (kind IN ('video', 'audio', 'iframes', 'images', 'subtitles')),
  ADD COLUMN container text NOT NULL DEFAULT 'fmp4'
    CHECK (container IN ('fmp4', 'mpegts', 'packed', 'jpeg', 'webvtt')),
  ADD COLUMN sizes integer[] NOT NULL DEFAULT '{}';
