use cache_runtime::cache_key;

#[cache_key("price:<amount>", ttl = 60)]
pub fn price_key(amount: f64) -> String;

fn main() {}
