use cache_runtime::cache_key;

#[cache_key("project:<id>")]
pub fn project_key(id: u64) -> String;

fn main() {
    let _ = project_key(7);
}
