use cache_runtime::{KeyPart, RawPart};

#[derive(KeyPart)]
struct Path(RawPart<String>);

fn main() {}
