//! Asks a name server for TXT records (RFC 1035), which the operating system's resolver cannot be asked for. What it
//! answers is believed as far as names are believed at all; it is read with limits, whatever it is.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Time for one answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Time for all of it: somebody waits.
const WHOLE: Duration = Duration::from_secs(5);

/// Times that the servers are asked over UDP, which loses packets.
const TRIES: usize = 2;

/// Most servers of `/etc/resolv.conf` that are asked.
const SERVERS: usize = 3;

/// Most bytes of an answer.
const MOST: usize = 16 << 10;

/// Most records of an answer that are looked at.
const RECORDS: usize = 100;

const TXT: u16 = 16;
const INTERNET: u16 = 1;
const PORT: u16 = 53;

/// Why nobody knows what is there.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// It cannot be asked for.
    #[error("{0} is no name that can be asked for")]
    Name(String),
    /// No server answered.
    #[error("no name server answered: {0}")]
    Silent(std::io::Error),
    /// The server could not tell.
    #[error("the name server {0} could not tell (code {1})")]
    Failed(SocketAddr, u8),
    /// The answer is none.
    #[error("the name server {0} answered something that cannot be read")]
    Unreadable(SocketAddr),
}

/// The texts of a name, each record's pieces joined; none where there is no such name. Without a server those of this
/// machine are asked.
pub async fn texts(server: Option<SocketAddr>, name: &str) -> Result<Vec<String>, DnsError> {
    let question = question(name).ok_or_else(|| DnsError::Name(name.to_owned()))?;
    let servers = server.map_or_else(servers, |server| vec![server]);
    let late = || DnsError::Silent(std::io::ErrorKind::TimedOut.into());
    timeout(WHOLE, ask_all(&servers, &question)).await.unwrap_or_else(|_| Err(late()))
}

/// One server after the other, so that a silent one keeps nobody from the next.
async fn ask_all(servers: &[SocketAddr], question: &[u8]) -> Result<Vec<String>, DnsError> {
    let mut last = DnsError::Silent(std::io::ErrorKind::NotFound.into());
    for server in servers.iter().cycle().take(servers.len() * TRIES) {
        match ask(*server, question).await {
            Ok(texts) => return Ok(texts),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Those of `/etc/resolv.conf`; as the resolver of the C library does it, this machine's own without any.
fn servers() -> Vec<SocketAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let words = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    let found = words.filter_map(|rest| rest.trim().parse::<IpAddr>().ok());
    let found: Vec<SocketAddr> = found.take(SERVERS).map(|address| (address, PORT).into()).collect();
    if found.is_empty() { vec![(Ipv4Addr::LOCALHOST, PORT).into()] } else { found }
}

/// A question without its id: recursion is wanted, one name, TXT.
fn question(name: &str) -> Option<Vec<u8>> {
    let mut bytes = vec![1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        bytes.push(length);
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes.extend([TXT.to_be_bytes(), INTERNET.to_be_bytes()].concat());
    (name.is_ascii() && name.len() <= 253).then_some(bytes)
}

async fn ask(server: SocketAddr, question: &[u8]) -> Result<Vec<String>, DnsError> {
    let mut id = [0; 2];
    getrandom::fill(&mut id).expect("the kernel gives random bytes");
    let query = [&id, question].concat();
    let late = || std::io::Error::from(std::io::ErrorKind::TimedOut);
    let answer = match timeout(PATIENCE, over_udp(server, &query)).await {
        // It did not fit.
        Ok(Ok(answer)) if answer[2] & 2 != 0 => timeout(PATIENCE, over_tcp(server, &query)).await,
        other => other,
    };
    let answer = answer.unwrap_or_else(|_| Err(late())).map_err(DnsError::Silent)?;
    read(server, &query, &answer)
}

/// Whether this answers that question, as far as its header and its question tell.
fn answers(query: &[u8], answer: &[u8]) -> bool {
    let same = |range: std::ops::Range<usize>| answer.get(range.clone()) == query.get(range);
    answer.len() >= query.len() && same(0..2) && answer[2] & 0x80 != 0 && same(4..6) && {
        answer[12..query.len()].eq_ignore_ascii_case(&query[12..])
    }
}

async fn over_udp(server: SocketAddr, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let any: SocketAddr = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().expect("it is an address");
    let socket = UdpSocket::bind(any).await?;
    // From nobody else anything is taken.
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut buffer = vec![0; MOST];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if answers(query, &buffer[..length]) {
            return Ok(buffer[..length].to_vec());
        }
    }
}

async fn over_tcp(server: SocketAddr, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(query.len()).map_err(std::io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), query].concat()).await?;
    let length = usize::from(stream.read_u16().await?);
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await?;
    if answers(query, &answer) { Ok(answer) } else { Err(std::io::ErrorKind::InvalidData.into()) }
}

