use cache_runtime::KeyPart;

#[derive(KeyPart)]
struct Id<T>(T);

fn main() {}
