ALTER TABLE renditions ADD COLUMN on_demand boolean NOT NULL DEFAULT false;
