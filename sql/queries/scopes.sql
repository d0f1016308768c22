-- name: visible
-- What the golden users of one person are responsible for, and what belongs to it.
WITH own_deals AS {kept} (SELECT id, company_id FROM crm.deals WHERE owner_id = ANY(%(crm_users)s::uuid[])),
parties AS {kept} (
    SELECT 'contacts' AS entity, id FROM crm.contacts WHERE owner_id = ANY(%(crm_users)s::uuid[])
    UNION SELECT 'contacts', l.contact_id FROM crm.deal_contacts l JOIN own_deals d ON d.id = l.deal_id
    UNION SELECT 'companies', id FROM crm.companies WHERE owner_id = ANY(%(crm_users)s::uuid[])
    UNION SELECT 'companies', company_id FROM own_deals WHERE company_id IS NOT NULL
    UNION SELECT 'deals', id FROM own_deals
), visible AS (
    SELECT entity, id FROM parties
    UNION SELECT 'tasks', id FROM crm.tasks WHERE owner_id = ANY(%(crm_users)s::uuid[])
    UNION SELECT 'communications', m.id FROM crm.communications m JOIN parties p ON p.entity = m.target_entity AND p.id = m.target_id
)

-- name: one_at_a_time
-- Let the devices of a user note what it sees one after another.
SELECT pg_advisory_xact_lock(hashtextextended('visible_records', %(user)s));

-- name: note
-- Note what a user sees now and sees no more; answers whether that was news, and up to which transaction all was considered.
{visible}, sees AS MATERIALIZED (
    SELECT entity, id FROM visible
), appeared AS (
    INSERT INTO sync.visible_records AS r (user_id, entity, id)
    SELECT %(user)s, v.entity, v.id FROM sees v
    WHERE NOT EXISTS (SELECT FROM sync.visible_records k WHERE k.user_id = %(user)s AND k.entity = v.entity AND k.id = v.id AND k.is_visible)
    ORDER BY 2, 3
    ON CONFLICT (user_id, entity, id) DO UPDATE SET is_visible = true, changed_xid = pg_current_xact_id(), changed_at = now()
    RETURNING 1
), withdrawn AS (
    UPDATE sync.visible_records r SET is_visible = false, changed_xid = pg_current_xact_id(), changed_at = now()
    WHERE r.user_id = %(user)s AND r.is_visible AND NOT EXISTS (SELECT FROM sees v WHERE v.entity = r.entity AND v.id = r.id)
    RETURNING 1
)
SELECT EXISTS (SELECT FROM appeared) OR EXISTS (SELECT FROM withdrawn), pg_snapshot_xmin(pg_current_snapshot())::text;
