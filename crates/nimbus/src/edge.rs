//! The edge's connection: routes go out, what it has put in force comes back; lines of JSON (`nimbus_api::edge`).

use std::sync::Arc;

use nimbus_api::edge::FromEdge;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::engine::Engine;
use crate::sockets::Guarded;

/// Bytes of one line that the edge may say: it faces strangers.
const MAX_LINE: usize = 16 * 1024;

/// Serves edges, the newest of which counts.
pub(crate) async fn serve(engine: Arc<Engine>, mut listener: Guarded) {
    loop {
        let stream = listener.next().await;
        let engine = engine.clone();
        tokio::spawn(async move {
            let (number, lines) = engine.routes.connect();
            tracing::info!("the edge is connected");
            if let Err(error) = converse(&engine, number, lines, stream).await {
                tracing::warn!(%error, "the edge's connection broke");
            }
            engine.routes.disconnect(number);
        });
    }
}

async fn converse(
    engine: &Engine,
    number: u64,
    mut lines: tokio::sync::mpsc::Receiver<nimbus_api::edge::ToEdge>,
    stream: UnixStream,
) -> std::io::Result<()> {
    let (mut read, mut write) = stream.into_split();
    let mut said = bytes::BytesMut::new();
    loop {
        tokio::select! {
            line = lines.recv() => {
                let Some(line) = line else { return Ok(()) };
                let mut text = serde_json::to_vec(&line)?;
                text.push(b'\n');
                write.write_all(&text).await?;
            }
            count = read.read_buf(&mut said) => {
                if count? == 0 {
                    return Ok(());
                }
                while let Some(end) = said.iter().position(|byte| *byte == b'\n') {
                    let line: FromEdge = serde_json::from_slice(&said.split_to(end + 1))?;
                    match line {
                        FromEdge::Served { installation, served } if engine.registry.has(installation) => {
                            engine.history.served(installation, &served);
                        }
                        line => engine.routes.hear(number, &line),
                    }
                }
                if said.len() > MAX_LINE {
                    return Err(std::io::Error::other("it says more than a line may have"));
                }
            }
        }
    }
}
