-- The tables, and two organisations with a user and twenty projects each. Both users' password is `correct horse`,
-- hashed cheaply: where there is something to guard, take the parameters that argon2 defaults to.
CREATE TABLE organisations (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE users (
    email TEXT PRIMARY KEY,
    org_id INTEGER NOT NULL REFERENCES organisations,
    password TEXT NOT NULL -- as a PHC string
);
CREATE TABLE settings (
    org_id INTEGER PRIMARY KEY REFERENCES organisations,
    theme TEXT NOT NULL,
    project_limit INTEGER NOT NULL
);
CREATE TABLE projects (
    id INTEGER PRIMARY KEY,
    org_id INTEGER NOT NULL REFERENCES organisations,
    name TEXT NOT NULL
);
CREATE INDEX projects_by_org ON projects (org_id, name);

INSERT INTO organisations VALUES (1, 'Birch Freight'), (2, 'Rowan Press');
INSERT INTO users VALUES
    ('ada@birch.example', 1, '$argon2id$v=19$m=256,t=1,p=1$LAeU0dG9w3E/yZywvMYlXw$G2kquWI0SESJFZUwGcjIgniWCBZy4kMGA9kz+JPZSHc'),
    ('bo@rowan.example', 2, '$argon2id$v=19$m=256,t=1,p=1$RNGAI1KgkRrHdWMeVlZ7nw$7XpL3FbDpIQ4XlE7EcJ/athhX0GiZTIa+U/bz9hhJqA');
INSERT INTO settings SELECT id, 'light', 100 FROM organisations;
WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 20)
INSERT INTO projects (org_id, name)
    SELECT id, format('Project %02d of %s', n, name) FROM organisations JOIN numbers ORDER BY id, n;
