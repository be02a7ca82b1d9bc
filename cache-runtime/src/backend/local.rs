//! Memory.
/// Memory.
pub struct LocalKvNamespace;
/// Builder.
pub struct LocalKvNamespaceBuilder;