/// The texts of an answer.
fn read(server: SocketAddr, query: &[u8], answer: &[u8]) -> Result<Vec<String>, DnsError> {
    match answer[3] & 15 {
        0 => records(query.len(), answer).ok_or(DnsError::Unreadable(server)),
        // There is no such name.
        3 => Ok(Vec::new()),
        code => Err(DnsError::Failed(server, code)),
    }
}

fn records(begin: usize, answer: &[u8]) -> Option<Vec<String>> {
    let number = |at: usize| Some(u16::from_be_bytes(answer.get(at..at + 2)?.try_into().ok()?));
    let (count, mut at, mut texts) = (usize::from(number(6)?), begin, Vec::new());
    for _ in 0..count.min(RECORDS) {
        at = after_name(answer, at)?;
        let (kind, class, length) = (number(at)?, number(at + 2)?, usize::from(number(at + 8)?));
        let data = answer.get(at + 10..at + 10 + length)?;
        // What it is called by other names comes first; the server has followed them.
        if (kind, class) == (TXT, INTERNET) {
            texts.push(joined(data)?);
        }
        at += 10 + length;
    }
    Some(texts)
}

/// Where what follows a name begins; a name may end in a reference to another place.
fn after_name(answer: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match answer.get(at)? {
            0 => return Some(at + 1),
            length if length & 0xc0 == 0xc0 => return Some(at + 2),
            length => at += 1 + usize::from(*length),
        }
    }
}

/// The pieces of a text, each with its length before it.
fn joined(mut data: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    while let Some((length, rest)) = data.split_first() {
        let length = usize::from(*length);
        text.extend(rest.get(..length)?);
        data = &rest[length..];
    }
    Some(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(name: &str) -> Vec<u8> {
        [&[7, 7], &question(name).unwrap()[..]].concat()
    }

    #[test]
    fn names_are_asked_for_as_they_are_or_not_at_all() {
        assert_eq!(&question("_vclouden.a.b").unwrap()[10..], b"\x09_vclouden\x01a\x01b\0\0\x10\0\x01");
        for bad in ["", "a..b", "a.", "ñ.example", &"x".repeat(64), &["x"; 130].join(".")] {
            assert_eq!(question(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_answer_of_any_bytes_ends_nothing() {
        let query = whole("a.example");
        let mut answer = [&query[..], b"\xc0\x0c\0\x10\0\x01\0\0\0\x3c\0\x06\x02ab\x02cd"].concat();
        (answer[2], answer[3], answer[7]) = (0x81, 0x80, 1);
        let server = "127.0.0.1:53".parse().unwrap();
        assert!(answers(&query, &answer));
        assert_eq!(read(server, &query, &answer).unwrap(), ["abcd"]);
        for cut in query.len()..answer.len() {
            assert!(read(server, &query, &answer[..cut]).is_err(), "{cut}");
        }
        for at in query.len()..answer.len() {
            for value in [0, 1, 63, 64, 0xc0, 0xff] {
                let mut broken = answer.clone();
                broken[at] = value;
                let _ = read(server, &query, &broken);
            }
        }
        assert!(!answers(&whole("b.example"), &answer), "another question");
        assert!(!answers(&query, &query), "a question is no answer");
        (answer[3], answer[7]) = (0x83, 0);
        assert_eq!(read(server, &query, &answer).unwrap(), Vec::<String>::new());
        answer[3] = 0x82;
        assert!(matches!(read(server, &query, &answer), Err(DnsError::Failed(_, 2))));
    }
}
