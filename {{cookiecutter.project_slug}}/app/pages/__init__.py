"""Pages for people: sign-in, account and administration. They are a client of the API, like any other."""
