//! The frames in which the output of a program run by `exec` travels, and the input of one in a terminal; see
//! [`ExecRequest`].

use bytes::{Buf, BufMut, Bytes, BytesMut};

#[cfg(doc)]
use crate::ExecRequest;
use crate::types::TtySize;

/// The most bytes of one frame's content.
pub const MAX: usize = 64 * 1024;

/// One piece of what a program says, or its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecFrame {
    /// Its standard output.
    Out(Bytes),
    /// Its standard error.
    Err(Bytes),
    /// It ended with that status; the last frame.
    Exit(i32),
}

/// One piece of what a program in a terminal is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TtyFrame {
    /// Somebody typed that.
    Input(Bytes),
    /// The terminal is now so large.
    Resize(TtySize),
    /// It is hung up; the last frame.
    End,
}

/// Bytes that are no frames.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what came is no frame of a program's input or output: {0}")]
pub struct BadFrame(&'static str);

impl ExecFrame {
    /// The frame as bytes. Content beyond [`MAX`] is the caller's mistake and is cut.
    pub fn encode(&self) -> Bytes {
        let (kind, content) = match self {
            Self::Out(content) => (1, content.clone()),
            Self::Err(content) => (2, content.clone()),
            Self::Exit(status) => (3, Bytes::from(status.to_string())),
        };
        wrap(kind, &content)
    }

    /// Takes the first frame from the buffer, if all of it is there.
    pub fn decode(buffer: &mut BytesMut) -> Result<Option<Self>, BadFrame> {
        let Some((kind, content)) = unwrap(buffer)? else { return Ok(None) };
        match kind {
            1 => Ok(Some(Self::Out(content))),
            2 => Ok(Some(Self::Err(content))),
            3 => {
                let status = std::str::from_utf8(&content).ok().and_then(|text| text.parse().ok());
                status.map(|status| Some(Self::Exit(status))).ok_or(BadFrame("its exit status is no number"))
            }
            _ => Err(BadFrame("its kind is unknown")),
        }
    }
}

impl TtyFrame {
    /// The frame as bytes. Content beyond [`MAX`] is the caller's mistake and is cut.
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Input(content) => wrap(4, content),
            Self::Resize(TtySize { rows, cols }) => wrap(5, &[rows.to_be_bytes(), cols.to_be_bytes()].concat()),
            Self::End => wrap(6, &[]),
        }
    }

    /// Takes the first frame from the buffer, if all of it is there.
    pub fn decode(buffer: &mut BytesMut) -> Result<Option<Self>, BadFrame> {
        let Some((kind, content)) = unwrap(buffer)? else { return Ok(None) };
        match (kind, &content[..]) {
            (4, _) => Ok(Some(Self::Input(content))),
            (5, &[a, b, c, d]) => {
                let (rows, cols) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                Ok(Some(Self::Resize(TtySize { rows, cols })))
            }
            (5, _) => Err(BadFrame("a size has four bytes")),
            (6, []) => Ok(Some(Self::End)),
            _ => Err(BadFrame("its kind is unknown")),
        }
    }
}

fn wrap(kind: u8, content: &[u8]) -> Bytes {
    let content = &content[..content.len().min(MAX)];
    let mut bytes = BytesMut::with_capacity(5 + content.len());
    bytes.put_u8(kind);
    bytes.put_u32(u32::try_from(content.len()).unwrap_or(u32::MAX));
    bytes.put_slice(content);
    bytes.freeze()
}

/// Kind and content of the first frame.
fn unwrap(buffer: &mut BytesMut) -> Result<Option<(u8, Bytes)>, BadFrame> {
    if buffer.len() < 5 {
        return Ok(None);
    }
    let kind = buffer[0];
    let length = (&buffer[1..5]).get_u32() as usize;
    if length > MAX {
        return Err(BadFrame("it is too long"));
    }
    if buffer.len() < 5 + length {
        return Ok(None);
    }
    buffer.advance(5);
    Ok(Some((kind, buffer.split_to(length).freeze())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_being_cut_anywhere() {
        let frames = [ExecFrame::Out("hola".into()), ExecFrame::Err(Bytes::new()), ExecFrame::Exit(-1)];
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.encode().to_vec()).collect();
        for cut in 0..bytes.len() {
            let (mut buffer, mut found) = (BytesMut::new(), Vec::new());
            for part in [&bytes[..cut], &bytes[cut..]] {
                buffer.extend_from_slice(part);
                while let Some(frame) = ExecFrame::decode(&mut buffer).unwrap() {
                    found.push(frame);
                }
            }
            assert_eq!(found, frames);
        }
        let typed = [
            TtyFrame::Input("ls".into()),
            TtyFrame::Resize(TtySize { rows: 300, cols: 80 }),
            TtyFrame::Input(Bytes::new()),
            TtyFrame::End,
        ];
        let mut buffer =
            BytesMut::from(&typed.iter().flat_map(|frame| frame.encode().to_vec()).collect::<Vec<_>>()[..]);
        for frame in typed {
            assert_eq!(TtyFrame::decode(&mut buffer), Ok(Some(frame)));
        }
        assert_eq!(TtyFrame::decode(&mut buffer), Ok(None));
        assert!(TtyFrame::decode(&mut BytesMut::from(&[5, 0, 0, 0, 1, 0][..])).is_err());
        assert!(TtyFrame::decode(&mut BytesMut::from(&[1, 0, 0, 0, 0][..])).is_err());
        assert!(ExecFrame::decode(&mut BytesMut::from(&[9, 0, 0, 0, 0][..])).is_err());
        assert!(ExecFrame::decode(&mut BytesMut::from(&[1, 255, 0, 0, 0][..])).is_err());
    }
}
