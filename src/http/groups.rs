//! Groups of channels by HLS over HTTP: the playlist of the program, and what its variants consist of.
//!
//! What is of a variant is reached below the name of the group, so that whoever switches between
//! variants is one viewer of the program.

use std::ptr;
use std::sync::Arc;

use hyper::Response;

use super::answer::missing;
use super::asked::Asked;
use super::body::Body;
use super::hls::{delivered, rendition};
use super::playlists::playlist;
use super::server::Server;
use crate::base::path::MediaPath;
use crate::config::{Config, HlsGroup};
use crate::hls::group::program;
use crate::hls::keys::NoKeys;
use crate::hls::object::{Flavour, Object};
use crate::hls::packager::{Packager, Rendition};
use crate::hls::watched::Watched;
use crate::media::channel::{Channel, State};

/// Something of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfGroup<'c> {
    group: &'c HlsGroup,
    /// The channel whose object it is; `None` for the program.
    variant: Option<&'c MediaPath>,
}

impl<'c> OfGroup<'c> {
    /// What of a group an object of that name is; `None` if it is of something else.
    pub(super) fn read(config: &'c Config, name: &MediaPath, object: Object) -> Option<Self> {
        if let Some(group) = config.hls_group(name) {
            let is_program = matches!(object, Object::Multivariant(_));
            return is_program.then_some(Self {
                group,
                variant: None,
            });
        }
        let (group, variant) = config.hls_variant(name)?;
        Some(Self {
            group,
            variant: Some(variant),
        })
    }
}

/// As what somebody asks for something of a channel.
pub(super) struct Asker<'a> {
    pub(super) watched: Watched,
    /// The channels of the program: those of the group, or the channel alone.
    pub(super) variants: &'a [MediaPath],
}

impl Server {
    /// The names, and with them those of all channels of the groups that they are of: who may
    /// watch a program may watch all its variants.
    pub(super) fn with_variants(&self, mut names: Vec<MediaPath>) -> Vec<MediaPath> {
        let config = self.config();
        let variants = names.iter().flat_map(|name| config.hls_variants(name));
        let variants: Vec<_> = variants.cloned().collect();
        names.extend(variants);
        names
    }

    /// The name of the program that what has this name is of.
    pub(super) fn program(&self, name: &MediaPath) -> MediaPath {
        let config = self.config();
        let group = config.hls_variant(name).map(|(group, _)| &group.name);
        group.unwrap_or(name).clone()
    }

    /// Answers a request for it.
    ///
    /// # Errors
    /// [`NoKeys`] when a channel is to be encrypted and cannot.
    pub(super) async fn answer_group(
        &self,
        asked: &Asked<'_>,
        what: OfGroup<'_>,
        object: Object,
    ) -> Result<Response<Body>, NoKeys> {
        let group = what.group;
        match (what.variant, object) {
            (None, Object::Multivariant(flavour)) => {
                self.answer_program(asked, group, flavour).await
            }
            (Some(variant), _) => self.answer_variant(asked, group, variant, object).await,
            (None, _) => Ok(missing("the group has no such playlist\n")),
        }
    }

    async fn answer_program(
        &self,
        asked: &Asked<'_>,
        group: &HlsGroup,
        flavour: Flavour,
    ) -> Result<Response<Body>, NoKeys> {
        let object = Object::Multivariant(flavour);
        let variants = self.variants(asked.config, group, object)?;
        let Some(first) = variants.first() else {
            return Ok(missing("no channel of the group is there\n"));
        };
        let target = first.target_duration();
        let session = match self.admit(asked, &watched(group, first), target) {
            Ok(session) => session,
            Err(refusal) => return Ok(*refusal),
        };
        let now = self.clock.present_wall();
        let text = program::multivariant(&variants, flavour, asked.config, now).await;
        let response = playlist(asked, text, target / 2);
        Ok(delivered(response, session))
    }

