// Stands before the Worker: its KV binding with every call counted, and writes refused where a test asks for that.
//
// A request with the header `x-refuse: 2` has its first two writes of KV refused as for a key that was just written. The
// answer's head `x-calls` says what the binding was asked for.

import Worker from "./index.js";

const refusal = (method) => new Error(`KV ${method.toUpperCase()} failed: 429 Too Many Requests`);

function observed(kv, calls, refuse) {
    const write = (method) => async (...parameters) => {
        calls[method] += 1;
        if (refuse-- > 0) throw refusal(method);
        return kv[method](...parameters);
    };
    const read = (method) => (key, ...rest) => {
        calls.get += Array.isArray(key) ? key.length : 1;
        return kv[method](key, ...rest);
    };
    return {
        get: read("get"),
        getWithMetadata: read("getWithMetadata"),
        put: write("put"),
        delete: write("delete"),
        list: (...parameters) => {
            calls.list += 1;
            return kv.list(...parameters);
        },
    };
}

export default {
    async fetch(request, env, context) {
        const calls = { get: 0, put: 0, delete: 0, list: 0 };
        const refuse = Number(request.headers.get("x-refuse") ?? 0);
        const worker = new Worker(context, { ...env, CACHE: observed(env.CACHE, calls, refuse) });
        const answer = await worker.fetch(request);
        const counted = new Response(answer.body, answer);
        const { get, put, delete: deleted, list } = calls;
        counted.headers.set("x-calls", `kv-reads=${get} kv-writes=${put} kv-deletes=${deleted} kv-lists=${list}`);
        return counted;
    },
};
