//! Caches over Redis: reads in a second by many tasks, and what one caller waits for a hit, a miss and a write.

use std::process::Command;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::{CACHED, BY_HAND, OURS, OURS_PACKED, Remote, Server, environment, is_for, remotes};
use crate::flags::Flags;
use crate::table::{Table, ratio_text};
use crate::value;

/// How many tasks read at once.
const TASKS: [usize; 3] = [1, 64, 512];
/// Which address the child measures.
const URL: &str = "PEERS_REDIS_URL";

/// Prints the tables, or says why there are none.
pub fn print(flags: &Flags) {
    if let Some(port) = std::env::var(URL).ok().filter(|url| is_for(url)) {
        return measure(&port, flags);
    }
    let server = match Server::start() {
        Ok(server) => server,
        Err(why) => return println!("redis: {why}"),
    };
    // `cached` finds its server in the environment, which no program may change once it has threads: so another one.
    let url = server.url();
    let child = std::env::current_exe().and_then(|program| {
        let mut command = Command::new(program);
        // What this one was asked for.
        command.args(std::env::args().skip(1));
        command.env(URL, &url).envs([environment(&url)]).status()
    });
    if !child.is_ok_and(|status| status.success()) {
        println!("redis: the measure failed");
        return;
    }
    if flags.remotes.is_empty() {
        print_benchmark(&server, flags);
    }
}

fn measure(url: &str, flags: &Flags) {
    let runtime =
        Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads are left");
    let mut remotes = runtime.block_on(remotes(url));
    remotes.retain(|remote| flags.wants_remote(remote.name));
    let columns = flags.tasks.map_or(TASKS.to_vec(), |tasks| vec![tasks]);
    print_throughput(&runtime, &remotes, &columns, flags);
    if flags.tasks.is_some() {
        return;
    }
    print_alone(&runtime, &remotes, if flags.quick { 400 } else { 2_000 });
}

fn print_throughput(runtime: &Runtime, remotes: &[Remote], columns: &[usize], flags: &Flags) {
    let (rounds, length) = if flags.quick { (3, 20_000) } else { (9, 480_000) };
    for remote in remotes {
        runtime.block_on(read_all(remote, &asked(64, value::ENTRIES * 2), true));
    }
    let asked: Vec<_> =
        columns.iter().map(|&tasks| asked(tasks, if tasks == 1 { length / 12 } else { length })).collect();
    let mut best = vec![vec![0.0_f64; columns.len()]; remotes.len()];
    for round in 0..rounds {
        for turn in 0..remotes.len() {
            let index = (turn + round) % remotes.len();
            for (column, asked) in asked.iter().enumerate() {
                let start = Instant::now();
                runtime.block_on(read_all(&remotes[index], asked, !flags.direct));
                let done: usize = asked.iter().map(Vec::len).sum();
                let a_second = done as f64 / start.elapsed().as_secs_f64();
                best[index][column] = best[index][column].max(a_second);
            }
        }
    }
    let best_of = |name| remotes.iter().position(|remote| remote.name == name).map(|place| &best[place]);
    let by_hand = best_of(BY_HAND);
    let heads = columns.iter().map(|tasks| format!("{tasks} task{}", if *tasks == 1 { "" } else { "s" }));
    let heads: Vec<String> = heads.flat_map(|tasks| [tasks, "×".to_owned()]).collect();
    let heads: Vec<&str> = std::iter::once("k reads/s").chain(heads.iter().map(String::as_str)).collect();
    let mut table = Table::new(&heads);
    for (remote, best) in remotes.iter().zip(&best) {
        let name = if remote.is_ours { format!("**{}**", remote.name) } else { remote.name.to_owned() };
        let mut cells = vec![name];
        for (column, reads) in best.iter().enumerate() {
            cells.push(format!("{:.0}", reads / 1_000.0));
            cells.push(ratio_text(*reads, by_hand.map_or(f64::NAN, |by_hand| by_hand[column])));
        }
        table.row(cells);
    }
    table.print(&format!(
        "Hits on Redis over loopback, one process, values of 200 bytes of JSON or what they are as MessagePack, decoded; \
         best of {rounds} interleaved rounds; × is of redis-rs by hand with JSON{}",
        if flags.direct { "; each call awaited where it is made" } else { "" }
    ));
    for (ours, other) in [(OURS, BY_HAND), (OURS_PACKED, CACHED)] {
        if let (Some(reads), Some(its)) = (best_of(ours), best_of(other)) {
            let ratios: Vec<_> = reads.iter().zip(its).map(|(reads, its)| ratio_text(*reads, *its)).collect();
            println!("\n{ours}, times {other}: {}", ratios.join(", "));
        }
    }
}

/// Which ids each of so many tasks asks for, so many in all.
fn asked(tasks: usize, reads: usize) -> Vec<Vec<u64>> {
    let ids: Vec<u64> = value::ids().collect();
    let of = |task: usize| (0..reads / tasks).map(|call| ids[(task * 7 + call) % ids.len()]).collect();
    (0..tasks).map(of).collect()
}

/// Reads them all, each list in a task of its own.
async fn read_all(remote: &Remote, asked: &[Vec<u64>], boxed: bool) {
    let mut running: JoinSet<()> = asked.iter().map(|ids| (remote.read)(ids.clone(), boxed)).collect();
    while running.join_next().await.is_some() {}
}

/// One caller, one thing at a time: a write, the miss after it, a hit.
fn print_alone(runtime: &Runtime, remotes: &[Remote], rounds: usize) {
    let mut table =
        Table::new(&["median µs, one caller", "hit", "miss", "write", "miss / hit", "write / hit"]);
    for remote in remotes {
        let Some(write) = &remote.write else { continue };
        let mut taken: [Vec<Duration>; 3] = Default::default();
        runtime.block_on(async {
            for round in 0..rounds {
                let id = 2_000_000 + round as u64 % 16;
                for (place, call) in [(2, write), (1, &remote.read), (0, &remote.read)] {
                    let start = Instant::now();
                    call(vec![id], true).await;
                    taken[place].push(start.elapsed());
                }
            }
        });
        let [hit, miss, written] = taken.map(|mut taken| {
            taken.sort();
            taken[taken.len() / 2].as_nanos() as f64 / 1_000.0
        });
        let name = if remote.is_ours { format!("**{}**", remote.name) } else { remote.name.to_owned() };
        let mut cells = vec![name];
        cells.extend([hit, miss, written].map(|micros| format!("{micros:.1}")));
        cells.extend([miss / hit, written / hit].map(|ratio| format!("{ratio:.1}")));
        table.row(cells);
    }
    table.print(&format!("One caller alone, the median of {rounds}: a hit is one round trip"));
}

fn print_benchmark(server: &Server, flags: &Flags) {
    let reads = if flags.quick { 20_000 } else { 100_000 };
    let key = format!("hand:{}", value::ids().next().unwrap_or_default());
    let mut table = Table::new(&["redis-benchmark GET, a connection each", "k reads/s"]);
    for connections in TASKS {
        let reads = if connections == 1 { reads / 5 } else { reads };
        match server.benchmark(connections, reads, &key) {
            Some(a_second) => {
                table.row([format!("{connections} connections"), format!("{:.0}", a_second / 1_000.0)]);
            }
            None => return println!("\nredis-benchmark is not installed"),
        }
    }
    table.print("The server's own client, in C, on the same server");
}
