//! Codes of an authenticator app: RFC 6238 with SHA-1, six digits and steps of 30 seconds, which every such app can do.

use std::fmt::Write as _;

use nimbus_api::Millis;
use ring::hmac;

/// Milliseconds that a code stands.
const STEP: Millis = 30_000;

/// Digits of a code.
pub const DIGITS: usize = 6;

/// Bytes of a secret, as RFC 4226 recommends.
const BYTES: usize = 20;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new secret, in base32 as apps take it.
pub fn new_secret() -> String {
    let mut random = [0_u8; BYTES];
    getrandom::fill(&mut random).expect("the kernel gives random bytes");
    base32(&random)
}

/// Base32 of RFC 4648 without padding.
pub fn base32(bytes: &[u8]) -> String {
    let (mut text, mut held, mut bits) = (String::new(), 0_u32, 0);
    let mut put = |value: u32| text.push(char::from(ALPHABET[(value & 31) as usize]));
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            put(held >> bits);
        }
    }
    if bits > 0 {
        put(held << (5 - bits));
    }
    text
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter)?;
        held = (held << 5 | u32::try_from(value).ok()?) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// The code of a secret in a step; `None` for what is no secret.
pub fn code(secret: &str, step: u64) -> Option<String> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &from_base32(secret)?);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(*tag.last()? & 15);
    let four: [u8; 4] = tag.get(at..at + 4)?.try_into().ok()?;
    Some(format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000))
}

/// The step of a moment.
pub fn step(now: Millis) -> u64 {
    now / STEP
}

/// The step later than `last` in which a code is right: this one, or one beside it for clocks that differ. A code serves
/// once.
pub fn check(secret: &str, given: &str, now: Millis, last: u64) -> Option<u64> {
    let given: String = given.chars().filter(|c| !c.is_whitespace()).collect();
    let this = step(now);
    let steps = [this.saturating_sub(1), this, this + 1];
    steps.into_iter().find(|step| *step > last && code(secret, *step).is_some_and(|right| same(&right, &given)))
}

/// Compares in a time that does not tell how much of it is right.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0
}

/// What an app reads from a picture: whose it is and the secret.
pub fn address(issuer: &str, account: &str, secret: &str) -> String {
    let mut address = String::from("otpauth://totp/");
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-._~@".contains(&c);
    let escaped = |address: &mut String, text: &str| {
        for byte in text.bytes() {
            if plain(byte) {
                address.push(char::from(byte));
            } else {
                let _ = write!(address, "%{byte:02X}"); // Writing to a String cannot fail.
            }
        }
    };
    escaped(&mut address, issuer);
    address.push(':');
    escaped(&mut address, account);
    address.push_str(&format!("?secret={secret}&issuer="));
    escaped(&mut address, issuer);
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = base32(b"12345678901234567890");
        assert_eq!(secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        // RFC 6238, appendix B: seconds and the last six of the eight digits.
        let known = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (seconds, right) in known {
            assert_eq!(code(&secret, step(seconds * 1000)).as_deref(), Some(right), "{seconds}");
        }
        assert_eq!(code("no base32", 1), None);
    }

    #[test]
    fn a_code_serves_once_and_for_clocks_that_differ_by_a_step() {
        let (secret, now) = (new_secret(), 1_700_000_000_000);
        let this = step(now);
        for near in [this - 1, this, this + 1] {
            let near_code = code(&secret, near).unwrap();
            let spaced = format!("{} {}", &near_code[..3], &near_code[3..]);
            assert_eq!(check(&secret, &spaced, now, 0), Some(near));
            assert_eq!(check(&secret, &near_code, now, near), None, "it was used");
        }
        for far in [this - 2, this + 2] {
            let far_code = code(&secret, far).unwrap();
            let by_chance = [this - 1, this, this + 1].iter().any(|near| code(&secret, *near).unwrap() == far_code);
            assert!(by_chance || check(&secret, &far_code, now, 0).is_none());
        }
        assert_eq!(check(&secret, "", now, 0), None);
        assert_eq!(from_base32(&secret).unwrap().len(), BYTES);
    }

    #[test]
    fn the_address_names_who_and_where() {
        let address = address("Panadería", "ana@sol.example", "ABC");
        assert_eq!(address, "otpauth://totp/Panader%C3%ADa:ana@sol.example?secret=ABC&issuer=Panader%C3%ADa");
    }
}
