//! Runs the service until it is told to stop.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use cache_runtime::KvCacheService;
use lexopt::prelude::*;
use metrics_exporter_prometheus::PrometheusBuilder;
use service::{Db, app};
use tokio::net::TcpListener;
use tokio::signal::{ctrl_c, unix};

const HELP: &str = "\
usage: service [--listen ADDRESS] [--backend URL] [--database FILE] [--limit N] [--no-cache] [--log LEVEL]

  --listen ADDRESS  127.0.0.1:3000 if not given; port 0 is any free one
  --backend URL     memory (if not given), redis://…, cloudflare://ACCOUNT/NAMESPACE
  --database FILE   service.sqlite3 if not given; made and filled if it is not there
  --limit N         requests of a client in a minute; 600 if not given, 0 for any number
  --no-cache        asks the database each time
  --log LEVEL       error, warn, info (if not given), debug
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut listen = SocketAddr::from(([127, 0, 0, 1], 3000));
    let mut backend = "memory".to_owned();
    let mut database = PathBuf::from("service.sqlite3");
    let (mut limit, mut no_cache, mut log) = (600, false, tracing::Level::INFO);
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("listen") => listen = args.value()?.parse()?,
            Long("backend") => backend = args.value()?.string()?,
            Long("database") => database = args.value()?.into(),
            Long("limit") => limit = args.value()?.parse()?,
            Long("no-cache") => no_cache = true,
            Long("log") => log = args.value()?.parse()?,
            Long("help") => {
                print!("{HELP}");
                return Ok(());
            }
            _ => return Err(arg.unexpected().into()),
        }
    }
    tracing_subscriber::fmt().json().flatten_event(true).with_max_level(log).init();
    let cache = KvCacheService::connect(if backend == "memory" { "memory:" } else { &backend }).await?;
    if no_cache {
        cache.disable();
    }
    let metrics = PrometheusBuilder::new().install_recorder()?;
    let app = app(Db::open(&database)?, cache.clone(), metrics, limit)?;
    let listener = TcpListener::bind(listen).await?;
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    let stop = async move {
        tokio::select! { _ = ctrl_c() => {}, _ = terminate.recv() => {} }
    };
    tracing::info!(address = %listener.local_addr()?, "listening");
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    let left = cache.close(Duration::from_secs(5)).await;
    tracing::info!(left.invalidations, left.refreshes, "stopped");
    Ok(())
}
