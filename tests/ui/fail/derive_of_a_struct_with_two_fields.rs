use cache_runtime::KeyPart;

#[derive(KeyPart)]
struct Range {
    from: u64,
    to: u64,
}

fn main() {}
