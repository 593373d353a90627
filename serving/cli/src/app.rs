//! What all verbs share: flags, the screen, the data directory, the configuration, and the way to a store.

use std::path::PathBuf;

use cubelog_http::Service;
use cubelog_memory::{CubeKey, CubeName, Origin as EventOrigin, PrincipalId, TenantId, Timestamp};
use cubelog_runner::Caller;
use jiff::Zoned;

use crate::args::Global;
use crate::config::{self, Config, Flags, Origin};
use crate::directory::Directory;
use crate::failure::{Exit, Failure, Result};
use crate::output::Screen;
use crate::progress::{Interrupt, Progress};
use crate::remote::Remote;
use crate::store::{Local, Store};
use crate::when::{self, When};
use crate::wire;

pub struct App {
    pub global: Global,
    pub screen: Screen,
    pub dir: Directory,
    /// `--listen` of `serve`, which is a setting too.
    pub listen: Option<String>,
}

/// Variables of the environment that are UTF-8.
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl App {
    pub fn new(global: Global) -> Result<Self> {
        let screen = Screen::new(global.output, global.no_color, &env);
        let dir = Directory::locate(global.dir.as_deref(), &env)?;
        Ok(Self { global, screen, dir, listen: None })
    }

    /// The same for another directory, on the defaults of its own: flags and environment count, this directory's file does not.
    pub fn elsewhere(&self, dir: Directory) -> Self {
        let screen = Screen::new(self.global.output, self.global.no_color, &env);
        Self { global: self.global.clone(), screen, dir, listen: None }
    }

    pub fn config_file(&self) -> PathBuf {
        self.global.config.clone().unwrap_or_else(|| self.dir.path().join(config::FILE))
    }

    pub fn config(&self) -> Result<Config> {
        let text = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
        let flags = Flags {
            log: self.global.log.clone(),
            keys: text(&self.global.keys),
            models: text(&self.global.models),
            embedder: self.global.embedder.clone(),
            listen: self.listen.clone(),
        };
        Config::load(self.dir.path(), self.global.config.as_deref(), &flags, &env)
    }

    pub fn dir_origin(&self) -> Origin {
        match &self.global.dir {
            None => Origin::Default,
            Some(dir) if env("CUBELOG_DIR").is_some_and(|set| dir.as_os_str() == set.as_str()) => Origin::Env("CUBELOG_DIR"),
            Some(_) => Origin::Flag("--dir"),
        }
    }

    pub fn tenant(&self) -> Result<TenantId> {
        TenantId::new(&self.global.tenant).map_err(|error| Failure::usage(error.to_string()))
    }

    /// `name` in the tenant at hand, or `tenant/name`.
    pub fn cube(&self, text: &str) -> Result<CubeKey> {
        let (tenant, name) = match text.split_once('/') {
            Some((tenant, name)) => (TenantId::new(tenant).map_err(|error| Failure::usage(error.to_string()))?, name),
            None => (self.tenant()?, text),
        };
        let name = CubeName::new(name).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(CubeKey::new(tenant, name))
    }

    /// Who works on the directory: whoever can read its keys may do everything in it, and stands by name on the log.
    pub fn caller(&self) -> Result<Caller> {
        let named = self.global.principal.clone().or_else(|| env("USER").filter(|user| !user.is_empty()));
        let principal = PrincipalId::new(named.as_deref().unwrap_or("local"))
            .map_err(|error| Failure::usage(error.to_string()).next("say who is acting with --principal NAME"))?;
        Ok(Caller { tenant: self.tenant()?, principal, admin: true, origin: EventOrigin::Cli })
    }

    pub fn time(&self, text: &str) -> Result<Timestamp> {
        when::time(text, &self.now())
    }

    pub fn moment(&self, text: &str) -> Result<When> {
        when::moment(text, &self.now())
    }

    fn now(&self) -> Zoned {
        wire::now().to_zoned(self.screen.zone.clone())
    }

    /// For verbs that work on files: a server is of no use to them.
    pub fn directory_only(&self, verb: &str) -> Result<()> {
        match &self.global.server {
            None => Ok(()),
            Some(url) => {
                Err(Failure::new(Exit::Usage, format!("`cubelog {verb}` works on a data directory, not through a server"))
                    .because(format!("the server {url} is named by --server or CUBELOG_SERVER"))
                    .next("run it where the directory is, without --server"))
            }
        }
    }
}

/// What a verb needs of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// A directory that exists, with views that reflect all of its log.
    Read,
    /// A directory that exists.
    Write,
    /// A directory, which is made if need be.
    Create,
    /// Replayed views, with the keys and the log of the directory.
    ReadViews(PathBuf),
    /// A directory whose views may be unusable.
    Rebuild,
}

impl App {
    /// Opens the store, works with it and closes it, however the work ended.
    pub async fn with_store<T>(&self, need: Need, work: impl AsyncFnOnce(&Store) -> Result<T>) -> Result<T> {
        let store = self.open(need).await?;
        let worked = work(&store).await;
        let closed = store.close().await;
        // Why the work failed says more than why the store could not be closed after it.
        let value = worked?;
        closed.map(|()| value)
    }

    async fn open(&self, need: Need) -> Result<Store> {
        if let Some(url) = &self.global.server {
            return Ok(Store::Remote(Remote::new(url, self.global.key.as_deref())?));
        }
        let config = self.config()?;
        let caller = self.caller()?;
        if need == Need::Create {
            if self.dir.create()? {
                self.screen.note(&format!("made {}", self.dir.path().display()));
            }
        } else {
            self.dir.check()?;
        }
        let service = match &need {
            Need::ReadViews(views) => wire::open(&self.dir, &config, Some(views)).await?,
            Need::Rebuild => self.open_for_rebuild(&config).await?,
            Need::Read | Need::Write | Need::Create => wire::open(&self.dir, &config, None).await?,
        };
        let store = Store::Local(Box::new(Local { service, caller }));
        if need == Need::Read {
            // A process that was killed may have left the views behind the log; a read shows all that is on it.
            if let Err(failure) = self.catch_up(&store).await {
                // The first failure is the one that counts.
                let _ = store.close().await;
                return Err(failure);
            }
        }
        Ok(store)
    }

    async fn catch_up(&self, store: &Store) -> Result<()> {
        let end = store.status().await?.end;
        let progress = Progress::new("views", "records", None);
        let settled = store.settle(&end, &progress, &Interrupt::default()).await;
        progress.finish();
        settled.map(|_| ())
    }

    /// Views that cannot be opened are moved aside, and new ones made from the log.
    async fn open_for_rebuild(&self, config: &Config) -> Result<Service> {
        match wire::open(&self.dir, config, None).await {
            Err(failure) if failure.views_unusable => {
                let (views, aside) = (self.dir.views(), self.dir.path().join("views.replaced"));
                let failed = |error: std::io::Error| Failure::io(format!("cannot move {} aside", views.display()), &error);
                match std::fs::remove_dir_all(&aside) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
                    _ => {}
                }
                std::fs::rename(&views, &aside).map_err(failed)?;
                let service = wire::open(&self.dir, config, None).await?;
                // Views are disposable; what cannot be removed only takes space.
                let _ = std::fs::remove_dir_all(&aside);
                Ok(service)
            }
            other => other,
        }
    }
}
