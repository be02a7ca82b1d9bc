//! The schema, and rows that look real: names from word lists, numbers from a seeded generator.

use fastrand::Rng;
use rusqlite::{Connection, Transaction};

use crate::db::DbError;
use crate::model::Status;
use crate::words::{FIRST_NAMES, HOUSES, LAST_NAMES, OBJECTS, SUBJECTS, TRADES, VERBS, WORKS};

/// How much to put into the database.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub organisations: u32,
    pub projects: u32,
}

const SCHEMA: &str = include_str!("schema.sql");

/// Made after the rows, which is faster than along with them.
const INDEXES: &str = "
    CREATE INDEX members_by_organisation ON members (org_id);
    CREATE INDEX projects_by_organisation ON projects (org_id);
    CREATE INDEX tasks_by_project ON tasks (project_id);
    CREATE INDEX time_entries_by_task ON time_entries (task_id, member_id);
    ANALYZE;";

/// Makes the schema and fills it.
pub fn fill(connection: &mut Connection, seed: u64, size: Size) -> Result<(), DbError> {
    let rng = &mut Rng::with_seed(seed);
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    for org_id in 1..=size.organisations {
        transaction
            .prepare_cached("INSERT INTO organisations VALUES (?1, ?2)")?
            .execute((org_id, organisation(org_id)))?;
    }
    let members = members(&transaction, rng, size)?;
    for id in 1..=size.projects {
        // Large organisations have many projects, small ones few: the lower of two throws.
        let org_id = rng.u32(1..=size.organisations).min(rng.u32(1..=size.organisations));
        project(&transaction, rng, id, org_id, &members[org_id as usize - 1])?;
    }
    transaction.execute_batch(INDEXES)?;
    Ok(transaction.commit()?)
}

/// A name; no two of the first 200 organisations share one.
fn organisation(org_id: u32) -> String {
    let (round, position) = ((org_id as usize - 1) / HOUSES.len(), (org_id as usize - 1) % HOUSES.len());
    format!("{} {}", HOUSES[(position * 7) % HOUSES.len()], TRADES[(position * 3 + round) % TRADES.len()])
}

/// Hires for each organisation; returns the ids of each one's members.
fn members(transaction: &Transaction<'_>, rng: &mut Rng, size: Size) -> Result<Vec<Vec<i64>>, DbError> {
    let mut insert = transaction.prepare("INSERT INTO members (org_id, name) VALUES (?1, ?2)")?;
    let mut ids = Vec::new();
    for org_id in 1..=size.organisations {
        let staff = (0..rng.u32(8..=24)).map(|_| insert.insert((org_id, person(rng))));
        ids.push(staff.collect::<Result<_, _>>()?);
    }
    Ok(ids)
}

fn person(rng: &mut Rng) -> String {
    format!("{} {}", one_of(rng, &FIRST_NAMES), one_of(rng, &LAST_NAMES))
}

/// One project with its team, tasks and time entries.
fn project(
    transaction: &Transaction<'_>,
    rng: &mut Rng,
    id: u32,
    org_id: u32,
    members: &[i64],
) -> Result<(), DbError> {
    let name = format!("{} {}", one_of(rng, &SUBJECTS), one_of(rng, &WORKS));
    let slug = format!("{}-{id}", name.to_lowercase().replace(' ', "-"));
    transaction
        .prepare_cached(
            "INSERT INTO projects VALUES (?1, ?2, ?3, ?4, ?5, date('2026-03-01', ?6 || ' days'))",
        )?
        .execute((id, org_id, slug, name, one_of(rng, &Status::ALL), rng.u32(0..300)))?;

    let heads = rng.usize(3..=8);
    let team = rng.choose_multiple(members, heads);
    for member_id in &team {
        transaction.prepare_cached("INSERT INTO team_members VALUES (?1, ?2)")?.execute((id, member_id))?;
    }

    let mut task = transaction.prepare_cached(
        "INSERT INTO tasks (project_id, title, done_on) VALUES (?1, ?2, date('2026-01-05', ?3 || ' days'))",
    )?;
    let mut entry = transaction.prepare_cached(
        "INSERT INTO time_entries (task_id, member_id, worked_on, minutes)
         VALUES (?1, ?2, date('2025-10-01', ?3 || ' days'), ?4)",
    )?;
    for _ in 0..rng.u32(4..=20) {
        let title = format!("{} {}", one_of(rng, &VERBS), one_of(rng, &OBJECTS));
        let done = rng.bool().then(|| rng.u32(0..50));
        let task_id = task.insert((id, title, done))?;
        for _ in 0..rng.u32(0..=5) {
            entry.execute((task_id, one_of(rng, &team), rng.u32(0..90), rng.u32(1..=16) * 15))?;
        }
    }
    Ok(())
}

fn one_of<'a, T>(rng: &mut Rng, items: &'a [T]) -> &'a T {
    &items[rng.usize(..items.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Db;

    const SMALL: Size = Size { organisations: 3, projects: 12 };

    #[tokio::test]
    async fn the_same_seed_gives_the_same_rows_and_another_seed_others() -> Result<(), DbError> {
        let [one, same, other] = [7, 7, 8].map(|seed| Db::seeded(seed, SMALL));
        let (one, same, other) = (one.await?, same.await?, other.await?);
        for id in 1..=12 {
            assert_eq!(one.project(id).await?, same.project(id).await?);
        }
        assert_ne!(one.projects_of(1).await?, other.projects_of(1).await?);
        Ok(())
    }

    #[tokio::test]
    async fn the_listing_and_the_page_of_a_project_agree() -> Result<(), DbError> {
        let db = Db::seeded(7, SMALL).await?;
        let mut seen = 0;
        for org_id in 1..=3 {
            for line in db.projects_of(org_id).await? {
                let page = db.project(line.id).await?.expect("every line of the listing is of a project");
                assert_eq!(
                    (page.org_id, &page.name, page.status, page.tasks, page.open_tasks, page.minutes),
                    (org_id, &line.name, line.status, line.tasks, line.open_tasks, line.minutes),
                );
                // Only the team works on it, so that the team's time is the project's.
                assert_eq!(page.minutes, page.team.iter().map(|one| one.minutes).sum::<u64>());
                seen += 1;
            }
        }
        assert_eq!(seen, 12);
        Ok(())
    }

    #[test]
    fn no_two_of_the_first_200_organisations_share_a_name() {
        let names: std::collections::HashSet<_> = (1..=200).map(organisation).collect();
        assert_eq!(names.len(), 200);
    }
}
