//! Gives the kernel the AppArmor profile that sandboxes are put under, where it has AppArmor. At every start: after a
//! restart of the server it is gone, and a new version of vClouden may bring a new one.

use nimbus_api::LayerReport;

use crate::tools;

/// Loads it. To be done before anything starts in a sandbox. Where that fails sandboxes have a layer less, and its
/// report says why.
pub(crate) fn load(reports: &mut [LayerReport]) {
    // It may be running sandboxes already; they get the new one at once.
    let Err(error) = tools::feed("apparmor_parser", &["--replace", "--quiet"], sandbox::apparmor::PROFILE) else {
        return;
    };
    tracing::warn!(%error, "AppArmor does not confine sandboxes");
}
