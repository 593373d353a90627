//! Where models lie on this machine.

use std::path::PathBuf;

use crate::ModelError;

/// The directory that holds one folder for each model: `$CUBELOG_MODELS`, else `$HOME/.cache/cubelog/models`.
///
/// The directory need not exist; `deploy/models/fetch` uses the same rule and makes it.
///
/// # Errors
/// [`ModelError::NoDirectory`] if neither variable is set.
pub fn locate() -> Result<PathBuf, ModelError> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    directory(set("CUBELOG_MODELS").map(PathBuf::from), set("HOME").map(PathBuf::from))
}

fn directory(models: Option<PathBuf>, home: Option<PathBuf>) -> Result<PathBuf, ModelError> {
    models.or_else(|| Some(home?.join(".cache/cubelog/models"))).ok_or(ModelError::NoDirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_comes_before_the_home_directory() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(directory(path("/m"), path("/home/a")).unwrap(), PathBuf::from("/m"));
        assert_eq!(directory(None, path("/home/a")).unwrap(), PathBuf::from("/home/a/.cache/cubelog/models"));
        assert!(matches!(directory(None, None), Err(ModelError::NoDirectory)));
    }
}
