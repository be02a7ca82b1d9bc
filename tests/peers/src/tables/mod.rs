//! The tables, a file each.

pub mod growth;
pub mod hits;
pub mod memory;
pub mod ratio;
pub mod redis;
pub mod stampede;
pub mod threads;

/// How many times as much `this` is as `that`.
fn ratio_text(this: f64, that: f64) -> String {
    if this.is_nan() || that.is_nan() { "–".to_owned() } else { format!("{:.2}", this / that) }
}
