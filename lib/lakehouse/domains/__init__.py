"""Pure transforms, DataFrame to DataFrame; no path, no session, no clock, no write."""
