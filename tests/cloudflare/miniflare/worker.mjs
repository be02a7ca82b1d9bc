// The REST interface of Cloudflare KV, as far as the backend uses it, over real KV bindings in workerd.

import * as faults from "./faults.mjs";
import { KVCacheService } from "./kv-cache-service.mjs";

const TOKEN = "test-token";
const ACCOUNT = "test-account";
const BASE = `/client/v4/accounts/${ACCOUNT}/storage/kv/namespaces/`;

const success = (result, info = undefined) =>
    Response.json({ success: true, errors: [], messages: [], result, ...(info && { result_info: info }) });

const failure = (status, code, message) =>
    Response.json({ success: false, errors: [{ code, message }], messages: [], result: null }, { status });

/** The words of a binding's refusal, with the status that it names. */
function refusal(error) {
    const found = /^KV \w+ failed: (\d{3}) (.*)$/s.exec(error.message);
    return found ? failure(Number(found[1]), 10029, found[2]) : failure(400, 10029, error.message);
}

/** When a key ends: the binding says it in a listing only. */
async function expiration(kv, key) {
    const { keys } = await kv.list({ prefix: key, limit: 1 });
    return keys.length && keys[0].name === key ? keys[0].expiration : undefined;
}

const missing = () => failure(404, 10009, "get: 'key not found'");

async function getValue(kv, key) {
    const { value } = await kv.getWithMetadata(key, "stream");
    if (value === null) return missing();
    const end = await expiration(kv, key);
    return new Response(value, { headers: end === undefined ? {} : { expiration: String(end) } });
}

async function getMetadata(kv, key) {
    const { value, metadata } = await kv.getWithMetadata(key, "stream");
    if (value === null) return missing();
    await value.cancel();
    return success(metadata);
}

async function putValue(kv, key, url, request) {
    const options = {};
    const query = url.searchParams;
    if (query.has("expiration_ttl")) options.expirationTtl = Number(query.get("expiration_ttl"));
    if (query.has("expiration")) options.expiration = Number(query.get("expiration"));
    if (!request.headers.get("content-type")?.startsWith("multipart/form-data")) {
        // All of it first: an upload that is cut off stores nothing.
        await kv.put(key, await request.arrayBuffer(), options);
        return success({});
    }
    const form = await request.formData();
    const [value, metadata] = [form.get("value"), form.get("metadata")];
    if (!(value instanceof File)) return failure(400, 10012, "the part `value` has no file name");
    await kv.put(key, await value.arrayBuffer(), { ...options, metadata: JSON.parse(metadata) });
    return success({});
}

async function listKeys(kv, url) {
    const query = url.searchParams;
    const limit = Number(query.get("limit") ?? 1000);
    if (limit < 10 || limit > 1000) return failure(400, 10022, "limit must be between 10 and 1000");
    const options = { limit, prefix: query.get("prefix") ?? undefined, cursor: query.get("cursor") || undefined };
    const { keys, cursor } = await kv.list(options);
    return success(keys, { count: keys.length, cursor: cursor ?? "" });
}

async function bulkGet(kv, body) {
    const found = await kv.getWithMetadata(body.keys, { type: body.type });
    const values = {};
    for (const [key, entry] of found) {
        // An empty value comes alone, without its metadata: that goes on as it is.
        const end = entry ? await expiration(kv, key) : undefined;
        values[key] = end === undefined ? entry : { ...entry, expiration: end };
    }
    return success({ values });
}

async function bulkPut(kv, pairs) {
    if (pairs.length > 10_000) return failure(400, 10028, "you can write a maximum of 10000 pairs");
    for (let from = 0; from < pairs.length; from += 100) {
        const some = pairs.slice(from, from + 100).map(({ key, value, expiration_ttl, metadata, base64 }) => {
            const bytes = base64 ? Uint8Array.from(atob(value), (letter) => letter.charCodeAt(0)) : value;
            return kv.put(key, bytes, { expirationTtl: expiration_ttl, metadata });
        });
        await Promise.all(some);
    }
    return success({ successful_key_count: pairs.length, unsuccessful_keys: [] });
}

async function bulkDelete(kv, keys) {
    if (keys.length > 10_000) return failure(400, 10028, "you can delete a maximum of 10000 keys");
    for (let from = 0; from < keys.length; from += 100) {
        await Promise.all(keys.slice(from, from + 100).map((key) => kv.delete(key)));
    }
    return success({ successful_key_count: keys.length, unsuccessful_keys: [] });
}

async function answer(kv, namespace, name, key, url, request) {
    try {
        if (["PUT /values", "DELETE /values"].includes(name) && faults.tooSoon(namespace, key)) {
            return failure(429, 10429, "too many writes of this key");
        }
        switch (name) {
            case "GET /values":
                return await getValue(kv, key);
            case "PUT /values":
                return await putValue(kv, key, url, request);
            case "DELETE /values":
                await kv.delete(key);
                return success({});
            case "GET /metadata":
                return await getMetadata(kv, key);
            case "GET /keys":
                return await listKeys(kv, url);
            case "PUT /bulk":
                return await bulkPut(kv, await request.json());
            case "POST /bulk/delete":
                return await bulkDelete(kv, await request.json());
            case "POST /bulk/get":
                return await bulkGet(kv, await request.json());
            default:
                return failure(404, 7000, "no route for that URI");
        }
    } catch (error) {
        return refusal(error);
    }
}

/** Calls that the tests make of the binding itself, as a program in JavaScript would. */
async function onBinding(kv, calls) {
    const results = [];
    for (const [method, ...parameters] of calls) results.push((await kv[method](...parameters)) ?? null);
    return Response.json(results);
}

/** Calls of a service in JavaScript that has the namespace for its cache. */
async function onService(kv, calls) {
    const service = new KVCacheService(kv);
    const results = [];
    for (const [method, ...parameters] of calls) results.push((await service[method](...parameters)) ?? null);
    return Response.json(results);
}

export default {
    async fetch(request, env) {
        const url = new URL(request.url);
        const [, control, namespace] = url.pathname.split("/");
        if (control === "faults") {
            faults.plan(namespace, await request.json());
            return new Response("planned");
        }
        if (control === "requests") return Response.json(faults.requests(namespace));
        if (control === "binding") return onBinding(env[namespace], await request.json());
        if (control === "service") return onService(env[namespace], await request.json());
        if (request.headers.get("authorization") !== `Bearer ${TOKEN}`) {
            return failure(403, 10000, "Authentication error");
        }
        if (!url.pathname.startsWith(BASE)) return failure(404, 7003, "no route for that URI");
        const [id, kind, ...rest] = url.pathname.slice(BASE.length).split("/");
        const kv = env[id];
        if (!kv) return failure(404, 10013, "namespace not found");
        const onKey = kind === "values" || kind === "metadata";
        const name = `${request.method} /${[kind, ...(onKey ? [] : rest)].join("/")}`;
        const key = onKey ? decodeURIComponent(rest.join("/")) : "";
        const fault = faults.next(id, name);
        const honest = () => answer(kv, id, name, key, url, request);
        if (!fault) return honest();
        // An answer before the end of a large body would close the connection under who sends it.
        if (!["slow", "cut"].includes(fault.kind)) await request.arrayBuffer();
        return faults.spoil(fault, honest);
    },
};
