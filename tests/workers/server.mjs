// Runs a built Worker in workerd, by Miniflare, until the standard input ends: node server.mjs FOLDER BUILD SCHEMA LOG
//
// FOLDER has the packages, BUILD the Worker's index.js and index_bg.wasm, SCHEMA the database's SQL, LOG gets what the
// Worker writes to its console. Prints the address once it serves. The Worker gets a KV namespace `CACHE`, through
// entry.mjs, and a database `DB`.

import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [folder, build, schema, log] = process.argv.slice(2);
const { Miniflare } = createRequire(resolve(folder, "package.json"))("miniflare");

writeFileSync(log, "");
const miniflare = new Miniflare({
    modules: [
        { type: "ESModule", path: "entry.mjs", contents: readFileSync(new URL("entry.mjs", import.meta.url)) },
        { type: "ESModule", path: "index.js", contents: readFileSync(join(build, "index.js")) },
        { type: "CompiledWasm", path: "index_bg.wasm", contents: readFileSync(join(build, "index_bg.wasm")) },
    ],
    compatibilityDate: "2026-04-01",
    kvNamespaces: ["CACHE"],
    d1Databases: ["DB"],
    // What the Worker writes to its console; the standard output has the address alone.
    handleRuntimeStdio: (output, errors) => {
        for (const stream of [output, errors]) stream.on("data", (text) => appendFileSync(log, text));
    },
    host: "127.0.0.1",
    port: 0,
});

const end = async () => {
    await miniflare.dispose();
    process.exit(0);
};
process.stdin.on("end", end).on("error", end).resume();

const address = String(await miniflare.ready).replace(/\/$/, "");
const database = await miniflare.getD1Database("DB");
const statements = readFileSync(schema, "utf8").split(";").map((text) => text.trim()).filter(Boolean);
await database.batch(statements.map((statement) => database.prepare(statement)));
console.log(address);
