"""The long-running server: what `stackhold serve` does around the application. Nothing here runs in a cloud function."""
