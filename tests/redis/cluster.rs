//! Clusters of real servers: three primaries, with or without replicas, and what they do to a backend.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_runtime::{Backend, ListOptions, PutOptions, Read, RedisBackend};
use redis::{Cmd, cmd};
use tokio::sync::OnceCell;

use crate::server::{Kind, Server, free_port};

/// The nodes: first the primaries, then a replica of each, if there are any.
pub(crate) struct Nodes {
    pub(crate) servers: Vec<Server>,
    ids: Vec<String>,
}

const PRIMARIES: usize = 3;
const SLOTS: usize = 16_384;

impl Nodes {
    /// Starts three primaries, each with a replica if told so; `None` where there is no program.
    pub(crate) async fn start(kind: Kind, replicas: bool) -> Option<Self> {
        let count = if replicas { 2 * PRIMARIES } else { PRIMARIES };
        let mut servers = Vec::new();
        let mut buses = Vec::new();
        for _ in 0..count {
            let bus = free_port();
            let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
            let arguments: Vec<&str> = arguments.into_iter().collect();
            let bus_text = bus.to_string();
            let more = ["--cluster-port", &bus_text, "--repl-diskless-sync-delay", "0"];
            servers.push(Server::start(kind, &[&arguments[..], &more[..]].concat())?);
            buses.push(bus);
        }
        let mut nodes = Self { servers, ids: Vec::new() };
        for place in 0..count {
            let id: String = nodes.ask(place, cmd("CLUSTER").arg("MYID")).await;
            nodes.ids.push(id);
            nodes.tell(place, cmd("CLUSTER").arg("SET-CONFIG-EPOCH").arg(place + 1)).await;
        }
        for place in 0..PRIMARIES {
            let (first, next) = (SLOTS * place / PRIMARIES, SLOTS * (place + 1) / PRIMARIES);
            nodes.tell(place, cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(first).arg(next - 1)).await;
        }
        for (server, bus) in nodes.servers.iter().zip(buses).skip(1) {
            nodes.tell(0, cmd("CLUSTER").arg("MEET").arg("127.0.0.1").arg(server.port).arg(bus)).await;
        }
        nodes.settle().await;
        for place in PRIMARIES..count {
            nodes.tell(place, cmd("CLUSTER").arg("REPLICATE").arg(&nodes.ids[place - PRIMARIES])).await;
        }
        for place in PRIMARIES..count {
            nodes.wait(place, "master_link_status:up", cmd("INFO").arg("replication")).await;
        }
        nodes.settle().await;
        Some(nodes)
    }

    /// Waits until all know all, and all slots are served.
    async fn settle(&self) {
        for place in 0..self.servers.len() {
            let known = format!("cluster_known_nodes:{}\r", self.servers.len());
            self.wait(place, &known, cmd("CLUSTER").arg("INFO")).await;
            self.wait(place, "cluster_state:ok", cmd("CLUSTER").arg("INFO")).await;
        }
    }

    async fn wait(&self, place: usize, text: &str, question: &Cmd) {
        let start = Instant::now();
        while !self.ask::<String>(place, question).await.contains(text) {
            assert!(start.elapsed() < Duration::from_secs(30), "node {place} does not say {text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn ask<T: redis::FromRedisValue>(&self, place: usize, question: &Cmd) -> T {
        let mut client = self.servers[place].client(0).await;
        question.query_async(&mut client).await.expect("the node answers")
    }

    async fn tell(&self, place: usize, command: &Cmd) {
        let mut client = self.servers[place].client(0).await;
        command.exec_async(&mut client).await.expect("the node obeys");
    }

    /// The address, by two of the nodes.
    pub(crate) fn url(&self) -> String {
        format!("redis+cluster://127.0.0.1:{},127.0.0.1:{}", self.servers[0].port, self.servers[1].port)
    }

    pub(crate) async fn connect(&self) -> RedisBackend {
        let limit = Duration::from_secs(5);
        let builder = RedisBackend::builder(&self.url()).connect_timeout(limit).command_timeout(limit);
        builder.connect().await.expect("the cluster answers")
    }

    /// The place of the primary that has a key, and its slot.
    async fn owner(&self, key: &str) -> (usize, u16) {
        let slot: u16 = self.ask(0, cmd("CLUSTER").arg("KEYSLOT").arg(key)).await;
        let place = (0..PRIMARIES).find(|place| usize::from(slot) < SLOTS * (place + 1) / PRIMARIES);
        (place.expect("each slot is somewhere"), slot)
    }
}

/// One cluster of each kind for all tests that leave nothing in it; ended with this process.
pub(crate) async fn shared(kind: Kind) -> Option<&'static Nodes> {
    static REDIS: OnceCell<Option<Nodes>> = OnceCell::const_new();
    static VALKEY: OnceCell<Option<Nodes>> = OnceCell::const_new();
    let cell = match kind {
        Kind::Redis => &REDIS,
        Kind::Valkey => &VALKEY,
    };
    cell.get_or_init(|| Nodes::start(kind, false)).await.as_ref()
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("app:{number}")).collect()
}

