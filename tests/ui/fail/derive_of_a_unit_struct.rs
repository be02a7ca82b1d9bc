use cache_runtime::KeyPart;

#[derive(KeyPart)]
struct Nothing;

fn main() {}
