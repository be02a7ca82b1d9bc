use cache_runtime::KeyPart;

#[derive(KeyPart)]
enum Never {}

fn main() {}
