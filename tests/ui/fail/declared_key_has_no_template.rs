use cache_runtime::cache_key;

#[cache_key(ttl = 60)]
pub fn project_key(id: u64) -> String;

fn main() {
    let _ = project_key(7);
}
