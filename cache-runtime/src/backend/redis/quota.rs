//! Quotas: one script a request, by the server's clock.

use std::time::Duration;

use super::connection::Again;
use super::fault::Fault;
use super::reply;
use super::scripts::Script;
use super::servers::Servers;
use super::writes::script;
use crate::backend::{Decision, Quota};
use crate::error::BackendError;

pub(super) async fn admit(
    servers: &Servers,
    key: &str,
    cost: u32,
    quota: Quota,
) -> Result<Decision, BackendError> {
    let (kind, limit, span) = match quota {
        Quota::Window { limit, length } => ("window", limit, length),
        Quota::Smooth { burst, interval } => ("smooth", burst, interval),
    };
    let (cost, most, span) = (cost.to_string(), limit.to_string(), span.as_micros().to_string());
    let arguments = [kind.as_bytes(), cost.as_bytes(), most.as_bytes(), span.as_bytes()];
    // What has run has taken its cost.
    let answer = script(servers, Again::MustNot, Script::Admit, key, &arguments).await?;
    let answers = reply::list(answer)?.into_iter().map(reply::integer);
    let numbers: Vec<i64> = answers.collect::<Result<_, Fault>>()?;
    match numbers[..] {
        [allowed, remaining, reset, retry] => Ok(Decision {
            allowed: allowed == 1,
            limit,
            remaining: u32::try_from(remaining).map_err(|_| Fault::Answer)?,
            reset_after: micros(reset).unwrap_or_default(),
            retry_after: micros(retry).filter(|_| allowed != 1),
        }),
        [] => Err(BackendError::Rejected("the key is being written".into())),
        _ => Err(Fault::Answer.into()),
    }
}

fn micros(number: i64) -> Option<Duration> {
    u64::try_from(number).ok().map(Duration::from_micros)
}
