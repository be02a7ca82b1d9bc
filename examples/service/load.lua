-- What the readers of the load ask for: of each twenty requests sixteen a project, two a list, two the settings.
local paths, next = {}, 0
for org = 1, 2 do
    for number = 1, 16 do
        paths[#paths + 1] = string.format("/api/orgs/%d/projects/%d", org, (org - 1) * 20 + number)
    end
    for _ = 1, 2 do
        paths[#paths + 1] = string.format("/api/orgs/%d/projects", org)
        paths[#paths + 1] = string.format("/api/orgs/%d/settings", org)
    end
end
request = function()
    next = next % #paths + 1
    return wrk.format("GET", paths[next])
end
