INSERT INTO organisations VALUES (3, 'Harbour Works');
INSERT INTO members VALUES (11, 3, 'Ada'), (12, 3, 'Grace');
INSERT INTO projects VALUES (7, 3, 'apollo', 'Apollo', 'active', '2026-12-01'), (8, 3, 'gemini', 'Gemini', 'planned', '2027-01-15');
INSERT INTO team_members VALUES (7, 11), (7, 12);
INSERT INTO tasks VALUES (21, 7, 'Engines', '2026-10-01'), (22, 7, 'Hull', NULL);
INSERT INTO time_entries VALUES (31, 21, 11, '2026-09-30', 120), (32, 22, 12, '2026-10-02', 45);
