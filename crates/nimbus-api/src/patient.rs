//! A connection whose answer is read even when the other side takes no more of the request.
//!
//! A program that is run by `exec` may end before it has read all of its input, and an archive may be refused before
//! all of it has come. The other side then answers and closes, and writing fails, while the answer is still to be read.
//! An HTTP client that sees the failed write gives up; this hides it.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that swallows what is written once the other side takes no more.
#[derive(Debug)]
pub struct Patient<S> {
    stream: S,
    closed: bool,
}

impl<S> Patient<S> {
    /// Over that stream.
    pub fn new(stream: S) -> Self {
        Self { stream, closed: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            // The other side had something left to read when it closed. What it wrote has been read before this.
            Poll::Ready(Err(error)) if self.closed && is_closed(&error) => Poll::Ready(Ok(())),
            other => other,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.closed {
            return self.never_again(cx, bytes);
        }
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Ready(Err(error)) if is_closed(&error) => {
                self.closed = true;
                self.never_again(cx, bytes)
            }
            other => other,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closed { Poll::Ready(Ok(())) } else { Pin::new(&mut self.stream).poll_flush(cx) }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closed { Poll::Ready(Ok(())) } else { Pin::new(&mut self.stream).poll_shutdown(cx) }
    }
}

impl<S> Patient<S> {
    /// Swallows `bytes`, and lets others have their turn: an endless input must not keep the answer from being read.
    fn never_again(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match tokio::task::coop::poll_proceed(cx) {
            Poll::Ready(turn) => {
                turn.made_progress();
                Poll::Ready(Ok(bytes.len()))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    #[tokio::test]
    async fn an_answer_is_read_although_the_question_was_cut_short() {
        let (mine, mut theirs) = UnixStream::pair().unwrap();
        let mut mine = Patient::new(mine);
        mine.write_all(b"a question that nobody reads").await.unwrap();
        theirs.write_all(b"the answer").await.unwrap();
        drop(theirs);
        for _ in 0..1000 {
            mine.write_all(&[0; 4096]).await.unwrap();
        }
        let mut answer = String::new();
        mine.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "the answer");
    }
}
