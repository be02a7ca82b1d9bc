//! Where commands go: to the one server, or each to the node of a cluster that has its key.

use std::sync::Arc;

use redis::{Pipeline, Value};

use super::cluster::Cluster;
use super::connection::{Again, Link};
use super::fault::Fault;
use super::live::Live;
use super::reply;

/// What a backend speaks to.
pub(super) enum Servers {
    /// One server, or the primary that Sentinels name.
    One(Arc<Link>),
    Cluster(Box<Cluster>),
}

/// Keys that one command may have together, with their places among all.
pub(super) struct Group<'k> {
    pub(super) keys: Vec<&'k str>,
    pub(super) places: Vec<usize>,
}

/// The answers to the commands of a group, and the connection that they came on.
pub(super) struct Reply {
    pub(super) live: Arc<Live>,
    answers: std::vec::IntoIter<Value>,
}

impl Group<'_> {
    /// A key that tells where the group belongs.
    pub(super) fn key(&self) -> &str {
        self.keys.first().copied().unwrap_or_default()
    }
}

impl Reply {
    pub(super) fn new(live: Arc<Live>, answers: Vec<Value>) -> Self {
        Self { live, answers: answers.into_iter() }
    }

    /// The answer to the next command.
    pub(super) fn next(&mut self) -> Value {
        self.answers.next().unwrap_or_default()
    }
}

/// Among how many lanes the nodes of a cluster are divided, by their numbers.
const LANES: usize = 8;

impl Servers {
    /// How many lanes reads take; each node's own, as far as there are enough.
    pub(super) const fn lanes(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Cluster(_) => LANES,
        }
    }

    /// The number of the node that is known to have a key.
    pub(super) fn lane(&self, key: &str) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Cluster(cluster) => cluster.number(key),
        }
    }

    /// The keys in groups: all together on one server, each alone in a cluster.
    pub(super) fn groups<'k>(&self, keys: &[&'k str]) -> Vec<Group<'k>> {
        match self {
            Self::One(_) if keys.is_empty() => Vec::new(),
            Self::One(_) => vec![Group { keys: keys.to_vec(), places: (0..keys.len()).collect() }],
            Self::Cluster(_) => Cluster::groups(keys),
        }
    }

    /// Builds the commands of each group and sends them, in one round trip a server; one result a group. Each gets as
    /// many commands as any other time it is built.
    ///
    /// What could not have run is built and sent once more, and with [`Again::May`] what may have run.
    pub(super) async fn call(
        &self,
        again: Again,
        groups: &[Group<'_>],
        mut build: impl FnMut(&Live, &Group<'_>, &mut Pipeline) + Send,
    ) -> Vec<Result<Reply, Fault>> {
        let link = match self {
            Self::One(link) => link,
            Self::Cluster(cluster) => return cluster.call(again, groups, build).await,
        };
        let mut counts = Vec::with_capacity(groups.len());
        let whole = |live: &Live| {
            let mut pipeline = Pipeline::new();
            counts.clear();
            for group in groups {
                let before = pipeline.len();
                build(live, group, &mut pipeline);
                counts.push(pipeline.len() - before);
            }
            pipeline
        };
        match link.call(again, whole).await {
            Ok((live, answers)) => split(&live, answers, &counts),
            Err(fault) => groups.iter().map(|_| Err(fault.clone())).collect(),
        }
    }

    /// The commands of one key.
    pub(super) async fn one(
        &self,
        again: Again,
        key: &str,
        mut build: impl FnMut(&Live, &mut Pipeline) + Send,
    ) -> Result<Reply, Fault> {
        let group = [Group { keys: vec![key], places: vec![0] }];
        let build = |live: &Live, _: &Group<'_>, pipeline: &mut Pipeline| build(live, pipeline);
        self.call(again, &group, build).await.pop().unwrap_or(Err(Fault::Answer))
    }

    /// The connections to all servers that have keys of their own.
    pub(super) async fn primaries(&self) -> Result<Vec<Arc<Link>>, Fault> {
        match self {
            Self::One(link) => Ok(vec![Arc::clone(link)]),
            Self::Cluster(cluster) => cluster.primaries().await,
        }
    }

    /// The one server, if that stays the same. Who is a cluster's or a Sentinel's primary changes, and a push connection
    /// to who was it hears of nothing, in silence.
    pub(super) fn only(&self) -> Option<&Arc<Link>> {
        match self {
            Self::One(link) => link.client().map(|_| link),
            Self::Cluster(_) => None,
        }
    }

    /// Connects to all of them.
    pub(super) async fn open(&self) -> Result<(), Fault> {
        for link in self.primaries().await? {
            link.live().await?;
        }
        Ok(())
    }

    /// Whether values of another history of the servers are told from those of this one, as far as is known.
    pub(super) fn tells_epochs(&self) -> bool {
        match self {
            Self::One(link) => link.tells_epochs(),
            Self::Cluster(_) => false,
        }
    }

    /// Whether all of them answer.
    pub(super) async fn ping(&self) -> Result<(), Fault> {
        let build = |_: &Live| {
            let mut pipeline = Pipeline::new();
            pipeline.cmd("PING");
            pipeline
        };
        for link in self.primaries().await? {
            let (_, mut answers) = link.call(Again::May, build).await?;
            reply::text(answers.pop().unwrap_or_default())?;
        }
        Ok(())
    }
}

/// The answers, by the group that they belong to.
pub(super) fn split(live: &Arc<Live>, answers: Vec<Value>, counts: &[usize]) -> Vec<Result<Reply, Fault>> {
    let mut answers = answers.into_iter();
    let of_group = |count: &usize| Ok(Reply::new(Arc::clone(live), answers.by_ref().take(*count).collect()));
    counts.iter().map(of_group).collect()
}
