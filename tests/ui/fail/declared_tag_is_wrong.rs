use cache_runtime::cache_tag;

#[cache_tag("org:<org_id>")]
fn with_a_value(org_id: u64) -> u64;

#[cache_tag("org:<org_id>")]
fn with_a_parameter_too_many(org_id: u64, user_id: u64);

#[cache_tag("org:<ogr_id>")]
fn with_a_misspelt_placeholder(org_id: u64);

#[cache_tag(with_a_value(org_id))]
fn of_an_expression(org_id: u64);

#[cache_tag]
fn without_a_template();

#[cache_tag("org:<org_id>")]
async fn asynchronous(org_id: u64);

#[cache_tag("org:<org_id>")]
fn with_a_body(org_id: u64) {}

#[cache_tag("org:<org_id>")]
fn of_a_float(org_id: f64);

fn main() {}
