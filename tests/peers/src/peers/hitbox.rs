//! `hitbox`: an attribute over its backend in memory; values are bytes.

use std::time::Duration;

use hitbox::concurrency::{BroadcastConcurrencyManager, NoopConcurrencyManager};
use hitbox::offload::OffloadManager;
use hitbox::policy::PolicyConfig;
use hitbox_core::DisabledOffload;
use hitbox_backend::format::{BincodeFormat, Format, JsonFormat};
use hitbox_fn::{Cache, CacheableResponse, cached};
use hitbox_moka::MokaBackend;

use crate::case::{Case, Gives, KeyOf};
use crate::stampede::{Loader, Stampede};
use crate::value::{CAPACITY, ORG, Project, SLUG, TTL};
