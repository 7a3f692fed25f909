"""The rows of the attack list against real servers; each test is named after its row."""
