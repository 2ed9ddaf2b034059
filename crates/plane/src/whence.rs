//! From where what is being done was asked for. Whatever a request does can know it, so that no verb forgets to write it
//! into the audit; what the platform does by itself comes from nowhere.

use std::net::IpAddr;

tokio::task_local! {
    static ADDRESS: Option<IpAddr>;
}

/// Does what somebody at that address asks for.
pub async fn from<T>(address: Option<IpAddr>, work: impl Future<Output = T>) -> T {
    ADDRESS.scope(address, work).await
}

/// The address now, for what goes on when the request has ended: it is still of whoever asked for it.
pub fn current() -> Option<IpAddr> {
    ADDRESS.try_with(|address| *address).ok().flatten()
}

/// The address, as the audit has it.
pub fn address() -> Option<String> {
    current().map(|address| address.to_canonical().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_knows_it_and_what_it_leaves_behind_does_too() {
        assert_eq!(address(), None);
        let (tell, told) = tokio::sync::oneshot::channel();
        let request = from(Some("::ffff:192.0.2.1".parse().unwrap()), async {
            assert_eq!(address().as_deref(), Some("192.0.2.1"));
            tokio::spawn(from(current(), async { tell.send(address()) }));
        });
        request.await;
        assert_eq!(told.await.unwrap().as_deref(), Some("192.0.2.1"));
    }
}
