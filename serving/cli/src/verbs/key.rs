//! Keys for the server.

use clap::{Args, Subcommand};
use cubelog_http::{KeyFile, KeyFileError, KeyInfo, NewKey};
use cubelog_memory::PrincipalId;
use serde::Serialize;

use crate::app::App;
use crate::failure::{Exit, Failure, Result};
use crate::output::{Column, Kind, col};
use crate::when::rfc3339;
use crate::wire;

/// Keys for the server: create, list, revoke
#[derive(Debug, Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    pub what: KeyWhat,
}

#[derive(Debug, Subcommand)]
pub enum KeyWhat {
    /// Make a key; it is shown once and kept only as a hash
    Create {
        /// Whom it stands for [default: --principal, else $USER]
        #[arg(value_name = "PRINCIPAL")]
        name: Option<String>,
        /// It administers the installation: rights of single cubes do not bind it
        #[arg(long)]
        admin: bool,
        /// When it ends
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// All keys, without their secrets
    List,
    /// End a key at once
    Revoke {
        /// Its id, from `cubelog key list`
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// A key as it is shown.
#[derive(Serialize)]
struct Shown {
    id: String,
    tenant: String,
    principal: String,
    admin: bool,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    /// Only when it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

const COLUMNS: [Column; 8] = [
    col("key", "/key", Kind::Plain),
    col("id", "/id", Kind::Plain),
    col("principal", "/principal", Kind::Plain),
    col("tenant", "/tenant", Kind::Plain),
    col("admin", "/admin", Kind::Flag),
    col("created", "/created_at", Kind::Time),
    col("expires", "/expires_at", Kind::Time),
    col("revoked", "/revoked_at", Kind::Time),
];

pub async fn run(app: &App, args: KeyArgs) -> Result<Exit> {
    app.directory_only("key")?;
    app.dir.check()?;
    // The file is separate from the log, so that keys can be made and ended while a server runs.
    let file = KeyFile::in_directory(app.dir.api_keys()?);
    let now = wire::now_micros();
    match args.what {
        KeyWhat::Create { name, admin, expires } => {
            let principal = match name {
                Some(name) => PrincipalId::new(&name).map_err(|error| Failure::usage(error.to_string()))?,
                None => app.caller()?.principal,
            };
            let expires_at = expires.map(|text| app.time(&text)).transpose()?;
            if expires_at.is_some_and(|expires| expires <= now) {
                return Err(Failure::usage("the key would have ended already").next("name a later time with --expires"));
            }
            let made = file.create(NewKey { tenant: app.tenant()?, principal, admin, expires_at }, now)?;
            app.screen.record(&COLUMNS, &shown(made.info, Some(made.key)))?;
            app.screen.note("keep the key now, it is not shown again; use it as `Authorization: Bearer KEY` or CUBELOG_KEY");
        }
        KeyWhat::List => {
            let keys: Vec<Shown> = file.list()?.into_iter().map(|info| shown(info, None)).collect();
            app.screen.list(&COLUMNS, &keys)?;
            if keys.is_empty() {
                app.screen.note("no keys yet; `cubelog key create NAME` makes one");
            }
        }
        KeyWhat::Revoke { id } => app.screen.record(&COLUMNS, &shown(file.revoke(&id, now)?, None))?,
    }
    Ok(Exit::Ok)
}

fn shown(info: KeyInfo, key: Option<String>) -> Shown {
    Shown {
        id: info.id,
        tenant: info.tenant.to_string(),
        principal: info.principal.to_string(),
        admin: info.admin,
        created_at: rfc3339(info.created_at),
        expires_at: info.expires_at.map(rfc3339),
        revoked_at: info.revoked_at.map(rfc3339),
        key,
    }
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        let exit = match &error {
            KeyFileError::Unknown { .. } => Exit::NotFound,
            KeyFileError::Exposed { .. } => Exit::Refused,
            _ => Exit::Failure,
        };
        Failure::from_message(exit, &error.to_string())
    }
}
