//! Tags: names that entries share, to be made stale together.

use std::fmt;

use super::{RawKey, Template};

/// The name of a group of entries that become stale together, rendered.
///
/// `#[cache_tag]` emits a function that returns one. A text is a tag, too: checked when it is used (not empty, no
/// control character, not too long), but not escaped. Like a key, a tag is relative to a prefix.
///
/// `Debug` shows the template and a short hash and no part of the tag; `Display` writes the whole tag.
///
/// ```
/// use cache_runtime::{KvCacheService, Policy, Tag};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_runtime::Result<()> {
/// let cache = KvCacheService::in_memory();
/// let policy = || Policy::new(300).tags([Tag::from("org:5")]);
/// let load = async |title: &str| Ok::<_, cache_runtime::CacheError>(title.to_owned());
/// cache.get_or_load("project:7", policy(), async || load("old").await).await?;
/// cache.invalidate_tag("org:5").await?;
/// assert_eq!(cache.get_or_load("project:7", policy(), async || load("new").await).await?, "new");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tag(RawKey);

impl Tag {
    pub(crate) const fn new(raw: RawKey) -> Self {
        Self(raw)
    }

    /// The tag's text, without a prefix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The template that the tag came from, as its author wrote it.
    #[must_use]
    pub fn template(&self) -> &'static str {
        self.0.template().text()
    }

    pub(crate) fn into_raw(self) -> RawKey {
        self.0
    }
}

impl From<&str> for Tag {
    fn from(text: &str) -> Self {
        Self(RawKey::from_text_of(Template::UNTYPED_TAG, text))
    }
}

impl From<String> for Tag {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&String> for Tag {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<&Self> for Tag {
    fn from(tag: &Self) -> Self {
        tag.clone()
    }
}

impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Tag {}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tag").field(&self.0).finish()
    }
}
