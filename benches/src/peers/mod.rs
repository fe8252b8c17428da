//! The contenders, one file each. Channels give a [`Channel`](crate::channel_batcher::Channel), batchers a
//! [`PutPeer`](crate::scenarios::put::PutPeer) or a submitter of [`scenarios::submit`](crate::scenarios::submit).

pub mod batch_aint_one;
pub mod batchline_ordered;
pub mod batchline_producer;
pub mod batchline_put;
pub mod batchline_put_many;
pub mod batchline_submit;
pub mod batchline_submit_producer;
pub mod crossbeam;
pub mod crossfire;
pub mod disruptor;
pub mod floor;
pub mod floor_submit;
pub mod flume;
pub mod kanal;
pub mod naive;
pub mod oneshot;
pub mod std_mpsc;
pub mod tokio_chunks;
pub mod ultra_batch;
