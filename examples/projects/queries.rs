//! What the database is asked.

pub const PROJECT: &str = "
    SELECT p.id, p.org_id, o.name AS organisation, p.slug, p.name, p.status, p.due_on,
           count(t.id) AS tasks,
           count(t.id) FILTER (WHERE t.done_on IS NULL) AS open_tasks,
           coalesce(sum((SELECT sum(e.minutes) FROM time_entries e WHERE e.task_id = t.id)), 0) AS minutes
    FROM projects p
    JOIN organisations o ON o.id = p.org_id
    LEFT JOIN tasks t ON t.project_id = p.id
    WHERE p.id = ?1
    GROUP BY p.id";

pub const TEAM: &str = "
    SELECT m.name AS member, coalesce(sum(e.minutes), 0) AS minutes
    FROM team_members tm
    JOIN members m ON m.id = tm.member_id
    LEFT JOIN tasks t ON t.project_id = tm.project_id
    LEFT JOIN time_entries e ON e.task_id = t.id AND e.member_id = tm.member_id
    WHERE tm.project_id = ?1
    GROUP BY m.id
    ORDER BY minutes DESC, m.name";

pub const LISTING: &str = "
    SELECT p.id, p.name, p.status,
           count(t.id) AS tasks,
           count(t.id) FILTER (WHERE t.done_on IS NULL) AS open_tasks,
           coalesce(sum((SELECT sum(e.minutes) FROM time_entries e WHERE e.task_id = t.id)), 0) AS minutes
    FROM projects p
    LEFT JOIN tasks t ON t.project_id = p.id
    WHERE p.org_id = ?1
    GROUP BY p.id
    ORDER BY p.name, p.id";

pub const ID_OF_SLUG: &str = "SELECT id FROM projects WHERE slug = ?1";

pub const UPDATE: &str = "
    UPDATE projects SET name = coalesce(?2, name), status = coalesce(?3, status) WHERE id = ?1";
