use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct Setup {
    folder: TempDir,
    now: SystemTime,
}

impl Setup {
    fn new() -> Self {
        let clock = Clock::start();
        Self {
            folder: tempfile::tempdir().unwrap(),
            now: clock.wall(clock.now()),
        }
    }

    fn files(&self, name: &str) -> TlsFiles {
        TlsFiles::within(&self.folder.path().join(name))
    }

    /// Files of somebody else's making.
    fn given(&self, name: &str) -> TlsFiles {
        let files = self.files(name);
        let names = ["media.example".to_owned()];
        tls_self_made::make(&files, &names, self.now).unwrap();
        files
    }

    fn open(&self, origin: Origin) -> Result<Arc<TlsIdentity>, Fault> {
        let names = ["localhost", "127.0.0.1", "no name", ""];
        TlsIdentity::open(origin, names.map(str::to_owned).to_vec(), self.now)
    }
}

#[test]
fn a_certificate_is_made_once_for_this_user_alone() {
    let setup = Setup::new();
    let files = setup.files("state/tls");
    let first = setup.open(Origin::SelfMade(files.clone())).unwrap();
    let mode = fs::metadata(&files.key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(first.is_self_made());
    let again = setup.open(Origin::SelfMade(files)).unwrap();
    assert_eq!(first.fingerprint(), again.fingerprint());
    let lifetime = first.ends().unwrap().duration_since(setup.now).unwrap();
    assert!(lifetime > 799 * DAY && lifetime < 801 * DAY, "{lifetime:?}");
}

#[test]
fn it_is_made_anew_before_it_ends_and_when_it_is_broken() {
    let setup = Setup::new();
    let files = setup.files("tls");
    let identity = setup.open(Origin::SelfMade(files.clone())).unwrap();
    let first = identity.fingerprint();
    assert_eq!(identity.look(None, setup.now + 780 * DAY), None);
    assert_eq!(identity.fingerprint(), first);
    assert_eq!(identity.look(None, setup.now + 790 * DAY), None);
    let second = identity.fingerprint();
    assert_ne!(first, second);
    fs::write(&files.key, "broken").unwrap();
    let identity = setup.open(Origin::SelfMade(files)).unwrap();
    assert_ne!(identity.fingerprint(), second);
}

#[test]
fn files_are_read_again_when_both_have_changed() {
    let setup = Setup::new();
    let files = setup.given("given");
    let identity = setup.open(Origin::Given(files.clone())).unwrap();
    let first = identity.fingerprint();
    assert!(!identity.is_self_made());
    assert_eq!(identity.look(None, setup.now), None);
    let other = setup.given("other");
    fs::rename(&other.certificate, &files.certificate).unwrap();
    let refused = identity.look(None, setup.now);
    assert!(refused.is_some(), "a certificate with another key");
    assert_eq!(identity.look(refused.clone(), setup.now), refused);
    assert_eq!(identity.fingerprint(), first);
    fs::rename(&other.key, &files.key).unwrap();
    assert_eq!(identity.look(refused, setup.now), None);
    assert_ne!(identity.fingerprint(), first);
}

#[test]
fn other_settings_count_once_they_can_be_used() {
    let setup = Setup::new();
    let identity = setup.open(Origin::SelfMade(setup.files("tls"))).unwrap();
    let first = identity.fingerprint();
    let files = setup.files("given");
    identity.configure(Origin::Given(files));
    let refused = identity.look(None, setup.now);
    assert!(refused.is_some());
    assert_eq!(identity.fingerprint(), first);
    setup.given("given");
    assert_eq!(identity.look(refused, setup.now), None);
    assert_ne!(identity.fingerprint(), first);
    assert!(!identity.is_self_made());
}

#[test]
fn what_is_wrong_is_told_with_its_file() {
    let setup = Setup::new();
    let (good, other) = (setup.given("good"), setup.given("other"));
    let empty = setup.folder.path().join("empty.pem");
    fs::write(&empty, "nothing\n").unwrap();
    let nowhere = setup.folder.path().join("nowhere.pem");
    for (certificate, key, expected) in [
        (
            &nowhere,
            &good.key,
            "nowhere.pem: No such file or directory (os error 2)",
        ),
        (
            &good.certificate,
            &nowhere,
            "nowhere.pem: No such file or directory (os error 2)",
        ),
        (
            &empty,
            &good.key,
            "empty.pem: there is no certificate in PEM form in it",
        ),
        (
            &good.key,
            &good.key,
            "key.pem: there is no certificate in PEM form in it",
        ),
        (
            &good.certificate,
            &empty,
            "empty.pem: there is no private key without password in PEM form in it",
        ),
        (
            &good.certificate,
            &other.key,
            "keys may not be consistent: KeyMismatch",
        ),
    ] {
        let origin = Origin::Given(TlsFiles {
            certificate: certificate.clone(),
            key: key.clone(),
        });
        let fault = origin.check().unwrap_err();
        let text = chain(&fault);
        assert!(text.ends_with(expected), "{text}");
    }
}
