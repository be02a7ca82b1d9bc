//! The cached call and the write around an author's body, on top of the service.

mod apart;
mod batch;
mod deferral;
mod elsewhere;
mod failures;
mod fill;
mod load;
mod lookup;
mod manual;
mod miss;
mod policy;
mod refresh;
mod shape;
mod shared;
mod site;
mod stale;
mod tags;
mod tally;
mod timer;
mod update;
mod write;

pub use batch::{Batch, batch, keys};
pub(crate) use deferral::deferring;
pub use failures::{Cloned, Own};
pub use lookup::cached;
pub(crate) use manual::{load_optional, load_value};
pub use policy::{Always, Condition, Policy};
pub use refresh::{for_refresh, owned_for_refresh};
pub use shape::{Shape, StrictShape, probe, shapes};
pub(crate) use shared::{load_shared, read_shared};
#[cfg(all(feature = "key-map", not(target_family = "wasm")))]
pub use site::Registered;
pub use site::{CallSite, CallSiteKind, CallSiteStats, call_sites};
pub use update::update;
pub use write::write;
