-- How many deals stand in each stage, and what they are worth.
CREATE OR REPLACE VIEW crm.funnel AS
SELECT p.name AS pipeline, s.name AS stage, s.sort AS stage_sort, s.category, d.currency,
       count(*) AS deals, COALESCE(sum(d.amount), 0) AS amount,
       count(*) FILTER (WHERE d.updated_at < now() - interval '30 days') AS idle_30_days,
       d.pipeline_id, d.stage_id
FROM crm.deals d
LEFT JOIN crm.stages s ON s.id = d.stage_id
LEFT JOIN crm.pipelines p ON p.id = d.pipeline_id
WHERE d.deleted_at IS NULL
GROUP BY p.name, s.name, s.sort, s.category, d.currency, d.pipeline_id, d.stage_id;
COMMENT ON VIEW crm.funnel IS 'How many deals stand in each stage, and what they are worth, by currency.';
COMMENT ON COLUMN crm.funnel.pipeline IS 'Name of the pipeline.';
COMMENT ON COLUMN crm.funnel.stage IS 'Name of the stage.';
COMMENT ON COLUMN crm.funnel.stage_sort IS 'Order of the stage within its pipeline.';
COMMENT ON COLUMN crm.funnel.category IS 'open, won or lost.';
COMMENT ON COLUMN crm.funnel.currency IS 'Currency of the amounts.';
COMMENT ON COLUMN crm.funnel.deals IS 'Number of deals.';
COMMENT ON COLUMN crm.funnel.amount IS 'Sum of their amounts.';
COMMENT ON COLUMN crm.funnel.idle_30_days IS 'How many of them have not changed for 30 days.';
COMMENT ON COLUMN crm.funnel.pipeline_id IS 'Pipeline (crm.pipelines.id).';
COMMENT ON COLUMN crm.funnel.stage_id IS 'Stage (crm.stages.id).';
