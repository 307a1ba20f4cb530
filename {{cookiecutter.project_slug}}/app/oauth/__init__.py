"""Sign-in with other providers: OAuth 2 with PKCE, and OpenID Connect."""
