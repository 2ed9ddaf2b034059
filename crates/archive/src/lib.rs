//! The only code that opens an archive which a stranger made.
//!
//! A package travels as a `tar.gz`. The control plane looks into it without privileges ([`inspect`]), Nimbus lays it
//! out as root ([`unpack`]), and the command line makes it ([`pack`]). All three apply the same rules, in one place
//! ([`tree`] for names and links, [`scan`] for the format), so that what one accepts the others accept. The reader is
//! our own and strict: where tar programs disagree about what an archive means, it is refused instead of guessed.
//!
//! The data of an installation travels the same way ([`pack_data`], [`unpack_data`]), by the same reader and writer, with
//! the modes that its files have. Its links may point anywhere: nobody follows them outside of a sandbox.

mod contents;
mod data;
mod error;
mod format;
mod limits;
mod pack;
mod pick;
mod scan;
mod stream;
mod tree;
mod unpack;

pub use contents::{Contents, Kind, Node};
pub use data::{measure_data, pack_data};
pub use error::ArchiveError;
pub use limits::Limits;
pub use pack::{Summary, pack, pack_without};
pub use pick::pick;
pub use scan::inspect;
pub use unpack::{unpack, unpack_data};

/// Name of the file at the top of a package that describes it.
pub const MANIFEST: &str = "vclouden.toml";
