"""A module per data set: `ABOUT` says what is known of it, `photos` reads its own layout."""
