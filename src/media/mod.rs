//! What is being sent to whom: sessions and their statistics.
