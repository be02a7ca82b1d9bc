//! A session from a visitor's first request over the login to a new password.
//!
//! Run it with `cargo run --example sessions`.

use cache_runtime::{KvCacheService, SessionStore};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Cart {
    items: Vec<String>,
}

#[tokio::main]
async fn main() -> cache_runtime::Result<()> {
    let cache = KvCacheService::in_memory();
    let sessions: SessionStore<Cart> = SessionStore::builder(&cache).build()?;

    // `expose` gives the text for the cookie; the store itself has only its hash.
    let visitor = sessions.create(&Cart { items: Vec::new() }).await?;
    sessions.update(visitor.expose(), |cart| cart.items.push("lamp".into())).await?;

    let ada = sessions.rotate_for(visitor.expose(), "ada").await?.expect("the session is open");
    let session = sessions.get(ada.expose()).await?.expect("the session is open");
    println!("{:?} has {:?} in the cart", session.user, session.data.items);
    println!("the visitor's token is good: {}", sessions.get(visitor.expose()).await?.is_some());

    sessions.destroy_all("ada").await?;
    println!("ada's token is good after a new password: {}", sessions.get(ada.expose()).await?.is_some());
    Ok(())
}
