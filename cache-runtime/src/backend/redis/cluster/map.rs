//! What a cluster looks like: its nodes, and which of them has which slot.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::Pipeline;

use super::super::address::Address;
use super::super::connection::{Again, Limits, Link, Source};
use super::super::fault::Fault;
use super::slots::{Range, SLOTS, ranges};

/// How soon the nodes are asked again after they were asked, unless one of them said that something has moved.
const INTERVAL: Duration = Duration::from_millis(100);

/// How nodes are connected to, and the first ones.
pub(in super::super) struct Nodes {
    pub(in super::super) seeds: Vec<(String, u16)>,
    /// The address of any of them: credentials and TLS are the same for all.
    pub(in super::super) like: Address,
    pub(in super::super) limits: Limits,
}

/// A node, with a connection of its own.
pub(super) struct Node {
    host: String,
    /// How many were known before it.
    pub(super) number: usize,
    pub(super) link: Arc<Link>,
}

/// See the module.
pub(super) struct Map {
    nodes: Nodes,
    state: Mutex<State>,
    /// Held by the one who asks.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// Every node that has been heard of, by host and port.
    known: HashMap<(String, u16), Arc<Node>>,
    /// Who has each slot; empty before the first answer.
    owners: Vec<Option<Arc<Node>>>,
    /// When they were asked last.
    asked: Option<Instant>,
    /// How often they were.
    round: u64,
}

impl Map {
    pub(super) fn new(nodes: Nodes) -> Self {
        Self { nodes, state: Mutex::default(), asking: tokio::sync::Mutex::const_new(()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that there is a map.
    pub(super) async fn ready(&self) -> Result<(), Fault> {
        if self.state().owners.is_empty() { self.refresh(true).await } else { Ok(()) }
    }

    /// Who has a slot.
    pub(super) fn owner(&self, slot: u16) -> Result<Arc<Node>, Fault> {
        let owner = self.state().owners.get(usize::from(slot)).cloned().flatten();
        owner.ok_or_else(|| Fault::Unreachable("no node of the cluster has the key's slot".into()))
    }

    pub(super) fn is_owner(&self, slot: u16, node: &Arc<Node>) -> bool {
        self.owner(slot).is_ok_and(|owner| Arc::ptr_eq(&owner, node))
    }

    /// The connections to all who have slots.
    pub(super) async fn primaries(&self) -> Result<Vec<Arc<Link>>, Fault> {
        self.ready().await?;
        let mut links: Vec<Arc<Link>> = Vec::new();
        for owner in self.state().owners.iter().flatten() {
            if !links.iter().any(|link| Arc::ptr_eq(link, &owner.link)) {
                links.push(Arc::clone(&owner.link));
            }
        }
        Ok(links)
    }

    /// The node of this name; without a host it is on that of who named it.
    pub(super) fn node(&self, host: Option<&str>, port: u16, named_by: &Node) -> Arc<Node> {
        self.named(&mut self.state(), host.unwrap_or(&named_by.host), port)
    }

    fn named(&self, state: &mut State, host: &str, port: u16) -> Arc<Node> {
        let number = state.known.len();
        let node = state.known.entry((host.into(), port)).or_insert_with(|| {
            let source = Source::Server(self.nodes.like.at(host, port));
            let link = Arc::new(Link::new(source, self.nodes.limits, false));
            Arc::new(Node { host: host.into(), number, link })
        });
        Arc::clone(node)
    }

    /// Asks the nodes what has become of the cluster, all at once, and takes the first answer. Not `now`, where they
    /// were asked just before.
    pub(super) async fn refresh(&self, now: bool) -> Result<(), Fault> {
        let round = self.state().round;
        let _turn = self.asking.lock().await;
        let candidates = {
            let mut state = self.state();
            // Somebody has asked meanwhile, or just before.
            let is_recent = state.asked.is_some_and(|asked| asked.elapsed() < INTERVAL);
            if !state.owners.is_empty() && (state.round != round || is_recent && !now) {
                return Ok(());
            }
            for (host, port) in &self.nodes.seeds {
                self.named(&mut state, host, *port);
            }
            state.known.values().cloned().collect::<Vec<_>>()
        };
        let mut asked: FuturesUnordered<_> = candidates.into_iter().map(ask).collect();
        let mut why = Fault::Unreachable("no node of the cluster is known".into());
        while let Some(answer) = asked.next().await {
            match answer {
                Ok((node, ranges)) if !ranges.is_empty() => {
                    self.draw(&node, ranges);
                    return Ok(());
                }
                Ok(_) => why = Fault::Unreachable("the server is no part of a cluster".into()),
                Err(fault) => why = fault,
            }
        }
        let mut state = self.state();
        state.asked = Some(Instant::now());
        state.round += 1;
        Err(why)
    }

    fn draw(&self, answered: &Arc<Node>, ranges: Vec<Range>) {
        let mut state = self.state();
        let mut owners = vec![None; SLOTS];
        for Range { first, last, host, port } in ranges {
            let owner = self.named(&mut state, host.as_deref().unwrap_or(&answered.host), port);
            for place in &mut owners[usize::from(first)..=usize::from(last)] {
                *place = Some(Arc::clone(&owner));
            }
        }
        // Who has left is asked no more; a replica that takes over is named again.
        let seeds = &self.nodes.seeds;
        state.known.retain(|name, node| {
            seeds.contains(name) || owners.iter().flatten().any(|owner| Arc::ptr_eq(owner, node))
        });
        state.owners = owners;
        state.asked = Some(Instant::now());
        state.round += 1;
    }
}

async fn ask(node: Arc<Node>) -> Result<(Arc<Node>, Vec<Range>), Fault> {
    let question = |_: &_| {
        let mut pipeline = Pipeline::new();
        pipeline.cmd("CLUSTER").arg("SLOTS");
        pipeline
    };
    let (_, mut answers) = node.link.call(Again::May, question).await?;
    let ranges = ranges(answers.pop().unwrap_or_default())?;
    Ok((node, ranges))
}
