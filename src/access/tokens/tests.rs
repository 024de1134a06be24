use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::json;

use super::*;
use crate::access::settings::KeySet;

const SECRET: &[u8; 32] = b"a secret that is 32 bytes long..";

/// An RSA key, and tokens that OpenSSL has signed with it.
const MODULUS: &str = "3J0uNq73RzeZrNsccgJDY348g_v8-gk-ejajq6EVFmmCJ4c-UQEuNcr5MR8ygenW1WUfXdD8qggElTY7eMYrEuldUk-QUjj6s7LSF0v4JZ7TYIcM7V9uttqvnfNw7ErEPGu54ruEePr-a7DDIO5bT-efeHaFcoXF1N-Cs_j0ad9ma0_oddDhT7tqNURaWvMv6n5uKVW8gsXIG75tI3LySyLudbM5lkIY3c9jP_Hzp_uuHb0x5czPnb1I4xLAaMtq0Yj5_GrBRZNamOuB9rac-UNyD5zhpIY_O8GHntqXBGcJey6qBXjOFv_eX0tH94-FxaRnk336sc6u42gFuggKVQ";
const RS256: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoicmVlbGNhc3QiLCJzdWIiOiJhbm4iLCJleHAiOjQxMDI0NDQ4MDB9.xxJrnqXWjk2CVTcJIOfuoeWaY_AFZq6azf_ZIgCwYcEJ41JLbToqkCnh0PZJ-k9B1Lk7Hen2wcT0ReYtyLurm8pd-Jl_iEVmvtCGXQevXx2_lEoksYK6Ebetwes_0gfK1G20ozOoTO5wmZkba9ZJFc5dgP_S8QCIo1Fn_tnMDT6Jn49cWhbMZdBvW1uQldtbjSdZcYtHYAq-xHwX5qvGxnJ3tVV-FXC2Yy8LfcT2Xvi2Y3SolJSgxk497wZY6C16ANVuN0hHNzQ8SrATzVr6rGguxm1HMTeXseL0j_9AtJ7NX3cpkThHGEfXbRKCuPKLZSwsRFT3TWUXXt819kcZnw";
const PS256: &str = "eyJhbGciOiJQUzI1NiIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoicmVlbGNhc3QiLCJzdWIiOiJhbm4iLCJleHAiOjQxMDI0NDQ4MDB9.RBYZEi_YH2vwDdmCKOaN3LGZOgWQWaU_QElhrC36B6XoWoVbCKEXEddiNXBiwvfnpLlc3UPE3VdjhswjS-qZ-s6ikorFFGzU6DVaFPai6RNA4HWIl_fY2II97VH8IGMko67XGeRDFXeUhYI9c20IPwGDgYeN7AjR1SRmt_lTlFPjg963wqtwwHAOmgof5ZAvo-J4LdAWQp4y5h1BuKOUiPrgtLCdR2cyEf5P7AVmTYKhhGv0ADM_vEwfaLisQoSi313xFEmnuW0Uvv48R6kxZtJv3rl_pxCZme52dOSnjJ_tMDolN4Ij3CHaHzJfT0RMUNcQy3_v1kZVslWla23T6w";