    async fn answer_variant(
        &self,
        asked: &Asked<'_>,
        group: &HlsGroup,
        variant: &MediaPath,
        object: Object,
    ) -> Result<Response<Body>, NoKeys> {
        let packager = match object {
            Object::File { packager, .. } => self.hls.packagers.find(variant, packager),
            _ => self.variant(asked.config, group, variant, object)?,
        };
        let Some(packager) = packager else {
            return Ok(missing("the variant is not there\n"));
        };
        let asker = Asker {
            watched: watched(group, &packager),
            variants: &group.variants,
        };
        Ok(self.answer_for(asked, &packager, object, asker).await)
    }

    /// The packagers of the variants that can be played, or may soon, in the formats of `object`; of
    /// a group that is over those that are left of it.
    fn variants(
        &self,
        config: &Config,
        group: &HlsGroup,
        object: Object,
    ) -> Result<Vec<Arc<Packager>>, NoKeys> {
        let mut channels = self.channels(group);
        if channels.is_empty() {
            let left = group.variants.iter();
            let left = left.filter_map(|one| self.hls.packagers.newest(one, Rendition::Own));
            return Ok(left.collect());
        }
        let waits = |channel: &Arc<Channel>| matches!(channel.state(), State::Waiting { .. });
        if !channels.iter().all(waits) {
            channels.retain(|channel| !waits(channel));
        }
        let with_rendition = |channel: Arc<Channel>| {
            let rendition = rendition(config, channel.path(), Some(&channel), object)?;
            Some((channel, rendition))
        };
        let variants: Vec<_> = channels.into_iter().filter_map(with_rendition).collect();
        self.hls.packagers.of_group(group, &variants)
    }

    /// The packager of one variant, in the formats of `object`. What has ended is left to its players
    /// only when all have, for else they are to take another.
    fn variant(
        &self,
        config: &Config,
        group: &HlsGroup,
        variant: &MediaPath,
        object: Object,
    ) -> Result<Option<Arc<Packager>>, NoKeys> {
        let packagers = &self.hls.packagers;
        let channel = self.mounts.open(variant);
        let channel = channel.filter(|channel| channel.ended().is_none());
        let Some(rendition) = rendition(config, variant, channel.as_ref(), object) else {
            return Ok(None);
        };
        match channel {
            Some(channel) => packagers.of(&channel, rendition).map(Some),
            None if self.channels(group).is_empty() => Ok(packagers.newest(variant, rendition)),
            None => Ok(None),
        }
    }

    /// What else packages these variants of one program, also `own` in other formats where those are offered, as far
    /// as it runs.
    pub(super) fn others(
        &self,
        config: &Config,
        variants: &[MediaPath],
        own: &Packager,
    ) -> Vec<Arc<Packager>> {
        if let [only] = variants
            && !config.hls_of(only).offers_compat()
        {
            return Vec::new();
        }
        let packagers = &self.hls.packagers;
        let offered = |variant: &MediaPath| match config.hls_of(variant).offers_compat() {
            true => &[Rendition::Own, Rendition::Compat][..],
            false => &[Rendition::Own],
        };
        let running = variants.iter().flat_map(|variant| {
            let offered = offered(variant).iter();
            offered.filter_map(move |rendition| packagers.newest(variant, *rendition))
        });
        running.filter(|other| !ptr::eq(own, &**other)).collect()
    }

    /// The channels of a group that have not ended.
    pub(super) fn channels(&self, group: &HlsGroup) -> Vec<Arc<Channel>> {
        let channels = group.variants.iter();
        let channels = channels.filter_map(|variant| self.mounts.open(variant));
        channels
            .filter(|channel| channel.ended().is_none())
            .collect()
    }
}

/// What a viewer watches who asks for something of the group.
fn watched(group: &HlsGroup, packager: &Packager) -> Watched {
    Watched::Group(group.name.clone(), Arc::clone(packager.channel()))
}
