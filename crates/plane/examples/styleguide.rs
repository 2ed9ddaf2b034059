//! Shows the style guide: `cargo run -p plane --example styleguide`, then http://127.0.0.1:8090/styleguide. What is changed
//! in `src/web/design` is seen at the next request.

use std::sync::Arc;

use plane::design::{Pages, styleguide};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8090".into());
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("http://{}/styleguide", listener.local_addr()?);
    Ok(axum::serve(listener, styleguide::router(Arc::new(Pages::load()?))).await?)
}
