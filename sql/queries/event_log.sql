-- name: purge_chatter
-- Delete a batch of Dagster's old step events that say nothing about an asset and are no failure; the assets' state stays.
DELETE FROM event_logs
WHERE id IN (
    SELECT id FROM event_logs
    WHERE asset_key IS NULL AND timestamp < %(before)s
        AND coalesce(dagster_event_type, '') <> ALL (ARRAY['RUN_FAILURE', 'PIPELINE_FAILURE', 'STEP_FAILURE'])
    ORDER BY id
    LIMIT %(batch)s
);

-- name: purge_materializations
-- Delete a batch of old materializations of which a newer one of the same asset and partition exists.
DELETE FROM event_logs
WHERE id IN (
    SELECT e.id FROM event_logs e
    WHERE e.dagster_event_type IN ('ASSET_MATERIALIZATION', 'ASSET_MATERIALIZATION_PLANNED') AND e.timestamp < %(before)s
        AND EXISTS (
            SELECT FROM event_logs n
            WHERE n.asset_key = e.asset_key AND n.partition IS NOT DISTINCT FROM e.partition
                AND n.dagster_event_type = e.dagster_event_type AND n.id > e.id)
    ORDER BY e.id
    LIMIT %(batch)s
);
