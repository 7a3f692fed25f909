"""What people run today, installed for real into git-ignored folders that are made once and kept."""
