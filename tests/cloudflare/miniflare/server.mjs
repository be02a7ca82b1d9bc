// Runs worker.mjs in workerd, by Miniflare, until the standard input ends: node server.mjs FOLDER NAMESPACES
//
// FOLDER has the packages. Prints the address once it serves. The worker gets one KV namespace a number.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { resolve } from "node:path";

const [folder, namespaces] = process.argv.slice(2);
const { Miniflare } = createRequire(resolve(folder, "package.json"))("miniflare");

const module = (path) => ({ type: "ESModule", path, contents: readFileSync(new URL(path, import.meta.url)) });

const miniflare = new Miniflare({
    modules: ["worker.mjs", "faults.mjs", "kv-cache-service.mjs"].map(module),
    compatibilityDate: "2026-04-01",
    kvNamespaces: Array.from({ length: Number(namespaces) }, (_, number) => `kv${number}`),
    host: "127.0.0.1",
    port: 0,
});

const end = async () => {
    await miniflare.dispose();
    process.exit(0);
};
process.stdin.on("end", end).on("error", end).resume();

// Before it stands what a Worker cannot be: a network that loses half of an answer which says `x-cut`.
const workerd = await miniflare.ready;
const network = createServer((client) => {
    const upstream = connect(Number(workerd.port), workerd.hostname);
    client.pipe(upstream);
    upstream.on("data", (bytes) => {
        const head = bytes.indexOf("\r\n\r\n") + 4;
        if (bytes.subarray(0, head).toString("latin1").toLowerCase().includes("\r\nx-cut: ")) {
            // The head arrives whole, or the client would take the answer for one that never began.
            upstream.destroy();
            client.end(bytes.subarray(0, head + Math.floor((bytes.length - head) / 2)));
        } else if (!client.write(bytes)) {
            upstream.pause();
            client.once("drain", () => upstream.resume());
        }
    });
    client.on("error", () => {}).on("close", () => upstream.destroy()).setNoDelay(true);
    upstream.on("error", () => {}).on("close", () => client.end()).setNoDelay(true);
});
network.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${network.address().port}`));
