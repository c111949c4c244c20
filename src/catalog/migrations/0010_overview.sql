CREATE INDEX renders_created ON renders (created_at DESC, id DESC);
--> statement-breakpoint
CREATE TABLE history (
  at timestamptz PRIMARY KEY,
  bucket_answers integer NOT NULL DEFAULT 0,
  node_answers integer NOT NULL DEFAULT 0,
  held_answers integer NOT NULL DEFAULT 0,
  exposure_seconds double precision,
  exposed_videos integer,
  watched_videos integer,
  rendering_videos integer,
  nodes_ready integer,
  nodes_draining integer,
  nodes_dead integer,
  cpu_mean double precision,
  cpu_most double precision,
  disk_most double precision,
  encoders integer,
  copy_queue integer,
  copy_rate double precision
);
--> statement-breakpoint
CREATE TABLE events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  level text NOT NULL,
  kind text NOT NULL,
  node_id text,
  video_id text,
  text text NOT NULL
);
--> statement-breakpoint
CREATE FUNCTION note_node() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO events (level, kind, node_id, text)
  VALUES (
    CASE NEW.state WHEN 'dead' THEN 'error' WHEN 'draining' THEN 'warning' ELSE 'info' END,
    'node-' || NEW.state,
    NEW.id,
    NEW.id || CASE
      WHEN NEW.state = 'dead' AND TG_OP = 'UPDATE' AND OLD.state = 'draining' THEN ' has ended'
      WHEN NEW.state = 'dead' THEN ' is gone'
      WHEN NEW.state = 'draining' THEN ' drains: it takes nothing new'
      WHEN TG_OP = 'UPDATE' AND OLD.pid <> NEW.pid THEN ' was started again'
      ELSE ' is ready' END);
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER node_came AFTER INSERT ON nodes FOR EACH ROW EXECUTE FUNCTION note_node();
--> statement-breakpoint
CREATE TRIGGER node_changed AFTER UPDATE OF state, pid ON nodes FOR EACH ROW
  WHEN (OLD.state <> NEW.state OR OLD.pid <> NEW.pid) EXECUTE FUNCTION note_node();
--> statement-breakpoint
CREATE FUNCTION note_lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO events (level, kind, node_id, video_id, text)
  SELECT 'warning', 'takeover', NEW.node_id, video_id, NEW.node_id || ' goes on with what ' || OLD.node_id || ' rendered'
  FROM renders WHERE id = NEW.render_id;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER lease_passed AFTER UPDATE OF node_id ON leases FOR EACH ROW
  WHEN (OLD.node_id <> NEW.node_id) EXECUTE FUNCTION note_lease();
--> statement-breakpoint
CREATE FUNCTION note_render() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO events (level, kind, video_id, text)
  VALUES (
    CASE WHEN NEW.state = 'failed' THEN 'error' WHEN NEW.state = 'superseded' THEN 'warning' ELSE 'info' END,
    CASE WHEN NEW.state = OLD.state THEN 'stored' ELSE NEW.state END,
    NEW.video_id,
    CASE
      WHEN NEW.state = OLD.state THEN 'Everything is in the bucket'
      WHEN NEW.state = 'failed' THEN 'It cannot be rendered: ' || coalesce(NEW.failure, 'no reason is known')
      ELSE 'It is rendered anew: ' || coalesce(NEW.failure, 'no reason is known') END);
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER render_changed AFTER UPDATE OF state, sealed_at ON renders FOR EACH ROW
  WHEN (OLD.state <> NEW.state OR (OLD.sealed_at IS NULL AND NEW.sealed_at IS NOT NULL))
  EXECUTE FUNCTION note_render();
--> statement-breakpoint
CREATE FUNCTION note_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO events (level, kind, text) VALUES ('warning', 'policy', 'The policy was changed');
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER policy_changed AFTER INSERT OR UPDATE ON policies FOR EACH ROW EXECUTE FUNCTION note_policy();