fn wanted() -> Jwt {
    Jwt {
        keys: KeySet::File("keys.json".into()),
        issuer: "https://issuer.example".to_owned(),
        audience: "reelcast".to_owned(),
        user: "sub".to_owned(),
        groups: "groups".to_owned(),
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn hmac_keys() -> TokenKeys {
    let key = json!({ "kty": "oct", "kid": "h", "k": encode(SECRET) });
    TokenKeys::read(&json!({ "keys": [key] }).to_string(), true).unwrap()
}

/// Good claims with `changes`; null takes one away.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": "https://issuer.example",
        "aud": "reelcast",
        "sub": "ann",
        "exp": 2_000_000_000,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    claims
}

fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let parts = [header, claims].map(|part| encode(part.to_string().as_bytes()));
    let message = parts.join(".");
    let signature = encode(&sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn by_hmac(message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    hmac::sign(&key, message).as_ref().to_vec()
}

fn token(changes: &Value) -> String {
    signed(
        &json!({ "alg": "HS256", "kid": "h" }),
        &claims(changes),
        by_hmac,
    )
}

/// Whom a token names at a time in seconds.
fn user_at(keys: &TokenKeys, token: &str, seconds: u64) -> Option<String> {
    let now = UNIX_EPOCH + Duration::from_secs(seconds);
    keys.read_token(token, &wanted(), now)
        .map(|bearer| bearer.user)
}

const NOW: u64 = 1_900_000_000;

#[test]
fn tokens_of_every_algorithm_are_read() {
    let random = SystemRandom::new();
    let edwards = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let edwards = Ed25519KeyPair::from_pkcs8(edwards.as_ref()).unwrap();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let curve = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let curve = EcdsaKeyPair::from_pkcs8(algorithm, curve.as_ref(), &random).unwrap();
    let (x, y) = curve.public_key().as_ref()[1..].split_at(32);
    let set = json!({ "keys": [
        { "kty": "new", "kid": "later" },
        { "kty": "RSA", "kid": "enc", "use": "enc", "n": MODULUS, "e": "AQAB" },
        { "kty": "RSA", "kid": "rsa", "use": "sig", "n": MODULUS, "e": "AQAB" },
        { "kty": "EC", "kid": "curve", "crv": "P-256", "x": encode(x), "y": encode(y) },
        { "kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": encode(edwards.public_key().as_ref()) },
        { "kty": "oct", "kid": "h", "k": encode(SECRET) },
    ]});
    let open = TokenKeys::read(&set.to_string(), false).unwrap();
    let secret = TokenKeys::read(&set.to_string(), true).unwrap();
    let none = json!({});
    let by_curve = signed(
        &json!({ "alg": "ES256", "kid": "curve" }),
        &claims(&none),
        |message| curve.sign(&random, message).unwrap().as_ref().to_vec(),
    );
    let by_edwards = signed(
        &json!({ "alg": "EdDSA", "kid": "ed" }),
        &claims(&none),
        |message| edwards.sign(message).as_ref().to_vec(),
    );
    let ann = Some("ann".to_owned());
    for token in [RS256, PS256, &by_curve, &by_edwards] {
        assert_eq!(user_at(&open, token, NOW), ann, "{token}");
        let (message, _) = token.rsplit_once('.').unwrap();
        let (_, other) = RS256.rsplit_once('.').unwrap();
        if message != RS256.rsplit_once('.').unwrap().0 {
            assert_eq!(user_at(&open, &format!("{message}.{other}"), NOW), None);
        }
    }
    assert_eq!(user_at(&secret, &token(&none), NOW), ann);
    assert_eq!(user_at(&open, &token(&none), NOW), None);
}

#[test]
fn the_key_decides_on_the_algorithm() {
    let key = |more: Value| {
        let mut key = json!({ "kty": "RSA", "kid": "rsa", "n": MODULUS, "e": "AQAB" });
        for (name, value) in more.as_object().unwrap() {
            key[name] = value.clone();
        }
        TokenKeys::read(&json!({ "keys": [key] }).to_string(), true).unwrap()
    };
    let only = key(json!({ "alg": "PS256" }));
    assert_eq!(user_at(&only, RS256, NOW), None);
    assert!(user_at(&only, PS256, NOW).is_some());
    let foreign = key(json!({ "alg": "HS256" }));
    assert_eq!(user_at(&foreign, RS256, NOW), None);
    // The public key as if it were a secret, and no signature at all.
    let any = key(json!({}));
    let public = URL_SAFE_NO_PAD.decode(MODULUS).unwrap();
    let confused = signed(
        &json!({ "alg": "HS256", "kid": "rsa" }),
        &claims(&json!({})),
        |message| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &public);
            hmac::sign(&key, message).as_ref().to_vec()
        },
    );
    let bare = signed(
        &json!({ "alg": "none", "kid": "rsa" }),
        &claims(&json!({})),
        |_| Vec::new(),
    );
    for token in [confused, bare] {
        assert_eq!(user_at(&any, &token, NOW), None, "{token}");
    }
}

