//! ISO base media files and QuickTime movies (ISO/IEC 14496-12, QTFF).
