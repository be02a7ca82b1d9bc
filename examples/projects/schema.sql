CREATE TABLE organisations (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);
CREATE TABLE members (
    id     INTEGER PRIMARY KEY,
    org_id INTEGER NOT NULL REFERENCES organisations (id),
    name   TEXT NOT NULL
);
CREATE TABLE projects (
    id     INTEGER PRIMARY KEY,
    org_id INTEGER NOT NULL REFERENCES organisations (id),
    slug   TEXT NOT NULL UNIQUE,
    name   TEXT NOT NULL CHECK (name <> ''),
    status TEXT NOT NULL CHECK (status IN ('planned', 'active', 'paused', 'done')),
    due_on TEXT NOT NULL
);
CREATE TABLE team_members (
    project_id INTEGER NOT NULL REFERENCES projects (id),
    member_id  INTEGER NOT NULL REFERENCES members (id),
    PRIMARY KEY (project_id, member_id)
) WITHOUT ROWID;
CREATE TABLE tasks (
    id         INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    title      TEXT NOT NULL,
    done_on    TEXT
);
CREATE TABLE time_entries (
    id        INTEGER PRIMARY KEY,
    task_id   INTEGER NOT NULL REFERENCES tasks (id),
    member_id INTEGER NOT NULL REFERENCES members (id),
    worked_on TEXT NOT NULL,
    minutes   INTEGER NOT NULL CHECK (minutes > 0)
);