#[test]
fn claims_are_checked() {
    let keys = hmac_keys();
    for (changes, is_good) in [
        (json!({}), true),
        (json!({ "iss": "https://other.example" }), false),
        (json!({ "iss": null }), false),
        (json!({ "aud": "other" }), false),
        (json!({ "aud": null }), false),
        (json!({ "aud": ["other", "reelcast"] }), true),
        (json!({ "aud": ["other"] }), false),
        (json!({ "exp": null }), false),
        (json!({ "exp": "2000000000" }), false),
        (json!({ "exp": NOW }), false),
        (json!({ "exp": -1 }), false),
        (json!({ "exp": 1e300 }), false),
        (json!({ "exp": 2e9 }), true),
        (json!({ "nbf": NOW + 60 }), true),
        (json!({ "nbf": NOW + 61 }), false),
        (json!({ "nbf": "soon" }), false),
        (json!({ "sub": null }), false),
        (json!({ "sub": "" }), false),
        (json!({ "sub": "a\nb" }), false),
        (json!({ "sub": 7 }), false),
    ] {
        let found = user_at(&keys, &token(&changes), NOW);
        assert_eq!(found.is_some(), is_good, "{changes}");
    }
    for (told, groups) in [
        (json!(["staff", 7, "gold"]), vec!["staff", "gold"]),
        (json!("staff gold"), vec!["staff", "gold"]),
        (json!(7), vec![]),
    ] {
        let now = UNIX_EPOCH + Duration::from_secs(NOW);
        let token = token(&json!({ "groups": told }));
        let bearer = keys.read_token(&token, &wanted(), now).unwrap();
        assert_eq!(bearer.groups, groups);
        assert_eq!(
            bearer.until,
            UNIX_EPOCH + Duration::from_secs(2_000_000_000)
        );
    }
}

#[test]
fn what_is_no_token_is_nobody() {
    let keys = hmac_keys();
    let good = token(&json!({}));
    let demanding = json!({ "alg": "HS256", "kid": "h", "crit": ["b64"], "b64": false });
    let demanding = signed(&demanding, &claims(&json!({})), by_hmac);
    let unknown = signed(
        &json!({ "alg": "HS256", "kid": "x" }),
        &claims(&json!({})),
        by_hmac,
    );
    for token in [
        "",
        ".",
        "..",
        "a.b.c",
        &good[1..],
        &good[..good.len() - 1],
        &format!("{good}."),
        &format!("{good}.{good}"),
        &"x".repeat(LONGEST + 1),
        &demanding,
        &unknown,
    ] {
        assert_eq!(user_at(&keys, token, NOW), None, "{token}");
    }
    let nameless = signed(&json!({ "alg": "HS256" }), &claims(&json!({})), by_hmac);
    assert!(user_at(&keys, &nameless, NOW).is_some());
    assert!(keys.has_key_of(&good) && !keys.has_key_of(&unknown));
}

#[test]
fn secrets_are_told_from_what_everybody_may_know() {
    assert!(hmac_keys().has_secrets());
    let rsa = json!({ "kty": "RSA", "kid": "rsa", "n": MODULUS, "e": "AQAB" });
    let read = |keys: &Value| TokenKeys::read(&json!({ "keys": keys }).to_string(), true).unwrap();
    assert!(!read(&json!([rsa])).has_secrets());
    let mixed = json!([rsa, { "kty": "oct", "alg": "HS512", "k": encode(SECRET) }]);
    assert!(read(&mixed).has_secrets());
}

#[test]
fn sets_without_a_key_are_refused() {
    let weak = json!({ "keys": [{ "kty": "oct", "k": encode(b"short") }] }).to_string();
    for (set, fault) in [
        ("", NoKeySet::Form),
        ("[]", NoKeySet::Form),
        ("{\"keys\": {}}", NoKeySet::Form),
        ("{\"keys\": []}", NoKeySet::Empty),
        ("{\"keys\": [7, {\"kty\": \"x\"}]}", NoKeySet::Empty),
        (&weak, NoKeySet::Empty),
    ] {
        let found = TokenKeys::read(set, true).map(|_| ());
        assert_eq!(found, Err(fault), "{set}");
    }
}
