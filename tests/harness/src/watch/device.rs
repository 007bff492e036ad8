//! Samples of a driver.

use super::{Sample, Source, SourceError, Stream, Streams, Volume};
use crate::client::{ClientError, Device, Platform, Scope};
use std::time::Instant;

/// Samples the driver behind a control device.
pub struct DeviceSource<P: Platform> {
    device: Device<P>,
    begun: Instant,
}

impl<P: Platform> DeviceSource<P> {
    /// Samples through this device; without streams if it was not opened as administrator.
    pub fn new(device: Device<P>) -> Self {
        Self {
            device,
            begun: Instant::now(),
        }
    }

    /// Opens the device as administrator, or else as everybody may.
    ///
    /// # Errors
    /// It cannot be opened at all.
    pub fn open(platform: P) -> Result<Self, ClientError<P::Error>> {
        let device = match Device::open_as_administrator(platform.clone()) {
            Ok(device) => device,
            Err(_) => Device::open(platform)?,
        };
        Ok(Self::new(device))
    }

    /// The device.
    pub fn device(&self) -> &Device<P> {
        &self.device
    }

    fn streams(&self, volumes: &[Volume]) -> Streams {
        let mut all = Vec::new();
        for Volume { record, .. } in volumes {
            match self.device.streams(record.id) {
                Ok(streams) => all.extend(streams.into_iter().map(|(stream, name)| Stream {
                    volume: record.id,
                    record: stream,
                    name,
                })),
                Err(error) => return Streams::Unavailable(error.to_string()),
            }
        }
        Streams::Known(all)
    }
}

impl<P: Platform> Source for DeviceSource<P> {
    fn sample(&mut self) -> Result<Sample, SourceError> {
        let information = self.device.information().map_err(SourceError::new)?;
        let statistics = self.device.statistics_of(Scope::All);
        let volumes = self.device.volumes().map_err(SourceError::new)?;
        let volumes: Vec<Volume> = volumes
            .into_iter()
            .map(|(record, name)| Volume { record, name })
            .collect();
        Ok(Sample {
            time: self.begun.elapsed(),
            information,
            statistics: statistics.map_err(SourceError::new)?,
            streams: self.streams(&volumes),
            volumes,
        })
    }
}
