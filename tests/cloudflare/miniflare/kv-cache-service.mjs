// A cache service as Workers in JavaScript have it: plain JSON under `prefix:key`, over a KV namespace.

export class KVCacheService {
    constructor(kv, prefix = "app") {
        this.kv = kv;
        this.prefix = prefix;
    }

    fullKey(key) {
        return `${this.prefix}:${key}`;
    }

    async get(key) {
        return this.kv.get(this.fullKey(key), "json");
    }

    /** `ttl` is in seconds. */
    async set(key, value, ttl = undefined) {
        await this.kv.put(this.fullKey(key), JSON.stringify(value), ttl ? { expirationTtl: ttl } : {});
    }

    async delete(key) {
        await this.kv.delete(this.fullKey(key));
    }

    async deleteMany(keys) {
        await Promise.all(keys.map((key) => this.delete(key)));
    }

    async exists(key) {
        return (await this.kv.get(this.fullKey(key))) !== null;
    }

    async keys(start = "") {
        const { keys } = await this.kv.list({ prefix: this.fullKey(start) });
        return keys.map(({ name }) => name.slice(this.prefix.length + 1));
    }

    async increment(key, by = 1) {
        const sum = ((await this.get(key)) ?? 0) + by;
        await this.set(key, sum);
        return sum;
    }

    async decrement(key, by = 1) {
        return this.increment(key, -by);
    }

    async clear() {
        await this.deleteMany(await this.keys());
    }
}
