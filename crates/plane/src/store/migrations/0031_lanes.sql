-- The page of a deployment to thousands shows a lane for each server: what is in it is counted from an index alone, and
-- only the rows that are shown are read.
ALTER TABLE deployment_steps ADD COLUMN server TEXT NOT NULL DEFAULT '';
UPDATE deployment_steps SET server = (SELECT i.server FROM installations i WHERE i.id = deployment_steps.installation);
CREATE INDEX deployment_steps_by_lane ON deployment_steps (deployment, state, server, position, ended_at, held_ms);
CREATE INDEX deployment_steps_by_turn ON deployment_steps (deployment, position);
