//! After a change of protocol, such as to WebSocket: bytes pass both ways until one side ends, or until the
//! installation's route no longer leads to that application. Such a connection does not keep a hold waiting.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Response};
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use crate::body::ResponseBody;
use crate::client::Turn;
use crate::forward::Answer;
use crate::pages::Refusal;
use crate::{Edge, headers};

/// Passes the application's 101 on and begins to carry bytes.
pub(crate) fn switch(edge: &Edge, answer: Answer, turn: Turn) -> Response<ResponseBody> {
    let Answer { mut response, pass, switch, .. } = answer;
    let (Some(switch), Some(pool)) = (switch, pass.live.pool.clone()) else {
        return Refusal::Broken.answer(false).map(|page| ResponseBody::page(page, Some(turn)));
    };
    let application = hyper::upgrade::on(&mut response);
    let protocol = response.headers().get(UPGRADE).cloned();
    headers::to_client(&mut response);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(protocol) = protocol {
        response.headers_mut().insert(UPGRADE, protocol);
    }
    let site = Arc::clone(&pass.site);
    let closed = edge.closed();
    let client = turn.upgraded();
    tokio::spawn(async move {
        let carry = async {
            let (mut near, mut far) = match tokio::try_join!(switch, application) {
                Ok((near, far)) => (TokioIo::new(near), TokioIo::new(far)),
                Err(error) => return tracing::debug!(%error, "a change of protocol was not completed"),
            };
            if let Err(error) = copy_bidirectional(&mut near, &mut far).await {
                tracing::debug!(%error, "an upgraded connection ended");
            }
        };
        tokio::select! {
            () = carry => {}
            () = site.until(|live| !live.leads_to(pool.address)) => {}
            () = closed => {}
        }
        drop(client);
    });
    response.map(|_| ResponseBody::page(Bytes::new(), None))
}
