"""Recipes: `build(config, data, device)` says in full what one turn of each player is; one file a topology."""
