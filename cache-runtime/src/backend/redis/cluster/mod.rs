//! A cluster: each command goes to the primary that has its key's slot, and follows it when it moves.
//!
//! Each node has a connection like that to a single server, so that scripts, timeouts and the circuit breaker are a
//! node's own. What the cluster looks like is asked of its nodes, again whenever one of them says that it has changed
//! or does not answer.

mod map;
mod slots;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use redis::{Pipeline, Value};

use super::connection::{Again, Link};
use super::fault::Fault;
use super::live::Live;
use super::servers::{Group, Reply};
pub(super) use map::Nodes;
use map::{Map, Node};
use slots::{Redirect, redirect, slot};

/// How often commands are sent, at most: a slot that moves costs two of them.
const ROUNDS: u32 = 6;
/// The pause before a command is sent again that its node cannot run for the moment.
const PAUSE: Duration = Duration::from_millis(20);

/// See the module.
pub(super) struct Cluster {
    map: Map,
}

/// Where a group of keys is to be sent.
#[derive(Clone)]
enum Way {
    /// To whom the map says.
    Mapped,
    /// To this node.
    To(Arc<Node>),
    /// To this node, which takes it only if it is told that the slot is on its way.
    Asking(Arc<Node>),
}

/// The groups that a node is sent.
struct Share {
    node: Arc<Node>,
    /// The places of the groups, and whether the node has to be told to take them.
    places: Vec<(usize, bool)>,
}

impl Cluster {
    pub(super) fn new(nodes: Nodes) -> Self {
        Self { map: Map::new(nodes) }
    }

    /// Each key alone: of two keys of a slot that moves, one may have gone ahead.
    pub(super) fn groups<'k>(keys: &[&'k str]) -> Vec<Group<'k>> {
        keys.iter().enumerate().map(|(place, key)| Group { keys: vec![*key], places: vec![place] }).collect()
    }

    /// The number of the node that has a key; any, as long as that is not known.
    pub(super) fn number(&self, key: &str) -> usize {
        self.map.owner(slot(key)).map_or(0, |node| node.number)
    }

    /// The connections to all primaries.
    pub(super) async fn primaries(&self) -> Result<Vec<Arc<Link>>, Fault> {
        self.map.primaries().await
    }

    /// See [`Servers::call`](super::servers::Servers::call).
    pub(super) async fn call(
        &self,
        again: Again,
        groups: &[Group<'_>],
        build: impl FnMut(&Live, &Group<'_>, &mut Pipeline) + Send,
    ) -> Vec<Result<Reply, Fault>> {
        let build = Mutex::new(build);
        let mut results: Vec<Result<Reply, Fault>> = groups.iter().map(|_| Err(Fault::Answer)).collect();
        let mut open: Vec<(usize, Way)> = (0..groups.len()).map(|place| (place, Way::Mapped)).collect();
        for round in 0..ROUNDS {
            let shares = self.shares(groups, open, &mut results).await;
            open = Vec::new();
            let sent = join_all(shares.iter().map(|share| share.send(groups, &build))).await;
            let (mut moved, mut later, mut failed) = (false, false, Vec::new());
            for (share, sent) in shares.iter().zip(sent) {
                let replies = match sent {
                    Ok(replies) => replies,
                    Err(fault) => {
                        failed.push((share, fault));
                        continue;
                    }
                };
                for ((place, _), (live, answers)) in share.places.iter().zip(replies) {
                    let way = match answers.iter().find_map(redirect) {
                        None => {
                            results[*place] = Ok(Reply::new(live, answers));
                            continue;
                        }
                        Some(Redirect::Moved { host, port }) => {
                            moved = true;
                            Way::To(self.map.node(host.as_deref(), port, &share.node))
                        }
                        Some(Redirect::Ask { host, port }) => {
                            Way::Asking(self.map.node(host.as_deref(), port, &share.node))
                        }
                        Some(Redirect::Later) => {
                            later = true;
                            Way::Mapped
                        }
                    };
                    // What is said if it is never found.
                    results[*place] = Err(answers.iter().find_map(refusal).unwrap_or(Fault::Answer));
                    open.push((*place, way));
                }
            }
            if moved || later || !failed.is_empty() {
                // Without an answer the old map stands, and says who else to try.
                let _ = self.map.refresh(moved).await;
            }
            for (share, fault) in failed {
                for (place, _) in &share.places {
                    let elsewhere = !self.map.is_owner(slot(groups[*place].key()), &share.node);
                    let is_first = round == 0;
                    let repeat = match &fault {
                        fault if fault.was_not_sent() => elsewhere,
                        Fault::Lost(_) => again == Again::May && (elsewhere || is_first),
                        Fault::Server(code) => code == "NOSCRIPT" && is_first,
                        _ => false,
                    };
                    results[*place] = Err(fault.clone());
                    if repeat {
                        open.push((*place, Way::Mapped));
                    }
                }
            }
            if open.is_empty() {
                break;
            }
            if later {
                tokio::time::sleep(PAUSE * (round + 1)).await;
            }
        }
        results
    }

    /// The groups by the node that they go to. Those that go nowhere have their result.
    async fn shares(
        &self,
        groups: &[Group<'_>],
        open: Vec<(usize, Way)>,
        results: &mut [Result<Reply, Fault>],
    ) -> Vec<Share> {
        let ready = self.map.ready().await;
        let mut shares: Vec<Share> = Vec::new();
        for (place, way) in open {
            let mapped = || ready.clone().and_then(|()| self.map.owner(slot(groups[place].key())));
            let (node, asking) = match way {
                Way::To(node) => (node, false),
                Way::Asking(node) => (node, true),
                Way::Mapped => match mapped() {
                    Ok(node) => (node, false),
                    Err(fault) => {
                        results[place] = Err(fault);
                        continue;
                    }
                },
            };
            match shares.iter_mut().find(|share| Arc::ptr_eq(&share.node, &node)) {
                Some(share) => share.places.push((place, asking)),
                None => shares.push(Share { node, places: vec![(place, asking)] }),
            }
        }
        shares
    }
}

impl Share {
    /// Builds the commands of the groups and sends them; for each group the answers.
    async fn send(
        &self,
        groups: &[Group<'_>],
        build: &Mutex<impl FnMut(&Live, &Group<'_>, &mut Pipeline) + Send>,
    ) -> Result<Vec<(Arc<Live>, Vec<Value>)>, Fault> {
        let link = &self.node.link;
        let live = link.live().await?;
        let mut pipeline = Pipeline::new();
        let mut counts = Vec::with_capacity(self.places.len());
        {
            let mut build = build.lock().unwrap_or_else(PoisonError::into_inner);
            for (place, asking) in &self.places {
                let mut commands = Pipeline::new();
                build(&live, &groups[*place], &mut commands);
                counts.push((commands.len(), *asking));
                for command in commands.cmd_iter() {
                    if *asking {
                        pipeline.cmd("ASKING");
                    }
                    pipeline.add_command(command.clone());
                }
            }
        }
        let mut answers = link.send(&live, &pipeline).await?.into_iter();
        let of_group = |(count, asking): (usize, bool)| {
            let own = (0..count).filter_map(|_| {
                if asking {
                    answers.next();
                }
                answers.next()
            });
            (Arc::clone(&live), own.collect())
        };
        Ok(counts.into_iter().map(of_group).collect())
    }
}

/// What a redirection says to who does not follow it.
fn refusal(answer: &Value) -> Option<Fault> {
    match answer {
        Value::ServerError(error) => Some(Fault::of_server(error)),
        _ => None,
    }
}
