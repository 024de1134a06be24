use std::path::Path;

use super::*;
use crate::base::clock::Clock;
use crate::config::Config;
use crate::hls::gateway::Gateway;
use crate::log::access::AccessLog;
use crate::media::sessions::Sessions;
use crate::vod::Blocks;

/// A movies folder with a shelf for it.
struct House {
    folder: tempfile::TempDir,
    library: Arc<Library>,
    hls: Arc<Gateway>,
    settings: watch::Receiver<Arc<Config>>,
    clock: Clock,
    shelf: Shelf,
}

impl House {
    /// Where the files are copies of a clip.
    fn with(files: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in files {
            copy_clip(&folder.path().join(name));
        }
        let library = Arc::new(Library::new(folder.path().to_owned(), true));
        let blocks = Arc::new(Blocks::new(1 << 20));
        let mut config = Config::default();
        config.hls.ffmpeg = "/nothing/here/ffmpeg".to_owned();
        let (_, settings) = watch::channel(Arc::new(config));
        let clock = Clock::start();
        let movies = (Arc::clone(&library), blocks);
        let sessions = Sessions::new();
        let hls = Gateway::new(movies, sessions, AccessLog::disabled(), &settings, clock);
        Self {
            folder,
            library,
            hls,
            settings,
            clock,
            shelf: Shelf::default(),
        }
    }

    fn eye(&self) -> Eye<'_> {
        Eye {
            library: &self.library,
            remakes: &self.hls.remakes,
            settings: &self.settings,
            clock: self.clock,
        }
    }

    /// What a walk finds.
    async fn stock(&self) -> Arc<Stock> {
        self.shelf.walk(self.eye()).await;
        Arc::clone(&self.shelf.latest.borrow().stock)
    }

    async fn picture(&self, path: &str) -> Option<String> {
        let (path, stock) = (path_of(path), self.stock().await);
        let listed = stock.picture(&path).cloned();
        let found = self.shelf.picture(&self.library, &path).await;
        assert_eq!(listed, found);
        Some(found?.path.to_string())
    }
}

fn copy_clip(file: &Path) {
    let clip = concat!(env!("CARGO_MANIFEST_DIR"), "/movies/clock.mp4");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::copy(clip, file).unwrap();
}

fn path_of(name: &str) -> MediaPath {
    MediaPath::from_plain(name).unwrap()
}

#[tokio::test]
async fn movies_are_known_by_their_content() {
    let house = House::with(&["b.mp4", "a/clock"]);
    std::fs::write(house.folder.path().join("notes.txt"), "no movie").unwrap();
    let stock = house.stock().await;
    let paths = stock.movies().iter().map(|movie| movie.path.to_string());
    assert_eq!(paths.collect::<Vec<_>>(), ["a/clock", "b.mp4"]);
    let facts = Facts {
        duration: 12.0,
        has_video: true,
        formats: vec!["H.264".to_owned(), "AAC".to_owned()],
        is_foreign: false,
    };
    assert_eq!(*stock.movies()[0].facts, facts);
    assert!(stock.is_whole() && !stock.is_cut());
}

#[tokio::test]
async fn a_page_looks_at_its_own_file() {
    let house = House::with(&["a.mp4"]);
    let movie = |name| {
        let (path, house) = (path_of(name), &house);
        async move { house.shelf.movie(house.eye(), &path).await }
    };
    assert!(movie("a.mp4").await.is_some());
    assert!(house.shelf.latest.borrow().begun.is_none());
    copy_clip(&house.folder.path().join("new/b.mp4"));
    assert!(movie("new/b.mp4").await.is_some());
    std::fs::write(house.folder.path().join("a.mp4"), "no movie").unwrap();
    for name in ["a.mp4", "new", "nothing.mp4", ""] {
        assert!(movie(name).await.is_none(), "{name}");
    }
}

#[tokio::test]
async fn what_nobody_has_looked_into_is_still_to_come() {
    let house = House::with(&["a.mp4", "b/c.mp4"]);
    let files = house.library.list();
    let mut stock = Stock::new(true);
    let unread = house.shelf.take_known(house.eye(), files, &mut stock);
    let shown = stock.with_unread(&unread);
    assert!(!shown.is_whole() && shown.is_cut() && shown.movies().is_empty());
    assert!(shown.is_filling(&path_of("b")) && !shown.is_filling(&path_of("c")));
    let stock = house.stock().await;
    assert!(!stock.is_filling(&MediaPath::default()));
    assert_eq!(stock.movies().len(), 2);
}

#[tokio::test]
async fn who_asks_for_a_list_has_it_filled() {
    let house = House::with(&["a.mp4"]);
    let asked = async {
        let mut latest = house.shelf.latest.subscribe();
        house.shelf.stock(house.eye()).await;
        let whole = latest.wait_for(|walk| walk.begun.is_some() && walk.stock.is_whole());
        whole.await.unwrap().stock.movies().len()
    };
    tokio::select! {
        found = asked => assert_eq!(found, 1),
        () = house.shelf.fill(house.eye()) => {}
    }
}

#[tokio::test]
async fn files_that_only_ffmpeg_reads_wait_for_it() {
    let house = House::with(&[]);
    std::fs::write(house.folder.path().join("a.avi"), b"RIFF\0\0\0\0AVI LIST").unwrap();
    let stock = house.stock().await;
    assert!(stock.is_whole() && stock.movies().is_empty());
    let file = house.library.look(&path_of("a.avi")).unwrap();
    let known = house.shelf.looks.known(house.eye(), &file);
    assert!(
        matches!(known, Some(None)),
        "it is not asked for all the time"
    );
}

#[tokio::test]
async fn a_picture_goes_with_a_name() {
    let house = House::with(&["a.mp4", "a.jpg", "a.mp4.png", "tv/live.webp", "b.jpg"]);
    assert_eq!(house.picture("a.mp4").await.as_deref(), Some("a.mp4.png"));
    assert_eq!(house.picture("a.mov").await.as_deref(), Some("a.jpg"));
    let live = house.picture("tv/live").await;
    assert_eq!(live.as_deref(), Some("tv/live.webp"));
    assert_eq!(house.picture("live").await, None);
    assert_eq!(house.picture(".jpg").await, None);
}
