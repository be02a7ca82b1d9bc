//! Who plays: the rules of the protocol, each of which a control takes away, and the readers and writers.

/// The rules that make the protocol right.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a rule of its own")]
pub(crate) struct Rules {
    /// A fill needs the lease that was taken when the key was found missing.
    pub(crate) leases: bool,
    /// Nobody joins a load whose fill is under way, and who joined late gets nothing from a fill that was refused.
    pub(crate) sealed: bool,
    /// A write stands as a barrier on its keys; else it removes them after its commit.
    pub(crate) barriers: bool,
    /// A value of another history of the server is a miss.
    pub(crate) epochs: bool,
    /// An update is stored only if its writer was alone throughout.
    pub(crate) alone: bool,
    /// A fill carries the generation that was captured before the load, not the present one.
    pub(crate) captured: bool,
    /// The write of a tag stands as a barrier on its generation; else it replaces it after its commit.
    pub(crate) tag_barriers: bool,
    /// Whoever changes the key ends a refresh of it; else a refresh stores over what it finds.
    pub(crate) refreshes_end: bool,
    /// A stored fill tells those who joined late that nothing was written meanwhile; not where the value has a tag,
    /// whose write takes no lease of a key away.
    pub(crate) tags_prove_nothing: bool,
    /// A new generation is another than every earlier one; else an absent one is the first again.
    pub(crate) random: bool,
}

impl Rules {
    /// The protocol.
    pub(crate) const ALL: Self = Self {
        leases: true,
        sealed: true,
        barriers: true,
        epochs: true,
        alone: true,
        captured: true,
        tag_barriers: true,
        refreshes_end: true,
        tags_prove_nothing: true,
        random: true,
    };
}

/// What a writer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `#[invalidates]` with a key of its parameters.
    Invalidates,
    /// `#[updates]`.
    Updates,
    /// `#[invalidates(tags = …)]`.
    Tag,
    /// `#[invalidates]` with a key of its result: removed after the commit.
    OfResult,
}

/// A writer: what it does, in which process, and whether it may be dropped or killed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriterCast {
    pub(crate) kind: Kind,
    pub(crate) process: usize,
    pub(crate) mortal: bool,
}

/// A reader: in which process, and how often it reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReaderCast {
    pub(crate) process: usize,
    pub(crate) reads: u8,
}

/// A world to search.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each lets another thing happen")]
pub(crate) struct Cast {
    pub(crate) rules: Rules,
    pub(crate) readers: Vec<ReaderCast>,
    pub(crate) writers: Vec<WriterCast>,
    /// The value carries the generation of a tag.
    pub(crate) tagged: bool,
    /// Leases end, and values are evicted.
    pub(crate) forgets: bool,
    /// Readers are dropped while they lead.
    pub(crate) drops: bool,
    /// Values grow stale and are refreshed in the background.
    pub(crate) ages: bool,
    /// The server is killed, and starts from an old dump.
    pub(crate) restarts: bool,
}

impl Cast {
    /// Readers by their processes, each of one read; nothing but reads and writes happens.
    pub(crate) fn new(readers: &[usize], writers: &[(Kind, usize)]) -> Self {
        Self {
            rules: Rules::ALL,
            readers: readers.iter().map(|process| ReaderCast { process: *process, reads: 1 }).collect(),
            writers: writers
                .iter()
                .map(|(kind, process)| WriterCast { kind: *kind, process: *process, mortal: false })
                .collect(),
            tagged: writers.iter().any(|(kind, _)| *kind == Kind::Tag),
            forgets: false,
            drops: false,
            ages: false,
            restarts: false,
        }
    }

    pub(crate) fn reads(mut self, reads: u8) -> Self {
        self.readers.iter_mut().for_each(|reader| reader.reads = reads);
        self
    }

    /// The first writer may be dropped or killed.
    pub(crate) fn mortal(mut self) -> Self {
        if let Some(first) = self.writers.first_mut() {
            first.mortal = true;
        }
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The same world without one of the rules.
    pub(crate) fn without(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(&mut self.rules);
        self
    }
}
