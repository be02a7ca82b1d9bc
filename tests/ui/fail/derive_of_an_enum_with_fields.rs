use cache_runtime::KeyPart;

#[derive(KeyPart)]
enum Owner {
    Nobody,
    User(u64),
    Team { id: u64 },
}

fn main() {}
