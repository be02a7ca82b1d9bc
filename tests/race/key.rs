//! What the sources under test use of keys.

#[path = "../../cache-runtime/src/key/identity.rs"]
#[expect(dead_code, reason = "compiled for what the scenarios use of it")]
mod identity;

pub(crate) use identity::{Form, Head, Identified, Identity, Rest};
use identity::{Glance, Kept};

/// As the runtime has it, where there is more to write.
pub(crate) fn identify_text(text: &str, version: u32) -> Identity {
    let (mut glance, mut kept) = (Glance::new(0), Kept::default());
    glance.number(false, version.into());
    kept.word(version.into());
    glance.text(text, true);
    kept.text(text);
    Identity::new(glance, kept.words())
}
