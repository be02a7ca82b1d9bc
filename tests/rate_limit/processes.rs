//! Several processes with one Redis: the test runs its own program again, as the other processes.

use std::process::Stdio;
use std::time::Duration;

use cache_runtime::{Quota, RateLimiter};
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::connect;
use crate::server::{Kind, database};

const SERVER: &str = "RATE_LIMIT_SERVER";
const TEST: &str = "processes::several_processes_are_admitted_exactly_the_limit_together";

/// What each of the processes does: 100 tasks ask 5 times each.
async fn ask(url: &str) {
    let cache = connect(url).await;
    let hour = Duration::from_hours(1);
    for (name, quota) in [("w", Quota::window(700, hour)), ("s", Quota::smooth(700, 700 * hour))] {
        let limiter = RateLimiter::new(&cache, name, quota).expect("it can be built");
        let mut tasks = JoinSet::new();
        for _ in 0..100 {
            let limiter = limiter.clone();
            tasks.spawn(async move {
                let mut admitted = 0;
                for _ in 0..5 {
                    admitted += u32::from(limiter.check("ada").await.expect("the server answers").allowed);
                }
                admitted
            });
        }
        let admitted: u32 = tasks.join_all().await.into_iter().sum();
        println!("admitted by {name}: {admitted}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_are_admitted_exactly_the_limit_together() {
    if let Ok(url) = std::env::var(SERVER) {
        return ask(&url).await;
    }
    let Some((server, database)) = database(Kind::Redis) else { return };
    let program = std::env::current_exe().expect("the test has a program");
    let mut processes = JoinSet::new();
    for _ in 0..4 {
        let mut command = Command::new(&program);
        command.args(["--exact", TEST, "--nocapture"]).env(SERVER, server.url(database));
        command.stdin(Stdio::null()).kill_on_drop(true);
        processes.spawn(async move { command.output().await.expect("the program runs") });
    }
    let (mut window, mut smooth, mut askers) = (0, 0, 0);
    for output in processes.join_all().await {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let of = |name: &str| -> u32 {
            let found =
                text.split_once(&format!("admitted by {name}: ")).and_then(|(_, rest)| rest.lines().next());
            found.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no number in: {text}"))
        };
        (window, smooth) = (window + of("w"), smooth + of("s"));
        askers += u32::from(of("w") > 0);
    }
    println!("{askers} processes were admitted {window} by the window and {smooth} by the smooth quota");
    assert_eq!((window, smooth), (700, 700), "of 2,000 each");
    assert!(askers > 1, "one process alone took all");
}
