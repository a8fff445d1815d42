"""What aircraft say of themselves, and what is said of them: judged, moved to common times, given covariances."""
