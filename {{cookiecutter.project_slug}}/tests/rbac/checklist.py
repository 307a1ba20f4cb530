"""What the checklist says of roles and administrators."""

ROWS = {
    "D11": "Administrators start resets, and neither see nor set a password",
    "H04": "What a role permits ends with it; the last administrator stays, whatever happens at the same moment",
    "H07": "Any three acts of administration at once leave an administrator; rules are judged on locked rows",
    "H05": "There is no default account; the command line makes the first administrator and says what is stored",
    "H06": "What administrators do is in the trail, with who, to whom, what changed, from where and in which request",
}
