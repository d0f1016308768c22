-- Custom fields of golden records, one row for each value.
CREATE OR REPLACE VIEW crm.custom_field_values AS
SELECT r.entity, r.id AS record_id, c.key AS connection, f.key AS field_key, f.value ->> 'name' AS field, f.value ->> 'type' AS type,
       f.value -> 'value' AS value, f.value ->> 'value' AS value_text
FROM (
    SELECT 'companies' AS entity, id, custom_fields FROM crm.companies WHERE deleted_at IS NULL AND custom_fields <> '{}'
    UNION ALL SELECT 'contacts', id, custom_fields FROM crm.contacts WHERE deleted_at IS NULL AND custom_fields <> '{}'
    UNION ALL SELECT 'products', id, custom_fields FROM crm.products WHERE deleted_at IS NULL AND custom_fields <> '{}'
    UNION ALL SELECT 'deals', id, custom_fields FROM crm.deals WHERE deleted_at IS NULL AND custom_fields <> '{}'
    UNION ALL SELECT 'tasks', id, custom_fields FROM crm.tasks WHERE deleted_at IS NULL AND custom_fields <> '{}'
) r
CROSS JOIN LATERAL jsonb_each(r.custom_fields) c
CROSS JOIN LATERAL jsonb_each(c.value) f;
COMMENT ON VIEW crm.custom_field_values IS 'Custom fields of golden records, one row for each value.';
COMMENT ON COLUMN crm.custom_field_values.entity IS 'Entity.';
COMMENT ON COLUMN crm.custom_field_values.record_id IS 'Golden record.';
COMMENT ON COLUMN crm.custom_field_values.connection IS 'Name of the connection whose field it is.';
COMMENT ON COLUMN crm.custom_field_values.field_key IS 'Key of the field in its CRM.';
COMMENT ON COLUMN crm.custom_field_values.field IS 'Name of the field.';
COMMENT ON COLUMN crm.custom_field_values.type IS 'Type of the field.';
COMMENT ON COLUMN crm.custom_field_values.value IS 'Value: a label for lists, a list for multiple fields.';
COMMENT ON COLUMN crm.custom_field_values.value_text IS 'Value as text.';
