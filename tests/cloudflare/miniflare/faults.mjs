// Faults on request: a test posts a list of them for its namespace, and each spoils as many requests as it says.
//
// { on: "PUT /values", times: 2, kind: "status", status: 429, retryAfter: 1 }
// kinds: status (with status, code, message, retryAfter), slow (with millis), cut, garbage,
// envelope (with body), one-write-a-second

const planned = new Map();
const seen = new Map();
const writes = new Map();

export const plan = (namespace, faults) => planned.set(namespace, faults);

/** What was asked of a namespace: "GET /values" and so on. */
export const requests = (namespace) => seen.get(namespace) ?? [];

/** The next fault for this request, if there is one. */
export function next(namespace, name) {
    seen.set(namespace, [...requests(namespace), name]);
    const fault = (planned.get(namespace) ?? []).find((fault) => fault.on === name && fault.times > 0);
    if (fault) fault.times -= 1;
    return fault;
}

/** One write a second is what a key takes. */
export function tooSoon(namespace, key) {
    if (!(planned.get(namespace) ?? []).some((fault) => fault.kind === "one-write-a-second")) return false;
    const name = `${namespace} ${key}`;
    const soon = Date.now() - (writes.get(name) ?? 0) < 1000;
    if (!soon) writes.set(name, Date.now());
    return soon;
}

/** What a fault makes of a request; `answer` makes the honest one. */
export async function spoil(fault, answer) {
    switch (fault.kind) {
        case "status": {
            const errors = fault.code ? [{ code: fault.code, message: fault.message ?? "" }] : [];
            const headers = fault.retryAfter === undefined ? {} : { "retry-after": String(fault.retryAfter) };
            return Response.json({ success: false, errors, result: null }, { status: fault.status, headers });
        }
        case "slow":
            await new Promise((done) => setTimeout(done, fault.millis));
            return answer();
        case "cut": {
            // The change is made, and its answer lost on the way: see server.mjs.
            const honest = await answer();
            return new Response(await honest.arrayBuffer(), { headers: { "x-cut": "half" } });
        }
        case "garbage":
            return new Response("<html>\u0000 no service of ours</html>", { status: fault.status ?? 200 });
        case "envelope":
            return Response.json(fault.body);
        default:
            throw new Error(`no such fault: ${fault.kind}`);
    }
}
