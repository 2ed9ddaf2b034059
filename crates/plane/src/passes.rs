//! The key that signs passes into applications: made once, kept in the store, sealed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nimbus_api::pass::Signer;

use crate::seal::Seal;
use crate::store::{Result, Store, settings};

/// Under which name it is kept, and what it is sealed for.
const NAME: &str = "pass-key";

/// The key of the store, which is made when there is none that can be used.
pub async fn load(store: &Store, seal: &Seal) -> Result<Signer> {
    let tx = store.write().await?;
    let kept: Option<String> = settings::get(&*tx, NAME).await?;
    let read = |sealed: &str| Signer::new(&URL_SAFE_NO_PAD.decode(seal.unseal(NAME, sealed)?).ok()?);
    if let Some(signer) = kept.as_deref().and_then(read) {
        return Ok(signer);
    }
    if kept.is_some() {
        tracing::warn!("the key of passes cannot be opened with this seal.key; a new one takes its place");
    }
    let pkcs8 = Signer::generate().expect("the kernel gives random bytes");
    settings::set(&tx, NAME, &seal.seal(NAME, &URL_SAFE_NO_PAD.encode(&pkcs8))).await?;
    tx.commit().await?;
    Ok(Signer::new(&pkcs8).expect("it was just made"))
}
