//! What sending a form is called in the audit when it is refused: as the same act by the API is.

use super::TABLE;

/// Path patterns below a publisher's, a customer's or the operator's place, and the verb. `*` at the end of a verb is the last
/// word of the path.
pub const FORMS: &[(&str, &str)] = &[
    ("/apps", "app.create"),
    ("/apps/{app}/delete", "app.delete"),
    ("/apps/{app}/versions", "version.publish"),
    ("/apps/{app}/versions/{number}/delete", "version.delete"),
    ("/apps/{app}/deploy", "deployment.create"),
    ("/apps/{app}/rollback", "app.rollback"),
    ("/apps/{app}/environment", "app.configure"),
    ("/apps/{app}/environment/apply", "app.configure"),
    ("/apps/{app}/environment/{variable}/unset", "app.configure"),
    ("/apps/{app}/write", "document.create"),
    ("/apps/{app}/docs/{document}/edit", "document.change"),
    ("/apps/{app}/docs/{document}/{verb}", "document.*"),
    ("/apps/{app}/images", "document.image"),
    ("/apps/{app}/images/{image}/delete", "document.image-delete"),
    ("/hosting/site", "app.host"),
    ("/deployments/{deployment}/stop", "deployment.stop"),
    ("/deployments/{deployment}/rollback", "deployment.rollback"),
    ("/installations", "installation.install"),
    ("/catalogue/{app}", "installation.install"),
    ("/installations/{installation}/environment", "installation.configure"),
    ("/installations/{installation}/environment/{variable}/unset", "installation.configure"),
    ("/installations/{installation}/open", "installation.open"),
    ("/installations/{installation}/leave", "leave.grant"),
    ("/installations/{installation}/leave/end", "leave.end"),
    ("/installations/{installation}/{verb}", "installation.*"),
    ("/installations/{installation}/copies/{copy}/{verb}", "backup.*"),
    ("/customers", "customer.create"),
    ("/customers/{customer}/delete", "customer.delete"),
    ("/customers/{customer}/name", "customer.change"),
    ("/customers/{customer}/invitations", "invitation.create"),
    ("/customers/{customer}/invitations/{invitation}/withdraw", "invitation.delete"),
    ("/customers/{customer}/people/{member}/role", "member.role"),
    ("/customers/{customer}/people/{member}/remove", "member.remove"),
    ("/name", "publisher.change"),
    ("/team/invitations", "invitation.create"),
    ("/people/invitations", "invitation.create"),
    ("/invitations/{invitation}/withdraw", "invitation.delete"),
    ("/team/exec", "publisher.change"),
    ("/team/{member}/role", "member.role"),
    ("/people/{member}/role", "member.role"),
    ("/team/{member}/remove", "member.remove"),
    ("/people/{member}/remove", "member.remove"),
    ("/team/{member}/second-factor", "member.second-factor"),
    ("/people/{member}/second-factor", "member.second-factor"),
    ("/sign-in", "publisher.sign-in"),
    ("/sign-in/sso", "publisher.sign-in"),
    ("/tokens", "token.create"),
    ("/tokens/{token}/delete", "token.delete"),
    ("/webhooks", "webhook.create"),
    ("/webhooks/{webhook}", "webhook.change"),
    ("/webhooks/{webhook}/do/{verb}", "webhook.*"),
    ("/webhooks/{webhook}/deliveries/{delivery}/resend", "webhook.send"),
    ("/tickets", "ticket.open"),
    ("/tickets/{ticket}", "ticket.answer"),
    ("/tickets/{ticket}/change", "ticket.change"),
    ("/tickets/{ticket}/solved", "ticket.change"),
    ("/tickets/{ticket}/open", "installation.open"),
    ("/answers", "answer.create"),
    ("/answers/{answer}", "answer.change"),
    ("/answers/{answer}/delete", "answer.delete"),
    ("/branding", "branding.change"),
    ("/branding/prove-host", "branding.host-proved"),
    ("/branding/images/{image}", "branding.image"),
    ("/branding/images/{image}/delete", "branding.image"),
    ("/publishers", "publisher.create"),
    ("/publishers/{publisher}/limits", "publisher.limits"),
    ("/publishers/{publisher}/name", "publisher.change"),
    ("/publishers/{publisher}/delete", "publisher.delete"),
    ("/limits", "settings.change"),
    ("/settings", "settings.change"),
    ("/retention", "settings.change"),
    ("/announcements", "announcement.create"),
    ("/announcements/{announcement}/delete", "announcement.delete"),
    ("/operations/{operation}/retry", "operation.retry"),
];

/// The verb of a form that is in no table; a test keeps them all in it.
pub const UNKNOWN: &str = "form.send";

/// What sending a form is called; pattern and path without their place.
pub fn verb(pattern: &str, path: &str) -> &'static str {
    let found = FORMS.iter().find(|(known, _)| *known == pattern).map_or(UNKNOWN, |(_, verb)| *verb);
    let Some(noun) = found.strip_suffix('*') else { return found };
    let last = match path.rsplit('/').next().unwrap_or("") {
        // What a page calls otherwise.
        "backup" => return "backup.create",
        "publish" | "hide" => "change",
        "enable" | "disable" => "change",
        "restore" if noun == "document." => "change",
        "new" => "restore",
        word => word,
    };
    let same = |verb: &&str| verb.strip_prefix(noun) == Some(last);
    TABLE.iter().map(|row| row.verb).find(same).unwrap_or(UNKNOWN)
}
