use super::*;

fn path(name: &str) -> MediaPath {
    MediaPath::from_plain(name).unwrap()
}

fn numbering(sequence: u64, frame: u64, discontinuity: u64) -> Numbering {
    Numbering {
        sequence,
        frame,
        discontinuity,
    }
}

/// The numbers of a server that keeps them in `state`.
fn open(state: &Path) -> Arc<Numbers> {
    Arc::new(Numbers::open(state))
}

fn first(numbers: &Numbers, channels: &[&str]) -> Numbering {
    let channels: Vec<_> = channels.iter().map(|name| path(name)).collect();
    numbers.first(&channels, Clock::start())
}

/// What nobody knows begins with the time.
fn assert_is_time(numbering: Numbering) {
    let least = now(Clock::start()).sequence - 60;
    assert!(
        (least..least + 120).contains(&numbering.sequence),
        "{numbering:?}"
    );
    assert_eq!(numbering.frame, numbering.sequence);
    assert_eq!(numbering.discontinuity, numbering.sequence / 86_400);
}

#[tokio::test]
async fn numbers_go_on_exactly_after_a_stop() {
    let state = tempfile::tempdir().unwrap();
    let numbers = open(state.path());
    assert_is_time(first(&numbers, &["hd"]));
    numbers.reach(&path("hd"), numbering(105, 240, 7));
    numbers.reach(&path("hd"), numbering(104, 241, 6));
    numbers.reach(&path("sd"), numbering(104, 200, 9));
    for _ in 0..2 {
        assert_eq!(first(&numbers, &["hd"]), numbering(105, 241, 7));
        numbers.finish().await;
    }
    for _ in 0..2 {
        let numbers = open(state.path());
        assert_eq!(first(&numbers, &["hd"]), numbering(105, 241, 7));
        assert_eq!(first(&numbers, &["hd", "sd"]), numbering(105, 241, 9));
        assert_is_time(first(&numbers, &["other"]));
        numbers.finish().await;
    }
}

#[test]
fn after_a_kill_numbers_are_a_little_ahead() {
    let state = tempfile::tempdir().unwrap();
    let numbers = open(state.path());
    numbers.reach(&path("hd"), numbering(105, 240, 7));
    numbers.write().unwrap();
    let again = || first(&open(state.path()), &["hd"]);
    assert_eq!(again(), numbering(105 + AHEAD, 240 + AHEAD, 7));
    // A start alone is ahead of what the server before was.
    assert_eq!(again(), numbering(105 + 2 * AHEAD, 240 + 2 * AHEAD, 7));
}

#[tokio::test]
async fn the_file_is_written_before_its_numbers_are_used_up() {
    let state = tempfile::tempdir().unwrap();
    let numbers = open(state.path());
    let is_due = || {
        let due = std::pin::pin!(numbers.due.notified());
        futures::FutureExt::now_or_never(due).is_some()
    };
    let hd = path("hd");
    numbers.reach(&hd, numbering(100, 100, 7));
    assert!(is_due());
    numbers.write().unwrap();
    numbers.reach(&hd, numbering(100 + AHEAD / 2, 100, 7));
    assert!(!is_due(), "there is enough");
    numbers.reach(&hd, numbering(101 + AHEAD / 2, 100, 7));
    assert!(is_due());
    numbers.write().unwrap();
    numbers.reach(&hd, numbering(101, 101 + AHEAD / 2, 7));
    assert!(is_due(), "key frames have numbers of their own");
    numbers.write().unwrap();
    numbers.reach(&hd, numbering(101, 100, 8));
    assert!(is_due(), "a discontinuity is kept at once");
}

#[test]
fn what_is_lost_or_damaged_begins_with_the_time() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("numbers");
    let numbers = open(state.path());
    assert!(!file.exists(), "there is nothing to tell");
    numbers.reach(&path("hd"), numbering(105, 240, 7));
    numbers.write().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen('1', "2", 1)).unwrap();
    assert_is_time(first(&open(state.path()), &["hd"]));
    fs::write(&file, text).unwrap();
    assert_eq!(first(&open(state.path()), &["hd"]).discontinuity, 7);
    fs::remove_file(&file).unwrap();
    assert_is_time(first(&open(state.path()), &["hd"]));
}

#[test]
fn a_file_that_cannot_be_written_is_not_believed() {
    let state = tempfile::tempdir().unwrap();
    let numbers = open(state.path());
    numbers.reach(&path("hd"), numbering(105, 240, 7));
    numbers.write().unwrap();
    fs::create_dir(state.path().join("numbers.new")).unwrap();
    assert_is_time(first(&open(state.path()), &["hd"]));
    assert!(!state.path().join("numbers").exists());
}

#[test]
fn only_so_many_channels_are_known() {
    let state = tempfile::tempdir().unwrap();
    let numbers = open(state.path());
    for at in 0..=MOST as u64 {
        numbers.reach(&path(&at.to_string()), numbering(at + 5, at + 5, 1));
    }
    assert_eq!(numbers.table().channels.len(), MOST);
    assert_eq!(numbers.known(&path("0")), None);
    assert_eq!(first(&numbers, &["9"]).sequence, 14);
    // One who was forgotten may have been further than those who are known.
    assert_is_time(first(&numbers, &["9", "0"]));
}
