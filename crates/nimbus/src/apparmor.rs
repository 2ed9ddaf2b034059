//! Gives the kernel the AppArmor profile that sandboxes are put under, where it has AppArmor. At every start: after a
//! restart of the server it is gone, and a new version of vClouden may bring a new one.

use crate::tools::{self, ToolError};

/// Loads the profile, before anything starts in a sandbox. Sandboxes that run already are under the new one at once.
/// Without it they have a layer less, so a failure is for their report.
pub(crate) fn load() -> Result<(), ToolError> {
    if !sandbox::apparmor::is_present() {
        return Ok(());
    }
    let loaded = tools::feed("apparmor_parser", &["--replace", "--quiet"], sandbox::apparmor::PROFILE);
    loaded.map(drop).inspect_err(|error| tracing::warn!(%error, "AppArmor does not confine sandboxes"))
}

#[cfg(test)]
mod tests {
    use crate::sheet::sandbox_layers;
    use crate::tools::ToolError;

    /// Where it is in force already, a new version of it that cannot be loaded is no reason to say that there is none.
    #[test]
    fn why_there_is_none_is_reported() {
        let missing = ToolError::Missing { tool: "apparmor_parser".to_owned(), package: "apparmor" };
        let layers = sandbox_layers(Err(missing));
        let layer = layers.iter().find(|layer| layer.name == "apparmor").expect("it is reported");
        assert!(layer.active || layer.note.contains("apt-get install apparmor"), "{layer:?}");
        assert!(layers.iter().any(|layer| layer.name == "seccomp" && layer.active));
    }
}
