"""An OpenID provider to try sign-in with, in a browser and in tests; it does as it should, or as it is told not to."""
