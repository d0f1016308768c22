-- Why deals were lost, month by month.
CREATE OR REPLACE VIEW crm.lost_reasons AS
SELECT COALESCE(d.loss_reason, '(none given)') AS reason, p.name AS pipeline,
       date_trunc('month', COALESCE(d.closed_at, d.updated_at))::date AS month, d.currency,
       count(*) AS deals, COALESCE(sum(d.amount), 0) AS amount, d.pipeline_id
FROM crm.deals d
LEFT JOIN crm.pipelines p ON p.id = d.pipeline_id
WHERE d.stage_category = 'lost' AND d.deleted_at IS NULL
GROUP BY 1, 2, 3, 4, 7;
COMMENT ON VIEW crm.lost_reasons IS 'Why deals were lost, by pipeline, month and currency.';
COMMENT ON COLUMN crm.lost_reasons.reason IS 'Reason given.';
COMMENT ON COLUMN crm.lost_reasons.pipeline IS 'Name of the pipeline.';
COMMENT ON COLUMN crm.lost_reasons.month IS 'First day of the month in which they were closed (UTC).';
COMMENT ON COLUMN crm.lost_reasons.currency IS 'Currency of the amounts.';
COMMENT ON COLUMN crm.lost_reasons.deals IS 'Number of deals.';
COMMENT ON COLUMN crm.lost_reasons.amount IS 'Sum of their amounts.';
COMMENT ON COLUMN crm.lost_reasons.pipeline_id IS 'Pipeline (crm.pipelines.id).';
