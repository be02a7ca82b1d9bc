//! The namespace of a server, by wrangler's configuration and the environment.

mod wrangler;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::CloudflareContext;
use crate::backend::{CloudflareBackend, CloudflareBackendBuilder};
use crate::error::{CacheError, Result};
use crate::kv::KvNamespace;
use wrangler::{Choice, Wrangler};

const ACCOUNT: &str = "CLOUDFLARE_ACCOUNT_ID";
const TOKEN: &str = "CLOUDFLARE_API_TOKEN";
const ENVIRONMENT: &str = "CLOUDFLARE_ENV";
const BASE_URL: &str = "CLOUDFLARE_API_BASE_URL";

impl CloudflareContext {
    /// The namespace of this program, by the working directory and the environment variables of the process; the
    /// only one that is bound.
    ///
    /// # Errors
    ///
    /// [`CacheError::Configuration`] for half a configuration, with the fix.
    pub fn kv() -> Result<KvNamespace> {
        Self::builder().kv()
    }

    /// Starts to say which namespace is meant, and where to look.
    pub fn builder() -> CloudflareContextBuilder {
        CloudflareContextBuilder {
            choice: Choice::default(),
            directory: None,
            variables: Arc::new(|name| std::env::var(name).ok()),
        }
    }
}

type Variables = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Says which namespace is meant, see [`CloudflareContext`].
#[derive(Clone)]
#[must_use = "a builder does nothing until `kv`"]
pub struct CloudflareContextBuilder {
    choice: Choice,
    directory: Option<PathBuf>,
    variables: Arc<Variables>,
}

impl CloudflareContextBuilder {
    /// The binding's name; needed where the configuration binds several.
    pub fn binding(mut self, name: impl Into<String>) -> Self {
        self.choice.binding = Some(name.into());
        self
    }

    /// The environment, `[env.NAME]`, instead of that of `CLOUDFLARE_ENV`.
    pub fn environment(mut self, name: impl Into<String>) -> Self {
        self.choice.environment = Some(name.into());
        self
    }

    /// The binding's `preview_id` instead of its `id`.
    pub fn preview(mut self) -> Self {
        self.choice.preview = true;
        self
    }

    /// Looks for the configuration here instead of in the working directory.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Takes the environment variables from here instead of from the process.
    pub fn variables(mut self, variables: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.variables = Arc::new(variables);
        self
    }

    /// The namespace: Cloudflare's, or in memory where nothing is configured.
    ///
    /// # Errors
    ///
    /// [`CacheError::Configuration`] for half a configuration, with the fix.
    pub fn kv(self) -> Result<KvNamespace> {
        match self.backend()? {
            Some(backend) => Ok(KvNamespace::new(Arc::new(backend))),
            None => Ok(super::facade(self.choice.binding.as_deref().unwrap_or_default(), |line| {
                tracing::info!("{line}");
            })),
        }
    }

    /// Cloudflare's namespace; `None` where nothing is configured.
    pub(crate) fn backend(&self) -> Result<Option<CloudflareBackend>> {
        let refuse = |message: String| CacheError::Configuration(message);
        let chosen = match self.file() {
            None => None,
            Some(path) => {
                let file = Wrangler::read(&path).map_err(refuse)?;
                let mut choice = self.choice.clone();
                choice.environment = choice.environment.or_else(|| self.variable(ENVIRONMENT));
                file.choose(&choice).map_err(refuse)?
            }
        };
        let token = self.variable(TOKEN);
        let account = self.variable(ACCOUNT);
        let Some(chosen) = chosen else {
            let set = if token.is_some() { TOKEN } else { ACCOUNT };
            if token.is_some() || account.is_some() {
                return Err(refuse(format!(
                    "`{set}` is set, but no KV namespace is bound: add one to `kv_namespaces` in `wrangler.toml`, or \
                     unset it to use memory"
                )));
            }
            return Ok(None);
        };
        let token = token.ok_or_else(|| {
            refuse(format!(
                "wrangler's configuration binds a KV namespace, but `{TOKEN}` is not set: set it to a token with \
                 `Workers KV Storage: Edit`, or use `KvCacheService::in_memory`"
            ))
        })?;
        let account = account.or(chosen.account).ok_or_else(|| {
            refuse(format!(
                "`{TOKEN}` is set, but the account is not known: set `{ACCOUNT}`, or `account_id` in wrangler's \
                 configuration"
            ))
        })?;
        let builder = CloudflareBackend::builder(&account, &chosen.namespace, &token);
        self.based(builder).build().map(Some)
    }

    /// A namespace by its ids; the token is the environment's.
    pub(crate) fn by_ids(&self, account: &str, namespace: &str) -> Result<CloudflareBackend> {
        let token = self.variable(TOKEN).ok_or_else(|| {
            let fix = "set it to a token with `Workers KV Storage: Edit`";
            CacheError::Configuration(format!("`cloudflare:` needs `{TOKEN}` in the environment: {fix}"))
        })?;
        self.based(CloudflareBackend::builder(account, namespace, &token)).build()
    }

    fn based(&self, builder: CloudflareBackendBuilder) -> CloudflareBackendBuilder {
        match self.variable(BASE_URL) {
            Some(url) => builder.base_url(url),
            None => builder,
        }
    }

    fn file(&self) -> Option<PathBuf> {
        match &self.directory {
            Some(directory) => wrangler::find(directory),
            None => wrangler::find(&std::env::current_dir().ok()?),
        }
    }

    /// A variable that says something.
    fn variable(&self, name: &str) -> Option<String> {
        (self.variables)(name).filter(|value| !value.trim().is_empty())
    }
}

impl fmt::Debug for CloudflareContextBuilder {
    /// Shows no variable.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CloudflareContextBuilder")
            .field("choice", &self.choice)
            .finish_non_exhaustive()
    }
}