async fn put(backend: &RedisBackend, key: &str, value: &str) {
    let value = value.to_owned().into();
    backend.put(key, value, PutOptions::default()).await.expect("the cluster answers");
}

async fn value(backend: &RedisBackend, key: &str) -> Option<String> {
    let found = backend.get(key).await.expect("the cluster answers")?;
    Some(String::from_utf8_lossy(&found.value).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_keys_are_one_round_trip_a_node() {
    let Some(nodes) = Nodes::start(Kind::Redis, false).await else { return };
    let backend = nodes.connect().await;
    assert!(!backend.capabilities().epoch, "a cluster tells no epochs");
    let keys = keys(300);
    let entries = keys.iter().map(|key| (key.clone(), "text".into(), PutOptions::default()));
    backend.put_many(entries.collect()).await.expect("they are stored");
    for place in 0..PRIMARIES {
        nodes.tell(place, cmd("CONFIG").arg("RESETSTAT")).await;
        let size: usize = nodes.ask(place, &cmd("DBSIZE")).await;
        assert!(size > 50, "node {place} has {size} keys");
    }
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    let found = backend.get_many(&names[..200]).await.expect("they are read");
    assert!(found.iter().all(|entry| entry.as_ref().is_some_and(|entry| entry.value == "text")));
    for place in 0..PRIMARIES {
        let stats: String = nodes.ask(place, cmd("INFO").arg("stats")).await;
        let reads = stats.lines().find_map(|line| line.strip_prefix("total_reads_processed:"));
        println!("node {place} was read from {reads:?} times");
    }
    // A listing and a removal go over all nodes.
    let listed = backend.list(ListOptions { prefix: "app:".into(), limit: Some(1_000), cursor: None }).await;
    assert_eq!(listed.expect("they are listed").keys.len(), 300);
    assert_eq!(backend.delete_prefix("app:").await.expect("they are removed"), 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_that_one_node_forgot_are_loaded_again() {
    let Some(nodes) = Nodes::start(Kind::Redis, false).await else { return };
    let backend = nodes.connect().await;
    for round in 1..4 {
        for key in keys(20) {
            assert_eq!(backend.increment(&key, 1, None).await.expect("it counts"), round);
        }
        nodes.tell(1, cmd("SCRIPT").arg("FLUSH")).await;
    }
}

/// Everything that a slot's way from one node to another has: before, between, ahead, after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_moves_takes_values_leases_and_barriers_along() {
    let Some(nodes) = Nodes::start(Kind::Redis, false).await else { return };
    let backend = nodes.connect().await;
    // All in one slot.
    let (plain, leased, barred, missing) = ("{s}:value", "{s}:leased", "{s}:barred", "{s}:missing");
    let (from, slot) = nodes.owner(plain).await;
    let to = (from + 1) % PRIMARIES;
    put(&backend, plain, "before").await;
    let Ok(Read::Miss(Some(lease))) = backend.read(leased).await else { panic!("nothing is there") };
    let life = Duration::from_secs(60);
    let token = backend.begin_write(&[barred], life).await.expect("the cluster answers");

    let setslot = || {
        let mut command = cmd("CLUSTER");
        command.arg("SETSLOT").arg(slot);
        command
    };
    nodes.tell(to, setslot().arg("IMPORTING").arg(&nodes.ids[from])).await;
    nodes.tell(from, setslot().arg("MIGRATING").arg(&nodes.ids[to])).await;
    // What is still there is served there; what is not is asked for ahead, and made there.
    assert_eq!(value(&backend, plain).await.as_deref(), Some("before"));
    let Ok(Read::Miss(Some(ahead))) = backend.read(missing).await else { panic!("nothing is there") };
    assert!(backend.fill(missing, Some(ahead), "v".into(), PutOptions::default()).await.expect("it answers"));
    let both = backend.get_many(&[missing, plain]).await.expect("the cluster answers");
    assert!(both.iter().all(Option::is_some), "one has gone ahead, one is still there: {both:?}");

    let port = nodes.servers[to].port;
    let mut migrate = cmd("MIGRATE");
    migrate.arg("127.0.0.1").arg(port).arg("").arg(0).arg(5_000).arg("KEYS");
    nodes.tell(from, migrate.arg(plain).arg(leased).arg(barred)).await;
    assert_eq!(value(&backend, plain).await.as_deref(), Some("before"), "it has gone ahead");
    assert!(matches!(backend.read(barred).await, Ok(Read::Barred)));

    for place in [to, from, (to + 1) % PRIMARIES] {
        nodes.tell(place, setslot().arg("NODE").arg(&nodes.ids[to])).await;
    }
    assert_eq!(value(&backend, plain).await.as_deref(), Some("before"));
    assert!(matches!(backend.read(barred).await, Ok(Read::Barred)));
    assert!(backend.fill(leased, Some(lease), "v".into(), PutOptions::default()).await.expect("it answers"));
    backend.finish_write(&[barred], token, None).await.expect("the cluster answers");
    assert!(matches!(backend.read(barred).await, Ok(Read::Miss(Some(_)))));
    let all = backend.get_many(&[plain, leased, missing]).await.expect("the cluster answers");
    assert!(all.iter().all(Option::is_some));
    // One that comes now knows nothing of the past.
    assert_eq!(value(&nodes.connect().await, plain).await.as_deref(), Some("before"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_does_not_answer_keeps_no_reads_of_the_others_waiting() {
    const LIMIT: Duration = Duration::from_secs(2);
    let Some(nodes) = Nodes::start(Kind::Redis, false).await else { return };
    for place in 0..PRIMARIES {
        nodes.tell(place, cmd("CONFIG").arg("SET").arg("cluster-require-full-coverage").arg("no")).await;
    }
    let builder = RedisBackend::builder(&nodes.url()).connect_timeout(LIMIT).command_timeout(LIMIT);
    let backend = builder.connect().await.expect("the cluster answers");
    let (mut of_the_dead, mut of_others) = (Vec::new(), Vec::new());
    for key in keys(30) {
        put(&backend, &key, "text").await;
        let (place, _) = nodes.owner(&key).await;
        if place == 0 { of_the_dead.push(key) } else { of_others.push(key) }
    }
    nodes.servers[0].signal("STOP");
    let until = Instant::now() + Duration::from_secs(5);
    let mut reading = tokio::task::JoinSet::new();
    for (key, is_dead) in
        of_the_dead.iter().map(|key| (key, true)).chain(of_others.iter().map(|key| (key, false)))
    {
        let (backend, key) = (backend.clone(), key.clone());
        reading.spawn(async move {
            let (mut longest, mut reads) = (Duration::ZERO, 0_u32);
            while Instant::now() < until {
                let start = Instant::now();
                let looked = backend.look(&key, LIMIT).await.is_ok_and(|found| found.is_some());
                let read = matches!(backend.read(&key).await, Ok(Read::Hit(_)));
                let both = backend.read_many(&[&key, &key]).await.is_ok_and(|found| found.len() == 2);
                assert!(is_dead || looked && read && both, "{key} is there");
                assert!(!(is_dead && (looked || read)), "{key} is out of reach");
                (longest, reads) = (longest.max(start.elapsed()), reads + 1);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            (is_dead, longest, reads)
        });
    }
    let mut longest = [Duration::ZERO; 2];
    while let Some(read) = reading.join_next().await {
        let (is_dead, its, reads) = read.expect("no panic");
        assert!(is_dead || reads > 20, "{reads} reads");
        longest[usize::from(is_dead)] = longest[usize::from(is_dead)].max(its);
    }
    nodes.servers[0].signal("CONT");
    println!("the longest reads: {:?}, of the node that did not answer {:?}", longest[0], longest[1]);
    assert!(longest[0] < LIMIT / 2, "{:?}", longest[0]);
}

/// Reads and writes of many keys until told to stop: how many went well, how many failed, the longest call.
async fn load(backend: RedisBackend, stop: Arc<std::sync::atomic::AtomicBool>) -> (u32, u32, Duration) {
    let (mut good, mut failed, mut longest) = (0, 0, Duration::ZERO);
    let mut number = 0_u64;
    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
        number += 1;
        let key = format!("app:{}", number % 50);
        let start = Instant::now();
        let token = backend.begin_write(&[&key], Duration::from_secs(5)).await;
        let done = match token {
            Ok(token) => {
                let written = backend.finish_write(&[&key], token, None).await.is_ok();
                // A write that is over has left nothing older.
                written && !matches!(backend.read(&key).await, Ok(Read::Hit(_)) | Err(_))
            }
            Err(_) => false,
        };
        longest = longest.max(start.elapsed());
        if done {
            good += 1;
        } else {
            failed += 1;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    (good, failed, longest)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_hands_over_loses_no_barrier_and_one_that_is_killed_is_replaced() {
    let Some(nodes) = Nodes::start(Kind::Redis, true).await else { return };
    let limit = Duration::from_millis(800);
    let builder = RedisBackend::builder(&nodes.url()).connect_timeout(limit).command_timeout(limit);
    let backend = builder.connect().await.expect("the cluster answers");
    let (barred, kept) = ("app:barred", "app:kept");
    let (place, _) = nodes.owner(barred).await;
    let token = backend.begin_write(&[barred], Duration::from_secs(60)).await.expect("the cluster answers");
    put(&backend, kept, "kept").await;

    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let under_load = tokio::spawn(load(backend.clone(), Arc::clone(&stop)));
    let start = Instant::now();
    let role = cmd("INFO").arg("replication").clone();
    while !nodes.ask::<String>(PRIMARIES + place, &role).await.contains("role:master") {
        assert!(start.elapsed() < Duration::from_secs(60), "nobody hands over");
        // On a busy machine the nodes may not have agreed in time.
        nodes.tell(PRIMARIES + place, cmd("CLUSTER").arg("FAILOVER")).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(matches!(backend.read(barred).await, Ok(Read::Barred)), "the barrier has moved with the slot");
    assert_eq!(value(&backend, kept).await.as_deref(), Some("kept"));
    backend.finish_write(&[barred], token, None).await.expect("the cluster answers");
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let (good, failed, longest) = under_load.await.expect("no panic");
    println!(
        "a primary handed over: {good} writes and reads went well, {failed} failed, the longest took {longest:?}"
    );
    assert!(good > 50);

    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let under_load = tokio::spawn(load(backend.clone(), Arc::clone(&stop)));
    let start = Instant::now();
    nodes.servers[PRIMARIES + place].kill();
    while backend.put(barred, "v".into(), PutOptions::default()).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(30), "the cluster does not recover");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("a primary was killed: its keys were served again after {:?}", start.elapsed());
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let (good, failed, longest) = under_load.await.expect("no panic");
    println!("{good} writes and reads went well, {failed} failed, the longest took {longest:?}");
    assert!(good > 50 && longest < Duration::from_secs(10));
}
