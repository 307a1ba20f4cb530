"""What the checklist says of access tokens and refresh tokens, wherever they travel."""

# Who may call the routes that only these kinds have.
ROUTES = {"POST /refresh": "public"}
ROWS = {
    "F01": "A token for one purpose is nothing for another",
    "F02": "What is not exactly an access token of ours is nothing, and never an error of ours",
    "F03": "Each purpose has a key of its own, and no key can be guessed",
    "F04": "A new key replaces the old one and signs no user out",
    "F05": "Signing out ends access and renewal at once",
    "F06": "An access token lives for 15 minutes; a refresh token whose successor was used ends the sign-in for good",
    "F07": "Refreshes at the same moment get the same successor, and no user is signed out",
    "F08": "A token is for a person, not for an address",
    "F09": "A lost response to a refresh signs no user out; instances with different clocks agree on what has expired",
}
