"""Published problems by name, one documented, versioned and cited file per scenario."""
